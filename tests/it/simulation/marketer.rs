//! People who change a segment in Dynamics meanwhile: its members, its groups, its query and its refresh.

use super::Breach;
use super::contacts::{Contacts, some_of};
use super::dataverse::{LONGEST_LOOK, Segment};
use super::kinds::Environments;
use super::situations::Situation;
use super::world::{NAMES, SEGMENTS, World};
use segment_loader::dynamics::{Group, GroupId};

/// What a marketer has done to a segment, as far as a worker could not know of it.
#[derive(Default)]
pub(super) struct Edits {
    /// Changed members of groups that nobody has listed since.
    unlisted: Vec<(GroupId, Contacts)>,
    /// Who came or went with a change of the definition that nobody has read since.
    unread: Contacts,
    /// Refresh was switched on, and nobody has read so since.
    refresh_is_unread: bool,
    /// All whom a marketer ever touched.
    pub(super) touched: Contacts,
    /// Those who were published although nobody could know of them.
    published: Contacts,
    /// When somebody was last kept out, or let in again, and whether that was long before the segment was published.
    excluded_at: Option<u64>,
    were_exclusions_known: bool,
    /// Journeys see what a marketer did, by automatic refresh.
    pub(super) is_shown: bool,
}

impl Edits {
    /// Takes note that a group's members were listed.
    pub(super) fn listed(&mut self, group: &GroupId) {
        self.unlisted.retain(|(edited, _)| edited != group);
    }

    /// Takes note that the definition was read.
    pub(super) fn read(&mut self) {
        self.unread = 0;
        self.refresh_is_unread = false;
    }

    /// Takes note that the segment was published as it is.
    pub(super) fn publish(&mut self, now: u64) {
        self.published = self.unseen();
        self.were_exclusions_known = self.excluded_at.is_none_or(|at| now >= at + LONGEST_LOOK);
    }

    /// Returns whether whoever published the segment could know of everything that marketers had done.
    pub(super) const fn were_known(&self) -> bool {
        self.published == 0 && self.were_exclusions_known
    }

    /// Returns those who were published although nobody could know of them.
    pub(super) const fn published_unseen(&self) -> Contacts {
        self.published
    }

    /// Returns those whom the last worker that looked cannot have known to come or go.
    fn unseen(&self) -> Contacts {
        self.unlisted
            .iter()
            .fold(self.unread, |union, (_, contacts)| union | contacts)
    }
}

impl World {
    /// Returns the contacts of whom nobody can tell whether they belong to a segment: a marketer has decided about them,
    /// and where files are only added and removed, that stays.
    pub(super) fn undecided(&self, index: usize) -> Contacts {
        let edits = &self.segments[index].edits;
        if self.scenario.is_of_replaces() {
            edits.published | edits.unseen()
        } else {
            edits.touched
        }
    }

    /// Judges a publish: with automatic refresh on, of which the worker has read, journeys would see what is written next. What
    /// comes late was sent before.
    pub(super) fn refuses_to_be_published(&self, index: usize) -> Option<Breach> {
        let segment = &self.segments[index];
        let is_known = segment.is_refreshed_by_hand && segment.refreshes && !segment.edits.refresh_is_unread;
        (is_known && !self.comes_late)
            .then(|| Breach::Partial(format!("segment {index} is published with automatic refresh on")))
    }

    /// Lets a marketer change something, now and then.
    pub(super) fn may_be_edited(&mut self, per_mille: u64) {
        if self.goes_wrong(per_mille) {
            let index = self.draw_segment();
            self.edit(index);
        }
    }

    /// Draws one of the segments that there are.
    pub(super) fn draw_segment(&mut self) -> usize {
        let is_one = self.scenario.environments == Environments::One;
        let segments = if is_one { NAMES } else { SEGMENTS };
        usize::try_from(self.rng.between(0, segments as u64)).unwrap()
    }

    /// Lets a marketer change something of a segment.
    pub(super) fn edit(&mut self, index: usize) {
        if !self.segments[index].exists {
            return;
        }
        let situation = match self.rng.between(0, 10) {
            0..4 => self.edit_members(index),
            4 => self.add_group(index, true),
            5 => self.add_group(index, false),
            6 => self.delete_group(index),
            7 => self.change_query(index),
            _ => self.switch_refresh(index),
        };
        let is_held = self.heads[index].as_ref().is_some_and(|head| head.lease.is_some());
        self.seen.meet(if is_held {
            situation
        } else {
            Situation::EditedBetweenRuns
        });
        self.say(|| format!("a marketer edits segment {index}: {situation:?}"));
        self.segments[index].edits.excluded_at = Some(self.now());
        self.segments[index].show_draft();
    }

    fn some_contacts(&mut self) -> Contacts {
        let (dropped, rejected) = (self.scenario.dropped, self.scenario.rejected);
        some_of(&mut self.rng, !dropped & !rejected, 60)
    }

    fn edit_members(&mut self, index: usize) -> Situation {
        let (contacts, adds) = (self.some_contacts(), self.rng.happens(500));
        let which = self.rng.word();
        let segment = &mut self.segments[index];
        if let Some(count) = segment.groups.len().checked_sub(1) {
            let (group, members) = &mut segment.groups[usize::try_from(which % (count as u64 + 1)).unwrap()];
            let changed = if adds {
                contacts & !*members
            } else {
                contacts & *members
            };
            *members ^= changed;
            if group.include {
                segment.edits.unlisted.push((group.id.clone(), changed));
                segment.edits.touched |= changed;
            }
        }
        Situation::MembersEdited
    }

    fn add_group(&mut self, index: usize, include: bool) -> Situation {
        let contacts = self.some_contacts();
        let segment = &mut self.segments[index];
        if segment.groups.len() < 6 {
            let mut group = Group::fresh("by hand");
            group.include = include;
            segment.groups.push((group, contacts));
            segment.edition += 1;
            if include {
                segment.edits.unread |= contacts;
                segment.edits.touched |= contacts;
            }
        }
        if include {
            Situation::IncludeGroupAdded
        } else {
            Situation::ExcludeGroupAdded
        }
    }

    fn delete_group(&mut self, index: usize) -> Situation {
        let segment = &mut self.segments[index];
        if let Some((group, members)) = segment.groups.pop() {
            segment.edition += 1;
            if group.include {
                segment.edits.unread |= members;
                segment.edits.touched |= members;
            }
        }
        Situation::GroupDeleted
    }

    fn change_query(&mut self, index: usize) -> Situation {
        let (people, now) = (self.some_contacts(), self.now());
        let segment = &mut self.segments[index];
        segment.edits.unread |= people | segment.queried;
        segment.edits.touched |= people | segment.queried;
        segment.queried = if segment.queried == 0 { people } else { 0 };
        segment.queried_at = Some(now);
        segment.edition += 1;
        Situation::QueryChanged
    }

    fn switch_refresh(&mut self, index: usize) -> Situation {
        let segment = &mut self.segments[index];
        segment.refreshes = true;
        segment.is_refreshed_by_hand = true;
        segment.edits.refresh_is_unread = true;
        segment.edition += 1;
        Situation::RefreshSwitchedOn
    }

    /// Judges how a worker has changed a definition: whoever a marketer keeps out must stay out.
    pub(super) fn keeps_exclude_groups(&self, index: usize, before: &[GroupId]) -> Option<Breach> {
        let groups = &self.segments[index].groups;
        let is_there = |id: &GroupId| groups.iter().any(|(group, _)| group.id == *id);
        let is_lost = !before.iter().all(is_there);
        is_lost.then(|| Breach::Partial(format!("an Exclude group of segment {index} is gone")))
    }
}

impl Segment {
    /// Shows journeys what a marketer has done, where refresh is on.
    fn show_draft(&mut self) {
        if self.refreshes {
            self.show_audience();
            self.edits.is_shown = true;
        }
    }

    /// Returns the groups that keep contacts out.
    pub(super) fn exclude_groups(&self) -> Vec<GroupId> {
        let excluding = self.groups.iter().filter(|(group, _)| !group.include);
        excluding.map(|(group, _)| group.id.clone()).collect()
    }
}
