//! A worker's means in production: S3 and Dataverse.

mod clients;
mod page;

pub(crate) use clients::{Clients, http_client};
pub(crate) use page::Occasion;

use crate::config::Settings;
use crate::domain::{Batch, ContactId, Home, Mode, NearNames, ObjectRef, SegmentName};
use crate::dynamics::{
    self, Allowance, Dataverse, Definition, DefinitionId, Group, GroupId, KnownSegment, LookedUp, Saved, Segment,
    SegmentId,
};
use crate::means::{Attempt, Leftovers, Lists, Means};
use crate::report::Archive;
use crate::source::{self, Begun, Manner, ObjectVersion, Parts, Rows};
use crate::state::{self, Bookmark, Head, Heads, KeyContent, Legacy, Stored};
use crate::time::Fence;
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// S3 and Dataverse, for the results of one bucket.
#[derive(Clone)]
pub(crate) struct Production<'a> {
    clients: &'a Clients,
    settings: &'a Settings,
    bucket: &'a str,
    heads: Heads,
    archive: Archive,
    dataverse: Dataverse,
    fence: Fence,
    progress: Arc<AtomicU64>,
}

impl<'a> Production<'a> {
    /// Opens the means; calls to Dataverse leave through the fence only.
    pub(crate) fn new(clients: &'a Clients, settings: &'a Settings, bucket: &'a str, fence: &Fence) -> Self {
        Self {
            clients,
            settings,
            bucket,
            heads: clients.heads(bucket, settings),
            archive: clients.archive(bucket),
            dataverse: clients.dataverse(settings, fence),
            fence: fence.clone(),
            progress: Arc::default(),
        }
    }

    fn got_on(&self) {
        self.progress.fetch_add(1, Ordering::Relaxed);
    }
}

impl Means for Production<'_> {
    fn through(&self, fence: &Fence) -> Self {
        Self {
            dataverse: self.clients.dataverse(self.settings, fence),
            fence: fence.clone(),
            ..self.clone()
        }
    }

    fn home(&self) -> &Home {
        self.heads.home()
    }

    async fn read_head(&self, segment_name: &SegmentName) -> Result<Option<Stored>, state::Error> {
        self.heads.read(segment_name).await
    }

    async fn write_head(&self, head: &Head, replacing: Option<&str>) -> Result<bool, state::Error> {
        self.heads.write(head, replacing).await
    }

    async fn read_legacy(&self, segment_name: &SegmentName) -> Result<Option<Legacy>, state::Error> {
        self.heads.legacy(segment_name).await
    }

    async fn move_legacy(
        &self,
        segment_name: &SegmentName,
        head: Option<&Head>,
        replacing: &str,
    ) -> Result<bool, state::Error> {
        self.heads.move_legacy(segment_name, head, replacing).await
    }

    async fn delete_head(&self, segment_name: &SegmentName, etag: &str) -> Result<bool, state::Error> {
        self.heads.delete(segment_name, etag).await
    }

    async fn list_heads(&self) -> Result<Vec<String>, state::Error> {
        self.heads.keys().await
    }

    async fn content_at(&self, key: &str) -> Result<Option<KeyContent>, state::Error> {
        self.heads.fetch(key).await
    }

    fn head_key(&self, segment_name: &SegmentName) -> String {
        self.heads.key(segment_name)
    }

    async fn bookmark(&self) -> Result<Bookmark, state::Error> {
        self.heads.bookmark().await
    }

    async fn move_bookmark(&self, from: &Bookmark, behind: &str) -> Result<Option<Bookmark>, state::Error> {
        self.heads.move_bookmark(from, behind).await
    }

    fn head_url(&self, segment_name: &SegmentName) -> String {
        self.heads.url(segment_name)
    }

    fn s3_time(&self) -> DateTime<Utc> {
        self.clients.clock.now()
    }

    fn fresh(&self) -> Uuid {
        Uuid::new_v4()
    }

    async fn keep_lists(&self, attempt: Attempt<'_>, leftovers: Leftovers<'_>) -> Lists {
        self.archive.keep_lists(attempt, leftovers).await
    }

    async fn locate(&self, object: &ObjectRef) -> Result<ObjectVersion, source::Error> {
        let files = self.settings.destination.rules.result_files;
        self.clients.objects.locate(object, files).await
    }

    async fn parts(&self, object: &ObjectVersion, mode: Mode) -> Result<Parts, source::Error> {
        let manner = Manner {
            files: self.settings.destination.rules.result_files,
            mode,
            scope: &self.clients.variables.scope(),
        };
        self.clients.objects.parts(object, manner).await
    }

    async fn read(&self, parts: &[ObjectVersion], begun: Begun) -> Result<Rows, source::Error> {
        let column = &self.settings.destination.rules.contactid_column;
        source::read(&self.clients.objects, parts, column, &self.fence, begun).await
    }

    async fn list_results(&self, limit: usize) -> Result<Vec<ObjectVersion>, source::Error> {
        let prefix = &self.clients.variables.results_prefix;
        self.clients.objects.list(self.bucket, prefix, limit).await
    }

    async fn find_segments(&self, name: &SegmentName) -> Result<Vec<Segment>, dynamics::Error> {
        self.dataverse.find_segments(name).await
    }

    async fn names_near(&self, name: &SegmentName) -> NearNames {
        self.dataverse.names_near(name).await
    }

    async fn segment(&self, id: SegmentId) -> Result<Segment, dynamics::Error> {
        self.dataverse.segment(id).await
    }

    async fn known_segment(&self, id: SegmentId) -> Result<Option<KnownSegment>, dynamics::Error> {
        self.dataverse.known_segment(id).await
    }

    async fn definition(&self, id: DefinitionId) -> Result<Definition, dynamics::Error> {
        self.dataverse.definition(id).await
    }

    async fn check_may_create(&self) -> Result<(), dynamics::Error> {
        self.dataverse.check_may_create().await
    }

    async fn create_segment(
        &self,
        name: &SegmentName,
        description: &str,
    ) -> Result<(Segment, Definition), dynamics::Error> {
        self.dataverse.create_segment(name, description).await
    }

    async fn describe(&self, segment: &Segment, description: &str) -> Result<Saved, dynamics::Error> {
        self.dataverse.describe(segment, description).await
    }

    async fn disable_refresh(&self, definition: &Definition) -> Result<Saved, dynamics::Error> {
        self.dataverse.disable_refresh(definition).await
    }

    async fn save_groups(&self, definition: &Definition, groups: &[Group]) -> Result<Saved, dynamics::Error> {
        self.dataverse.save_groups(definition, groups).await
    }

    async fn list_members(
        &self,
        segment: SegmentId,
        group: &GroupId,
        expected: usize,
    ) -> Result<Vec<ContactId>, dynamics::Error> {
        self.dataverse.list_members(segment, group, expected).await
    }

    async fn published_members(
        &self,
        segment: SegmentId,
        expected: usize,
    ) -> Result<Option<Vec<ContactId>>, dynamics::Error> {
        self.dataverse.published_members(segment, expected).await
    }

    async fn look_up(&self, ids: &[ContactId]) -> Result<LookedUp, dynamics::Error> {
        self.dataverse.look_up(ids).await
    }

    fn batch_size(&self) -> usize {
        Batch::MAX
    }

    fn max_concurrent(&self) -> usize {
        self.dataverse.max_concurrent()
    }

    async fn add_members(
        &self,
        segment: SegmentId,
        group: &GroupId,
        batch: Batch<'_>,
        allowance: &Allowance<'_>,
    ) -> Result<Vec<ContactId>, dynamics::Error> {
        let refused = self.dataverse.add_members(segment, group, batch, allowance).await?;
        self.got_on();
        Ok(refused)
    }

    async fn remove_members(
        &self,
        segment: SegmentId,
        group: &GroupId,
        batch: Batch<'_>,
    ) -> Result<(), dynamics::Error> {
        self.dataverse.remove_members(segment, group, batch).await?;
        self.got_on();
        Ok(())
    }

    async fn publish(&self, id: SegmentId) -> Result<Option<DateTime<Utc>>, dynamics::Error> {
        self.got_on();
        self.dataverse.publish(id).await
    }

    fn progress(&self) -> u64 {
        self.progress.load(Ordering::Relaxed)
    }

    fn unanswered(&self) -> Option<Instant> {
        self.dataverse.unanswered()
    }

    fn requests(&self) -> u64 {
        self.dataverse.requests()
    }

    fn throttled(&self) -> Duration {
        self.dataverse.throttled()
    }
}
