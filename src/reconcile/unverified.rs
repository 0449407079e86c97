//! A draft that nobody can verify: its result is known by a hash only, and it is another one.

use std::fmt;

/// Why what was published cannot be published again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unverified {
    /// How many members the draft has.
    pub members: u64,
    /// How many were published; loads of earlier versions did not keep it.
    pub published: Option<u64>,
    /// Why the file of a complete result cannot be loaded again; `None` if it was an addition or removal, which does
    /// not say who else is in the segment.
    pub file: Option<String>,
}

impl fmt::Display for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "Dynamics does not show what was published, and it was not published again, since the segment's draft ",
        )?;
        match self.published {
            Some(published) if published == self.members => write!(f, "has {published} members as then, but others")?,
            Some(published) => write!(f, "has {} members, and not the {published} of then", self.members)?,
            None => write!(
                f,
                "has {} members, and an earlier version of this function did not note which were published",
                self.members
            )?,
        }
        match &self.file {
            Some(why) => write!(f, ", and its result cannot be loaded again: {why}")?,
            None => f.write_str(", and an addition or removal does not say who belongs in it")?,
        }
        f.write_str(
            "; nothing was changed: load a complete result with {\"action\":\"load\",\"key\":...,\"mode\":\"replace\"}, \
             or put the members right in Dynamics and publish the segment there",
        )
    }
}
