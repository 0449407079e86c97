//! What must be true, told from the files and from what was wished, not from what the loader believes.

use super::Breach;
use super::contacts::{Contacts, ids};
use super::dataverse::Segment;
use super::scenario::{Scenario, file_of};
use super::world::SEGMENTS;
use segment_loader::domain::{Mode, Order, Place};
use segment_loader::load::{Facts, Plan, guard};
use segment_loader::settings::Destination;
use segment_loader::state::{Head, Refused, Wish};
use std::sync::OnceLock;

/// A wish that once stood in a head, or that an event has told of.
struct Entry {
    segment: usize,
    wish: Wish,
    /// Counts the orders; an event has zero.
    turn: u64,
    since: u64,
    is_refused: bool,
    was_applied: bool,
}

/// Remembers what was wished and judges what became of it.
pub(super) struct Oracle {
    initial: [Contacts; SEGMENTS],
    entries: Vec<Entry>,
    orders: u64,
}

impl Oracle {
    pub(super) const fn new(initial: [Contacts; SEGMENTS]) -> Self {
        Self {
            initial,
            entries: Vec::new(),
            orders: 0,
        }
    }

    /// Takes note of a wish, whatever the head makes of it.
    pub(super) fn wished(&mut self, segment: usize, wish: &Wish, now: u64) {
        if self.entries.iter().any(|entry| entry.is_of(wish)) {
            return;
        }
        self.orders += 1;
        self.entries.push(Entry {
            segment,
            turn: if wish.ordered.is_some() { self.orders } else { 0 },
            wish: wish.clone(),
            since: now,
            is_refused: false,
            was_applied: false,
        });
    }

    /// Judges a refusal.
    ///
    /// Where a guard refuses, it must do so by what is published, too: a crash never turns a good file into a refusal.
    /// What a head last took note of is as good a yardstick for as long as Dynamics does not show what a crash has hidden.
    fn refused(scenario: &Scenario, wish: &Wish, remote: &Segment, now: u64) -> Option<Breach> {
        let file = &scenario.files[file_of(wish)];
        let is_refused_by = |members| {
            let opinions = guard::judge(&facts(wish.mode, file.contacts, &[members], None), destination());
            !guard::objections(&opinions).is_empty()
        };
        let is_right = file.is_unreadable
            || is_refused_by(remote.published)
            || !remote.is_well_known(now) && is_refused_by(remote.noted);
        (!is_right).then(|| Breach::Refusal(format!("{} is refused without need", wish.object.key)))
    }

    /// Takes note that a worker is about to publish: a newer file that came before it read back must have been tried.
    pub(super) fn publishes(&self, head: Option<&Head>, verified_at: u64) -> Option<Breach> {
        let head = head?;
        let writing = head.writing.as_ref()?;
        let written = head.pending.iter().filter(|wish| wish.run_id == writing.run_id);
        let wish = written.max_by_key(|wish| wish.rank())?;
        let is_newer = |entry: &Entry| {
            entry.since < verified_at && entry.wish.mode == Mode::Replace && entry.wish.rank() > wish.rank()
        };
        let is_overtaken = self
            .entries
            .iter()
            .any(|entry| is_newer(entry) && head.pending.contains(&entry.wish));
        (wish.mode == Mode::Replace && is_overtaken)
            .then(|| Breach::Overtaken(format!("{} is published before a newer file is tried", wish.object.key)))
    }

    /// Judges a change of a head.
    pub(super) fn head_changed(
        &mut self,
        scenario: &Scenario,
        segment: usize,
        old: Option<&Head>,
        new: &Head,
        remote: &Segment,
        now: u64,
    ) -> Option<Breach> {
        for wish in &new.pending {
            self.wished(segment, wish, now);
        }
        let mut breach = None;
        for wish in refusals(old, new) {
            breach = breach.or_else(|| Self::refused(scenario, wish, remote, now));
            if let Some(entry) = self.entries.iter_mut().find(|entry| entry.is_of(wish)) {
                entry.is_refused = true;
            }
        }
        if breach.is_some() {
            return breach;
        }
        let applied = new.applied.as_ref()?;
        if old.and_then(|old| old.applied.as_ref()) == Some(applied) {
            return None;
        }
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.is_of(&applied.wish)) {
            entry.was_applied = true;
            entry.is_refused = false;
        }
        let is_ahead = !shows(scenario, &applied.wish, remote.published)
            || applied.confirmed && remote.visible != remote.published;
        is_ahead.then(|| Breach::Ahead(format!("{} is applied but not published", applied.wish.object.key)))
    }

    /// Judges an audience: it must be made of whole files, and of those that count.
    pub(super) fn published(&self, scenario: &Scenario, segment: usize, members: Contacts) -> Option<Breach> {
        let entries = || self.entries.iter().filter(move |entry| entry.segment == segment);
        let whole = |entry: &&Entry| {
            let file = file_of(&entry.wish);
            match entry.wish.mode {
                Mode::Append => scenario.accepted(file) & !members == 0,
                Mode::Remove => scenario.files[file].contacts & members == 0,
                Mode::Replace => false,
            }
        };
        let (mut added, mut removed) = (0, 0);
        for entry in entries().filter(whole) {
            let file = file_of(&entry.wish);
            match entry.wish.mode {
                Mode::Append => added |= scenario.accepted(file),
                _ => removed |= scenario.files[file].contacts,
            }
        }
        let replaces = entries().filter(|entry| entry.wish.mode == Mode::Replace);
        let bases = replaces.map(|entry| scenario.accepted(file_of(&entry.wish)));
        let is_whole = bases
            .chain([self.initial[segment]])
            .any(|base| base & !removed | added == members);
        (!is_whole).then(|| Breach::Partial(format!("segment {segment} shows a part of a file")))
    }

    /// Judges the end: the audience is that of the newest accepted file, or of all files that count.
    pub(super) fn at_the_end(
        &self,
        scenario: &Scenario,
        index: usize,
        head: Option<&Head>,
        remote: &Segment,
    ) -> Option<Breach> {
        let breach = |what: &str| Some(Breach::End(format!("segment {index}: {what}")));
        if self.has_missed_a_file(scenario, index) {
            return breach("a file was never looked at");
        }
        let head = head?;
        if !head.pending.is_empty() || head.writing.is_some() {
            return breach("the head is not at rest");
        }
        let expected = self.expected(scenario, index);
        let is_right = remote.published == expected
            && remote.visible == expected
            && (!remote.exists || remote.draft() == expected);
        if is_right {
            None
        } else {
            breach("the audience is wrong")
        }
    }

    /// Tells whether a file that counts was never wished: of replaces only the newest does.
    fn has_missed_a_file(&self, scenario: &Scenario, segment: usize) -> bool {
        let entries = || self.entries.iter().filter(|entry| entry.segment == segment);
        let applied = entries().filter(|entry| entry.was_applied && entry.wish.mode == Mode::Replace);
        let overtaken_by = applied.map(|entry| true_place(entry.wish.stands_at())).max();
        let listed = scenario.listed(segment, u64::MAX);
        let mut orders: Vec<_> = listed
            .iter()
            .map(|file| scenario.wish(*file, scenario.mode).order)
            .collect();
        orders.sort_by(|a, b| true_place(a).cmp(&true_place(b)));
        if scenario.mode == Mode::Replace {
            orders = orders.pop().into_iter().collect();
        }
        let is_known = |order: &Order| {
            entries().any(|entry| entry.wish.is_about(order)) || overtaken_by >= Some(true_place(order))
        };
        !orders.iter().all(is_known)
    }

    fn expected(&self, scenario: &Scenario, segment: usize) -> Contacts {
        let was_refused = |run: &Wish| {
            self.entries
                .iter()
                .any(|entry| entry.is_refused && entry.wish.run_id == run.run_id)
        };
        let counts = |entry: &&Entry| {
            // An event does not try again what an order has tried.
            let is_refused = entry.is_refused || entry.turn == 0 && !entry.was_applied && was_refused(&entry.wish);
            let is_lost = scenario.files[file_of(&entry.wish)].overwritten.is_some() && !entry.was_applied;
            entry.segment == segment && !is_refused && !is_lost
        };
        let mut entries: Vec<&Entry> = self.entries.iter().filter(counts).collect();
        entries.sort_by_key(|entry| entry.rank());
        let newest_replace = entries.iter().rposition(|entry| entry.wish.mode == Mode::Replace);
        let members = self.initial[segment];
        entries[newest_replace.unwrap_or(0)..]
            .iter()
            .fold(members, |members, entry| {
                let file = file_of(&entry.wish);
                match entry.wish.mode {
                    Mode::Replace => scenario.accepted(file),
                    Mode::Append => members | scenario.accepted(file),
                    Mode::Remove => members & !scenario.files[file].contacts,
                }
            })
    }
}

impl Entry {
    /// Tells whether this is the wish, wherever among the contents of one second a head has put it.
    fn is_of(&self, wish: &Wish) -> bool {
        self.wish.asks_as(wish) && self.wish.ordered == wish.ordered
    }

    fn rank(&self) -> (Place<'_>, u64) {
        (true_place(self.wish.stands_at()), self.turn)
    }
}

/// Returns the place of a file as S3 took it: of contents of one second, too, which no order can tell.
fn true_place(order: &Order) -> Place<'_> {
    let file = order.etag.as_ref().unwrap().parse().unwrap();
    (order.last_modified, &order.key, file)
}

/// Returns the wishes that a change of a head refuses: they go, and nothing is begun or applied that overtakes them.
fn refusals<'a>(old: Option<&'a Head>, new: &'a Head) -> impl Iterator<Item = &'a Wish> {
    let old = old.filter(|old| old.applied == new.applied && old.writing == new.writing);
    let pending = old.map_or(&[][..], |old| &old.pending);
    let is_asked_again = |wish: &Wish| {
        let is_new = |asked: &&Wish| !pending.contains(asked);
        new.pending.iter().filter(is_new).any(|asked| asked.asks_as(wish))
    };
    pending.iter().filter(move |wish| {
        let is_known = |refused: &Refused| wish.is_about(&refused.order);
        let is_gone = !new.pending.contains(wish);
        is_gone && !is_asked_again(wish) && new.refused.iter().any(is_known)
    })
}

/// Tells whether an audience holds what a wish asks for.
fn shows(scenario: &Scenario, wish: &Wish, members: Contacts) -> bool {
    let file = file_of(wish);
    match wish.mode {
        Mode::Replace => members == scenario.accepted(file),
        Mode::Append => scenario.accepted(file) & !members == 0,
        Mode::Remove => scenario.files[file].contacts & members == 0,
    }
}

/// Returns what the guards are told about a file and a segment's groups.
fn facts(mode: Mode, file: Contacts, groups: &[Contacts], published: Option<u64>) -> Facts {
    let members = groups.iter().map(|group| ids(*group)).collect();
    let plan = Plan::new(mode, &ids(file), members, 0).unwrap();
    Facts {
        mode,
        rows: u64::from(file.count_ones()),
        contacts: file.count_ones() as usize,
        rejected: 0,
        members: groups.iter().map(|group| group.count_ones() as usize).sum(),
        published,
        added: plan.added(),
        removed: plan.removed(),
        older_files: None,
        is_sample: false,
        is_approved: false,
    }
}

/// The settings' defaults.
pub(super) fn destination() -> &'static Destination {
    static DESTINATION: OnceLock<Destination> = OnceLock::new();
    DESTINATION.get_or_init(|| {
        let secret = r#"{"credential": "c", "environment_region": "crm", "environment_name": "socktown"}"#;
        Destination::parse("destination", secret).unwrap()
    })
}
