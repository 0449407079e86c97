//! What sets workers to work: S3's events, and people who load directly, make dry runs and approve.

use super::calls::BUCKET;
use super::files::{File, file_of};
use super::kinds::Environments;
use super::outcomes::Invocation;
use super::scenario::Scenario;
use super::situations::Situation;
use super::world::{MINUTE, SECOND, World};
use super::{Breach, Plant};
use segment_loader::domain::{Mode, ObjectRef};
use segment_loader::event::LoadCommand;
use segment_loader::report::{Outcome, RunReport};
use segment_loader::state::Job;
use segment_loader::worker::Candidate;
use std::mem;

/// What sets a worker to work.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trigger {
    /// S3's event about a file.
    Event(usize),
    /// A direct command to load a file.
    Direct(usize),
    /// A direct command to say what loading a file would do.
    DryRun(usize),
    /// A direct command that approves a refused input, by its number.
    Approval(usize),
    Sweep,
}

impl Trigger {
    /// Returns the file that it names by itself.
    pub(super) const fn file(self) -> Option<usize> {
        match self {
            Self::Event(file) | Self::Direct(file) | Self::DryRun(file) => Some(file),
            Self::Approval(_) | Self::Sweep => None,
        }
    }
}

/// A command with which somebody approves what was refused.
#[derive(Clone, Debug)]
pub(super) struct Approval {
    /// The file that the command names.
    file: usize,
    mode: Mode,
    /// The function to which it is given, and the environment in which the file was refused.
    function: usize,
    environment: usize,
    run: String,
    /// Whether it names what was refused, and by its own name.
    is_right: bool,
    /// Whether it was given before.
    was_given: bool,
    about: Situation,
}

/// What somebody does who has read of a refusal.
pub(super) struct Answer {
    /// So many milliseconds later.
    pub(super) after: u64,
    pub(super) trigger: Trigger,
    pub(super) function: usize,
    /// So much later they give the same command once more.
    pub(super) again: Option<u64>,
    /// A result of which a part is written anew meanwhile.
    pub(super) rewritten: Option<usize>,
}

/// What people have read of refusals, and what they answered.
#[derive(Default)]
pub(super) struct People {
    /// What was refused, as a head tells it.
    refused: Vec<Job>,
    approvals: Vec<Approval>,
    /// The keys that somebody has loaded directly, without an approval.
    ordered: Vec<String>,
}

impl People {
    /// Takes note of a refusal, which people may come to read.
    pub(super) fn learn(&mut self, refused: &Job) {
        self.refused.push(refused.clone());
    }

    /// Judges what waits: somebody has approved what is approved, and ordered what stands above all.
    pub(super) fn judge(&self, job: &Job) -> Option<Breach> {
        let key = &job.object.key;
        let breach = if job.approved && !self.have_approved(job) {
            format!("nobody has approved {key}")
        } else if job.stands_above() && !self.ordered.contains(key) {
            format!("nobody has ordered {key}")
        } else {
            return None;
        };
        Some(Breach::Approval(breach))
    }

    /// Returns whether somebody has approved just this.
    fn have_approved(&self, job: &Job) -> bool {
        let is_it = |approval: &&Approval| {
            approval.is_right && approval.run == job.run_id.as_str() && approval.mode == job.mode
        };
        self.approvals
            .iter()
            .filter(is_it)
            .any(|approval| approval.file == file_of(job))
    }
}

impl World {
    /// Lets somebody read a report who may approve what was refused; returns when, and which approval it is.
    pub(super) fn read_by_people(&mut self, report: &RunReport, by: Invocation) -> Option<Answer> {
        let run = report.run_id().filter(|_| report.outcome() == Outcome::Refused)?;
        let refused = self
            .people
            .refused
            .iter()
            .find(|refused| refused.run_id == *run)?
            .clone();
        let was_approved = |approval: &Approval| approval.run == refused.run_id.as_str();
        if self.people.approvals.iter().any(was_approved) || !self.rng.happens(600) {
            return None;
        }
        let is_elsewhere = self.scenario.environments == Environments::Two && self.rng.happens(900);
        let approval = Approval {
            function: if is_elsewhere { 1 - by.function } else { by.function },
            environment: by.environment,
            ..self.draw_approval(&refused)
        };
        self.people.approvals.push(approval);
        let number = self.people.approvals.len() - 1;
        let after = self.rng.between(10 * SECOND, 10 * MINUTE);
        let is_rewritten = self.scenario.is_in_several() && self.rng.happens(800);
        Some(Answer {
            after,
            trigger: Trigger::Approval(number),
            function: self.people.approvals[number].function,
            again: self.rng.happens(700).then(|| self.rng.between(0, 40 * MINUTE)),
            rewritten: is_rewritten.then(|| file_of(&refused)),
        })
    }

    /// Draws what somebody types who has read of a refusal: mostly the command that was printed.
    fn draw_approval(&mut self, refused: &Job) -> Approval {
        let right = Approval {
            file: file_of(refused),
            mode: refused.mode,
            function: 0,
            environment: 0,
            run: refused.run_id.as_str().to_owned(),
            is_right: true,
            was_given: false,
            about: Situation::ApprovedAndLoaded,
        };
        // In a bucket without versions a key names whatever lies there.
        let files = &self.scenario.files;
        let named = |file: usize| (&files[file].key, &files[file].version);
        let others = (0..files.len()).filter(|other| named(*other) != named(right.file));
        let others: Vec<_> = others.collect();
        match self.rng.between(0, 6) {
            0 => Approval {
                run: format!("{:016x}", self.rng.word()),
                is_right: false,
                about: Situation::ApprovedAnotherRun,
                ..right
            },
            1 if !others.is_empty() => Approval {
                file: self.rng.one_of(&others),
                is_right: false,
                about: Situation::ApprovedAnotherFile,
                ..right
            },
            2 => Approval {
                mode: self.rng.one_of(match right.mode {
                    Mode::Replace => &[Mode::Append, Mode::Remove],
                    Mode::Append => &[Mode::Replace, Mode::Remove],
                    Mode::Remove => &[Mode::Replace, Mode::Append],
                }),
                is_right: false,
                about: Situation::ApprovedAnotherMode,
                ..right
            },
            _ => right,
        }
    }

    /// Returns the candidate that a trigger names.
    pub(super) fn candidate(&mut self, trigger: Trigger, environment: usize) -> Option<Candidate> {
        let now = self.now();
        let scenario = &self.scenario;
        let (index, command) = match trigger {
            Trigger::Event(index) => (index, None),
            Trigger::Direct(index) => {
                self.people.ordered.push(scenario.files[index].key.clone());
                (index, Some(scenario.command(index, scenario.order_mode(index))))
            }
            Trigger::DryRun(index) => {
                let command = scenario.command(index, scenario.order_mode(index));
                self.seen.meet(Situation::DryRun);
                (
                    index,
                    Some(LoadCommand {
                        dry_run: self.plant != Some(Plant::DryRunsAreLoads),
                        ..command
                    }),
                )
            }
            Trigger::Approval(number) => {
                let approval = self.people.approvals[number].clone();
                if !approval.is_right {
                    self.seen.meet(approval.about);
                } else if approval.environment != environment {
                    self.seen.meet(Situation::ApprovedElsewhere);
                } else if scenario.is_changed(approval.file, now) {
                    self.seen.meet(Situation::ApprovedOtherParts);
                }
                let command = scenario.command(approval.file, approval.mode);
                let is_bound = match self.plant {
                    Some(Plant::ApprovalsNameAnything) => false,
                    Some(Plant::ApprovalsNameTheMarker) => !(scenario.is_in_several() && approval.is_right),
                    _ => true,
                };
                let named = if is_bound {
                    approval.run.clone()
                } else {
                    let named = scenario.run_id(approval.file, approval.mode, environment, now);
                    named.as_str().to_owned()
                };
                let was_given = mem::replace(&mut self.people.approvals[number].was_given, true);
                if was_given && approval.is_right && self.oracle.was_loaded(approval.file) {
                    self.seen.meet(Situation::ApprovedOnceMore);
                }
                // Whoever gives it once more is understood to load the file directly.
                let is_order = self.plant == Some(Plant::ApprovalsAreForgotten) && was_given;
                let approve = Some(named).filter(|_| !is_order);
                (approval.file, Some(LoadCommand { approve, ..command }))
            }
            Trigger::Sweep => return None,
        };
        let File { key, version, .. } = &self.scenario.files[index];
        Some(Candidate {
            object: ObjectRef::unseen(BUCKET.to_owned(), key.clone(), version.clone()),
            command,
        })
    }
}

impl Scenario {
    fn command(&self, index: usize, mode: Mode) -> LoadCommand {
        LoadCommand {
            bucket: None,
            key: self.files[index].key.clone(),
            segment_name: None,
            mode: Some(mode),
            sample: None,
            dry_run: false,
            approve: None,
        }
    }
}
