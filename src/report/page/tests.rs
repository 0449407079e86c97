use super::*;
use crate::domain::{Fact, Outcome, Position, SegmentName};
use crate::state::{Glance, LastRun, Load, Loaded, Refusal, Refused, State, Status};
use chrono::TimeDelta;
use html5gum::{Token, Tokenizer};
use proptest::prelude::*;

/// A name that means to be something else.
const HOSTILE: &str = "</bdi></h3><script>document.title='broken'</script><img src=x onerror=alert(1)>\"'&amp;";
/// The elements that stand in a line of text.
const INLINE: [&str; 5] = ["bdi", "code", "span", "time", "b"];

fn at(day: u32, hour: u32) -> DateTime<Utc> {
    let date = chrono::NaiveDate::from_ymd_opt(2026, 11, day).unwrap();
    date.and_hms_opt(hour, 1, 0).unwrap().and_utc()
}

fn glance(name: &str, state: State, outcome: Outcome, sentence: &str) -> Glance {
    let home = Home::environment("socktown.crm4.dynamics.com".to_owned());
    let load = |days_ago: u32| Load {
        at: at(27, 6) - TimeDelta::days(i64::from(days_ago)),
        contacts: 1_000 - u64::from(days_ago) * 9 + u64::from(days_ago * 7 % 5) * 12,
        outcome: Loaded::Loaded,
    };
    Glance {
        status: Status {
            segment_name: Some(SegmentName::parse(name).unwrap()),
            environment: Some(home.environment.clone()),
            state,
            last_load: Some(at(25, 6)),
            contacts: Some(1_000),
            pending: 0,
            waiting_until: None,
            lease_until: None,
            failures: 0,
            reason: None,
        },
        home,
        stale_after: None,
        members: Some(1_000),
        missing: None,
        has_died: false,
        last_run: Some(LastRun {
            at: at(27, 6),
            outcome,
            sentence: sentence.to_owned(),
            created: false,
            needs_attention: false,
        }),
        loads: (2..62).rev().map(load).collect(),
        refused: None,
    }
}

fn refused(key: &str, reason: &str) -> Refused {
    Refused {
        position: Position {
            last_modified: at(27, 6),
            key: key.to_owned(),
            version_id: None,
            etag: None,
            nth: 0,
        },
        run_id: serde_json::from_value(serde_json::json!("da8ded9e30af2cca")).unwrap(),
        is_direct: false,
        refusal: Refusal {
            reason: reason.to_owned(),
            unreadable: false,
            error_type: None,
            waiting: None,
        },
    }
}

/// Every light, in two environments.
fn lights() -> Glances {
    Glances {
        segments: well().into_iter().chain(under_way()).chain(wrong()).collect(),
        has_more: false,
    }
}

fn fresh(name: &str, sentence: &str) -> Glance {
    glance(name, State::Fresh, Outcome::Loaded, sentence)
}

fn well() -> [Glance; 2] {
    let mut created = fresh("Sumer Sale", "“Sumer Sale” was created, with 1,000 people.");
    created.last_run.as_mut().unwrap().created = true;
    created.loads.truncate(1);
    let loaded = fresh("Autumn", "“Autumn” was loaded: it has 1,000 people, 5 came and 3 went.");
    [loaded, created]
}

fn under_way() -> [Glance; 2] {
    let mut loading = glance(
        "Spring",
        State::Loading,
        Outcome::Loaded,
        "“Spring” was loaded: it has 1,000 people.",
    );
    loading.status.lease_until = Some(at(27, 7));
    let sentence = "“Summer Sale” was published with 3 people, and [...]";
    let elsewhere = Glance {
        home: Home::environment("test.crm4.dynamics.com".to_owned()),
        ..glance("Summer Sale", State::Computing, Outcome::Computing, sentence)
    };
    [loading, elsewhere]
}

fn wrong() -> [Glance; 6] {
    let reason = "the result holds 499 contacts, 501 fewer than now (limit 50 %). Nothing was written. If this is right, approve \
                  exactly this input: {\"action\":\"load\",\"key\":\"incoming/Summer Sale/a.csv\",\"approve\":\"da8ded9e30af2cca\"}";
    let sentence = "“Summer Sale” was not refreshed: [...] Approve, or drop a better file.";
    let refused = Glance {
        refused: Some(refused("incoming/Summer Sale/a.csv", reason)),
        ..glance("Summer Sale", State::Refused, Outcome::Refused, sentence)
    };
    let mut failing = glance(
        "Winter",
        State::Failing,
        Outcome::Failed,
        "“Winter” was not refreshed: [...]",
    );
    (failing.status.pending, failing.status.waiting_until) = (2, Some(at(27, 7)));
    let stale = Glance {
        stale_after: Some(TimeDelta::hours(24)),
        ..glance(
            "Old",
            State::Stale,
            Outcome::Unchanged,
            "“Old” was not changed: nobody came or went.",
        )
    };
    let short = Glance {
        missing: Some(2),
        ..fresh(
            "Short",
            "“Short” was loaded: it has 1,000 people. Dynamics counts only 998 people, 2 fewer than it should.",
        )
    };
    let killed = Glance {
        has_died: true,
        ..glance(
            "Killed",
            State::Waiting,
            Outcome::Loaded,
            "“Killed” was loaded: it has 1,000 people.",
        )
    };
    let what = "s3://b/_state/x, which the function keeps for itself, is no JSON".to_owned();
    let unreadable = Glance {
        status: Status::unreadable(None, None, what),
        home: Home::environment(String::new()),
        last_run: None,
        loads: Vec::new(),
        members: None,
        ..fresh("Damaged", "")
    };
    [refused, failing, stale, short, killed, unreadable]
}

fn page<'a>(glances: &'a Glances, verified: &'a [Verified]) -> StatusPage<'a> {
    StatusPage {
        glances,
        verified,
        trouble: None,
        function: Some("segment-loader"),
    }
}

fn html(glances: &Glances) -> String {
    page(glances, &[]).html(at(27, 6))
}

/// Returns what the elements are that a browser finds, and the text of each line that it shows.
fn read(html: &str) -> (Vec<String>, Vec<String>) {
    let (mut elements, mut lines, mut is_style) = (Vec::new(), vec![String::new()], false);
    for Ok(token) in Tokenizer::new(html) {
        match token {
            Token::StartTag(tag) => {
                let name = String::from_utf8_lossy(&tag.name).into_owned();
                is_style = name == "style";
                let attributes = tag
                    .attributes
                    .keys()
                    .map(|name| String::from_utf8_lossy(name).into_owned());
                elements.push(
                    [name.clone()]
                        .into_iter()
                        .chain(attributes)
                        .collect::<Vec<_>>()
                        .join(" "),
                );
                if !INLINE.contains(&name.as_str()) {
                    lines.push(String::new());
                }
            }
            Token::EndTag(tag) => {
                is_style = false;
                let name = String::from_utf8_lossy(&tag.name).into_owned();
                elements.push(format!("/{name}"));
                if !INLINE.contains(&name.as_str()) {
                    lines.push(String::new());
                }
            }
            Token::String(text) if !is_style => {
                lines.last_mut().unwrap().push_str(&String::from_utf8_lossy(&text));
            }
            Token::Comment(_) => elements.push("comment".to_owned()),
            _ => {}
        }
    }
    lines.retain(|line| !line.trim().is_empty());
    (elements, lines)
}

/// The snapshots are pages to look at; a browser looks at them, too.
#[test]
fn a_page_says_of_each_segment_how_it_is_and_what_to_do() {
    let verified = [Verified {
        environment: "socktown.crm4.dynamics.com".to_owned(),
        at: at(20, 9),
        ok: true,
        doubts: vec![Fact::Stop],
    }];
    let glances = lights();
    let html = page(&glances, &verified).html(at(27, 6));
    insta::assert_snapshot!("words", read(&html).1.join("\n"));
    insta::assert_binary_snapshot!("lights.html", html.into_bytes());
}

/// What docs/status-page.png shows: one morning, as it might be.
#[test]
fn a_page_is_quiet_where_all_is_well_and_says_what_to_do_where_it_is_not() {
    let with = |people: u64, step: u64, glance: Glance| Glance {
        status: Status {
            last_load: Some(at(26, 6)),
            ..glance.status
        },
        members: Some(people),
        loads: (0..60_u32)
            .map(|day| Load {
                at: at(26, 6) - TimeDelta::days(59 - i64::from(day)),
                contacts: people - u64::from(59 - day) * step + u64::from(day * 7 % 5) * (people / 90),
                outcome: Loaded::Loaded,
            })
            .collect(),
        ..glance
    };
    let [refused, ..] = wrong();
    let sentence = "“Summer Sale” was not refreshed: the file holds 499 people, 501 fewer than now (limit 50 %). Journeys go on \
                    with the 1,000 of 26 November. Approve, or drop a better file.";
    let mut refused = with(1_000, 0, refused);
    refused.last_run.as_mut().unwrap().sentence = sentence.to_owned();
    let sentence = "“Winter Sale” was published with 3,960 people, 25 came and 12 went, and Dynamics is still computing it: until that \
                    has ended, journeys may see the audience from before.";
    let computing = glance("Winter Sale", State::Computing, Outcome::Computing, sentence);
    let newsletter = fresh(
        "Newsletter",
        "“Newsletter” was loaded: it has 41,207 people, 112 came and 38 went.",
    );
    let mut newsletter = with(41_207, 450, newsletter);
    newsletter.status.last_load = Some(at(27, 6));
    let glances = Glances {
        segments: vec![newsletter, with(3_960, 20, computing), refused],
        has_more: false,
    };
    let verified = [Verified {
        environment: "socktown.crm4.dynamics.com".to_owned(),
        at: at(20, 9),
        ok: true,
        doubts: Vec::new(),
    }];
    let html = page(&glances, &verified).html(at(27, 6));
    insta::assert_binary_snapshot!("example.html", html.into_bytes());
}

#[test]
fn names_that_are_markup_or_turn_around_or_are_long_are_shown_like_any_other() {
    let long = "W".repeat(100);
    let names = [
        HOSTILE,
        "\u{202e}elaS remmuS",
        "مبيعات الصيف",
        "👩‍👩‍👧 & <b>Søns</b>",
        &long,
    ];
    let sentence = |name: &str| format!("“{name}” was loaded: it has 1,000 people, 5 came and 3 went.");
    let reason = format!(
        "{HOSTILE}: {}",
        serde_json::json!({"action": "load", "segment_name": HOSTILE})
    );
    let segment = |name: &str| Glance {
        refused: Some(refused(name, &reason)),
        ..glance(name, State::Refused, Outcome::Refused, &sentence(name))
    };
    let glances = Glances {
        segments: names.map(segment).into(),
        has_more: true,
    };
    let trouble = StatusPage {
        trouble: Some(HOSTILE),
        function: None,
        ..page(&glances, &[])
    };
    insta::assert_binary_snapshot!("hostile.html", trouble.html(at(27, 6)).into_bytes());
}

#[test]
fn the_page_asks_for_nothing_from_elsewhere_and_allows_its_own_style_only() {
    let html = html(&lights());
    let (elements, _) = read(&html);
    for element in elements {
        let mut names = element.split(' ');
        assert!(
            !["script", "link", "img", "a", "iframe", "form", "object"].contains(&names.next().unwrap()),
            "{element}"
        );
        assert!(
            !names.any(|name| ["src", "href", "style"].contains(&name) || name.starts_with("on")),
            "{element}"
        );
    }
    assert!(!STYLE.contains("url(") && !STYLE.contains("@import") && !STYLE.contains('<'));
    assert!(
        html.contains("default-src &#39;none&#39;; style-src &#39;sha256-"),
        "{html}"
    );
}

#[test]
fn what_a_page_shows_is_known_again_whatever_the_time() {
    let glances = lights();
    let shows = page(&glances, &[]).fingerprint();
    assert_eq!(page(&glances, &[]).fingerprint(), shows);
    assert_ne!(page(&glances, &[]).html(at(27, 6)), page(&glances, &[]).html(at(27, 7)));
    let mut changed = lights();
    changed.segments[0].last_run.as_mut().unwrap().at = at(27, 7);
    assert_ne!(page(&changed, &[]).fingerprint(), shows);
}

#[test]
fn beyond_two_hundred_segments_those_that_are_well_have_a_row_each() {
    let mut glances = lights();
    let many = (0..300).map(|number| glance(&format!("S{number:03}"), State::Fresh, Outcome::Loaded, "."));
    glances.segments.extend(many);
    let html = html(&glances);
    let (elements, lines) = read(&html);
    let count = |name: &str| {
        elements
            .iter()
            .filter(|element| element.split(' ').next() == Some(name))
            .count()
    };
    assert_eq!((count("article"), count("tr")), (200, 1 + 110));
    assert_eq!(lines[2].split(", ").last(), Some("301 up to date."));
}

#[test]
fn a_name_turns_nothing_around_and_looks_like_no_other() {
    let name = "\u{202e}elaS remmuS\u{2069}\u{200f}";
    let glances = Glances {
        segments: vec![glance(name, State::Fresh, Outcome::Loaded, name)],
        has_more: false,
    };
    let (_, lines) = read(&html(&glances));
    let marked = name.replace(['\u{202e}', '\u{2069}'], "\u{fffd}");
    assert_eq!(lines.iter().filter(|line| **line == marked).count(), 2, "{lines:?}");
}

proptest! {
    #[test]
    fn nothing_that_is_shown_breaks_the_page(
        name in "[^\\pC]{1,100}|[<>&\"'/a-z!\\-=`\u{202e}\u{2066}\u{200f}]{1,40}",
        said in "\\PC{0,40}|[<>&\"'/a-z!\\-\u{0}\u{1b}\n]{0,40}",
        json in ".{0,20}",
    ) {
        prop_assume!(SegmentName::parse(&name).is_ok_and(|parsed| parsed.as_str() == name));
        let shown = |name: &str, said: &str, json: &str| {
            let reason = format!("{said}: {}", serde_json::json!({"action": "load", "key": json}));
            let segment = Glance {
                refused: Some(refused(said, &reason)),
                ..glance(name, State::Refused, Outcome::Refused, said)
            };
            let glances = Glances { segments: vec![segment], has_more: false };
            let function = None;
            StatusPage { glances: &glances, verified: &[], trouble: Some(said), function }.html(at(27, 6))
        };
        let (elements, lines) = read(&shown(&name, &said, &json));
        let (plain, _) = read(&shown("a", "a", "a"));
        prop_assert_eq!(elements, plain);
        let marked = name.replace(['\u{202e}', '\u{2066}'], "\u{fffd}");
        prop_assert!(lines.contains(&marked), "{:?} in {:?}", marked, lines);
    }
}
