//! What is tried on the rows of the trial segment: making them, and changing one that somebody else has changed.

use super::experiment::{Create, Experiment, Made};
use super::seen::Seen;
use crate::dynamics::{Error, Group, Saved};

/// By which a trial segment is told from one that somebody else made, and what people read who find one.
pub(super) const DESCRIPTION: &str = "Trial segment of segment-loader (verify_environment). It is removed by itself; where it \
                                      is left it may be deleted by hand.";

impl Experiment {
    /// `create`
    pub(super) async fn create(&mut self) -> Result<Seen, Error> {
        if !self.dataverse.find_segments(&self.name).await?.is_empty() {
            return Ok(Seen::untried("a segment of the trial's name is there already"));
        }
        if let Err(error) = self.dataverse.check_may_create().await {
            return Ok(Seen::fails(error.to_string()));
        }
        self.create = Create::Begun;
        let (segment, definition) = match self.dataverse.create_segment(&self.name, DESCRIPTION).await {
            Ok(rows) => rows,
            Err(error) => {
                if error.refusal().is_some() {
                    self.create = Create::Refused;
                }
                return Ok(Seen::of_refusal(&error));
            }
        };
        let Some(group) = definition.groups.iter().find(|group| group.include) else {
            return Ok(Seen::fails("the definition was created without its group"));
        };
        let id = definition.id;
        self.made = Some(Made {
            segment,
            group: group.id.clone(),
            definition,
        });
        let now = self.dataverse.definition(id).await?;
        let written = self.made.as_ref().map(|made| &made.definition);
        let is_as_written =
            written.is_some_and(|written| written.groups == now.groups) && now.refresh_disabled && now.query.is_empty();
        Ok(if is_as_written {
            Seen::holds("a definition and its segment were created, and read back as they were written")
        } else {
            Seen::fails("the definition reads back with other groups, with a query, or with its refresh switched on")
        })
    }

    /// `stale_etag_is_refused`
    pub(super) async fn stale_etag_is_refused(&self, made: &Made) -> Result<Seen, Error> {
        const NO_VERSIONS: &str = "the table of definitions keeps no versions: what somebody else changes in the very moment \
                                   in which a load saves its own change can be lost";
        let before = self.dataverse.definition(made.definition.id).await?;
        let groups = [&before.groups[..], &[Group::fresh("Second group")]].concat();
        match self.dataverse.save_groups(&before, &groups).await? {
            Saved::Done => {}
            Saved::Outdated => return Ok(Seen::untried("somebody else changes the trial segment")),
            Saved::NotVersioned => return Ok(Seen::fails(NO_VERSIONS)),
        }
        if self.dataverse.definition(before.id).await?.etag == before.etag {
            return Ok(Seen::fails("a change leaves the version of the definition as it was"));
        }
        Ok(match self.dataverse.save_groups(&before, &before.groups).await? {
            Saved::Outdated => Seen::holds("a change that names an older version is refused"),
            Saved::NotVersioned => Seen::fails(NO_VERSIONS),
            Saved::Done => Seen::fails(
                "a change that names an older version is made all the same: what somebody else changes in the very moment in \
                 which a load saves its own change can be lost",
            ),
        })
    }
}
