use super::*;
use proptest::prelude::*;

const OURS: &str = "Managed by segment-loader: its members are replaced by the query results in s3://results/. Changes by hand \
                    are overwritten.";

fn loaded(key: &str) -> Loaded<'_> {
    Loaded {
        at: DateTime::from_timestamp(1_795_000_000, 250_000_000).unwrap(),
        key,
        people: Some(1_000),
        change: Some(Change {
            members: Some((5, 3)),
            rejected: 2,
        }),
        kind: None,
    }
}

fn refused<'a>(key: &'a str, why: &'a str) -> Line<'a> {
    Line::Refused {
        at: loaded(key).at,
        key,
        why,
        last: None,
    }
}

#[test]
fn a_line_tells_what_is_known_of_a_load() {
    let line = |loaded: Loaded<'_>| Line::Loaded(loaded).put_into(OURS, 1_000).unwrap();
    let begins = format!("{OURS}\nLast load: 2026-11-18T11:06:40Z, file “a.csv”");
    let known = loaded("incoming/Summer Sale/a.csv");
    assert_eq!(
        line(known),
        format!("{begins}: 1,000 people, 5 came, 3 went, 2 unusable rows.")
    );
    let change = Some(Change {
        members: None,
        rejected: 1,
    });
    assert_eq!(
        line(Loaded { change, ..known }),
        format!("{begins}: 1,000 people, 1 unusable row.")
    );
    let nothing = Loaded {
        people: None,
        change: None,
        ..known
    };
    assert_eq!(line(nothing), format!("{begins}."));
}

#[test]
fn a_refusal_keeps_the_last_load_or_says_that_it_is_not_known() {
    let told = Line::Loaded(loaded("a.csv")).put_into(OURS, 1_000).unwrap();
    let refused = refused("b.csv", "the file is empty");
    let line = "Refused: 2026-11-18T11:06:40Z, file “b.csv”: the file is empty; no member was changed.";
    assert_eq!(refused.put_into(&told, 1_000).unwrap(), format!("{told}\n{line}"));
    assert_eq!(
        refused.put_into(OURS, 1_000).unwrap(),
        format!("{OURS}\nLast load: not known.\n{line}")
    );
}

#[test]
fn a_file_is_named_by_what_says_something() {
    for (key, name) in [
        ("incoming/Summer Sale/2026-11-23/_SUCCESS", "2026-11-23"),
        ("incoming/Summer Sale/2026-11-23/", "2026-11-23"),
        ("incoming/Summer Sale/2026-11-23/all.DONE", "2026-11-23"),
        ("incoming/Summer Sale/2026-11-23/manifest", "2026-11-23"),
        ("incoming/Summer Sale/sale_manifest", "sale_manifest"),
        ("incoming/3f2504e0-4f89-41d3-9a0c-0305e82c3301", "…"),
        ("incoming/run 3F2504E04F8941D39A0C0305E82C3301.csv", "run ….csv"),
        ("incoming/2026-11-23-0600.csv", "2026-11-23-0600.csv"),
        ("_", "_"),
    ] {
        assert_eq!(name_of(key), name, "{key}");
    }
}

#[test]
fn the_first_line_says_how_people_come_and_go_since_the_last_load() {
    let adds = OURS
        .replace("its members are replaced", "people are added to it and taken out of it")
        .replace(" Changes by hand are overwritten.", "");
    let line = |mode, text: &str| {
        let loaded = Loaded {
            kind: Some((mode, "results")),
            ..loaded("a.csv")
        };
        Line::Loaded(loaded).put_into(text, 1_000).unwrap()
    };
    let replaced = Line::Loaded(loaded("a.csv")).put_into(OURS, 1_000).unwrap();
    let note = "\nAsk Anna.";
    assert_eq!(
        line(Mode::Replace, &format!("{adds}{}{note}", &replaced[OURS.len()..])),
        format!("{replaced}{note}")
    );
    assert_eq!(line(Mode::Remove, OURS), replaced.replace(OURS, &adds));
    let elsewhere = OURS.replace("s3://results/", "s3://other/");
    assert_eq!(line(Mode::Replace, &elsewhere), replaced);
}

#[test]
fn what_was_made_for_additions_does_not_say_that_members_are_replaced() {
    let ours = "Managed by segment-loader: people are added to it and taken out of it by the query results in s3://b/.";
    assert!(is_ours(ours));
    for theirs in [
        "",
        "Managed by segment-loader",
        "Managed by segment-loader: people are added to it and taken out of it by the query results in s3://b/. Ask Jo.",
        "Managed by segment-loader: its members are replaced by the query results in Jo's files. Changes by hand are overwritten.",
    ] {
        assert!(!is_ours(theirs), "{theirs}");
    }
}

#[test]
fn a_note_stays_wherever_people_put_it_behind_what_this_program_writes() {
    let next = |text: &str| Line::Loaded(loaded("next.csv")).put_into(text, 1_000);
    let written = next(OURS).unwrap();
    let before = Line::Loaded(loaded("a.csv")).put_into(OURS, 1_000).unwrap();
    for note in [
        " -- ask Anna",
        " Checked by Anna on Monday: do not delete.",
        "\u{2028}Checked by Anna",
        "\rChecked by Anna",
        "\r\nChecked by Anna",
        "\n\nChecked by Anna",
        "\nRefused: Anna said no to this campaign",
        "\nRefused: 2026-11-18T11:06:40Z, Anna said no",
    ] {
        assert_eq!(
            next(&format!("{before}{note}")).unwrap(),
            format!("{written}{note}"),
            "{note:?}"
        );
        let refused = refused("b.csv", "it is empty")
            .put_into(&format!("{before}{note}"), 1_000)
            .unwrap();
        assert!(
            refused.ends_with(&format!("; no member was changed.{note}")),
            "{refused:?}"
        );
        assert_eq!(next(&refused).unwrap(), format!("{written}{note}"), "{note:?}");
    }
    for theirs in [
        before.replace("1,000 people", "about 1,000 people, checked by Anna"),
        before.replace("Last load: ", "Last load, Anna says: "),
        before.replacen('\n', "\nAnna was here.\n", 1),
    ] {
        assert_eq!(next(&theirs), None, "{theirs}");
    }
}

proptest! {
    #[test]
    fn whatever_people_write_is_left_alone_and_kept(text in any::<String>(), key in any::<String>(), why in any::<String>()) {
        for line in [Line::Loaded(loaded(&key)), refused(&key, &why)] {
            prop_assert_eq!(line.put_into(&text, 1_000), None);
            prop_assert_eq!(line.put_into(&format!("{text}x{OURS}"), 10_000), None);
            let told = line.put_into(OURS, 10_000).unwrap();
            let lines = if matches!(line, Line::Loaded(_)) { 2 } else { 3 };
            prop_assert_eq!(told.split(['\n', '\r', '\u{2028}']).count(), lines);
            let behind = line.put_into(&format!("{told}\nx{text}"), 10_000);
            prop_assert_eq!(behind, None, "it says so already");
            let next = Line::Loaded(loaded("next.csv")).put_into(&format!("{told}\nx{text}"), 10_000).unwrap();
            let theirs = format!("\nx{text}");
            prop_assert!(next.ends_with(&*theirs) && !next.contains("Refused:"));
            prop_assert!(next.encode_utf16().count() <= 10_000);
            prop_assert_eq!(Line::Loaded(loaded("next.csv")).put_into(&told, next.encode_utf16().count()).is_some(), true);
        }
    }
}
