//! How the organization behaves where the real one is unknown, differs or fails.

use std::collections::BTreeSet;
use std::time::Duration;

/// Everything about the organization that a test may choose.
#[derive(Clone, Debug)]
pub struct Modes {
    /// Customer Insights - Journeys is not installed: every `msdynmkt_*` name is unknown.
    pub no_journeys: bool,
    /// There is no application user: 403 `0x80072560` on everything.
    pub user_missing: bool,
    /// Operations (as in the log) refused with 403 `0x80040220`.
    pub denied: BTreeSet<String>,
    /// What happens to ids that are no known contact (see `set_known_contacts`).
    pub unknown_contacts: UnknownContacts,
    /// Whether what is in a draft is counted and listed before it is published.
    pub drafts: Drafts,
    /// What adding a member and removing a contact that is none meets.
    pub repeats: Repeats,
    /// `AddStaticMembers` and `RemoveStaticMembers` answer 200 with a `ResultText` instead of 204.
    pub verbose_success: bool,
    /// How many list calls after a write still show the state before it.
    pub stale_reads: u32,
    /// How `ListGroupMembers` encodes its answer.
    pub encoding: Encoding,
    /// The largest `PageSize`; 400 above it.
    pub max_page_size: usize,
    /// The most members of one page, served without a word where more are asked for.
    pub page_clamp: usize,
    /// The most published members of one page of `MembersList`.
    pub members_page: usize,
    /// What `MembersList` makes of a wish for another page.
    pub members_paging: MembersPaging,
    /// The most rows of one page of a list.
    pub row_page: usize,
    /// What lists of rows make of a filter.
    pub filtering: Filtering,
    /// What a change that is tied to a definition's version meets.
    pub versions: Versions,
    /// What the binding of a new segment to a business unit meets.
    pub units: Units,
    /// What is answered about the privileges of the application user.
    pub privileges: Privileges,
    /// Whether an audience has contacts of the segment's business unit only.
    pub scoping: Scoping,
    /// How a publish ends.
    pub outcome: Outcome,
    /// From Publish to the end of computing.
    pub publish_delay: Duration,
    /// How long after Publish the row still shows its old state.
    pub publish_lag: Duration,
    /// How long after Publish a read row is the one from before it, whatever its definition says by then.
    pub row_lag: Duration,
    /// Whether definitions say when their members were computed.
    pub times: Times,
    /// Columns that this release of Journeys lacks: no row has them, and to name one is an error.
    pub lacking: BTreeSet<&'static str>,
    /// How often a segment with refresh enabled is computed again (Microsoft: 30 minutes).
    pub refresh_every: Duration,
    /// The header `x-ms-dop-hint`.
    pub dop_hint: Option<u32>,
}

/// What happens to ids that are no contact.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnknownContacts {
    /// The call succeeds, the ids are not there afterwards.
    Ignore,
    /// 400 for the whole batch, naming the first one.
    Refuse,
    /// They are members like others.
    Accept,
}

/// Who sees the members of a draft.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Drafts {
    /// Nobody: publishing is the commit point.
    Hidden,
    /// Everybody who looks at the segment.
    Shown,
}

/// What adding a member and removing a contact that is none meets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Repeats {
    /// Nothing changes.
    Accepted,
    /// 400 for the whole batch.
    Refused,
}

/// What `MembersList` makes of a wish for another page, which is not documented.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MembersPaging {
    /// Another page comes.
    Honoured,
    /// The first page comes again.
    Ignored,
    /// 400, since there is no such parameter.
    Refused,
}

/// What lists of rows make of a filter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Filtering {
    /// Text is compared without regard to case, as documented.
    Exact,
    /// Every row is answered.
    Ignored,
}

/// What a change that is tied to the version of a definition meets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Versions {
    /// Another version is refused.
    Kept,
    /// Whatever version is named, the change is made.
    Ignored,
    /// The table has no versions: the change is refused.
    Unknown,
}

/// What the binding of a new segment to a business unit meets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Units {
    /// That unit owns the segment.
    Bound,
    /// The application user's unit owns it all the same.
    Ignored,
    /// 403: the application user may not create there.
    Closed,
}

/// What is answered about the privileges of a user who has several roles, of which nothing is documented.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Privileges {
    /// Each role's.
    Each,
    /// The highest alone, as that of the user's own business unit.
    Merged,
    /// None: the privilege has another name than its table gives it.
    Renamed,
    /// 404: there is no such function.
    Missing,
}

/// Whether an audience has contacts of the segment's business unit only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scoping {
    /// It has contacts of any.
    Off,
    /// Those of other units are left out when it is computed.
    On,
}

/// Whether definitions say when their members were computed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Times {
    /// As documented.
    Told,
    /// The table has no such columns.
    Missing,
}

/// How `ListGroupMembers` encodes its answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// `"Response":"{\"entityIds\":[..]}"`, as documented.
    Text,
    /// `"Response":{"entityIds":[..]}`.
    Object,
    /// `"Response":"[..]"`.
    BareArray,
    /// `"Response":"{\"entityIds\":[\"id,id,id\"]}"`.
    CommaSeparated,
}

/// How a publish ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Status 1.
    Active,
    /// Status 7; the audience is the new one.
    Warnings,
    /// Status 3; the audience stays.
    Error,
    /// Status 11; the audience stays.
    Faulted,
    /// Status 6 for ever.
    Never,
    /// Any other status; the audience stays.
    Status(i64),
}

impl Default for Modes {
    fn default() -> Self {
        Self {
            no_journeys: false,
            user_missing: false,
            denied: BTreeSet::new(),
            unknown_contacts: UnknownContacts::Ignore,
            drafts: Drafts::Hidden,
            repeats: Repeats::Accepted,
            verbose_success: false,
            stale_reads: 0,
            encoding: Encoding::Text,
            max_page_size: 5000,
            page_clamp: usize::MAX,
            members_page: 1000,
            members_paging: MembersPaging::Honoured,
            row_page: 5000,
            filtering: Filtering::Exact,
            versions: Versions::Kept,
            units: Units::Bound,
            privileges: Privileges::Each,
            scoping: Scoping::Off,
            outcome: Outcome::Active,
            publish_delay: Duration::from_millis(300),
            publish_lag: Duration::ZERO,
            row_lag: Duration::ZERO,
            times: Times::Told,
            lacking: BTreeSet::new(),
            refresh_every: Duration::from_mins(30),
            dop_hint: Some(10),
        }
    }
}

impl Outcome {
    /// Returns the final status code, unless computing never ends.
    pub fn status(self) -> Option<i64> {
        match self {
            Self::Active => Some(1),
            Self::Warnings => Some(7),
            Self::Error => Some(3),
            Self::Faulted => Some(11),
            Self::Never => None,
            Self::Status(status) => Some(status),
        }
    }

    /// Says whether the audience becomes the new one.
    pub fn commits(self) -> bool {
        matches!(self, Self::Active | Self::Warnings)
    }
}
