//! What must be true, told from the files and from what was asked for, not from what the loader believes.

mod audience;
mod recalled;

use super::Breach;
use super::contacts::Contacts;
use super::dataverse::Segment;
use super::files::{File, file_of};
use super::scenario::Scenario;
use super::world::{SECOND, SEGMENTS};
use segment_loader::domain::{Mode, Position};
use segment_loader::state::head::Writing;
use segment_loader::state::{Applied, Head, Job, Precedence, Refused};

/// Something that was asked for: it once stood in a head, or an event has told of it.
struct Entry {
    segment: usize,
    file: usize,
    mode: Mode,
    /// The moment of the order as the head names it, for an order; an event has none.
    direct: Option<Precedence>,
    is_approved: bool,
    /// Where it stands among all that was asked for.
    place: Place,
    /// Where it stands among what says something of the same contacts.
    base: Place,
    since: u64,
    /// When a head took it up first.
    queued_at: Option<u64>,
    is_refused: bool,
    was_applied: bool,
}

/// What an audience cannot be judged by: whom groups keep out, and whom a marketer has decided about.
#[derive(Clone, Copy)]
pub(super) struct Doubt {
    pub(super) excluded: Contacts,
    pub(super) undecided: Contacts,
}

/// A file's place among all files: by S3's clock, then by key, then as S3 took them.
type FilePlace = (u64, String, usize);

/// A job's place: an event has its file's, an order one above all that was known when it was given.
type Place = (FilePlace, u64);

/// Among what stands at one file: above its event, and below whatever was ordered above it.
const IN_PLACE: u64 = 1;

/// Remembers what was asked for and judges what became of it.
pub(super) struct Oracle {
    initial: [Contacts; SEGMENTS],
    entries: Vec<Entry>,
    orders: u64,
    /// What was refused: of which segment, which file, in which mode, and where that stood.
    refusals: Vec<(usize, usize, Mode, Place)>,
}

impl Oracle {
    pub(super) const fn new(initial: [Contacts; SEGMENTS]) -> Self {
        Self {
            initial,
            entries: Vec::new(),
            orders: 0,
            refusals: Vec::new(),
        }
    }

    /// Takes note of a job, whatever the head makes of it, and whether somebody approves it, rather than asks once more for what
    /// was approved.
    pub(super) fn asked_for(&mut self, scenario: &Scenario, segment: usize, job: &Job, approves: bool, now: u64) {
        if self.entries.iter().any(|entry| entry.is(segment, job)) {
            return;
        }
        let own = place_of(scenario, file_of(job));
        let (place, base) = if job.direct.is_none() {
            ((own.clone(), 0), (own, 0))
        } else if approves {
            self.approved_at(segment, job, own)
        } else {
            self.orders += 2;
            let known = self.of(segment).map(|entry| entry.place.0.clone());
            let place = (known.fold(own, Ord::max), self.orders);
            (place.clone(), place)
        };
        self.entries.push(Entry {
            segment,
            file: file_of(job),
            mode: job.mode,
            direct: job.direct.clone(),
            is_approved: job.approved,
            place,
            base,
            since: now,
            queued_at: None,
            is_refused: false,
            was_applied: false,
        });
    }

    fn of(&self, segment: usize) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.segment == segment)
    }

    fn entry(&self, segment: usize, job: &Job) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.is(segment, job))
    }

    /// Judges a refusal.
    ///
    /// Where a guard refuses, it must do so by what is published, too: a crash never turns a good file into a refusal.
    /// What a head last took note of is as good a baseline for as long as Dynamics does not show what a crash has hidden.
    fn refused(scenario: &Scenario, job: &Job, remote: &Segment, now: u64) -> Option<Breach> {
        let file = &scenario.files[file_of(job)];
        let is_refused_by = |members| !job.approved && guards_refuse(job.mode, file.contacts, members);
        let is_mixed = || (0..scenario.files.len()).any(|earlier| scenario.is_mixed(file_of(job), earlier));
        let is_right = file.is_unreadable
            || scenario.is_in_several() && (scenario.is_changed(file_of(job), now) || is_mixed())
            || remote.takes_no_result(now)
            || is_refused_by(remote.published)
            || !remote.is_well_known(now) && is_refused_by(remote.noted);
        (!is_right).then(|| Breach::Refusal(format!("{} is refused without need", job.object.key)))
    }

    /// Takes note that a worker is about to publish: a newer file that came before it read back must have been tried.
    pub(super) fn publishes(&self, segment: usize, head: Option<&Head>, verified_at: u64) -> Option<Breach> {
        let head = head?;
        let writing = head.writing.as_ref()?;
        let pending = || {
            head.pending
                .iter()
                .filter_map(|job| Some((job, self.entry(segment, job)?)))
        };
        let written = pending().filter(|(job, _)| job.run_id == writing.run_id);
        let (job, entry) = written.max_by_key(|(_, entry)| &entry.place)?;
        let is_newer = |(_, other): &(&Job, &Entry)| {
            other.since < verified_at && other.mode == Mode::Replace && other.place > entry.place
        };
        (job.mode == Mode::Replace && pending().any(|other| is_newer(&other)))
            .then(|| Breach::Overtaken(format!("{} is published before a newer file is tried", job.object.key)))
    }

    /// Judges a change of a head.
    pub(super) fn head_changed(
        &mut self,
        scenario: &Scenario,
        segment: usize,
        old: Option<&Head>,
        new: &Head,
        (remote, doubt): (&Segment, Doubt),
        now: u64,
    ) -> Option<Breach> {
        for job in &new.pending {
            self.asked_for(scenario, segment, job, job.approved, now);
            let entries = self.entries.iter_mut().filter(|entry| entry.is(segment, job));
            entries.for_each(|entry| {
                entry.queued_at.get_or_insert(now);
            });
        }
        let mut breach = None;
        for job in refusals(old, new) {
            let is_late = self.is_approved_too_late(scenario, segment, job, now);
            breach = breach.or_else(|| Self::refused(scenario, job, remote, now).filter(|_| !is_late));
            if let Some(entry) = self.entries.iter_mut().find(|entry| entry.is(segment, job)) {
                entry.is_refused = true;
                self.refusals
                    .push((segment, entry.file, entry.mode, entry.base.clone()));
            }
        }
        if breach.is_some() {
            return breach;
        }
        let applied = new.applied.as_ref()?;
        if old.and_then(|old| old.applied.as_ref()) == Some(applied) {
            return None;
        }
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.is(segment, &applied.job)) {
            entry.was_applied = true;
            entry.is_refused = false;
        }
        let is_empty = applied.job.mode == Mode::Replace && scenario.files[file_of(&applied.job)].contacts == 0;
        if is_empty && !applied.job.approved {
            let breach = format!(
                "{} empties the segment, and nobody has approved it",
                applied.job.object.key
            );
            return Some(Breach::Approval(breach));
        }
        if self.is_of_older_parts(scenario, segment, &applied.job) {
            let breach = format!("{} is applied with parts of before", applied.job.object.key);
            return Some(Breach::Approval(breach));
        }
        if self.has_lost_what_was_overtaken(scenario, segment, new, &applied.job) {
            let breach = format!(
                "{} is applied over what was overtaken meanwhile",
                applied.job.object.key
            );
            return Some(Breach::Overtaken(breach));
        }
        let is_by_others = remote.edits.is_shown || remote.is_shown_by_others;
        let is_behind = remote.visible != remote.published && !is_by_others && !remote.is_short;
        let is_ahead =
            !self.shows(scenario, segment, &applied.job, remote.published, doubt) || applied.confirmed && is_behind;
        is_ahead.then(|| Breach::Ahead(format!("{} is applied but not published", applied.job.object.key)))
    }

    /// Judges the end: the audience is that of the newest accepted file, or of all files that count.
    pub(super) fn at_the_end(
        &self,
        scenario: &Scenario,
        index: usize,
        head: Option<&Head>,
        (remote, doubt): (&Segment, Doubt),
    ) -> Option<Breach> {
        let breach = |what: &str| Some(Breach::End(format!("segment {index}: {what}")));
        if self.has_missed_a_file(scenario, index) {
            return breach("a file was never looked at");
        }
        let head = head?;
        let hopeless = |job: &Job| scenario.is_hopeless(file_of(job));
        // While somebody else's query decides about the segment, or it is one of leads, nothing can be loaded into it.
        let is_dynamic = remote.queried != 0 || remote.is_of_leads;
        let is_blocked = head.writing.is_some() || head.pending.iter().any(|job| job.mode == Mode::Replace);
        let is_hopeless = head.pending.iter().any(hopeless);
        let is_left_to_people = self.cannot_be_published_again(scenario, index, head) && remote.edits.touched != 0;
        // What was begun has overtaken the others, and nobody can load it any more: it is the next file's to settle.
        let is_lost = scenario.is_in_several() && self.of(index).any(|entry| scenario.is_lost(entry.file));
        // So it is with what was begun and then refused since the segment had become a dynamic one meanwhile.
        let is_refused = remote.queried_at.is_some() && head.pending.is_empty();
        let is_left_behind = (is_lost || is_refused) && head.writing.is_some();
        // A query that came meanwhile, or an order without the approval, may have the file refused of which a part is in the
        // draft: it stays there, unpublished, until the next complete one.
        let is_left =
            remote.queried_at.is_some() || self.of(index).any(|entry| entry.is_approved && !entry.was_applied);
        if is_dynamic
            || is_left_behind
            || is_left_to_people
            || is_hopeless && is_blocked
            || is_left && self.waits_behind_a_part(index, head, hopeless)
            || self.has_lost_an_approval(index)
        {
            // What is published is whole, and somebody has heard of the rest: more cannot be asked.
            return None;
        }
        if !head.pending.iter().all(hopeless) || head.writing.is_some() && !is_left {
            return breach("the head is not at rest");
        }
        let expected = self.expected(scenario, index);
        let of_draft = Doubt {
            excluded: 0,
            undecided: remote.edits.touched,
        };
        let is_right = doubt.allows(expected, remote.published)
            && (remote.visible == remote.published || remote.edits.is_shown || remote.is_short)
            && (!remote.exists || head.writing.is_some() || of_draft.allows(expected, remote.draft()));
        if is_right {
            None
        } else {
            breach("the audience is wrong")
        }
    }

    /// Returns whether only additions and removals wait, and the draft holds a part of a complete result that was refused: they
    /// never build on it, and only the next complete one settles it.
    fn waits_behind_a_part(&self, segment: usize, head: &Head, hopeless: impl Fn(&Job) -> bool) -> bool {
        let refuses = |entry: &Entry| entry.mode == Mode::Replace && entry.is_refused && !entry.was_applied;
        let of_nobody_waiting = |writing: &Writing| head.pending.iter().all(|job| job.run_id != writing.run_id);
        let may_wait = |job: &Job| job.mode != Mode::Replace || hopeless(job);
        head.writing.as_ref().is_some_and(of_nobody_waiting)
            && !head.pending.iter().all(&hopeless)
            && head.pending.iter().all(may_wait)
            && self.of(segment).any(refuses)
    }

    /// Returns whether nobody has seen what was published, and nothing says any more who else belongs in a draft that somebody has
    /// changed meanwhile: an addition or removal never does, a result's files may be gone, and the marker of another one may have
    /// become known since, which divides them.
    fn cannot_be_published_again(&self, scenario: &Scenario, segment: usize, head: &Head) -> bool {
        let divides =
            |job: &Job, entry: &Entry| entry.queued_at.is_some() && scenario.is_mixed(file_of(job), entry.file);
        let is_divided = |job: &Job| scenario.is_in_several() && self.of(segment).any(|entry| divides(job, entry));
        let applied = head.applied.as_ref().filter(|applied| !applied.confirmed);
        applied.is_some_and(|Applied { job, .. }| {
            job.mode != Mode::Replace || scenario.is_lost(file_of(job)) || is_divided(job)
        })
    }

    /// Returns whether an approved job, which may have been published already, gave way to a later order without the approval.
    fn has_lost_an_approval(&self, segment: usize) -> bool {
        let approved = self.of(segment).filter(|entry| entry.is_approved && !entry.was_applied);
        let gave_way = |approved: &Entry| {
            let is_later = |other: &Entry| other.file == approved.file && other.place > approved.place;
            self.of(segment).any(|other| other.is_refused && is_later(other))
        };
        approved.into_iter().any(gave_way)
    }

    /// Returns the files that were refused, or put aside since they cannot be read, and never loaded.
    pub(super) fn put_aside(&self, segment: usize) -> impl Iterator<Item = usize> {
        self.of(segment)
            .filter(|entry| entry.is_refused)
            .map(|entry| entry.file)
    }

    /// Returns whether a file that counts was never queued: of replaces only the newest does.
    fn has_missed_a_file(&self, scenario: &Scenario, segment: usize) -> bool {
        let applied = self
            .of(segment)
            .filter(|entry| entry.was_applied && entry.mode == Mode::Replace);
        let overtaken_by = applied.map(|entry| entry.place.0.clone()).max();
        let listed = scenario.listed(segment, u64::MAX);
        let mut places: Vec<_> = listed.iter().map(|file| place_of(scenario, *file)).collect();
        places.sort();
        // Of replaces only the newest counts.
        let is_replace = |place: &FilePlace| scenario.files[place.2].mode == Mode::Replace;
        let newest = places.iter().rfind(|place| is_replace(place)).cloned();
        places.retain(|place| !is_replace(place) || Some(place) == newest.as_ref());
        let is_queued = |place: &FilePlace| self.of(segment).any(|entry| place_of(scenario, entry.file) == *place);
        let is_known = |place: &FilePlace| is_queued(place) || overtaken_by.as_ref() >= Some(place);
        !places.iter().all(is_known)
    }
}

impl Entry {
    /// Returns whether it stands where its event stood: the event itself, and what approves it.
    fn is_of_event(&self) -> bool {
        self.base.1 <= IN_PLACE
    }

    fn is(&self, segment: usize, job: &Job) -> bool {
        let is_same_file = self.segment == segment && self.file == file_of(job) && self.mode == job.mode;
        is_same_file && self.direct == job.direct && self.is_approved == job.approved
    }
}

fn place_of(scenario: &Scenario, file: usize) -> FilePlace {
    let File { uploaded, key, .. } = &scenario.files[file];
    (uploaded / SECOND, key.clone(), file)
}

/// Returns the jobs that a change of a head refuses: they go, and nothing is begun or applied that overtakes them.
pub(super) fn refusals<'a>(old: Option<&'a Head>, new: &'a Head) -> impl Iterator<Item = &'a Job> {
    let old = old.filter(|old| old.applied == new.applied && old.writing == new.writing && new.attempt.is_none());
    let pending = old.map_or(&[][..], |old| &old.pending);
    let is_same = |one: &Job, other: &Job| file_of(one) == file_of(other) && one.mode == other.mode;
    let is_asked_again = move |job: &Job| {
        let is_new = |asked: &&Job| !pending.contains(asked);
        new.pending.iter().filter(is_new).any(|asked| is_same(asked, job))
    };
    pending.iter().filter(move |job| {
        let is_known = |refused: &Refused| is_content(&refused.position, job);
        let is_gone = !new.pending.contains(job);
        is_gone && !is_asked_again(job) && new.refused.iter().any(is_known)
    })
}

impl Doubt {
    /// Returns whether an audience may be what is expected.
    const fn allows(self, expected: Contacts, members: Contacts) -> bool {
        (members ^ expected & !self.excluded) & !self.undecided == 0
    }
}

/// Returns whether an order tells of the content that a job is about.
pub(super) fn is_content(position: &Position, job: &Job) -> bool {
    let of_job = &job.position;
    let is_same_object = position.key == of_job.key && position.version_id == of_job.version_id;
    is_same_object && position.last_modified == of_job.last_modified && position.etag == of_job.etag
}

/// Returns whether the guards refuse a file by an audience: one that holds nobody, and one that loses more than half of a
/// hundred and more.
fn guards_refuse(mode: Mode, file: Contacts, members: Contacts) -> bool {
    let (lost, of) = ((members & !file).count_ones(), members.count_ones());
    mode == Mode::Replace && (file == 0 || of >= 100 && 2 * lost > of)
}
