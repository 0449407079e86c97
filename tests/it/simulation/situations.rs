//! What the simulation has to have met: a seed that never comes to a situation proves nothing about it.

/// A situation that some seeds come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Situation {
    Appended,
    Removed,
    /// A file could not be read for a while, and then could.
    ReplaceFailedForAWhile,
    AppendFailedForAWhile,
    RemoveFailedForAWhile,
    /// A file can never be read, and is tried again all the same.
    ReplaceFailedForGood,
    AppendFailedForGood,
    RemoveFailedForGood,
    /// A file is put aside for what it is.
    PutAside,
    /// One addition or removal was done while another one was failing.
    PassedAFailure,
    /// Two runs of one file were killed as they began to read it.
    DiedTwiceAtReading,
    /// Two runs of one file were killed in a row, at the same later action.
    DiedTwiceAtWork,
    /// Five runs of one file were killed, and a person was called.
    DiedFiveTimes,
    /// A run was killed after it had published, and before it could note so.
    DiedAfterPublishing,
    /// A call was not answered until the time was over.
    Hung,
    /// The body of one file did not come in two runs.
    HungTwiceAtReading,
    /// Dynamics fell silent in two runs of one file, from the same action on.
    HungTwiceAtWork,
    /// A person was called.
    AttentionAsked,
    /// Dynamics failed to compute a segment.
    PublishFailed,
    /// A published segment was stopped or expired before it was seen Active.
    PublishLapsed,
    /// Dynamics failed to compute it after its run had ended.
    PublishFailedLate,
    /// Dynamics answered that it publishes, and did nothing.
    PublishedWithoutEffect,
    /// A segment was Active, and failed after that.
    FailedAfterActive,
    /// A head could not be read.
    HeadUnreadable,
    /// A segment was loaded while another one's head could not be read.
    LoadedBesideUnreadable,
    /// A segment was loaded while the bodies of several files of another one did not come.
    LoadedBesideHanging,
    /// A refused input was approved, and loaded.
    ApprovedAndLoaded,
    /// An approval named another run.
    ApprovedAnotherRun,
    /// An approval named the run of another file.
    ApprovedAnotherFile,
    /// An approval named the run of another mode.
    ApprovedAnotherMode,
    /// There was a dry run.
    DryRun,
    /// An order named a file that had failed before.
    OrderedAfterFailure,
    /// An addition without anybody came while a publish was unconfirmed.
    EmptyWhileUnconfirmed,
    /// An event came an hour and more after its file, when a newer one had been loaded.
    EventCameHoursLate,
    /// Two contents came under one key within one second.
    UploadedTwiceInASecond,
    /// During a run a marketer added or removed members.
    MembersEdited,
    IncludeGroupAdded,
    ExcludeGroupAdded,
    GroupDeleted,
    QueryChanged,
    RefreshSwitchedOn,
    /// A marketer changed something while nobody worked on the segment.
    EditedBetweenRuns,
    /// A result in several files was loaded.
    LoadedInSeveral,
    /// A worker found a part written anew after its marker.
    PartsRewritten,
    PartCameLate,
    PartDeleted,
    MarkerDeleted,
    /// Another marker took the place of one that was taken up.
    MarkerReplaced,
    /// A result was refused since a marker came between its parts.
    OlderPartsRefused,
    /// An approval named a run whose parts had changed meanwhile.
    ApprovedOtherParts,
    /// One file was loaded in two environments that have the bucket in common.
    LoadedInTwoEnvironments,
    /// One file was loaded again after the function was switched to another environment.
    LoadedAfterTheSwitch,
    /// An approval was given in another environment.
    ApprovedElsewhere,
    /// A worker read a list of members that lagged behind.
    ListLagged,
    /// A segment was published while lists lagged.
    PublishedWhileListsLagged,
    /// A list showed what was there before what an earlier one had shown.
    ListWavered,
    /// A worker gave up since a list lagged too long.
    ListLaggedTooLong,
    SaidBusy,
    SaidToContinue,
    SaidSuperseded,
    /// A result of one mode was loaded under newer ones of another, which were counted before.
    LoadedUnderNewer,
    /// An approved result was loaded where something newer than its file had been counted.
    ApprovedUnderNewer,
    /// An approval was given once more, after its file was loaded.
    ApprovedOnceMore,
    /// A segment tells in Dynamics how it was loaded last, or what was refused.
    Described,
    /// During a run a marketer wrote into a description.
    NoteWritten,
    /// What was published showed fewer members than the draft had.
    PublishedShort,
    /// It was published again until all were there.
    MadeWhole,
    /// It was published again for nothing, and a person was called.
    StayedShort,
    /// Somebody else has published a segment of which nothing was half-written.
    PublishedByOthers,
    PartPublishedByOthers,
    /// What others had published was replaced by what we publish.
    PutRight,
    /// A segment was published while Dynamics computed what had been published before, which it then showed.
    PublishedWhileComputing,
    /// A worker found a segment of leads.
    FoundLeads,
    /// A call took effect after it was given up, while its worker still had the segment.
    CameLate,
    CameLateAfterTheRun,
}

/// The situations that seeds came to, or how many did.
#[derive(Clone, Debug)]
pub(super) struct Tally(Vec<u64>);

impl Situation {
    pub(super) const ALL: [Self; 75] = [
        Self::Appended,
        Self::Removed,
        Self::ReplaceFailedForAWhile,
        Self::AppendFailedForAWhile,
        Self::RemoveFailedForAWhile,
        Self::ReplaceFailedForGood,
        Self::AppendFailedForGood,
        Self::RemoveFailedForGood,
        Self::PutAside,
        Self::PassedAFailure,
        Self::DiedTwiceAtReading,
        Self::DiedTwiceAtWork,
        Self::DiedFiveTimes,
        Self::DiedAfterPublishing,
        Self::Hung,
        Self::HungTwiceAtReading,
        Self::HungTwiceAtWork,
        Self::AttentionAsked,
        Self::PublishFailed,
        Self::PublishLapsed,
        Self::PublishFailedLate,
        Self::PublishedWithoutEffect,
        Self::FailedAfterActive,
        Self::HeadUnreadable,
        Self::LoadedBesideUnreadable,
        Self::LoadedBesideHanging,
        Self::ApprovedAndLoaded,
        Self::ApprovedAnotherRun,
        Self::ApprovedAnotherFile,
        Self::ApprovedAnotherMode,
        Self::DryRun,
        Self::OrderedAfterFailure,
        Self::EmptyWhileUnconfirmed,
        Self::EventCameHoursLate,
        Self::UploadedTwiceInASecond,
        Self::MembersEdited,
        Self::IncludeGroupAdded,
        Self::ExcludeGroupAdded,
        Self::GroupDeleted,
        Self::QueryChanged,
        Self::RefreshSwitchedOn,
        Self::EditedBetweenRuns,
        Self::LoadedInSeveral,
        Self::PartsRewritten,
        Self::PartCameLate,
        Self::PartDeleted,
        Self::MarkerDeleted,
        Self::MarkerReplaced,
        Self::OlderPartsRefused,
        Self::ApprovedOtherParts,
        Self::LoadedInTwoEnvironments,
        Self::LoadedAfterTheSwitch,
        Self::ApprovedElsewhere,
        Self::ListLagged,
        Self::PublishedWhileListsLagged,
        Self::ListWavered,
        Self::ListLaggedTooLong,
        Self::SaidBusy,
        Self::SaidToContinue,
        Self::SaidSuperseded,
        Self::LoadedUnderNewer,
        Self::ApprovedUnderNewer,
        Self::ApprovedOnceMore,
        Self::Described,
        Self::NoteWritten,
        Self::PublishedShort,
        Self::MadeWhole,
        Self::StayedShort,
        Self::PublishedByOthers,
        Self::PartPublishedByOthers,
        Self::PutRight,
        Self::PublishedWhileComputing,
        Self::FoundLeads,
        Self::CameLate,
        Self::CameLateAfterTheRun,
    ];
}

impl Tally {
    /// In how many of 20,000 seeds each situation has to occur.
    const REQUIRED: u64 = 100;
    const OF_SEEDS: u64 = 20_000;

    pub(super) fn none() -> Self {
        Self(vec![0; Situation::ALL.len()])
    }

    /// Takes note that a seed has come to a situation.
    pub(super) fn meet(&mut self, situation: Situation) {
        self.0[situation as usize] = 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(sum, more)| *sum += more);
    }

    /// Returns the situations that too few of so many seeds came to, with how many did.
    pub(super) fn too_rare(&self, seeds: u64) -> Vec<(Situation, u64)> {
        let required = Self::REQUIRED * seeds / Self::OF_SEEDS;
        let counted = Situation::ALL.into_iter().zip(self.0.iter().copied());
        counted.filter(|(_, count)| *count < required).collect()
    }

    /// Tells how often each situation was met.
    pub(super) fn told(&self) -> String {
        let counted = Situation::ALL.iter().zip(&self.0);
        let lines = counted.map(|(situation, count)| format!("{count:>7} {situation:?}\n"));
        lines.collect()
    }
}
