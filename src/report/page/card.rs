//! What the page says of one segment.

use super::html::Html;
use super::light::Light;
use super::{Serves, curve, moment, time};
use crate::domain::{Home, Outcome};
use crate::report::sentence;
use crate::report::{Stale, command};
use crate::state::{Glance, LastRun, Refused, State};
use crate::text::shown::grouped;
use chrono::{DateTime, Utc};

/// Shows a segment in full.
pub(super) fn card(glance: &Glance, serves: Serves<'_>, now: DateTime<Utc>) -> Html {
    let (light, _) = Light::of(glance);
    let said = glance.last_run.as_ref();
    let said = said.map(|run| Html::paragraph("sentence", Html::text(&run.sentence)));
    let (notes, function) = match serves {
        Serves::It(function) => (notes(glance, now), function),
        Serves::Others => (notes_of_others(glance, now), None),
    };
    let notes = notes.into_iter().map(|note| Html::paragraph("note", Html::text(&note)));
    let asked = glance.refused.as_ref().map(|refused| ask(refused, function));
    let left: Html = [heading(glance)]
        .into_iter()
        .chain(said)
        .chain(notes)
        .chain(when(glance))
        .chain(asked)
        .collect();
    let right: Html = count(glance).into_iter().chain(curve::curve(&glance.loads)).collect();
    let columns = Html::from([
        Html::element("div", &[("class", "told")], left),
        Html::element("div", &[("class", "counted")], right),
    ]);
    Html::element("article", &[("class", light.class())], columns)
}

/// Shows a segment in one row of a table.
pub(super) fn row(glance: &Glance) -> Html {
    let (light, _) = Light::of(glance);
    let people = people(glance).map(grouped).unwrap_or_default();
    let last = glance.status.last_load.map(time).unwrap_or_default();
    let cell = |content| Html::element("td", &[], content);
    let cells = Html::from([
        Html::element("th", &[("scope", "row")], title(glance)),
        cell(self::light(glance)),
        cell(Html::text(&people)),
        cell(last),
    ]);
    Html::element("tr", &[("class", light.class())], cells)
}

fn heading(glance: &Glance) -> Html {
    let title = Html::element("h3", &[], title(glance));
    Html::element("header", &[], Html::from([title, self::light(glance)]))
}

fn title(glance: &Glance) -> Html {
    let name = glance.status.segment_name.as_ref();
    name.map_or_else(
        || Html::text("A segment whose name cannot be read"),
        |name| Html::name(name.as_str()),
    )
}

fn light(glance: &Glance) -> Html {
    let (light, word) = Light::of(glance);
    let shape = Html::element("span", &[("aria-hidden", "true")], Html::text(light.shape()));
    Html::paragraph("light", Html::from([shape, Html::text(&format!(" {word}"))]))
}

/// Says what the last run's sentence cannot say, since it came to be so afterwards.
fn notes(glance: &Glance, now: DateTime<Utc>) -> Vec<String> {
    let status = &glance.status;
    let waiting = match status.pending {
        0 => "What was published".to_owned(),
        1 => "A file waits: it".to_owned(),
        count => format!("{} files wait: the first of them", grouped(count as u64)),
    };
    let note = match status.state {
        State::Unreadable => status.reason.clone(),
        State::Loading => status.lease_until.map(|until| {
            format!(
                "It is being worked on: until the result is published, journeys go on with the audience from before. If the attempt broke \
                 off, the next sweep after {} goes on.",
                moment(until)
            )
        }),
        State::Failing => status.waiting_until.map_or_else(
            || Some(format!("{waiting} is tried again with the next sweep.")),
            |until| {
                Some(format!(
                    "{waiting} is tried again after {}, or when somebody asks for it.",
                    moment(until)
                ))
            },
        ),
        State::Waiting if !glance.has_died => Some(format!("{waiting} is loaded with the next sweep.")),
        State::Computing => status.computing_since.map(|since| {
            let since = moment(since);
            format!("Since {since} Dynamics has not shown what was published.")
        }),
        State::Stale => stale(glance).map(|stale| sentence::of_stale(&stale, now)),
        _ => None,
    };
    let died = "The last attempt broke off: the next sweep goes on.";
    glance
        .has_died
        .then(|| died.to_owned())
        .into_iter()
        .chain(note)
        .collect()
}

/// Says the same of a segment that the function never goes on with that writes the page: what it would do by itself is not
/// promised, nor what the last run's sentence tells of that.
fn notes_of_others(glance: &Glance, now: DateTime<Utc>) -> Vec<String> {
    if !glance.has_died && !matches!(glance.status.state, State::Failing | State::Waiting) {
        return notes(glance, now);
    }
    let Home {
        environment,
        business_unit,
    } = &glance.home;
    let unit = if business_unit.is_some() {
        " and this business unit"
    } else {
        ""
    };
    vec![format!(
        "The function that has written this page loads other segments, and never goes on with this one: only one whose destination is \
         {environment}{unit} does."
    )]
}

fn stale(glance: &Glance) -> Option<Stale> {
    Some(Stale {
        segment_name: glance.status.segment_name.clone()?,
        environment: glance.home.environment.clone(),
        business_unit: glance.home.business_unit.clone(),
        last_load: glance.status.last_load?,
        contacts: glance.status.contacts,
        people: people(glance),
        stale_after_hours: glance.stale_after?.as_seconds_f64() / 3_600.0,
    })
}

/// Says what is refused, why, and how to load it all the same.
fn ask(refused: &Refused, function: Option<&str>) -> Html {
    let (reason, json) = command::split(&refused.refusal.reason);
    let is_address = reason.starts_with("s3://");
    let reason = if is_address {
        reason.to_owned()
    } else {
        sentence::capitalised(reason)
    };
    let command = json.and_then(|json| command::to_paste(json, function?));
    let title = if refused.refusal.unreadable {
        "Cannot be loaded"
    } else {
        "Refused"
    };
    let position = &refused.position;
    let file = Html::from([
        Html::text("File "),
        Html::element("code", &[], Html::text(&position.key)),
        Html::text(", of "),
        time(position.last_modified),
    ]);
    let parts = [
        Html::element("h4", &[], Html::text(title)),
        Html::paragraph("file", file),
        Html::paragraph("reason", Html::text(&reason)),
    ];
    let asked = json.map(to_copy);
    let pasted = command.map(|command| Html::from([Html::paragraph("how", Html::text(HOW)), to_copy(&command)]));
    let parts = parts.into_iter().chain(asked).chain(pasted);
    Html::element("div", &[("class", "ask")], parts.collect())
}

/// What is to be known of the command that sends what stands above it.
const HOW: &str =
    "The same as a command for any shell, with version 2 of the AWS CLI; answer.json has what came of it:";

fn to_copy(text: &str) -> Html {
    Html::element("pre", &[], Html::element("code", &[], Html::text(text)))
}

/// Returns how many people the segment has, as far as that is known.
fn people(glance: &Glance) -> Option<u64> {
    glance.status.people.or(glance.status.contacts)
}

/// Shows how many people the segment has.
fn count(glance: &Glance) -> Option<Html> {
    let people = people(glance)?;
    let word = if people == 1 { "person" } else { "people" };
    let seen = if glance.is_unseen {
        ", published and not yet shown by Dynamics"
    } else {
        ""
    };
    let of = match glance.missing {
        Some(missing) => format!("of {} ", grouped(people + missing)),
        None => String::new(),
    };
    let counted = if glance.missing.is_some() { " counted" } else { "" };
    let number = Html::element("b", &[], Html::text(&grouped(people)));
    let count = Html::from([number, Html::text(&format!(" {of}{word}{counted}{seen}"))]);
    Some(Html::paragraph("people", count))
}

/// Says when the last run ended, and when the last good load did, where that was another one.
fn when(glance: &Glance) -> Option<Html> {
    let is_good = |run: &LastRun| matches!(run.outcome, Outcome::Loaded | Outcome::Unchanged);
    let is_good = glance.last_run.as_ref().is_some_and(is_good);
    let last_run = glance.last_run.as_ref().map(|run| run.at);
    let last_load = glance.status.last_load;
    let said = |what, at| Html::from([Html::text(what), time(at)]);
    let parts = match (last_run, last_load) {
        (Some(run), Some(load)) if is_good && moment(run) == moment(load) => {
            [Some(said("Last run, a good load: ", run)), None]
        }
        (Some(run), load) => [
            Some(said("Last run: ", run)),
            load.map(|load| said(". Last good load: ", load)),
        ],
        (None, load) => [load.map(|load| said("Last good load: ", load)), None],
    };
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| Html::paragraph("when", parts.into_iter().collect()))
}
