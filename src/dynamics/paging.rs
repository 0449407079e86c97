//! Which pages of a group to read, how many at once, and where the list ends.

use super::group::Group;

/// The plan for one group: page 1 alone, then what is expected at once, then carefully on to the end.
///
/// Only an empty page is the end. A short one proves nothing: a server may serve smaller pages than asked for, or leave
/// members out of a page that it counts in. The length of page 1 is taken for the page size.
pub(super) struct Paging {
    asked: usize,
    expected: usize,
    window: usize,
    /// The entries of a page, taken from page 1.
    step: Option<usize>,
    next: usize,
    in_flight: usize,
    /// Pages with entries, page 1 only where it was full: a short one may be all there is.
    good_pages: usize,
    entries: usize,
    last_with_entries: usize,
    first_empty: usize,
}

/// What is wrong with a list of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// There are entries behind an empty page.
    Hole,
    /// There are more entries than a group may have.
    NoEnd,
}

impl Paging {
    /// Plans for pages of `asked` entries, `expected` entries in all, and `window` calls at once.
    pub(super) fn new(asked: usize, expected: usize, window: usize) -> Self {
        Self {
            asked,
            expected,
            window: window.max(1),
            step: None,
            next: 1,
            in_flight: 0,
            good_pages: 0,
            entries: 0,
            last_with_entries: 0,
            first_empty: usize::MAX,
        }
    }

    /// Returns the page to ask for now, if any.
    pub(super) fn next(&mut self) -> Option<usize> {
        if self.first_empty < usize::MAX || self.in_flight >= self.allowance() {
            return None;
        }
        let page = self.next;
        self.next += 1;
        self.in_flight += 1;
        Some(page)
    }

    /// Takes note of a page's length.
    ///
    /// Members that move while they are listed stand on two pages: twice the members of a full group are no list any more.
    pub(super) fn read(&mut self, page: usize, entries: usize) -> Result<(), Wrong> {
        self.in_flight -= 1;
        self.entries += entries;
        if entries == 0 {
            self.first_empty = self.first_empty.min(page);
        } else {
            self.last_with_entries = self.last_with_entries.max(page);
        }
        // A short page 1 says nothing about the size yet.
        self.good_pages += usize::from(entries > 0 && (self.step.is_some() || entries >= self.asked));
        self.step.get_or_insert(entries.max(1));
        if self.last_with_entries > self.first_empty {
            return Err(Wrong::Hole);
        }
        if self.entries > 2 * Group::MAX_MEMBERS {
            return Err(Wrong::NoEnd);
        }
        Ok(())
    }

    /// Returns the calls that may be in flight together with the next page.
    fn allowance(&self) -> usize {
        let Some(step) = self.step else { return 1 };
        // With the empty page that shows the end.
        let expected_pages = self.expected.div_ceil(step) + 1;
        if self.good_pages > 0 && self.next <= expected_pages {
            return self.window;
        }
        // Beyond what is expected each call may be in vain: as many as there were unexpected pages, doubling at best.
        let unexpected_pages = self.good_pages.saturating_sub(expected_pages);
        self.window.min(unexpected_pages.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Plays a server that holds `members` and serves at most `clamp` a page; returns what was seen, calls and rounds.
    fn play(mut paging: Paging, members: usize, clamp: usize, newest_first: bool) -> (usize, usize, usize) {
        let size = paging.asked.min(clamp);
        let (mut calls, mut rounds, mut seen) = (0, 0, 0);
        let mut flying = Vec::new();
        loop {
            while let Some(page) = paging.next() {
                flying.push(page);
            }
            assert!(flying.len() <= paging.window);
            if flying.is_empty() {
                return (seen, calls, rounds);
            }
            if newest_first {
                flying.reverse();
            }
            rounds += 1;
            for page in flying.drain(..) {
                let entries = members.saturating_sub((page - 1) * size).min(size);
                calls += 1;
                seen += entries;
                assert_eq!(paging.read(page, entries), Ok(()));
            }
        }
    }

    #[test]
    fn a_full_group_costs_forty_calls_and_one_for_its_end() {
        assert_eq!(
            play(Paging::new(5_000, 200_000, 4), 200_000, 5_000, false),
            (200_000, 41, 11)
        );
        assert_eq!(play(Paging::new(5_000, 0, 4), 200_000, 5_000, false).1, 41);
    }

    #[test]
    fn calls_are_not_wasted() {
        for (expected, members, calls) in [
            (0, 0, 1),
            (3, 3, 2),
            (200_000, 3, 2),
            (5_000, 5_000, 2),
            (12_000, 12_000, 4),
            (10_000, 10_000, 3),
            (0, 6_000, 3),
            (0, 12_000, 5),
        ] {
            let (seen, made, _) = play(Paging::new(5_000, expected, 4), members, 5_000, false);
            assert_eq!((seen, made), (members, calls), "{expected} {members}");
        }
    }

    #[test]
    fn smaller_pages_than_asked_for_are_read_to_the_end() {
        let (seen, calls, rounds) = play(Paging::new(5_000, 200_000, 4), 200_000, 1_000, false);
        assert_eq!((seen, calls), (200_000, 201));
        assert!(rounds <= 53, "{rounds}");
        for clamp in [1, 250, 300, 1_000] {
            assert_eq!(play(Paging::new(5_000, 0, 4), 2_500, clamp, false).0, 2_500);
        }
    }

    #[test]
    fn a_short_page_in_the_middle_is_not_the_end() {
        let mut paging = Paging::new(5_000, 15_000, 1);
        for entries in [5_000, 4_990, 5_000, 7] {
            let page = paging.next().unwrap();
            assert_eq!(paging.read(page, entries), Ok(()));
        }
        let page = paging.next().unwrap();
        assert_eq!((paging.read(page, 0), paging.next()), (Ok(()), None));
    }

    #[test]
    fn a_list_with_a_hole_or_without_an_end_is_none() {
        let mut paging = Paging::new(10, 1_000, 4);
        let first = paging.next().unwrap();
        assert_eq!(paging.read(first, 10), Ok(()));
        assert_eq!([paging.next(), paging.next()], [Some(2), Some(3)]);
        assert_eq!(paging.read(3, 10), Ok(()));
        assert_eq!(paging.read(2, 0), Err(Wrong::Hole));
        let mut paging = Paging::new(5_000, 0, 1);
        let endless = (0..1_000).find_map(|_| {
            let page = paging.next().unwrap();
            paging.read(page, 5_000).err().map(|wrong| (page, wrong))
        });
        assert_eq!(endless, Some((81, Wrong::NoEnd)));
    }

    proptest! {
        #[test]
        fn every_member_is_read_whatever_was_expected(
            members in 0_usize..=20_000,
            expected in 0_usize..=40_000,
            clamp in 1_usize..=700,
            window in 1_usize..=8,
            newest_first: bool,
        ) {
            let (seen, calls, _) = play(Paging::new(500, expected, window), members, clamp, newest_first);
            prop_assert_eq!(seen, members);
            let needed = members / clamp.min(500) + 2;
            prop_assert!(calls <= needed.max(expected.div_ceil(clamp.min(500))) + window, "{} of {}", calls, needed);
        }
    }
}
