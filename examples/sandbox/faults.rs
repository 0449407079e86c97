//! What can be made to go wrong while the sandbox is up, each by one command.

use crate::cloud::PUBLISH_DELAY;
use crate::place::Place;
use crate::query_result::SHIPPED_SEGMENT;
use crate::say;
use sandbox::dataverse::{Limits, Modes, Outcome};
use sandbox::{BUCKET, Fault};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The client secret that is valid once the first has expired.
const NEXT_SECRET: &str = "Sandbox~Rotated+/=&%.2";
/// So many requests are allowed within the window while Dynamics throttles: a load is told to wait a few times.
const FEW_REQUESTS: usize = 12;
const SHORT_WINDOW: Duration = Duration::from_secs(4);
/// A publish that nobody waits for.
const LATE: Duration = Duration::from_mins(10);
/// How many lists after a write show what was there before.
const STALE_LISTS: u32 = 3;
/// What stands in a head that is damaged.
const DAMAGED: &str = "{\"v\":2,\"nonce\":\"dam";

/// Every fault: its name, and what happens.
pub const ALL: [(&str, &str); 10] = [
    (
        "expired-secret",
        "Entra ID: the client secret has expired; the answer has the new one",
    ),
    (
        "no-application-user",
        "Dynamics: the environment does not know the application",
    ),
    (
        "throttling",
        "Dynamics: 12 requests in 4 seconds and no more, with 429 and Retry-After",
    ),
    (
        "in-use",
        "Dynamics: a live journey uses the segment, no edit is allowed",
    ),
    ("late-publish", "Dynamics: computing takes ten minutes"),
    ("failed-publish", "Dynamics: computing fails"),
    (
        "lagging-lists",
        "Dynamics: three lists after each write show what was there before",
    ),
    ("lost-event", "S3: the next file's event does not come"),
    (
        "killed",
        "Lambda: the function is killed before it publishes, again and again",
    ),
    ("damaged-head", "S3: the segment's head is half a JSON object, once"),
];

/// Which faults are on.
#[derive(Default)]
pub struct Faults {
    on: Mutex<BTreeSet<&'static str>>,
}

impl Faults {
    /// Says once that the next event is lost.
    pub fn loses_event(&self) -> bool {
        self.on().remove("lost-event")
    }

    fn on(&self) -> MutexGuard<'_, BTreeSet<&'static str>> {
        self.on.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lists the faults.
pub fn list(place: &Place) -> Value {
    let on = place.faults.on();
    let each = ALL.map(|(name, what)| json!({"fault": name, "on": on.contains(name), "what": what}));
    json!({"faults": each})
}

/// Switches a fault on or off, for a segment where it concerns one, and says what that means.
pub fn switch(place: &Place, name: &str, is_on: bool, segment: Option<&str>) -> Result<Value, String> {
    let known = ALL.iter().find(|(known, _)| *known == name);
    let (name, what) = known.ok_or_else(|| format!("There is no fault {name}; GET /faults lists them."))?;
    let segment = segment.unwrap_or(SHIPPED_SEGMENT);
    play(place, name, is_on, segment)?;
    // A damaged head stays so until somebody mends it.
    if is_on && *name != "damaged-head" {
        place.faults.on().insert(name);
    } else {
        place.faults.on().remove(name);
    }
    say::gap();
    say::line(
        "",
        &format!("{} {name}: {what}", if is_on { "From now on" } else { "No longer" }),
    );
    let mut told = json!({"fault": name, "on": is_on, "what": what});
    if *name == "expired-secret" && is_on {
        told["new_client_secret"] = json!(NEXT_SECRET);
    }
    Ok(told)
}

fn play(place: &Place, name: &str, is_on: bool, segment: &str) -> Result<(), String> {
    let sandbox = &place.sandbox;
    let modes = |change: &dyn Fn(&mut Modes)| sandbox.dataverse.modes(change);
    match name {
        "expired-secret" if is_on => sandbox.entra.expire_secrets(NEXT_SECRET),
        "expired-secret" => sandbox.entra.extend_secrets(),
        "no-application-user" => modes(&|modes| modes.user_missing = is_on),
        "throttling" => throttle(place, is_on),
        "in-use" => return lock(place, is_on, segment),
        "late-publish" => modes(&|modes| modes.publish_delay = if is_on { LATE } else { PUBLISH_DELAY }),
        "failed-publish" => modes(&|modes| modes.outcome = if is_on { Outcome::Error } else { Outcome::Active }),
        "lagging-lists" => modes(&|modes| modes.stale_reads = if is_on { STALE_LISTS } else { 0 }),
        "killed" => kill(place, is_on),
        "damaged-head" if is_on => return damage(place, segment),
        _ => {}
    }
    Ok(())
}

fn throttle(place: &Place, is_on: bool) {
    let dataverse = &place.sandbox.dataverse;
    let usual = Limits::default();
    dataverse.reset_limits();
    dataverse.set_limits(if is_on {
        Limits {
            requests: FEW_REQUESTS,
            window: SHORT_WINDOW,
            ..usual
        }
    } else {
        usual
    });
}

/// What Dynamics says of a segment that a live journey uses; nobody has documented its words.
const IN_USE: &str = "The segment can't be edited because it's used in a live journey. Stop the journey first.";

fn lock(place: &Place, is_on: bool, name: &str) -> Result<(), String> {
    place.sandbox.dataverse.edit(|state| {
        let mut rows = state.segments.values_mut();
        let named = rows.find(|segment| segment.row.text("msdynmkt_displayname") == name);
        let segment = named.ok_or_else(|| no_segment(name))?;
        segment.locked = is_on.then(|| IN_USE.to_owned());
        Ok(())
    })
}

/// Kills the function once Dynamics has added members, or instead of publishing them, until it is switched off.
fn kill(place: &Place, is_on: bool) {
    let dataverse = &place.sandbox.dataverse;
    // Nothing else here makes rules for Dynamics.
    dataverse.clear_faults();
    if is_on {
        let (adding, publishing) = (place.killer.clone(), place.killer.clone());
        dataverse.fault(
            Fault::on("AddStaticMembers")
                .always()
                .commit_then(move || adding.kill()),
        );
        let instead = Fault::on("PublishSegmentDefinition").always().says(move |_| {
            publishing.kill();
            json!({})
        });
        dataverse.fault(instead.late_answer(LATE));
    }
}

fn damage(place: &Place, name: &str) -> Result<(), String> {
    let s3 = &place.sandbox.s3;
    let heads = s3.keys(BUCKET, "_state/segments/").into_iter();
    let is_its = |key: &String| {
        s3.get_json(BUCKET, key)
            .is_some_and(|head| head["segment_name"] == name)
    };
    let head = heads.into_iter().find(is_its).ok_or_else(|| no_segment(name))?;
    s3.put(BUCKET, &head, DAMAGED);
    Ok(())
}

fn no_segment(name: &str) -> String {
    format!("There is no segment \"{name}\" that was loaded here; say which with ?segment=...")
}
