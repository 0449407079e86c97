//! The status page: one page for people who do not read JSON, with nothing in it from elsewhere.
//!
//! It is made of the heads alone, and of nothing that a file holds but its key. [`html`] is the one place where anything is escaped.

mod card;
mod curve;
#[cfg(test)]
mod examples;
mod html;
mod light;
#[cfg(test)]
mod tests;

use crate::domain::Home;
use crate::source::Unmarked;
use crate::state::{Glances, Verified};
use crate::text::shown::grouped;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use html::Html;
use light::Light;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// How many segments are shown in full; the others have a row of a table, so that a page of 10,000 is 4 MB.
const MOST_CARDS: usize = 200;
const STYLE: &str = include_str!("page.css");
/// What a reader has to know of the page itself.
const ABOUT: &str = "This page is written after loads and by the sweep, which comes every quarter of an hour; while nothing changes, \
                     once an hour. If the time above is more than two hours ago, sweeps do not run: tell whoever runs this \
                     program: the people who set segment-loader up in AWS. All times are UTC. A person is one contact of Dynamics.";

/// What the page shows.
#[derive(Debug)]
pub struct StatusPage<'a> {
    /// All segments.
    pub glances: &'a Glances,
    /// What was seen of the environments that were verified.
    pub verified: &'a [Verified],
    /// The data files whose marker is overdue.
    pub unmarked: Option<&'a Unmarked>,
    /// Why no run can even begin, where that is so.
    pub trouble: Option<&'a str>,
    /// The Lambda function, for commands, where it is known.
    pub function: Option<&'a str>,
    /// Homes that this function does not serve, so that no command for it is shown.
    pub elsewhere: &'a [Home],
}

/// Whom the function serves that writes the page.
#[derive(Clone, Copy, Debug)]
enum Serves<'a> {
    /// The segment's home, as far as it is known; for it are commands, where its name is known.
    It(Option<&'a str>),
    /// Another home alone.
    Others,
}

impl StatusPage<'_> {
    /// Returns the page as of `now`.
    pub fn html(&self, now: DateTime<Utc>) -> String {
        let style = Html::element("style", &[], Html::fixed(STYLE));
        let title = Html::element("title", &[], Html::text("Segments"));
        let head = [Html::fixed(HEAD), policy(), title, style];
        let main = [
            Some(self.top(now)),
            self.trouble.map(trouble),
            self.unmarked.map(unmarked),
        ];
        let main = main.into_iter().flatten().chain(self.sections(now)).chain(self.more());
        let about = Html::element("footer", &[], Html::paragraph("about", Html::text(ABOUT)));
        let body = Html::element("main", &[], main.chain([about]).collect());
        let parts = [
            Html::element("head", &[], head.into()),
            Html::element("body", &[], body),
        ];
        let page = Html::element("html", &[("lang", "en")], parts.into());
        format!("<!DOCTYPE html>\n{}\n", page.into_string())
    }

    /// Names what the page shows, whatever the time.
    pub fn fingerprint(&self) -> String {
        let hash = Sha256::digest(self.html(DateTime::UNIX_EPOCH));
        let first = u128::from_be_bytes(std::array::from_fn(|index| hash[index]));
        format!("{first:032x}")
    }

    fn top(&self, now: DateTime<Utc>) -> Html {
        let mut counts: BTreeMap<(Light, &str), u64> = BTreeMap::new();
        for glance in &self.glances.segments {
            *counts.entry(Light::of(glance)).or_default() += 1;
        }
        let counts: Vec<_> = counts
            .into_iter()
            .map(|((_, word), count)| format!("{} {}", grouped(count), word.to_lowercase()))
            .collect();
        let counts = match self.glances.segments.len() {
            0 => "No segment was loaded yet.".to_owned(),
            count if self.glances.has_more => format!(
                "More than {} segments, of which these are shown: {}.",
                grouped(count as u64),
                counts.join(", ")
            ),
            1 => format!("1 segment: {}.", counts.join(", ")),
            count => format!("{} segments: {}.", grouped(count as u64), counts.join(", ")),
        };
        Html::element(
            "header",
            &[("class", "top")],
            Html::from([
                Html::element("h1", &[], Html::text("Segments")),
                Html::paragraph("counts", Html::text(&counts)),
                Html::paragraph("as-of", Html::from([Html::text("As of "), time(now)])),
            ]),
        )
    }

    /// Shows the homes one after the other, in each the segments first that ask for a person.
    fn sections(&self, now: DateTime<Utc>) -> Vec<Html> {
        let mut glances: Vec<_> = self.glances.segments.iter().collect();
        glances.sort_by_cached_key(|glance| {
            let name = glance
                .status
                .segment_name
                .as_ref()
                .map(|name| name.as_str().to_lowercase());
            (Light::of(glance).0, name)
        });
        let mut homes: BTreeMap<(&str, Option<&str>), [Vec<Html>; 2]> = BTreeMap::new();
        for (index, glance) in glances.into_iter().enumerate() {
            let [cards, rows] = homes.entry(key(&glance.home)).or_default();
            if index < MOST_CARDS {
                let is_elsewhere = self.elsewhere.contains(&glance.home);
                let is_known = self.trouble.is_none() && !glance.home.environment.is_empty();
                let serves = match (is_elsewhere, is_known) {
                    (false, _) => Serves::It(self.function),
                    (true, true) => Serves::Others,
                    (true, false) => Serves::It(None),
                };
                cards.push(card::card(glance, serves, now));
            } else {
                rows.push(card::row(glance));
            }
        }
        for verified in self.verified {
            if !homes
                .keys()
                .any(|(environment, _)| *environment == verified.environment)
            {
                homes.entry((&verified.environment, None)).or_default();
            }
        }
        let homes = homes.into_iter();
        homes
            .map(|((environment, unit), [cards, rows])| {
                let verified = self
                    .verified
                    .iter()
                    .find(|verified| verified.environment == environment);
                let heading = [
                    Html::element("h2", &[], Html::text(&title(environment, unit))),
                    Html::paragraph("verified", verification(environment, verified)),
                ];
                let content = heading.into_iter().chain(cards).chain(table(rows)).collect();
                Html::element("section", &[], content)
            })
            .collect()
    }

    fn more(&self) -> Option<Html> {
        let said = "There are more segments than this page shows: `status` lists them all.";
        self.glances.has_more.then(|| Html::paragraph("more", Html::text(said)))
    }
}

/// What every page begins with. Nobody is to find it by a search, or to learn of it by a link.
const HEAD: &str = "<meta charset=\"utf-8\">\
                    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
                    <meta name=\"color-scheme\" content=\"light dark\">\
                    <meta name=\"robots\" content=\"noindex\">\
                    <meta name=\"referrer\" content=\"no-referrer\">";

/// Allows the page its own style, known by its hash, and nothing else: no script, no picture, no address.
fn policy() -> Html {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'");
    Html::void(
        "meta",
        &[("http-equiv", "Content-Security-Policy"), ("content", &policy)],
    )
}

fn trouble(why: &str) -> Html {
    Html::element("p", &[("class", "trouble"), ("role", "alert")], Html::text(why))
}

/// Says that data files wait for what nobody may write any more.
fn unmarked(unmarked: &Unmarked) -> Html {
    let Unmarked { count, first, since } = unmarked;
    let (waits, first_of_them) = match count {
        1 => ("A data file waits".to_owned(), ""),
        count => (
            format!("{} data files wait", grouped(*count as u64)),
            ", the first of them",
        ),
    };
    let parts = [
        Html::text(&format!(
            "{waits} for a marker or manifest that has not come{first_of_them} since "
        )),
        time(*since),
        Html::text(": "),
        Html::element("code", &[], Html::text(first)),
        Html::text(". Until it comes nothing of it is loaded: ask whoever writes these files."),
    ];
    Html::paragraph("unmarked", parts.into())
}

fn key(home: &Home) -> (&str, Option<&str>) {
    (&home.environment, home.business_unit.as_deref())
}

fn title(environment: &str, unit: Option<&str>) -> String {
    let environment = if environment.is_empty() {
        "Environment unknown"
    } else {
        environment
    };
    unit.map_or_else(
        || environment.to_owned(),
        |unit| format!("{environment}, business unit {unit}"),
    )
}

/// Says what came of the environment's last verification.
fn verification(environment: &str, verified: Option<&Verified>) -> Html {
    let Some(verified) = verified else {
        let never = "Whoever runs this program has not tried yet, on a segment of its own, whether Dynamics does here what loads rely on \
                     (verify_environment). That is no sign of trouble.";
        return Html::text(if environment.is_empty() { "" } else { never });
    };
    let names: Vec<_> = verified.doubts.iter().map(|fact| fact.name()).collect();
    let said = match (verified.ok, names.is_empty()) {
        (true, true) => ": all that loads rely on was seen to hold.".to_owned(),
        (true, false) => format!(
            ": all that loads rely on was seen to hold; what did not hold is {}.",
            names.join(", ")
        ),
        (false, true) => ": not all that loads rely on could be tried.".to_owned(),
        (false, false) => format!(": what loads rely on did not all hold: {}.", names.join(", ")),
    };
    Html::from([Html::text("Verified on "), time(verified.at), Html::text(&said)])
}

/// Shows segments that have no room in full.
fn table(rows: Vec<Html>) -> Option<Html> {
    if rows.is_empty() {
        return None;
    }
    let head = "<thead><tr><th scope=\"col\">Segment</th><th scope=\"col\">State</th><th scope=\"col\">People</th>\
                <th scope=\"col\">Last good load</th></tr></thead>";
    let body = Html::element("tbody", &[], rows.into_iter().collect());
    Some(Html::element("table", &[], Html::from([Html::fixed(head), body])))
}

/// Shows a time, for people and for machines.
fn time(at: DateTime<Utc>) -> Html {
    let exact = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    Html::element("time", &[("datetime", &exact)], Html::text(&moment(at)))
}

fn moment(at: DateTime<Utc>) -> String {
    at.format("%-d %b %Y, %H:%M UTC").to_string()
}

fn day(at: DateTime<Utc>) -> String {
    at.format("%-d %b %Y").to_string()
}
