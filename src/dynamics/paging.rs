//! Which pages of a group to read, how many at once, and where the list ends.

use super::group::Group;

/// The plan for one group: page 1 alone, then what is expected at once, then carefully on to the end.
///
/// A server may silently serve smaller pages than asked for, so that a short page 1 proves nothing: only page 2, if it is
/// empty, shows that it was the end. Otherwise the length of page 1 is taken for the page size, and an empty page is the
/// end. Where page 1 came back full, a later short page is the end. A group never holds more than
/// [`Group::MAX_MEMBERS`].
pub(super) struct Paging {
    asked: usize,
    size_is_trusted: bool,
    expected: usize,
    window: usize,
    /// The entries of a full page, taken from page 1.
    step: Option<usize>,
    ends_empty: bool,
    next: usize,
    in_flight: usize,
    /// Pages with entries, page 1 only where it was full.
    good_pages: usize,
    entries: usize,
    ended: bool,
}

impl Paging {
    /// Plans for pages of `asked` entries, `expected` entries in all, and `window` calls at once.
    ///
    /// `size_is_trusted` tells that this server has served a full page of this size before.
    pub(super) fn new(asked: usize, size_is_trusted: bool, expected: usize, window: usize) -> Self {
        Self {
            asked,
            size_is_trusted,
            expected,
            window: window.max(1),
            step: None,
            ends_empty: false,
            next: 1,
            in_flight: 0,
            good_pages: 0,
            entries: 0,
            ended: false,
        }
    }

    /// Returns the page to ask for now, if any.
    pub(super) fn next(&mut self) -> Option<usize> {
        if self.ended || self.in_flight >= self.allowance() {
            return None;
        }
        let page = self.next;
        self.next += 1;
        self.in_flight += 1;
        Some(page)
    }

    /// Takes note of a page's length.
    pub(super) fn read(&mut self, entries: usize) {
        self.in_flight -= 1;
        self.entries += entries;
        match self.step {
            None => self.read_first(entries),
            Some(step) => {
                self.ended |= if self.ends_empty { entries == 0 } else { entries < step };
                self.good_pages += usize::from(entries > 0);
            }
        }
        self.ended |= self.entries >= Group::MAX_MEMBERS;
    }

    /// Returns the calls that may be in flight together with the next page.
    fn allowance(&self) -> usize {
        let Some(step) = self.step else { return 1 };
        if self.next > Group::MAX_MEMBERS.div_ceil(step) {
            return 0;
        }
        let expected_pages = self.expected.div_ceil(step);
        let size_is_known = !self.ends_empty || self.good_pages > 0;
        if size_is_known && self.next <= expected_pages {
            return self.window;
        }
        // Beyond what is expected each call may be in vain: as many as there were unexpected pages, doubling at best.
        let unexpected_pages = self.good_pages.saturating_sub(expected_pages);
        self.window.min(unexpected_pages.max(1))
    }

    fn read_first(&mut self, entries: usize) {
        self.ended = entries == 0 || (entries < self.asked && self.size_is_trusted);
        self.ends_empty = entries != self.asked;
        self.step = Some(entries.max(1));
        // A short page 1 says nothing about the size yet.
        self.good_pages = usize::from(!self.ends_empty);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Plays a server that holds `members` and serves at most `clamp` a page; returns calls and rounds.
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
                paging.read(entries);
            }
        }
    }

    #[test]
    fn a_full_group_costs_forty_calls() {
        assert_eq!(
            play(Paging::new(5_000, false, 200_000, 4), 200_000, 5_000, false),
            (200_000, 40, 11)
        );
        assert_eq!(play(Paging::new(5_000, true, 0, 4), 200_000, 5_000, false).1, 40);
    }

    #[test]
    fn calls_are_not_wasted() {
        for (trusted, expected, members, calls) in [
            (false, 0, 0, 1),
            (false, 3, 3, 2),
            (true, 3, 3, 1),
            (false, 200_000, 3, 2),
            (false, 5_000, 5_000, 2),
            (false, 12_000, 12_000, 3),
            (false, 10_000, 10_000, 3),
            (false, 0, 6_000, 2),
            (false, 0, 12_000, 4),
        ] {
            let (seen, made, _) = play(Paging::new(5_000, trusted, expected, 4), members, 5_000, false);
            assert_eq!((seen, made), (members, calls), "{trusted} {expected} {members}");
        }
    }

    #[test]
    fn smaller_pages_than_asked_for_are_read_to_the_end() {
        let (seen, calls, rounds) = play(Paging::new(5_000, false, 200_000, 4), 200_000, 1_000, false);
        assert_eq!((seen, calls), (200_000, 200));
        assert!(rounds <= 53, "{rounds}");
        assert_eq!(play(Paging::new(5_000, false, 0, 4), 2_500, 1_000, false).0, 2_500);
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
            let (seen, calls, _) = play(Paging::new(500, false, expected, window), members, clamp, newest_first);
            prop_assert_eq!(seen, members);
            let needed = members / clamp.min(500) + 2;
            prop_assert!(calls <= needed.max(expected.div_ceil(clamp.min(500))) + window, "{} of {}", calls, needed);
        }
    }
}
