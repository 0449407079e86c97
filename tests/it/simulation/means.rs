//! One worker's means in the simulation: the model of S3 and of Dynamics answers it.

use super::Plant;
use super::calls::Simulated;
use super::contacts::{ids, set_of};
use super::dataverse::{Change, id_of, index_of};
use super::situations::Situation;
use super::world::{NAMES, dynamics_time, s3_time};
use chrono::{DateTime, Utc};
use segment_loader::domain::{Batch, ContactId, Home, Mode, NearNames, ObjectRef, SegmentName};
use segment_loader::dynamics::{
    self, Allowance, Definition, DefinitionId, Group, GroupId, KnownSegment, LookedUp, Saved, Segment, SegmentId,
};
use segment_loader::means::{Attempt, Leftovers, Lists, Means};
use segment_loader::source::{self, Begun, ObjectVersion, Parts, Rows};
use segment_loader::state::{self, Bookmark, Head, KeyContent, Legacy, Stored};
use segment_loader::time::Fence;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

impl Means for Simulated {
    fn through(&self, fence: &Fence) -> Self {
        Self {
            fence: fence.clone(),
            sight: Rc::default(),
            unanswered: Rc::default(),
            ..self.clone()
        }
    }

    fn home(&self) -> &Home {
        &self.home
    }

    async fn read_legacy(&self, _: &SegmentName) -> Result<Option<Legacy>, state::Error> {
        Ok(None)
    }

    async fn move_legacy(&self, _: &SegmentName, _: Option<&Head>, _: &str) -> Result<bool, state::Error> {
        Ok(false)
    }

    async fn read_head(&self, segment_name: &SegmentName) -> Result<Option<Stored>, state::Error> {
        self.fetch_head(segment_name).await
    }

    async fn write_head(&self, head: &Head, replacing: Option<&str>) -> Result<bool, state::Error> {
        self.store_head(head, replacing).await
    }

    async fn delete_head(&self, _: &SegmentName, _: &str) -> Result<bool, state::Error> {
        unreachable!("nobody forgets a segment in the simulation")
    }

    async fn list_heads(&self) -> Result<Vec<String>, state::Error> {
        if !self.ask_s3(10, 300, self.faults().refuse / 10).await {
            return Err(Self::head_error("all heads", "read"));
        }
        let world = self.world.get();
        if world.is_hindered_by_a_head() {
            return Err(Self::head_error("all heads", "read"));
        }
        let keys = (0..world.heads.len()).filter(|index| world.heads[*index].is_some());
        Ok(keys.map(|index| index.to_string()).collect())
    }

    async fn content_at(&self, key: &str) -> Result<Option<KeyContent>, state::Error> {
        let index: usize = key.parse().unwrap();
        let is_own = index / NAMES == self.environment || self.has(Plant::HeadsKnowNoEnvironment);
        if !is_own {
            return Ok(Some(KeyContent::Foreign));
        }
        let stored = self.read_head(&name_of(index)).await?;
        Ok(stored.map(KeyContent::Head))
    }

    fn head_key(&self, segment_name: &SegmentName) -> String {
        self.head_of(segment_name).to_string()
    }

    async fn bookmark(&self) -> Result<Bookmark, state::Error> {
        if !self.ask_s3(5, 150, self.faults().refuse / 10).await {
            return Err(Self::head_error("the bookmark", "read"));
        }
        Ok(self.world.get().bookmarks[self.environment].clone())
    }

    async fn move_bookmark(&self, from: &Bookmark, behind: &str) -> Result<Option<Bookmark>, state::Error> {
        if !self.ask_s3(5, 200, self.faults().refuse / 10).await {
            return Err(Self::head_error("the bookmark", "written"));
        }
        Ok(self.world.get().move_bookmark(self.environment, from, behind))
    }

    fn head_url(&self, segment_name: &SegmentName) -> String {
        format!("head of {segment_name}")
    }

    fn s3_time(&self) -> DateTime<Utc> {
        let (date, read_at) = self.reading.get();
        let millis = i64::try_from(date + self.now() - read_at).unwrap();
        let skew = if self.has(Plant::TheHostsOwnClock) {
            self.skew
        } else {
            0
        };
        s3_time(millis + skew)
    }

    fn fresh(&self) -> Uuid {
        let mut world = self.world.get();
        let (random, number) = (world.rng.word(), world.fresh());
        Uuid::from_u128(u128::from(random) << 64 | number)
    }

    async fn keep_lists(&self, _: Attempt<'_>, leftovers: Leftovers<'_>) -> Lists {
        self.world.get().blames(set_of(leftovers.not_accepted));
        self.world.get().calls_missing(set_of(leftovers.not_shown));
        self.leave_the_file();
        Lists::default()
    }

    async fn locate(&self, object: &ObjectRef) -> Result<ObjectVersion, source::Error> {
        if !self.ask_s3(20, 2_000, self.faults().refuse / 10).await {
            return Err(Self::object_error(&object.key));
        }
        let mut world = self.world.get();
        let is_asked_what_lies_there = object.version_id.is_none() && !object.etag.is_empty();
        if world.scenario.is_versioned && is_asked_what_lies_there && world.plant == Some(Plant::NothingLiesThere) {
            return Err(Self::missing(object));
        }
        let found = world.scenario.located(object, world.now());
        let is_another = found.as_ref().is_some_and(|found| found.etag != object.etag);
        if world.scenario.is_in_several() && is_asked_what_lies_there && is_another {
            world.seen.meet(Situation::MarkerReplaced);
        }
        found.ok_or_else(|| Self::missing(object))
    }

    async fn parts(&self, object: &ObjectVersion, _: Mode) -> Result<Parts, source::Error> {
        if self.world.get().scenario.is_in_several() {
            return self.find_parts(object).await;
        }
        Ok(Parts {
            files: vec![object.clone()],
            warnings: Vec::new(),
        })
    }

    async fn read(&self, parts: &[ObjectVersion], begun: Begun) -> Result<Rows, source::Error> {
        self.read_contacts(parts, begun).await
    }

    async fn list_results(&self, _: usize) -> Result<Vec<ObjectVersion>, source::Error> {
        if !self.ask_s3(20, 500, self.faults().refuse / 10).await {
            return Err(Self::object_error("the list"));
        }
        let world = self.world.get();
        if world.is_hindered_by_a_head() {
            return Err(Self::object_error("the list"));
        }
        Ok(world.scenario.listing(self.mode, world.now()))
    }

    async fn find_segments(&self, name: &SegmentName) -> Result<Vec<Segment>, dynamics::Error> {
        let index = self.segment_of(name);
        let found = self.call(None, move |_, world| {
            let segment = &world.segments[index];
            segment.exists.then(|| segment.row(index, world.now()))
        });
        let found = found.await?.map(|row| self.seen_row(row));
        Ok(found.into_iter().collect())
    }

    async fn names_near(&self, _: &SegmentName) -> NearNames {
        NearNames::UNKNOWN
    }

    async fn segment(&self, id: SegmentId) -> Result<Segment, dynamics::Error> {
        let index = index_of(id.0);
        let row = self.call(None, move |_, world| world.segments[index].row(index, world.now()));
        Ok(self.seen_row(row.await?))
    }

    async fn known_segment(&self, id: SegmentId) -> Result<Option<KnownSegment>, dynamics::Error> {
        let index = index_of(id.0);
        let known = self.call(None, move |_, world| {
            let segment = &world.segments[index];
            segment.exists.then(|| segment.row(index, world.now()))
        });
        Ok(known.await?.map(|row| KnownSegment {
            name: name_of(index).as_str().to_owned(),
            is_of_the_unit: true,
            segment: self.seen_row(row),
        }))
    }

    async fn definition(&self, id: DefinitionId) -> Result<Definition, dynamics::Error> {
        let index = index_of(id.0);
        let process = self.process;
        let definition = self.call(None, move |_, world| {
            if !world.dry_runs.contains(&process) {
                world.segments[index].edits.read();
            }
            world.segments[index].definition(index)
        });
        let (definition, plant) = (definition.await?, self.world.get().plant);
        Ok(self.sight.borrow_mut().falsify_definition(plant, definition))
    }

    async fn check_may_create(&self) -> Result<(), dynamics::Error> {
        Ok(())
    }

    async fn create_segment(
        &self,
        name: &SegmentName,
        description: &str,
    ) -> Result<(Segment, Definition), dynamics::Error> {
        let index = self.segment_of(name);
        let (in_place, description) = (self.has(Plant::TruncateInPlace), description.to_owned());
        self.call(Some(index), move |_, world| {
            world.segments[index].create(&description, in_place, world.scenario.tells_times);
        })
        .await?;
        Ok((
            self.segment(id_of(index)).await?,
            self.definition(DefinitionId(id_of(index).0)).await?,
        ))
    }

    async fn describe(&self, segment: &Segment, description: &str) -> Result<Saved, dynamics::Error> {
        self.put_description(segment, description).await
    }

    async fn disable_refresh(&self, definition: &Definition) -> Result<Saved, dynamics::Error> {
        let (index, etag) = (index_of(definition.id.0), definition.etag.clone());
        self.sight.borrow_mut().defines_anew();
        self.call(Some(index), move |_, world| {
            world.segments[index].save(etag.as_deref(), |segment| {
                segment.refreshes = false;
                segment.is_refreshed_by_hand = false;
            })
        })
        .await
    }

    async fn save_groups(&self, definition: &Definition, groups: &[Group]) -> Result<Saved, dynamics::Error> {
        let (index, etag, groups) = (index_of(definition.id.0), definition.etag.clone(), groups.to_vec());
        self.sight.borrow_mut().defines_anew();
        self.call(Some(index), move |_, world| {
            let excluding = world.segments[index].exclude_groups();
            let saved = world.segments[index].save(etag.as_deref(), |segment| segment.replace_groups(&groups));
            let breach = world.keeps_exclude_groups(index, &excluding);
            world.break_off(breach);
            saved
        })
        .await
    }

    async fn list_members(&self, id: SegmentId, group: &GroupId, _: usize) -> Result<Vec<ContactId>, dynamics::Error> {
        self.listed_at.set(self.now());
        let index = index_of(id.0);
        let of_group = group.clone();
        let process = self.process;
        let is_nobody_kept_out = self.has(Plant::NobodyIsKeptOut);
        let listed = self.call(None, move |_, world| {
            if !world.dry_runs.contains(&process) {
                world.segments[index].edits.listed(&of_group);
            }
            if is_nobody_kept_out && world.segments[index].keeps_out(&of_group) {
                return 0;
            }
            world.list(index, &of_group)
        });
        let members = listed.await?;
        let members = self
            .sight
            .borrow()
            .falsify_listed(self.world.get().plant, group, members);
        if self.has(Plant::TruncateInPlace) && self.sight.borrow_mut().is_first_look_at(group) {
            self.truncate(id, group, members).await?;
            return Ok(Vec::new());
        }
        Ok(ids(members))
    }

    async fn published_members(
        &self,
        id: SegmentId,
        expected: usize,
    ) -> Result<Option<Vec<ContactId>>, dynamics::Error> {
        let index = index_of(id.0);
        let published = self.call(None, move |_, world| world.segments[index].visible);
        Ok(Some(ids(published.await?)).filter(|published| published.len() == expected))
    }

    async fn look_up(&self, _: &[ContactId]) -> Result<LookedUp, dynamics::Error> {
        Ok(LookedUp::default())
    }

    fn batch_size(&self) -> usize {
        self.world.get().scenario.batch
    }

    fn max_concurrent(&self) -> usize {
        self.world.get().scenario.abreast
    }

    async fn add_members(
        &self,
        id: SegmentId,
        group: &GroupId,
        batch: Batch<'_>,
        _: &Allowance<'_>,
    ) -> Result<Vec<ContactId>, dynamics::Error> {
        self.change_members(id, group, Change::Add(set_of(batch.ids()))).await
    }

    async fn remove_members(&self, id: SegmentId, group: &GroupId, batch: Batch<'_>) -> Result<(), dynamics::Error> {
        self.change_members(id, group, Change::Remove(set_of(batch.ids())))
            .await
            .map(drop)
    }

    async fn publish(&self, id: SegmentId) -> Result<Option<DateTime<Utc>>, dynamics::Error> {
        let index = index_of(id.0);
        {
            let world = &mut *self.world.get();
            let breach = world
                .oracle
                .publishes(index, world.heads[index].as_ref(), self.listed_at.get());
            world.break_off(breach);
            world.say(|| format!("worker {} publishes segment {index}", self.process));
        }
        self.sight.borrow_mut().published();
        self.progress.set(self.progress.get() + 1);
        let process = self.process;
        let answered = self.call(Some(index), move |shared, world| {
            if !world.comes_late {
                world.publishers[index] = Some(process);
            }
            shared.publish(world, index);
            dynamics_time(world.now())
        });
        answered.await.map(Some)
    }

    fn progress(&self) -> u64 {
        if self.has(Plant::EveryRunGetsOn) {
            self.progress.set(self.progress.get() + 1);
        }
        self.progress.get()
    }

    fn unanswered(&self) -> Option<Instant> {
        self.unanswered.get().filter(|_| !self.has(Plant::NothingIsAwaited))
    }

    fn requests(&self) -> u64 {
        0
    }

    fn throttled(&self) -> Duration {
        Duration::ZERO
    }
}

fn name_of(index: usize) -> SegmentName {
    SegmentName::parse(&(index % NAMES).to_string()).unwrap()
}
