use super::examples::{at, fresh, glance, lights, refused, wrong};
use super::*;
use crate::domain::{Fact, Outcome, SegmentName};
use crate::state::{Glance, Load, Loaded, State, Status};
use chrono::TimeDelta;
use html5gum::{Token, Tokenizer};
use proptest::prelude::*;

/// A name that means to be something else.
const HOSTILE: &str = "</bdi></h3><script>document.title='broken'</script><img src=x onerror=alert(1)>\"'&amp;";
/// The elements that stand in a line of text.
const INLINE: [&str; 5] = ["bdi", "code", "span", "time", "b"];

fn page<'a>(glances: &'a Glances, verified: &'a [Verified]) -> StatusPage<'a> {
    StatusPage {
        glances,
        verified,
        unmarked: None,
        trouble: None,
        function: Some("segment-loader"),
        elsewhere: &[],
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
            people: Some(people),
            ..glance.status
        },
        loads: (0..60_u32)
            .map(|day| Load {
                at: at(26, 6) - TimeDelta::days(59 - i64::from(day)),
                contacts: people - u64::from(59 - day) * step + u64::from(day * 7 % 5) * (people / 90),
                people: None,
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
                    has ended, journeys may see the audience from before. This program looks again by itself.";
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
        unmarked: Some(&Unmarked {
            count: 1_200,
            first: format!("s3://results/incoming/{HOSTILE}/part-0.csv"),
            since: at(27, 4),
        }),
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
fn what_a_page_does_not_show_is_not_counted_as_if_it_did() {
    let glances = Glances {
        has_more: true,
        ..lights()
    };
    let (_, lines) = read(&html(&glances));
    assert!(
        lines[2].starts_with("More than 10 segments, of which these are shown: "),
        "{}",
        lines[2]
    );
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
            StatusPage { trouble: Some(said), function, ..page(&glances, &[]) }.html(at(27, 6))
        };
        let (elements, lines) = read(&shown(&name, &said, &json));
        let (plain, _) = read(&shown("a", "a", "a"));
        prop_assert_eq!(elements, plain);
        let marked = name.replace(['\u{202e}', '\u{2066}'], "\u{fffd}");
        prop_assert!(lines.contains(&marked), "{:?} in {:?}", marked, lines);
    }
}
