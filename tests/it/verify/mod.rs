//! `verify_environment`: every fact as it may be, seen on a segment of its own, of which nothing is left.

mod cleaning;
mod facts;
mod loads;
mod trouble;

use crate::world::{World, contacts};
use sandbox::BUCKET;
use serde_json::{Value, json};
use uuid::Uuid;

/// A world with the contacts of this environment, 3 more than are tried with.
async fn environment() -> World {
    let world = World::start().await;
    world.sandbox.dataverse.set_known_contacts(contacts(0..13));
    world
}

async fn verify(world: &World) -> Value {
    let event = include_str!("../../../events/verify-environment.json");
    world.invoke(serde_json::from_str(event).unwrap()).await.unwrap()
}

/// Returns what became of a fact.
fn fact<'a>(answer: &'a Value, name: &str) -> &'a Value {
    let facts = answer["facts"].as_array().unwrap();
    let found = facts.iter().find(|fact| fact["name"] == name);
    found.unwrap_or_else(|| panic!("{name}: {answer}"))
}

fn detail<'a>(answer: &'a Value, name: &str) -> &'a str {
    fact(answer, name)["detail"].as_str().unwrap()
}

/// Fails the test where a fact is not seen as expected, with these words.
fn assert_seen(answer: &Value, name: &str, holds: Option<bool>, words: &str) {
    assert_eq!(fact(answer, name)["holds"], json!(holds), "{name}: {answer:#}");
    assert!(detail(answer, name).contains(words), "{name}: {answer:#}");
}

/// Returns the names of the facts that were seen so.
fn seen(answer: &Value, holds: Option<bool>) -> Vec<&str> {
    let facts = answer["facts"].as_array().unwrap();
    let facts = facts.iter().filter(|fact| fact["holds"] == json!(holds));
    facts.map(|fact| fact["name"].as_str().unwrap()).collect()
}

/// Names all segments and definitions of the environment.
fn rows(world: &World) -> (Vec<Uuid>, Vec<Uuid>) {
    let segments = world
        .sandbox
        .dataverse
        .edit(|state| state.segments.keys().copied().collect());
    (segments, world.sandbox.dataverse.definitions())
}

/// Fails the test where anything of a trial is left, in Dynamics or in the notes.
fn assert_nothing_is_left(world: &World) {
    assert_eq!(rows(world), (Vec::new(), Vec::new()));
    assert_eq!(notes(world), Vec::<String>::new());
}

fn notes(world: &World) -> Vec<String> {
    world.sandbox.s3.keys(BUCKET, "_state/trials/")
}
