//! How a file changes a segment.

use serde::{Deserialize, Serialize};

/// What a load does with the members it finds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The segment ends as exactly the file.
    Replace,
    /// The file's contacts are added.
    Append,
    /// The file's contacts are removed.
    Remove,
}

impl Mode {
    /// Every mode by its name outside.
    pub const NAMES: [(&str, Self); 3] = [
        (Self::Replace.name(), Self::Replace),
        (Self::Append.name(), Self::Append),
        (Self::Remove.name(), Self::Remove),
    ];

    /// Returns the name outside.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Append => "append",
            Self::Remove => "remove",
        }
    }
}
