//! From an object that may be a result to a job: which segment, which version, which run.

use crate::config::{Metadata, ResultFiles, Settings, Variables, resolve_segment_name};
use crate::domain::{Fate, Home, Mode, ObjectRef, Pinned, RunId, SegmentName, utc};
use crate::error::{Error, WayOut};
use crate::event::LoadCommand;
use crate::means::Means;
use crate::report::Source;
use crate::source::{self, ObjectVersion, Role};
use crate::state::Job;
use crate::text::shown;
use chrono::{DateTime, TimeDelta, Utc};

/// One object to look at, and what a direct command said about it.
pub struct Candidate {
    /// The object, by its name.
    pub object: ObjectRef,
    /// What a direct command said.
    pub command: Option<LoadCommand>,
}

/// A candidate of which S3 has said what it is.
pub(crate) struct Resolved {
    /// The job, as long as nobody has looked at the files of a result in several.
    pub(crate) job: Job,
    pub(crate) is_direct: bool,
    pub(crate) dry_run: bool,
    object: ObjectVersion,
    is_in_several: bool,
    /// The run that somebody approves.
    approval: Option<String>,
}

impl Resolved {
    /// Makes the job: pins the files of a result in several, names the run, and looks whether an approval is for it.
    ///
    /// Files that make no result are pinned as none: whatever is found when they are read was not there.
    pub(crate) async fn take_up(self, means: &impl Means) -> Result<Job, Error> {
        let mut job = self.job;
        if self.is_in_several {
            let pinned = match means.parts(&self.object, job.mode).await {
                Ok(parts) => parts.pin(),
                Err(error) if matches!(error.fate(), Fate::Refuse | Fate::PutAside) => Pinned::of([]),
                Err(error) => return Err(error.into()),
            };
            job.run_id = RunId::of(means.home(), &job.segment_name, job.mode, &job.object, Some(&pinned));
            job.parts = Some(pinned);
        }
        if let Some(approved) = &self.approval {
            check_approval(approved, &job)?;
            job.approved = true;
        }
        Ok(job)
    }
}

impl Resolved {
    /// Looks whether the object is a result of its own, where each object is one.
    pub(crate) async fn check_alone(&self, means: &impl Means) -> Result<(), source::Error> {
        if !self.is_in_several {
            means.parts(&self.object, self.job.mode).await?;
        }
        Ok(())
    }
}

impl Candidate {
    /// Learns from S3 which job the candidate is; `None` if an event tells of an object that starts no run.
    pub(crate) async fn resolve(
        &self,
        means: &impl Means,
        settings: &Settings,
        variables: &Variables,
    ) -> Result<Option<Resolved>, Error> {
        let command = self.command.as_ref();
        let files = settings.destination.rules.result_files;
        if command.is_none() && self.starts_no_run(files, settings.destination.rules.mode) {
            return Ok(None);
        }
        if variables.scope().is_own(&self.object.bucket, &self.object.key) {
            return Err(Error::refused(
                format!("{} is one of the function's own objects and no result", self.object),
                "it is a file of this program's own and no result",
            ));
        }
        let mut object = means.locate(&self.object).await?;
        if check_time(&object, means.s3_time()).is_err() {
            // Where the time has jumped since S3 was asked last, its first answer alone is not believed.
            object = means.locate(&self.object).await?;
            check_time(&object, means.s3_time())?;
        }
        let name = resolve_segment_name(
            command.and_then(|command| command.segment_name.as_ref()),
            named_by(&object),
            &self.object.key,
            &variables.results_prefix,
            settings.destination.rules.segment_name.as_ref(),
        )?;
        let job = job_for(&object, means.home(), name, command, settings.destination.rules.mode)?;
        Ok(Some(Resolved {
            is_in_several: Role::is_in_several(&object.key, files, job.mode),
            job,
            is_direct: command.is_some(),
            dry_run: command.is_some_and(|command| command.dry_run),
            object,
            approval: command.and_then(|command| command.approve.clone()),
        }))
    }

    /// Returns whether the object is a marker, or a part whose manifest or marker starts the run.
    ///
    /// A part that comes alone is a run, so that its refusal says which setting to change.
    fn starts_no_run(&self, files: ResultFiles, mode: Mode) -> bool {
        match Role::of_event(&self.object.key, files, mode) {
            Role::Whole | Role::Manifest | Role::Folder | Role::Hidden => false,
            Role::Part => files != ResultFiles::Single,
            Role::Ignored => true,
        }
    }

    /// Returns the segment that a command names, which is known whatever becomes of the object.
    pub(crate) fn named(&self) -> Option<SegmentName> {
        let command = self.command.as_ref()?;
        let name = command.segment_name.clone()?;
        match command.sample {
            Some(_) => name.for_sample().ok(),
            None => Some(name),
        }
    }

    /// Names the object as far as the candidate does.
    pub(crate) fn source(&self) -> Source {
        Source {
            object: self.object.clone(),
            files: Vec::new(),
        }
    }
}

/// Returns what the object's metadata says of the segment's name.
fn named_by(object: &ObjectVersion) -> Metadata<'_> {
    match object.metadata.get("segment-name") {
        Some(name) => Metadata::Name(name),
        None if object.hidden_metadata => Metadata::Hidden,
        None => Metadata::None,
    }
}

/// How far the time of an object may lie ahead of the time of S3's answer: half of what a head may hold, so that what one of
/// S3's servers tells is no damage by the clock of another.
const LONGEST_AHEAD: TimeDelta = TimeDelta::seconds(30);

/// Refuses an object whose time is still to come: noted in a head it would stand above all that comes until then, and no
/// worker could tell it from damage.
fn check_time(object: &ObjectVersion, now: DateTime<Utc>) -> Result<(), Error> {
    let written = object.last_modified;
    if written - now <= LONGEST_AHEAD {
        return Ok(());
    }
    let reason = format!(
        "{} was written at {} by its `LastModified`, which is still to come: S3's clock says {}. Nothing was noted of it, so \
         that other files are loaded as ever. Write or copy it once more to have it loaded now; else a sweep takes it up once \
         that time has come",
        object.url(),
        utc(written),
        utc(now)
    );
    Err(Error::refused(reason, "its time is still to come"))
}

/// Refuses an approval that is for something else than this job.
fn check_approval(approved: &str, job: &Job) -> Result<(), Error> {
    let Job { run_id, mode, .. } = job;
    if approved == run_id.as_str() {
        return Ok(());
    }
    let before = RunId::of_before(&job.segment_name, *mode, &job.object, job.parts.as_ref());
    let what = if before.iter().any(|before| before.as_str() == approved) {
        "it was printed by an earlier version of this function, whose approvals did not say in which environment a file is \
         loaded, nor, at first, how, nor of which files a result consists"
            .to_owned()
    } else {
        format!(
            "what was approved is another file, version, mode (this is {}), segment or environment, or the files of the result \
             are others now",
            mode.name()
        )
    };
    let reason = format!(
        "the approval names run {}, but this input is run {run_id}: {what}; load it without `approve` to see its numbers and \
         the command that approves it",
        shown::word(approved)
    );
    let way_out = WayOut::Do("Load it without an approval, which tells what there is to approve.");
    Err(Error::refused_until(
        way_out,
        reason,
        "the approval is for something else",
    ))
}

fn job_for(
    object: &ObjectVersion,
    home: &Home,
    name: SegmentName,
    command: Option<&LoadCommand>,
    mode: Mode,
) -> Result<Job, Error> {
    let sample = command.and_then(|command| command.sample);
    let (name, mode) = match sample {
        Some(_) => (name.for_sample().map_err(Error::unfit_sample_name)?, Mode::Replace),
        None => (name, command.and_then(|command| command.mode).unwrap_or(mode)),
    };
    let reference = object.reference();
    let run_id = RunId::of(home, &name, mode, &reference, None);
    Ok(Job {
        run_id,
        object: reference,
        parts: None,
        mode,
        segment_name: name,
        sample: sample.map(std::num::NonZero::get),
        approved: false,
        direct: None,
        position: object.position(),
    })
}
