//! Attempts: each counts from its beginning, and what fails waits without keeping others waiting.

use super::LeaseLost;
use crate::domain::{Census, Mode};
use crate::state::head::{Failures, Head, Trouble, Wish, Writing};
use chrono::{DateTime, Utc};

/// An attempt that ended without a word: it was killed, or stood still past its lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// What was attempted.
    pub wish: Wish,
    /// Whether that calls for a person.
    pub needs_attention: bool,
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The input's own: it waits by itself, and others go on.
    Input,
    /// The segment's or the tenant's: another input would fare no better.
    Segment,
}

/// From so many attempts on that died without a word, the input is to blame: once may happen to anybody.
const LOST_BY_ITSELF: u32 = 2;

impl Head {
    /// Returns the wish that is next, whether or not it has to wait: the newest replace first, then additions and removals
    /// from the oldest on; those that failed before come after the others, which may not wait for them again.
    ///
    /// An addition or removal that has begun to write comes before the others, even older ones that came late: what
    /// they publish would hold a part of it. A replace leaves nothing of a half-written draft.
    pub fn next(&self) -> Option<&Wish> {
        self.pick(|_| true)
    }

    /// Returns the wish to work on at `now`, S3's time.
    ///
    /// An addition or removal that has to wait lets others go first, unless its change is in the draft. Nothing older takes
    /// the place of a replace.
    pub fn next_at(&self, now: DateTime<Utc>) -> Option<&Wish> {
        self.pick(|wish| !self.waits(wish, now))
    }

    /// Returns what an attempt is about that begins at `now`: the next wish, or what was published last and was not yet seen
    /// Active, which is only looked after.
    pub(super) fn begun_at(&self, now: DateTime<Utc>) -> Option<&Wish> {
        self.next_at(now).or_else(|| self.to_look_after_at(now))
    }

    fn to_look_after_at(&self, now: DateTime<Utc>) -> Option<&Wish> {
        let applied = self
            .applied
            .as_ref()
            .filter(|_| self.is_unconfirmed() && self.writing.is_none())?;
        Some(&applied.wish).filter(|wish| !self.waits(wish, now))
    }

    fn waits(&self, wish: &Wish, now: DateTime<Utc>) -> bool {
        let until = self.trouble(wish).and_then(|trouble| trouble.not_before);
        until.is_some_and(|until| until > now)
    }

    fn pick(&self, may_go: impl Fn(&Wish) -> bool) -> Option<&Wish> {
        let replaces = self.pending.iter().filter(|wish| wish.mode == Mode::Replace);
        if let Some(newest) = replaces.max_by_key(|wish| wish.rank()) {
            return Some(newest).filter(|wish| may_go(wish));
        }
        if let Some(begun) = self.pending.iter().find(|wish| self.is_half_written(wish)) {
            return Some(begun).filter(|wish| may_go(wish));
        }
        let free = self.pending.iter().filter(|wish| may_go(wish));
        free.min_by_key(|wish| (self.trouble(wish).is_some(), wish.rank()))
    }

    /// Tells whether a part of this addition or removal may be in the draft.
    pub fn is_half_written(&self, wish: &Wish) -> bool {
        let writing = self.writing.as_ref();
        wish.mode != Mode::Replace && writing.is_some_and(|writing| writing.run_id == wish.run_id)
    }

    /// Tells whether an addition or removal would build on a draft with these members that another result has left
    /// half-written: a draft that is what was published last holds nothing of it.
    pub fn is_left_half_written_for(&self, wish: &Wish, members: &Census) -> bool {
        let is_published = self
            .applied
            .as_ref()
            .is_some_and(|applied| applied.members.as_ref() == Some(members));
        let of_another = |writing: &Writing| writing.is_mixed || writing.run_id != wish.run_id;
        wish.mode != Mode::Replace && !is_published && self.writing.as_ref().is_some_and(of_another)
    }

    /// Notes that an addition or removal has taken its change out of the draft again.
    pub fn take_back(&mut self, owner: &str, wish: &Wish) -> Result<(), LeaseLost> {
        self.lease_of(owner)?;
        if self.is_half_written(wish) {
            self.writing.take_if(|writing| !writing.is_mixed);
        }
        Ok(())
    }

    /// Notes the beginning of an attempt at the next wish, or gives the lease back where nothing is left to do.
    pub fn next_or_release(&mut self, owner: &str, now: DateTime<Utc>) -> Result<Option<Wish>, LeaseLost> {
        self.lease_of(owner)?;
        let next = self.next_at(now).cloned();
        if next.is_none() {
            self.release(owner)?;
        }
        self.attempt.clone_from(&next);
        Ok(next)
    }

    /// Records a failure of an attempt, which counts for the input and for the segment; answers whether a person is needed.
    pub fn fail(
        &mut self,
        owner: &str,
        wish: &Wish,
        code: &str,
        whose: Whose,
        now: DateTime<Utc>,
    ) -> Result<bool, LeaseLost> {
        self.lease_of(owner)?;
        self.attempt = None;
        self.note_failure(wish, code, now, Some(whose));
        Ok(self.needs_attention(wish))
    }

    /// Records that Dynamics failed to compute what was published, after nobody waited for it any more; answers whether a
    /// person is needed.
    ///
    /// It is published again after a pause, for which nothing else has to wait.
    pub fn fail_late(&mut self, owner: &str, wish: &Wish, code: &str, now: DateTime<Utc>) -> Result<bool, LeaseLost> {
        self.lease_of(owner)?;
        if let Some(applied) = self.applied.as_mut().filter(|applied| applied.wish == *wish) {
            applied.has_failed = true;
        }
        self.fail(owner, wish, code, Whose::Input, now)
    }

    /// Gives the lease back where the time was over, and answers whether the wish may go on with the next attempt: always
    /// where this one got on, and once where it did not.
    pub fn interrupt(&mut self, owner: &str, wish: &Wish, got_on: bool) -> Result<bool, LeaseLost> {
        self.lease_of(owner)?;
        let was_stalled = self.trouble(wish).is_some_and(|trouble| trouble.is_stalled);
        if was_stalled && !got_on {
            return Ok(false);
        }
        if was_stalled || !got_on {
            self.trouble_of(wish).is_stalled = !got_on;
        }
        self.release(owner)?;
        Ok(true)
    }

    /// Tells the holder of the lease whether this wish is what was applied last, and nothing is wished beside it.
    pub fn is_still_applied(&mut self, owner: &str, wish: &Wish) -> Result<bool, LeaseLost> {
        self.lease_of(owner)?;
        Ok(self.is_unconfirmed() && self.applied.as_ref().is_some_and(|applied| applied.wish == *wish))
    }

    /// Wishes again what was applied, where Dynamics did not come to show it: everything is read and verified anew.
    pub fn redo(&mut self, owner: &str) -> Result<(), LeaseLost> {
        self.lease_of(owner)?;
        if let Some(wish) = self.applied.as_ref().map(|applied| applied.wish.clone()) {
            self.drop_wish(&wish);
            self.pending.push(wish);
        }
        Ok(())
    }

    /// Takes note that the attempt before ended without a word, where it did.
    ///
    /// The first time the wish waits for the lease only, then as after a failure of its own.
    pub(super) fn bury(&mut self, now: DateTime<Utc>) -> Option<Lost> {
        let wish = self.attempt.take()?;
        let trouble = self.trouble_of(&wish);
        trouble.lost = trouble.lost.saturating_add(1);
        let whose = (trouble.lost >= LOST_BY_ITSELF).then_some(Whose::Input);
        self.note_failure(&wish, "AttemptLost", now, whose);
        let needs_attention = self.needs_attention(&wish);
        Some(Lost { wish, needs_attention })
    }

    fn note_failure(&mut self, wish: &Wish, code: &str, now: DateTime<Utc>, whose: Option<Whose>) {
        let trouble = self.trouble_of(wish);
        trouble.count = trouble.count.saturating_add(1);
        let until = now + Failures::pause(trouble.count);
        trouble.not_before = (whose == Some(Whose::Input)).then_some(until);
        let before = self.failures.as_ref();
        self.failures = Some(Failures {
            count: before.map_or(0, |failures| failures.count).saturating_add(1),
            code: code.into(),
            next_try: match whose {
                Some(Whose::Segment) => until,
                _ => before.map_or(now, |failures| failures.next_try),
            },
        });
    }

    /// Ends an attempt, whatever became of it, and forgets what went wrong with inputs that are done with.
    pub(super) fn end_attempt(&mut self) {
        self.attempt = None;
        let (pending, unconfirmed) = (&self.pending, self.applied.iter().filter(|applied| !applied.confirmed));
        let unfinished: Vec<_> = pending.iter().chain(unconfirmed.map(|applied| &applied.wish)).collect();
        let is_unfinished = |trouble: &Trouble| unfinished.iter().any(|wish| trouble.is_of(wish));
        self.troubles.retain(is_unfinished);
    }

    /// Ends an attempt that went well: only what was seen Active clears the segment of its failures.
    pub(super) fn end_well(&mut self) {
        if self.applied.as_ref().is_none_or(|applied| applied.confirmed) {
            self.failures = None;
        }
        self.end_attempt();
    }

    /// Tells whether a sweep should go on with what is pending at `now`, S3's time.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        let has_died = self.attempt.is_some();
        !self.is_held(now) && (has_died || !self.is_pausing(now) && self.next_at(now).is_some())
    }

    /// Tells whether a sweep should look at `now` whether Dynamics shows what was published last: where nothing else is to be
    /// done, be it that another file waits after a failure. Once that one has begun to write, the segment may show its publish.
    pub fn is_to_be_looked_after(&self, now: DateTime<Utc>) -> bool {
        let is_free = self.next_at(now).is_none() && self.to_look_after_at(now).is_some();
        is_free && !self.is_held(now) && !self.is_pausing(now)
    }

    /// Tells whether the last published segment was not yet seen Active; what is wished again is not looked after.
    pub fn is_unconfirmed(&self) -> bool {
        let applied = self.applied.as_ref().filter(|applied| !applied.confirmed);
        applied.is_some_and(|applied| !self.pending.contains(&applied.wish))
    }

    /// Tells whether somebody works on the segment.
    pub fn is_held(&self, now: DateTime<Utc>) -> bool {
        self.lease.as_ref().is_some_and(|lease| !lease.is_over(now))
    }

    fn is_pausing(&self, now: DateTime<Utc>) -> bool {
        self.failures.as_ref().is_some_and(|failures| now < failures.next_try)
    }

    /// Tells whether the failures of the segment, or of this input, call for a person.
    pub fn needs_attention(&self, wish: &Wish) -> bool {
        let of_segment = self.failures.as_ref().map_or(0, |failures| failures.count);
        let of_input = self.trouble(wish).map_or(0, |trouble| trouble.count);
        of_segment.max(of_input) >= Failures::NEEDS_ATTENTION
    }

    /// Ends all pauses, since a person asks: what failed is tried at once, and counts on.
    pub fn lift_pauses(&mut self) {
        for trouble in &mut self.troubles {
            trouble.not_before = None;
        }
        if let Some(failures) = &mut self.failures {
            failures.next_try = DateTime::UNIX_EPOCH;
        }
    }

    /// Lets the worker that holds the segment begin at once with what it was asked for.
    pub fn hurry(&mut self, wish: &Wish, now: DateTime<Utc>) {
        self.lift_pauses_for(wish);
        self.attempt = self.begun_at(now).cloned();
    }

    /// Ends the pauses that would keep a wish waiting that somebody asks for now.
    pub(super) fn lift_pauses_for(&mut self, wish: &Wish) {
        let of_replaces: Vec<_> = self
            .pending
            .iter()
            .filter(|pending| pending.mode == Mode::Replace)
            .collect();
        let is_in_the_way = |trouble: &Trouble| {
            trouble.is_of(wish)
                || wish.mode == Mode::Replace && of_replaces.iter().any(|replace| trouble.is_of(replace))
        };
        for trouble in self.troubles.iter_mut().filter(|trouble| is_in_the_way(trouble)) {
            trouble.not_before = None;
        }
        if let Some(failures) = &mut self.failures {
            failures.next_try = DateTime::UNIX_EPOCH;
        }
    }

    fn trouble(&self, wish: &Wish) -> Option<&Trouble> {
        self.troubles.iter().find(|trouble| trouble.is_of(wish))
    }

    fn trouble_of(&mut self, wish: &Wish) -> &mut Trouble {
        let index = self.troubles.iter().position(|trouble| trouble.is_of(wish));
        let index = index.unwrap_or_else(|| {
            self.troubles.push(Trouble::of(wish));
            self.troubles.len() - 1
        });
        &mut self.troubles[index]
    }
}

impl Trouble {
    fn of(wish: &Wish) -> Self {
        Self {
            input: wish.input(),
            count: 0,
            lost: 0,
            is_stalled: false,
            not_before: None,
        }
    }

    fn is_of(&self, wish: &Wish) -> bool {
        wish.is_about(&self.input.order)
    }
}
