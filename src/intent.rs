//! From a hint to a wish: which segment, which version, which run.

use crate::domain::{Mode, ObjectRef, RunId, SegmentName};
use crate::environment::Environment;
use crate::error::Error;
use crate::event::LoadCommand;
use crate::means::Means;
use crate::report::Source;
use crate::settings::{Metadata, ResultFiles, Settings, settle_segment_name};
use crate::shown;
use crate::source::{ObjectVersion, Role};
use crate::state::Wish;

/// One object to look at, and what a direct command said about it.
pub struct Hint {
    /// The object, by its name.
    pub object: ObjectRef,
    /// What a direct command said.
    pub command: Option<LoadCommand>,
}

/// What a hint comes to.
pub(crate) struct Intent {
    pub(crate) wish: Wish,
    pub(crate) is_order: bool,
    pub(crate) dry_run: bool,
}

impl Hint {
    /// Learns from S3 what the hint asks for; nothing where an event tells of an object that starts no run.
    pub(crate) async fn settle(
        &self,
        means: &impl Means,
        settings: &Settings,
        environment: &Environment,
    ) -> Result<Option<Intent>, Error> {
        let command = self.command.as_ref();
        let files = settings.destination.result_files;
        if command.is_none() && self.starts_no_run(files, settings.destination.mode) {
            return Ok(None);
        }
        if environment.scope().is_own(&self.object.bucket, &self.object.key) {
            return Err(Error::Refused(format!(
                "{} is one of the function's own objects and no result",
                self.object
            )));
        }
        let object = means.locate(&self.object).await?;
        let name = settle_segment_name(
            command.and_then(|command| command.segment_name.as_ref()),
            named_by(&object),
            &self.object.key,
            &environment.results_prefix,
            settings.destination.segment_name.as_ref(),
        )?;
        let wish = wish_for(&object, name, command, settings.destination.mode)?;
        let dry_run = command.is_some_and(|command| command.dry_run);
        Ok(Some(Intent {
            wish,
            is_order: command.is_some(),
            dry_run,
        }))
    }

    /// Tells whether the object is a marker, or a part whose manifest or marker starts the run.
    ///
    /// A part that comes alone is a run, so that its refusal says which setting to change.
    fn starts_no_run(&self, files: ResultFiles, mode: Mode) -> bool {
        match Role::of_event(&self.object.key, files, mode) {
            Role::Whole | Role::Manifest | Role::Folder | Role::Hidden => false,
            Role::Part => files != ResultFiles::Single,
            Role::Ignored => true,
        }
    }

    /// Names the object as far as the hint does.
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

fn wish_for(
    object: &ObjectVersion,
    name: SegmentName,
    command: Option<&LoadCommand>,
    mode: Mode,
) -> Result<Wish, Error> {
    let sample = command.and_then(|command| command.sample);
    let (name, mode) = match sample {
        Some(_) => (name.for_sample().map_err(Error::unfit_sample_name)?, Mode::Replace),
        None => (name, command.and_then(|command| command.mode).unwrap_or(mode)),
    };
    let reference = object.reference();
    let run_id = RunId::of(&name, &reference);
    let approved = match command.and_then(|command| command.approve.as_deref()) {
        Some(approved) if approved != run_id.as_str() => {
            return Err(Error::Refused(format!(
                "the approval names run {}, but this input is run {run_id}: what was approved is another file, version or \
                 segment; look at this one's numbers first",
                shown::word(approved)
            )));
        }
        approval => approval.is_some(),
    };
    Ok(Wish {
        run_id,
        object: reference,
        mode,
        segment_name: name,
        sample: sample.map(std::num::NonZero::get),
        approved,
        ordered: None,
        order: object.order(),
    })
}
