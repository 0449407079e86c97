//! The words with which a destination says what a load does.

use serde::{Deserialize, Serialize};

/// What an empty result means.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmptyResult {
    /// An accident: the load is refused.
    Refuse,
    /// The segment is to be emptied.
    Clear,
}

impl EmptyResult {
    pub(super) const NAMES: [(&str, Self); 2] = [("refuse", Self::Refuse), ("clear", Self::Clear)];
}

/// Which contact ids are looked up in Dynamics before they are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckContacts {
    /// None: what Dynamics does not accept is seen afterwards.
    None,
    /// Those that are about to be added.
    Added,
}

impl CheckContacts {
    pub(super) const NAMES: [(&str, Self); 2] = [("none", Self::None), ("added", Self::Added)];
}

/// What starts a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResultFiles {
    /// Each object is a whole result.
    Single,
    /// A manifest, which lists the parts of the result.
    Manifest,
    /// A marker such as `_SUCCESS`; the data files beside it are the result.
    Folder,
}

impl ResultFiles {
    pub(super) const NAMES: [(&str, Self); 3] = [
        ("single", Self::Single),
        ("manifest", Self::Manifest),
        ("folder", Self::Folder),
    ];
}
