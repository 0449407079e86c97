//! From a hint to a wish: which segment, which version, which run.

use crate::error::Error;
use crate::event::LoadCommand;
use crate::report::Source;
use crate::settings::{Mode, SegmentName, Settings};
use crate::source::{ObjectVersion, Objects};
use crate::state::{ObjectRef, Order, RunId, Wish};
use chrono::DateTime;

/// One object to look at, and what a direct command said about it.
pub(crate) struct Hint {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) version_id: Option<String>,
    pub(crate) command: Option<LoadCommand>,
}

/// What a hint comes to: a wish, with the settings of its destination.
pub(crate) struct Intent {
    pub(crate) settings: Settings,
    pub(crate) wish: Wish,
    pub(crate) is_order: bool,
    pub(crate) dry_run: bool,
}

impl Hint {
    /// Learns from S3 what the hint asks for.
    pub(crate) async fn settle(
        &self,
        objects: &Objects,
        settings: Settings,
        results_prefix: &str,
    ) -> Result<Intent, Error> {
        let object = objects
            .head(&self.bucket, &self.key, self.version_id.as_deref())
            .await?;
        let command = self.command.as_ref();
        let name = SegmentName::settle(
            command.and_then(|command| command.segment_name.as_deref()),
            object.metadata.get("segment-name").map(String::as_str),
            &self.key,
            results_prefix,
            settings.destination.segment_name.as_deref(),
        )?;
        let wish = wish_for(&object, name, command, settings.destination.mode)?;
        let dry_run = command.is_some_and(|command| command.dry_run);
        Ok(Intent {
            settings,
            wish,
            is_order: command.is_some(),
            dry_run,
        })
    }

    /// Names the object as far as the hint does.
    pub(crate) fn source(&self) -> Source {
        let object = ObjectRef {
            bucket: self.bucket.clone(),
            key: self.key.clone(),
            version_id: self.version_id.clone(),
            etag: String::new(),
        };
        Source {
            object,
            files: Vec::new(),
        }
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
    let object_ref = ObjectRef {
        bucket: object.bucket.clone(),
        key: object.key.clone(),
        version_id: object.version_id.clone(),
        etag: object.etag.clone(),
    };
    let (seconds, nanos) = object.last_modified;
    let order = Order {
        last_modified: DateTime::from_timestamp(seconds, nanos).unwrap_or_default(),
        key: object.key.clone(),
        version_id: object.version_id.clone(),
    };
    let run_id = RunId::of(name.as_str(), &object_ref);
    let approved = match command.and_then(|command| command.approve.as_deref()) {
        Some(approved) if approved != run_id.as_str() => {
            return Err(Error::Refused(format!(
                "the approval names run {approved}, but this input is run {run_id}: what was approved is another file, \
                 version or segment; look at this one's numbers first"
            )));
        }
        approval => approval.is_some(),
    };
    Ok(Wish {
        run_id,
        object: object_ref,
        mode,
        segment_name: name.as_str().to_owned(),
        sample: sample.map(std::num::NonZero::get),
        approved,
        ordered: None,
        order,
    })
}
