//! The scheduled sweep: finds results that no event told of, goes on with what was left, follows up what was published.

use super::failure::record_look;
use super::names::sought;
use super::resolve::{Candidate, Resolved};
use super::session::Done;
use super::{Asked, NOTING, Worker, by, heads};
use crate::domain::{Fate, Mode, ObjectRef, SegmentName, s3_url};
use crate::error::Error;
use crate::means::{LOOK_BACK, MOST_RESULTS, Means};
use crate::reconcile::survey;
use crate::report::{Noticed, Past, RunReport, Swept};
use crate::source::{Manner, Role, Unmarked};
use crate::state::{self, Bookmark, Enqueued, Head, Job, Waiting};
use futures_util::{StreamExt, stream};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// How many objects are looked at at a time.
const LOOKS_IN_FLIGHT: usize = 16;
/// How long it may take to note where the sweep is: two calls of S3 at their longest.
const LONGEST_PASSING: Duration = Duration::from_secs(30);

/// What a sweep did for one segment.
enum Served {
    /// It worked on it; the runs that came to an end.
    Done(Vec<RunReport>),
    /// Nothing was due; what waits, where anything does.
    LeftAlone(Option<Waiting>),
}

/// A segment's turn in a sweep: where its head lies, and the results that no event told of, newest first.
type Visits = BTreeMap<String, Vec<Resolved>>;

impl<M: Means> Worker<'_, M> {
    /// Sweeps all segments whose results lie in `bucket`, from the one on that comes behind where the last sweep stopped.
    ///
    /// Where a person asks for it `now`, no pause after a failure is waited for, and what fails then counts on. Whatever goes
    /// wrong with one segment is an entry in the answer and does not keep the others from their turn.
    pub async fn sweep(&self, bucket: &str, now: bool) -> Result<Swept, Error> {
        let (visits, mut swept) = self.find_visits(bucket).await?;
        let reading = by(self.stop_at, NOTING, self.means.bookmark());
        let mut bookmark = reading.await.unwrap_or_else(|error| {
            tracing::warn!(error = %error, "the sweep does not know where the last one stopped, and begins at the beginning");
            Bookmark::default()
        });
        let mut untold = Vec::new();
        for (key, lost) in from_behind(bookmark.behind.as_deref(), visits) {
            if Instant::now() >= self.stop_at {
                swept.noticed.push(Noticed::OutOfTime);
                break;
            }
            let segment_name = lost.first().map(|resolved| resolved.job.segment_name.clone());
            let reports = match self.serve(&key, lost, now, &mut bookmark, &mut swept.noticed).await {
                Ok(Served::Done(reports)) => reports,
                Ok(Served::LeftAlone(waiting)) => {
                    swept.waiting.extend(waiting);
                    Vec::new()
                }
                // Out of time, or a worker of an earlier version is at it.
                Err(error) if matches!(error.fate(), Fate::Continue | Fate::LostLease) => Vec::new(),
                Err(error) => {
                    let report = RunReport::of_segment(segment_name.as_ref(), &error);
                    vec![self.reporter.tell(report).await]
                }
            };
            swept.reports.extend(reports);
            let (is_stale, news) = self.notice_age(&key).await;
            swept.stale += usize::from(is_stale);
            untold.extend(news);
        }
        // Last: the bus may be slow, and what it has no time for the next sweep tells.
        self.tell_stale(untold).await;
        Ok(swept)
    }

    /// Finds all segments to look at, those that have a head, and those of results that no event told of; and says what it
    /// could not find out.
    ///
    /// Either may fail without the other; only where both do is there nothing to sweep.
    async fn find_visits(&self, bucket: &str) -> Result<(Visits, Swept), Error> {
        // The segments get their turn even where S3 answers too slowly to find anything new.
        let half = Instant::now() + self.stop_at.saturating_duration_since(Instant::now()) / 2;
        let found = by(
            half,
            "it looked for results that no event told of",
            self.lost_results(bucket),
        )
        .await;
        let listed = by(
            self.stop_at,
            "the heads of all segments were listed",
            self.means.list_heads(),
        )
        .await;
        let (found, listed) = match (found, listed) {
            (Err(error), Err(_)) => return Err(error),
            both => both,
        };
        let (mut visits, mut swept) = (Visits::new(), Swept::default());
        match found {
            Ok((lost, noticed)) => {
                visits.extend(lost.into_iter().map(|(name, jobs)| (self.means.head_key(&name), jobs)));
                swept.noticed.extend(noticed);
            }
            Err(error) => swept
                .reports
                .push(self.reporter.tell(RunReport::failed(&error, None)).await),
        }
        match listed {
            Ok(keys) => keys.into_iter().for_each(|key| {
                visits.entry(key).or_default();
            }),
            Err(error) => swept
                .reports
                .push(self.reporter.tell(RunReport::failed(&error, None)).await),
        }
        Ok((visits, swept))
    }

    /// Enqueues what no event told of, and does for one segment what is due.
    async fn serve(
        &self,
        key: &str,
        lost: Vec<Resolved>,
        now: bool,
        bookmark: &mut Bookmark,
        noticed: &mut Vec<Noticed>,
    ) -> Result<Served, Error> {
        noticed.extend(by(self.stop_at, NOTING, self.enqueue_lost(lost)).await?);
        let Some(mut head) = by(self.stop_at, NOTING, heads::read_at(&self.means, key)).await? else {
            return Ok(Served::LeftAlone(None));
        };
        let time = self.means.s3_time();
        if self.is_free_again(&head).await {
            let taking_up = heads::update(&self.means, &head.segment_name, |head, _| {
                head.take_up_waiting();
                head.clone()
            });
            head = by(self.stop_at, NOTING, taking_up).await?;
        }
        let asked = now.then_some(Asked { job: None, own: None });
        if asked.is_some() {
            head.lift_pauses();
        }
        let is_due = head.is_due(time);
        if !is_due && !head.is_to_be_looked_after(time) && !head.is_to_be_published_again(time) {
            return Ok(Served::LeftAlone(head.waiting(time)));
        }
        // Before anything is done: where the work kills the function, the next sweep begins with others.
        self.pass(key, bookmark).await;
        let done = if is_due {
            Box::pin(self.work(&head.segment_name, asked)).await
        } else {
            Box::pin(self.follow_up(&head, asked)).await?
        };
        let mut reports = done.reports;
        if let Some(error) = done.cut_short.filter(|error| error.fate() != Fate::LostLease) {
            let report = RunReport::of_segment(Some(&head.segment_name), &error);
            reports.push(self.reporter.tell(report).await);
        }
        Ok(Served::Done(reports))
    }

    /// Returns whether a job waits until nothing uses the segment, and nothing does any more; where that cannot be found out,
    /// the next sweep looks.
    async fn is_free_again(&self, head: &Head) -> bool {
        if !head.waits_for_use(self.means.s3_time()) {
            return false;
        }
        let sought = sought(&head.segment_name, head.applied.as_ref());
        let looking = survey::used_by(&self.means, sought);
        match by(self.stop_at, NOTING, looking).await {
            Ok(used_by) => !used_by.is_some_and(|used_by| used_by.is_used()),
            Err(error) => {
                tracing::warn!(error = %error, "whether the segment is still in use could not be found out");
                false
            }
        }
    }

    /// Moves the bookmark, past another sweep's if need be; without it the sweep goes on all the same.
    async fn pass(&self, key: &str, bookmark: &mut Bookmark) {
        let moving = async {
            loop {
                match self.means.move_bookmark(bookmark, key).await? {
                    Some(moved) => return Ok::<_, state::Error>(moved),
                    None => *bookmark = self.means.bookmark().await?,
                }
            }
        };
        let moving = by(self.stop_at.min(Instant::now() + LONGEST_PASSING), NOTING, moving);
        match moving.await {
            Ok(moved) => *bookmark = moved,
            Err(error) => tracing::warn!(error = %error, "where the sweep is could not be noted"),
        }
    }

    /// Looks whether a segment that was published is Active by now; where Dynamics failed, its result is loaded again after
    /// a pause. What else fails is a failure of the segment, but for the end of the time.
    async fn follow_up(&self, head: &Head, asked: Option<Asked<'_>>) -> Result<Done, Error> {
        let mut done = Done::default();
        let Some(session) = self.take(&head.segment_name, asked).await? else {
            return Ok(done);
        };
        session.tell_of_the_attempt_before(&mut done).await;
        // Since that head was read, another worker may have had the segment, and have published something else.
        let head = match session.lease.during(session.lease.look()).await {
            Ok(head) => head,
            Err(error) => {
                session.give_back(&done).await;
                done.cut_short = Some(error.into());
                return Ok(done);
            }
        };
        let Some(applied) = head.left_to_finish(self.means.s3_time()) else {
            Box::pin(session.go_on(&mut done)).await;
            return Ok(done);
        };
        let seen = match session.lease.during(Box::pin(session.finish(applied))).await {
            Ok(seen) => seen,
            Err(error) => match error.fate() {
                Fate::LostLease => return Ok(done),
                Fate::Continue => {
                    if let Some(failed) = record_look(&session.lease, &applied.job, error).await {
                        session.tell(&mut done, [failed]).await;
                        session.give_back(&done).await;
                    }
                    return Ok(done);
                }
                _ => Some(session.fail_to_confirm(applied, error).await),
            },
        };
        match seen {
            Some(seen) => {
                let seen = seen.after(Past::of(&head, &applied.job).until(session.lease.recovery()));
                session.tell(&mut done, [seen]).await;
            }
            None => session.tell_overdue(&head, applied, &mut done).await,
        }
        Box::pin(session.go_on(&mut done)).await;
        Ok(done)
    }

    /// Finds the results of the last days, newest first, by segment; returns what it noticed, too.
    pub(super) async fn lost_results(
        &self,
        bucket: &str,
    ) -> Result<(BTreeMap<SegmentName, Vec<Resolved>>, Vec<Noticed>), Error> {
        let mut by_segment: BTreeMap<SegmentName, Vec<Resolved>> = BTreeMap::new();
        let (keys, noticed) = self.recent_results(bucket).await?;
        let candidates = keys.into_iter().map(|key| Candidate {
            object: ObjectRef::unseen(bucket.to_owned(), key, None),
            command: None,
        });
        let looks = candidates.map(|candidate| async move {
            let resolved = candidate.resolve(&self.means, self.settings, self.variables).await;
            resolved.inspect_err(|error| {
                tracing::warn!(bucket, key = candidate.object.key, error = %error, "the sweep cannot tell what a result is for");
            })
        });
        let mut looks = std::pin::pin!(stream::iter(looks).buffer_unordered(LOOKS_IN_FLIGHT));
        while let Some(look) = looks.next().await {
            if let Ok(Some(resolved)) = look {
                by_segment
                    .entry(resolved.job.segment_name.clone())
                    .or_default()
                    .push(resolved);
            }
        }
        for resolved in by_segment.values_mut() {
            resolved.sort_by(|a, b| b.job.position.place().cmp(&a.job.position.place()));
        }
        Ok((by_segment, noticed))
    }

    /// Enqueues of the results that no event told of what the head does not know; says of which it cannot tell.
    async fn enqueue_lost(&self, newest_first: Vec<Resolved>) -> Result<Option<Noticed>, Error> {
        let Some(segment_name) = newest_first.first().map(|resolved| resolved.job.segment_name.clone()) else {
            return Ok(None);
        };
        let head = heads::read(&self.means, &segment_name).await?;
        let (jobs, untold) = self.take_up_unknown(&head, newest_first).await;
        if !jobs.is_empty() {
            for job in heads::enqueue_lost(&self.means, &segment_name, &jobs).await? {
                tracing::info!(run_id = %job.run_id, key = job.object.key, "a result was found that no event told of");
            }
        }
        let count = untold.len();
        let newest = untold.into_iter().next();
        Ok(newest.map(|newest| Noticed::Untold {
            segment_name,
            count,
            newest,
        }))
    }

    /// Makes jobs of what the head does not know, of replaces only of the newest that is not refused; and returns those of which
    /// it cannot tell.
    ///
    /// Where the files of that newest one cannot be listed, no older one takes its place.
    async fn take_up_unknown(&self, head: &Head, newest_first: Vec<Resolved>) -> (Vec<Job>, Vec<ObjectRef>) {
        let (mut jobs, mut untold, mut superseded) = (Vec::new(), Vec::new(), None);
        for resolved in newest_first {
            let known = head.recall(&resolved.job);
            let is_last = resolved.job.mode == Mode::Replace && !matches!(known, Some(Enqueued::Refused(_)));
            if known.is_none() && head.cannot_tell_of(&resolved.job) {
                untold.push(resolved.job.object);
            } else if known == Some(Enqueued::Superseded) {
                superseded.get_or_insert(resolved.job);
            } else if known.is_none() {
                let object = resolved.job.object.to_string();
                match resolved.take_up(&self.means).await {
                    Ok(job) => jobs.push(job),
                    Err(error) => tracing::warn!(object, error = %error, "the sweep cannot take a result up"),
                }
            }
            if is_last {
                break;
            }
        }
        if let Some(newest) = superseded
            && let Err(error) = heads::pass_over(&self.means, head, &newest).await
        {
            tracing::warn!(error = %error, "that a result was overtaken could not be noted");
        }
        (jobs, untold)
    }

    /// Lists the keys of results that were dropped in the last days, and says whether there are more than it looks at.
    async fn recent_results(&self, bucket: &str) -> Result<(Vec<String>, Vec<Noticed>), Error> {
        let variables = self.variables;
        let (files, mode) = (
            self.settings.destination.rules.result_files,
            self.settings.destination.rules.mode,
        );
        let mut objects = self.means.list_results(MOST_RESULTS).await?;
        let too_many = (objects.len() > MOST_RESULTS).then(|| Noticed::TooManyResults {
            limit: MOST_RESULTS,
            prefix: s3_url(bucket, &variables.results_prefix),
        });
        objects.truncate(MOST_RESULTS);
        let now = self.means.s3_time();
        let since = now - LOOK_BACK;
        let scope = variables.scope();
        let manner = Manner {
            files,
            mode,
            scope: &scope,
        };
        let noticed: Vec<_> = too_many
            .into_iter()
            .chain(Unmarked::among(&objects, manner, now, LOOK_BACK).map(Noticed::Unmarked))
            .collect();
        let found = objects.into_iter().filter(|object| {
            let starts_a_run = match Role::of_event(&object.key, files, mode) {
                Role::Whole | Role::Manifest => object.size > 0,
                Role::Folder => true,
                Role::Part | Role::Ignored | Role::Hidden => false,
            };
            starts_a_run && object.last_modified >= since && scope.outside(bucket, &object.key).is_none()
        });
        Ok((found.map(|object| object.key).collect(), noticed))
    }
}

/// Visits the circle of segments so that it begins behind the one where the last sweep was.
fn from_behind(last: Option<&str>, mut visits: Visits) -> impl Iterator<Item = (String, Vec<Resolved>)> + use<> {
    // The smallest key that comes behind another is that key and a NUL.
    let behind = last.map(|last| visits.split_off(&format!("{last}\0")));
    behind.into_iter().flatten().chain(visits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_begins_behind_where_the_last_one_was_and_comes_round_to_it() {
        let order = |last: Option<&str>| {
            let visits = ["a", "b", "c"].map(|key| (key.to_owned(), Vec::new())).into();
            from_behind(last, visits).map(|(key, _)| key).collect::<String>()
        };
        assert_eq!(order(None), "abc");
        assert_eq!(order(Some("a")), "bca");
        assert_eq!(order(Some("c")), "abc");
        assert_eq!(order(Some("bb")), "cab", "it may be gone by now");
    }
}
