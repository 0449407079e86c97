//! What the segment is before anything is written.

use super::Error;
use super::plan::advance_to;
use crate::domain::{Census, ContactId, SegmentName, UsedBy, View};
use crate::dynamics::{Definition, DefinitionId, Group, GroupId, Segment, SegmentId};
use crate::means::Means;
use futures_util::{StreamExt, TryStreamExt, stream};

/// A static segment with all its groups, and the members of those that include.
#[derive(Debug)]
pub struct Audience {
    /// The segment's row.
    pub segment: Segment,
    /// The definition behind it.
    pub definition: Definition,
    /// The members of every Include group, sorted, in the definition's order.
    pub members: Vec<Vec<ContactId>>,
}

/// Which segment is meant: the one of a name, which a head may know by its id, too.
#[derive(Clone, Copy, Debug)]
pub struct Sought<'a> {
    /// The name.
    pub name: &'a SegmentName,
    /// The segment that was loaded last under it; `None` if none was.
    pub loaded: Option<SegmentId>,
    /// The definition that it was of then, which says nothing where the segment is of another one now.
    pub definition: Option<DefinitionId>,
    /// The keys of all its Include groups then, which say nothing where they are others now; none if they were not noted.
    pub groups: &'a [String],
    /// How many members they held.
    pub members: u64,
}

/// Where the segment is that is meant.
#[derive(Debug)]
pub enum Whereabouts {
    /// It is there, and has its name; where it is not the one that was loaded last, what has become of that.
    Here(Segment, Option<Left>),
    /// The one that was loaded last has this name now, and no other has the old one.
    Renamed(String),
    /// There is none, or none any more; where one was loaded before, what has become of that.
    Nowhere(Option<Left>),
}

/// What has become of the segment that was loaded last, where it is not the one that is meant any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// Somebody calls it otherwise, and another one has its name.
    Renamed(String),
    /// It belongs to another business unit.
    OfAnotherUnit,
    /// It is deleted, or nobody finds it any more.
    Gone,
}

/// The base entity of contacts, as the create writes it.
const CONTACT: &str = "contact";

/// Finds the segment that is meant and reads its members, as [`survey`] does, whatever has become of the one that was loaded last.
pub async fn audience(means: &impl Means, sought: Sought<'_>) -> Result<Option<Audience>, Error> {
    let (audience, _) = survey(means, sought).await?;
    Ok(audience)
}

/// Finds the segment that is meant and reads its members, `None` if there is none; and says what has become of the one that was
/// loaded last, where that is another one.
///
/// Several of one name, one that was renamed since it was loaded, a dynamic one and one of other people than contacts are
/// refused: which audience is meant, or who else decides about it, cannot be told, and a result holds contacts only.
pub async fn survey(means: &impl Means, sought: Sought<'_>) -> Result<(Option<Audience>, Option<Left>), Error> {
    let name = || sought.name.as_str().to_owned();
    // Read at the same time, for a call may take long.
    let reading = async { means.definition(sought.definition?).await.ok() };
    let (whereabouts, read, listed) = tokio::join!(whereabouts(means, sought), reading, list_noted(means, sought));
    let (segment, left) = match whereabouts? {
        Whereabouts::Here(segment, left) => (segment, left),
        Whereabouts::Renamed(now) => return Err(Error::SegmentRenamed { name: name(), now }),
        Whereabouts::Nowhere(left) => return Ok((None, left)),
    };
    let definition = match read.filter(|read| read.id == segment.definition_id) {
        Some(read) => read,
        None => means.definition(segment.definition_id).await?,
    };
    // Segments made elsewhere may not say it: the column is not required.
    if segment.base_entity.as_deref().is_some_and(|entity| entity != CONTACT) {
        return Err(Error::WrongBaseEntity {
            name: name(),
            id: segment.id.to_string(),
        });
    }
    if !definition.query.trim().is_empty() {
        return Err(Error::DynamicSegment {
            name: name(),
            id: segment.id.to_string(),
        });
    }
    let is_of_noted = |_: &_| sought.loaded == Some(segment.id) && sought.has_groups_of(&definition);
    let members = match listed.filter(is_of_noted) {
        Some(listed) => listed,
        // A draft has about as many members as were published: a guess, which only speeds the listing up.
        None => list(means, &segment, &definition, guess(segment.member_count)).await?,
    };
    let audience = Audience {
        segment,
        definition,
        members,
    };
    Ok((Some(audience), left))
}

/// Lists the members of the groups that were noted; `None` where there are none, or where they cannot be listed any more.
async fn list_noted(means: &impl Means, sought: Sought<'_>) -> Option<Vec<Vec<ContactId>>> {
    let groups: Vec<_> = sought.groups.iter().map(|id| GroupId::noted(id)).collect();
    let segment = sought.loaded.filter(|_| !groups.is_empty())?;
    let guesses = guesses(guess(Some(sought.members)));
    list_all(means, segment, groups.iter().zip(guesses).collect())
        .await
        .ok()
}

impl Sought<'_> {
    fn has_groups_of(&self, definition: &Definition) -> bool {
        let now = include_groups(definition).map(|group| group.id.to_string());
        now.eq(self.groups.iter().cloned())
    }
}

/// Returns the keys of all Include groups to be noted for the next run; none where one of them cannot be.
pub fn noted_groups(definition: &Definition) -> Vec<String> {
    let noted: Option<Vec<_>> = include_groups(definition).map(|group| group.id.to_note()).collect();
    noted.unwrap_or_default()
}

/// Finds the segment that is meant where it has its name; several are an error.
pub async fn find(means: &impl Means, sought: Sought<'_>) -> Result<Option<Segment>, Error> {
    match whereabouts(means, sought).await? {
        Whereabouts::Here(segment, _) => Ok(Some(segment)),
        Whereabouts::Renamed(_) | Whereabouts::Nowhere(_) => Ok(None),
    }
}

/// Finds out where the segment is that is meant; several of its name are an error.
///
/// A list that does not show the one that was loaded last proves nothing: lists may lag behind, and people rename. So its row
/// is read, and only what that says makes room for another one.
pub async fn whereabouts(means: &impl Means, sought: Sought<'_>) -> Result<Whereabouts, Error> {
    let mut found = means.find_segments(sought.name).await?;
    let unlisted = sought.loaded.filter(|id| found.iter().all(|segment| segment.id != *id));
    let mut left = None;
    if let Some(id) = unlisted {
        match means.known_segment(id).await? {
            Some(known) if !known.is_of_the_unit => left = Some(Left::OfAnotherUnit),
            Some(known) if known.name == sought.name.as_str() => found.push(known.segment),
            Some(known) if found.is_empty() => return Ok(Whereabouts::Renamed(known.name)),
            Some(known) => left = Some(Left::Renamed(known.name)),
            None => left = Some(Left::Gone),
        }
    }
    if found.len() > 1 {
        let ids = found.iter().map(|segment| segment.id.to_string()).collect();
        return Err(Error::SeveralSegments {
            name: sought.name.as_str().to_owned(),
            ids,
        });
    }
    Ok(match found.pop() {
        Some(segment) => Whereabouts::Here(segment, left),
        None => Whereabouts::Nowhere(left),
    })
}

/// Returns what uses the segment that is meant; `None` if there is none, or Dynamics does not tell.
pub async fn used_by(means: &impl Means, sought: Sought<'_>) -> Result<Option<UsedBy>, Error> {
    let Some(segment) = find(means, sought).await? else {
        return Ok(None);
    };
    let definition = means.definition(segment.definition_id).await?;
    Ok(segment.used_by(&definition))
}

/// Lists the members of every Include group, in the definition's order.
pub async fn list(
    means: &impl Means,
    segment: &Segment,
    definition: &Definition,
    expected: usize,
) -> Result<Vec<Vec<ContactId>>, Error> {
    let groups = include_groups(definition).map(|group| &group.id);
    list_all(means, segment.id, groups.zip(guesses(expected)).collect()).await
}

fn guess(members: Option<u64>) -> usize {
    members.unwrap_or(0).try_into().unwrap_or(usize::MAX)
}

/// Guesses how many members each group holds: they are filled from the first on, so that it is what the ones before it cannot.
fn guesses(expected: usize) -> impl Iterator<Item = usize> {
    (0..).map(move |index: usize| expected.saturating_sub(index * super::plan::GROUP_CAPACITY))
}

/// Lists the members of every Exclude group.
pub async fn list_excluded(
    means: &impl Means,
    segment: &Segment,
    definition: &Definition,
) -> Result<Vec<Vec<ContactId>>, Error> {
    let excluding = definition.groups.iter().filter(|group| !group.include);
    list_all(means, segment.id, excluding.map(|group| (&group.id, 0)).collect()).await
}

async fn list_all(
    means: &impl Means,
    segment: SegmentId,
    groups: Vec<(&GroupId, usize)>,
) -> Result<Vec<Vec<ContactId>>, Error> {
    let lists = groups
        .into_iter()
        .map(|(group, guess)| means.list_members(segment, group, guess.min(super::plan::GROUP_CAPACITY)));
    Ok(stream::iter(lists)
        .buffered(super::plan::MAX_GROUPS)
        .try_collect()
        .await?)
}

/// Returns how many contacts are in one of the groups at least, and in none of those that keep contacts out; all lists are
/// sorted. It is what Dynamics counts.
pub fn count(included: &[Vec<ContactId>], excluded: &[Vec<ContactId>]) -> usize {
    each_once(included, excluded).count()
}

/// Returns whom Dynamics is to show and does not list, sorted; all lists are.
pub fn not_shown(included: &[Vec<ContactId>], excluded: &[Vec<ContactId>], listed: &[ContactId]) -> Vec<ContactId> {
    let is_missing = |id: &ContactId| listed.binary_search(id).is_err();
    let mut missing: Vec<_> = each_once(included, excluded).filter(is_missing).collect();
    missing.sort_unstable();
    missing
}

/// Returns who is in one of the groups at least; all lists are sorted.
pub fn census(included: &[Vec<ContactId>]) -> Census {
    each_once(included, &[]).collect()
}

fn each_once<'a>(
    included: &'a [Vec<ContactId>],
    excluded: &'a [Vec<ContactId>],
) -> impl Iterator<Item = ContactId> + use<'a> {
    included.iter().enumerate().flat_map(move |(index, list)| {
        let others = included[..index].iter().chain(excluded);
        let mut others: Vec<_> = others.map(|list| list.iter().peekable()).collect();
        let is_first = move |id: &ContactId| !others.iter_mut().any(|rest| advance_to(rest, *id));
        list.iter().copied().filter(is_first)
    })
}

impl Audience {
    /// Takes the members out, which a plan needs whole.
    pub fn take_members(&mut self) -> Vec<Vec<ContactId>> {
        std::mem::take(&mut self.members)
    }

    /// Returns what Dynamics shows of the segment.
    pub fn view(&self) -> View {
        self.segment.view(self.definition.computation)
    }

    /// Returns how many groups are not ours to use.
    pub fn exclude_groups(&self) -> usize {
        exclude_groups(&self.definition)
    }
}

/// Returns the groups whose members belong to the segment.
pub fn include_groups(definition: &Definition) -> impl Iterator<Item = &Group> {
    definition.groups.iter().filter(|group| group.include)
}

/// Returns how many groups keep contacts out of the segment; they belong to the marketer.
pub fn exclude_groups(definition: &Definition) -> usize {
    definition.groups.len() - include_groups(definition).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn lists(groups: &[BTreeSet<u8>]) -> Vec<Vec<ContactId>> {
        let id = |number: &u8| ContactId::parse(format!("00000000-0000-4000-8000-0000000001{number:02x}").as_bytes());
        let list = |group: &BTreeSet<u8>| group.iter().map(|number| id(number).unwrap()).collect();
        groups.iter().map(list).collect()
    }

    proptest! {
        #[test]
        fn whoever_is_in_a_group_and_not_kept_out_is_counted_once(
            included in prop::collection::vec(prop::collection::btree_set(0_u8..60, 0..40), 0..4),
            excluded in prop::collection::vec(prop::collection::btree_set(0_u8..60, 0..20), 0..3),
        ) {
            let kept_out: BTreeSet<_> = excluded.iter().flatten().collect();
            let all: BTreeSet<_> = included.iter().flatten().filter(|id| !kept_out.contains(id)).collect();
            prop_assert_eq!(count(&lists(&included), &lists(&excluded)), all.len());
            let members: BTreeSet<_> = included.iter().flatten().copied().collect();
            let members: Census = lists(&[members]).into_iter().flatten().collect();
            prop_assert_eq!(census(&lists(&included)), members);
        }

        #[test]
        fn who_is_to_be_shown_and_is_not_listed_is_missing(
            included in prop::collection::vec(prop::collection::btree_set(0_u8..60, 0..40), 0..4),
            excluded in prop::collection::btree_set(0_u8..60, 0..20),
            listed in prop::collection::btree_set(0_u8..60, 0..60),
        ) {
            let is_missing = |id: &&u8| !excluded.contains(id) && !listed.contains(id);
            let missing: BTreeSet<u8> = included.iter().flatten().filter(is_missing).copied().collect();
            let found = not_shown(&lists(&included), &lists(&[excluded]), &lists(&[listed])[0]);
            prop_assert_eq!(found, lists(&[missing])[0].clone());
        }
    }
}
