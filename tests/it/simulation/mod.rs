//! A seeded simulation of the whole protocol: workers that die, stand still and lose answers, against an S3 and a
//! Dataverse in memory.
//!
//! The worker is the loader's own, to the last line: [`segment_loader::worker::Worker`], which reaches the outside by
//! [`segment_loader::means::Means`] only. Here those means are a model of S3 and Dataverse ([`calls`], [`means`],
//! [`world`], [`dataverse`]); beside them stand an oracle and a scheduler, and no decision of a worker's is told again. One
//! paused clock, one thread and no sockets: a seed decides everything. At every step a worker may be killed (what it sent
//! is still carried out), stand still past its lease, wait for as long as a call may take, or lose an answer; events come
//! late, twice, out of order or never, and direct orders for old files in between. Each run has two segments, two to
//! four files (some empty, some unreadable, some under the same key), and one mode. After the last event no more of that
//! goes wrong, and the sweep must bring peace.
//!
//! Some seeds have more ([`kinds`]): results in several files of which parts are written anew, come late or are deleted, or
//! whose marker is replaced or deleted ([`parts`]); two environments that have the bucket in common, or the one after a switch
//! half-way; lists of members that show writes late, by seconds to minutes, all by as many or each by others; functions of each mode
//! that load into the same segments, each from a prefix of its own; publishes that show fewer members than the draft has
//! ([`shortages`]), and publishes without any effect; others who press Publish, whatever the draft holds ([`others`]); calls that take
//! effect after they were given up ([`late`]); events that come hours late, in whatever order.
//!
//! Some things go wrong for hours after that, or for ever ([`traps`]): a file kills or holds up whoever works on it, at one
//! action of each run, or may not be read; a head is damaged; Dynamics fails to compute a segment however often it is
//! published. Marketers edit members, groups, query and refresh between any two calls ([`marketer`]); people make dry runs, load directly
//! and approve, not always what was refused, and now and then twice ([`people`]).
//!
//! After every step: nothing is published or visible but whole files, old or new, but for what a marketer did after the
//! last look; `applied` is never ahead of what is published; nobody sends a write while another worker has one under way; no
//! guard refuses what it would not refuse by the published audience, and none is opened but for what was approved; no file
//! is published while a newer one waits that came before the members were read back; a dry run writes nothing; no Exclude
//! group is lost; nobody is said to be refused whom Dynamics takes; no result is loaded whose parts an earlier marker divides,
//! but for what was approved; `busy`, `continues` and `superseded` are said only where it is true, and what went wrong with a segment
//! is told of it ([`outcomes`]). With each sweep: no file that could be loaded has waited for two sweeps beyond its pauses ([`patience`]).
//! In the end: the audience is that of the newest accepted file, or of all that were to be appended or removed, the head
//! has nothing pending and no half-written draft, and of whatever could not be loaded somebody has heard.
//!
//! Each of the [`situations`] has to come up in a hundred of 20,000 seeds, which CI plays, or in as large a share of fewer.
//! What passes between a worker and the world is falsified by [`plants`], one at a time, and each must be noticed.
//!
//! `SIMULATION_SEED=<n> cargo test --test it simulation` plays one seed again and tells its story; `SIMULATION_FROM=<n>` and
//! `SIMULATION_SEEDS=<n>` say where the seeds begin and end that are played.
//!
//! What it does not show:
//! - I/O code: S3's and Dataverse's real answers, their encodings, throttling and its pauses. The other tests do.
//! - A worker that stands still between looking at its fence and sending: one late batch, or a late Publish, may then
//!   meet the next worker's draft. Here the look and the sending are one step.
//! - A connection that breaks before its request is carried out: a late batch of one file may
//!   meet the draft of the next, where the worker dies before it can note that something may come.
//! - That the count of what is about to be published is needed: without it only a file that comes between a crash and the
//!   next attempt would be refused wrongly, which is too rare to be found by chance.
//! - A Dynamics that computes what the draft is by then, and not what it was at Publish, or what it was a while before: nobody
//!   tells which it is.
//! - Lists of which a later one shows less than an earlier one: whoever was taken may then be said not to be.
//! - A publish without any effect where definitions do not tell when they were computed: it is believed in the end, with a warning.
//! - A row that lags two versions behind: an earlier publication that is computed between the look before Publish and
//!   Publish itself may be taken for the new one's, and is looked at no more.
//! - Parts that are written anew within their marker's second, or are deleted before their folder is looked at first, results in
//!   several files that are added or removed; what was begun of a result whose parts change then is the next one's to settle.
//! - Files that kill where there are two environments; full groups, several segments of one name; people who change a large
//!   segment, by which the guards evaluate, and people who publish one.
//! - An order in another mode than the file's, but for a replace; files that do harm where there are several modes; samples.
//! - An order without the approval that takes the place of an approved one, which a killed run has published already.
//! - How long a load takes in an invocation of a minute, which may be too short for all its pauses: each gets on. Where
//!   contacts are dropped, only chance lets it come to its end; there an invocation has two minutes at least.
//! - A bucket without versions where a file is overwritten by one that is refused, or while it is half appended: what was
//!   begun is then lost, and only the next file settles it. Likewise files that are deleted after they were begun.
//! - Three contents of one key of which two came within one second: S3 tells of the last one only.
//! - A crash between Publish and `applied` leaves the guards with the earlier audience as their baseline while Dynamics
//!   is still computing: a refusal by that is not counted as wrong.
//! - Files of which Dynamics drops everybody in silence: they fail for as long as nobody looks.
//! - Deployments meanwhile, heads that are corrupt, more than 500 files remembered, results older than the sweep looks.

mod breach;
mod calls;
mod contacts;
mod damaged;
mod dataverse;
mod descriptions;
mod ear;
mod files;
mod functions;
mod kinds;
mod late;
mod marketer;
mod means;
mod noticing;
mod objects;
mod oracle;
mod others;
mod outcomes;
mod parts;
mod patience;
mod people;
mod plants;
mod process;
mod publishing;
mod rng;
mod scenario;
mod scheduler;
mod shortages;
mod situations;
mod traps;
mod world;

use breach::Breach;
use plants::Plant;
use scheduler::{Played, play};
use situations::Tally;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// How many seeds are played each time, where `SIMULATION_SEEDS` does not say otherwise.
const SEEDS: u64 = 4_000;

#[test]
fn whatever_fails_the_audience_is_the_right_one() {
    if let Some(seed) = number("SIMULATION_SEED") {
        let Played { breach, story, .. } = play(seed, None, true);
        assert!(breach.is_none(), "seed {seed}: {breach:?}\n{}", story.join("\n"));
        return;
    }
    let (first, end) = (
        number("SIMULATION_FROM").unwrap_or(0),
        number("SIMULATION_SEEDS").unwrap_or(SEEDS),
    );
    let (breaches, tally) = breaches(first..end, None);
    let seeds = end - first;
    assert!(
        breaches.is_empty(),
        "{} of {seeds} seeds failed; replay one with SIMULATION_SEED: {:#?}",
        breaches.len(),
        &breaches[..breaches.len().min(10)]
    );
    let too_rare = tally.too_rare(seeds);
    assert!(
        too_rare.is_empty(),
        "{seeds} seeds came to these too rarely: {too_rare:?}; of all there were
{}",
        tally.told()
    );
}

#[test]
fn without_a_lease_it_is_not() {
    assert_is_caught(Plant::EveryLeaseIsGranted, 500);
}

#[test]
fn without_a_sweep_it_is_not() {
    assert_is_caught(Plant::NobodySweeps, 100);
}

#[test]
fn with_truncate_and_load_it_is_not() {
    assert_is_caught(Plant::TruncateInPlace, 100);
}

#[test]
fn without_the_beginning_of_attempts_a_file_that_kills_is_tried_for_ever() {
    assert_is_caught(Plant::NoBeginningIsNoted, 500);
}

#[test]
fn without_a_mark_on_a_half_written_draft_it_is_not() {
    assert_is_caught(Plant::NothingIsMarked, 1_000);
}

#[test]
fn without_a_second_look_before_publishing_it_is_not() {
    assert_is_caught(Plant::NothingNewIsSeen, 500);
}

#[test]
fn with_the_host_s_own_clock_two_workers_write() {
    assert_is_caught(Plant::TheHostsOwnClock, 500);
}

#[test]
fn without_the_fence_two_workers_write() {
    assert_is_caught(Plant::TheFenceIsOpen, 5_000);
}

#[test]
fn without_a_look_at_what_lies_there_it_is_not() {
    assert_is_caught(Plant::NothingLiesThere, 2_000);
}

#[test]
fn where_what_fails_goes_first_others_wait_for_ever() {
    assert_is_caught(Plant::WhatFailsGoesFirst, 2_000);
}

#[test]
fn where_approvals_name_anything_guards_open_for_what_nobody_has_seen() {
    assert_is_caught(Plant::ApprovalsNameAnything, 1_000);
}

#[test]
fn where_approvals_are_forgotten_the_second_is_an_order_that_nobody_has_given() {
    assert_is_caught(Plant::ApprovalsAreForgotten, 1_000);
}

#[test]
fn where_one_head_stands_for_all_the_others_wait() {
    assert_is_caught(Plant::OneHeadStandsForAll, 2_000);
}

#[test]
fn without_a_count_of_late_failures_nobody_is_called() {
    assert_is_caught(Plant::NoLateFailureIsCounted, 1_000);
}

#[test]
fn where_a_file_without_anybody_confirms_it_is_not() {
    assert_is_caught(Plant::NobodyConfirms, 5_000);
}

#[test]
fn where_the_definition_is_read_once_a_marketer_s_group_is_published() {
    assert_is_caught(Plant::TheDefinitionIsReadOnce, 2_000);
}

#[test]
fn where_dry_runs_are_loads_they_leave_traces() {
    assert_is_caught(Plant::DryRunsAreLoads, 200);
}

#[test]
fn without_a_bookmark_what_hangs_keeps_the_others_from_their_turn() {
    assert_is_caught(Plant::EverySweepBeginsAtTheBeginning, 1_000);
}

#[test]
fn where_parts_are_not_pinned_a_folder_that_is_rewritten_is_published_in_part() {
    assert_is_caught(Plant::PartsAreNotPinned, 2_000);
}

#[test]
fn where_approvals_name_the_marker_guards_open_for_parts_that_nobody_has_seen() {
    assert_is_caught(Plant::ApprovalsNameTheMarker, 10_000);
}

#[test]
fn where_heads_know_no_environment_another_one_is_taken_for_loaded() {
    assert_is_caught(Plant::HeadsKnowNoEnvironment, 500);
}

#[test]
fn where_every_list_seems_fresh_dynamics_is_blamed_for_what_it_takes() {
    assert_is_caught(Plant::EveryListSeemsFresh, 5_000);
}

#[test]
fn where_what_was_counted_is_not_found_again_an_older_result_undoes_it() {
    assert_is_caught(Plant::NobodyIsFoundAgain, 2_000);
}

#[test]
fn where_versions_of_rows_are_ignored_what_a_marketer_writes_is_lost() {
    assert_is_caught(Plant::VersionsOfRowsAreIgnored, 500);
}

#[test]
fn without_a_note_of_its_end_nobody_hears_of_a_refusal() {
    assert_is_caught(Plant::NoEndIsNoted, 5_000);
}

#[test]
fn where_others_publish_unseen_nobody_hears_of_what_they_showed() {
    assert_is_caught(Plant::OthersPublishUnseen, 2_000);
}

#[test]
fn without_a_note_of_a_shortage_it_stays_so() {
    assert_is_caught(Plant::NoShortageIsNoted, 500);
}

#[test]
fn where_direct_loads_are_others_an_event_is_overtaken_by_its_own_file() {
    assert_is_caught(Plant::DirectLoadsAreOthers, 2_000);
}

#[test]
fn where_parts_are_taken_for_the_marker_nobody_hears_that_a_result_is_lost() {
    assert_is_caught(Plant::PartsAreTakenForTheMarker, 2_000);
}

#[test]
fn where_an_own_lease_seems_foreign_nobody_is_said_to_be_busy() {
    assert_is_caught(Plant::OwnLeasesSeemForeign, 2_000);
}

#[test]
fn where_every_segment_is_of_contacts_leads_are_taken_out() {
    assert_is_caught(Plant::EverySegmentIsOfContacts, 2_000);
}

#[test]
fn where_nobody_is_kept_out_members_are_said_to_be_missing() {
    assert_is_caught(Plant::NobodyIsKeptOut, 2_000);
}

#[test]
fn where_nobody_sees_it_busy_the_end_of_an_earlier_publish_is_taken_for_the_later_one_s() {
    assert_is_caught(Plant::NobodySeesItBusy, 2_000);
}

#[test]
fn where_nothing_is_awaited_what_comes_late_is_published() {
    assert_is_caught(Plant::NothingIsAwaited, 5_000);
}

#[test]
fn where_late_failures_name_nobody_no_segment_s_people_hear_of_them() {
    assert_is_caught(Plant::LateFailuresNameNobody, 500);
}

#[test]
fn where_every_run_gets_on_nobody_hears_of_one_that_hangs() {
    assert_is_caught(Plant::EveryRunGetsOn, 500);
}

#[test]
fn a_seed_decides_everything() {
    for seed in 0..20 {
        assert_eq!(
            play(seed, None, true).story,
            play(seed, None, true).story,
            "seed {seed}"
        );
    }
}

fn assert_is_caught(plant: Plant, seeds: u64) {
    let (breaches, _) = breaches(0..seeds, Some(plant));
    let Some((seed, breach)) = breaches.first() else {
        panic!("{plant:?} passed {seeds} seeds: the simulation would not notice it");
    };
    let without = play(*seed, None, false).breach;
    assert!(
        without.is_none(),
        "seed {seed} comes to {breach:?} with {plant:?}, and without it to {without:?}"
    );
}

/// Plays the seeds on all processors; returns those that failed, with what happened, and how many came to which situation.
/// Of a plant one that failed is enough.
fn breaches(seeds: Range<u64>, plant: Option<Plant>) -> (Vec<(u64, Breach)>, Tally) {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let is_caught = &AtomicBool::new(false);
    let play_share = |first: usize| {
        let (mut breaches, mut tally) = (Vec::new(), Tally::none());
        for seed in seeds.clone().skip(first).step_by(processors) {
            if plant.is_some() && is_caught.load(Ordering::Relaxed) {
                break;
            }
            let Played { breach, seen, .. } = play(seed, plant, false);
            is_caught.fetch_or(breach.is_some(), Ordering::Relaxed);
            breaches.extend(breach.map(|breach| (seed, breach)));
            tally.add(&seen);
        }
        (breaches, tally)
    };
    let shares: Vec<_> = thread::scope(|scope| {
        let share = |first| scope.spawn(move || play_share(first));
        let shares: Vec<_> = (0..processors).map(share).collect();
        shares.into_iter().map(|share| share.join().unwrap()).collect()
    });
    let (mut breaches, mut tally) = (Vec::new(), Tally::none());
    for (failed, seen) in shares {
        breaches.extend(failed);
        tally.add(&seen);
    }
    breaches.sort_by_key(|(seed, _)| *seed);
    (breaches, tally)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the variable is the test's, not the function's"
)]
fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|number| number.parse().unwrap())
}
