use super::*;
use chrono::DateTime;
use proptest::prelude::*;
use std::sync::{Arc, Mutex};

/// Keeps what is written.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns what is logged meanwhile, each line parsed.
fn logged(level: LevelFilter, work: impl FnOnce()) -> Vec<Value> {
    let written = Written::default();
    let writer = written.clone();
    tracing::subscriber::with_default(subscriber(level, move || writer.clone()), work);
    let bytes = written.0.lock().unwrap().clone();
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn the_line(work: impl FnOnce()) -> Value {
    let mut lines = logged(LevelFilter::INFO, work);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}

#[test]
fn a_line_has_what_lambda_reads_and_every_field_with_its_type() {
    let line = the_line(|| {
        tracing::warn!(
            count = 3_u64,
            left = -2_i64,
            share = 0.5,
            is_last = true,
            id = %7,
            none = None::<u64>,
            endless = f64::NAN,
            pause_ms = 1_200_u128,
            large = u128::MAX,
            "the {} words",
            3
        );
    });
    let time = DateTime::parse_from_rfc3339(line["timestamp"].as_str().unwrap()).unwrap();
    assert!((Utc::now() - time.to_utc()).num_seconds().abs() < 60);
    let Value::Object(mut fields) = line else {
        panic!("a line is an object")
    };
    fields.remove("timestamp");
    assert_eq!(
        Value::Object(fields),
        json!({
            "level": "WARN", "message": "the 3 words", "count": 3, "left": -2, "share": 0.5, "is_last": true, "id": "7",
            "endless": null, "pause_ms": 1_200, "large": u128::MAX.to_string(), "target": "segment_loader::log::tests",
        })
    );
}

#[test]
fn a_line_has_the_fields_of_its_spans_of_which_the_innermost_counts() {
    let line = the_line(|| {
        let run = tracing::info_span!("run", run_id = "r-1", phase = "run", contacts = tracing::field::Empty);
        run.record("contacts", 7);
        let _run = run.entered();
        let _phase = tracing::info_span!("phase", phase = "read", message = "of the span").entered();
        tracing::info!(segment = "Summer Sale", "read");
    });
    let of = |name: &str| line[name].clone();
    assert_eq!(
        ["run_id", "phase", "segment", "contacts", "message"].map(of),
        [
            json!("r-1"),
            json!("read"),
            json!("Summer Sale"),
            json!(7),
            json!("read")
        ]
    );
}

#[test]
fn a_run_is_an_object_and_no_text() {
    let run = json!({"outcome": "failed", "segment_name": "Summer \"Sale\"\n", "warnings": ["one"]});
    let line = the_line(|| tracing::error!(run = run.to_string(), other = "{}", "the run failed"));
    assert_eq!((&line["run"], &line["other"]), (&run, &json!("{}")));
    for odd in ["{no JSON", "7", ""] {
        assert_eq!(the_line(|| tracing::info!(run = odd, "odd"))["run"], odd);
    }
}

#[test]
fn no_field_takes_the_place_of_what_lambda_reads() {
    let line = the_line(|| {
        let _span = tracing::info_span!("hostile", level = "TRACE", timestamp = "never").entered();
        tracing::error!(level = "DEBUG", timestamp = 0, target = "elsewhere", "grave");
    });
    assert_eq!((&line["level"], &line["message"]), (&json!("ERROR"), &json!("grave")));
    assert!(DateTime::parse_from_rfc3339(line["timestamp"].as_str().unwrap()).is_ok());
    assert_eq!(line["target"], "segment_loader::log::tests");
}

#[test]
fn levels_are_those_of_lambda_and_anything_else_is_info() {
    for (name, wanted) in [
        ("TRACE", LevelFilter::TRACE),
        ("debug", LevelFilter::DEBUG),
        ("INFO", LevelFilter::INFO),
        ("WARN", LevelFilter::WARN),
        ("ERROR", LevelFilter::ERROR),
        ("FATAL", LevelFilter::ERROR),
        ("", LevelFilter::INFO),
        ("OFF", LevelFilter::INFO),
        ("segment_loader=debug", LevelFilter::INFO),
    ] {
        assert_eq!(level(Some(name)), wanted, "{name}");
    }
    assert_eq!(level(None), LevelFilter::INFO);
}

#[test]
fn what_is_below_the_level_is_not_logged_and_of_libraries_nothing_below_info() {
    let say = || {
        tracing::error!("1");
        tracing::info!("2");
        tracing::debug!("3");
        tracing::error!(target: "hyper::proto", "4");
        tracing::info!(target: "hyper::proto", "5");
        tracing::debug!(target: "hyper::proto", "authorization: Bearer");
        tracing::trace!(target: "aws_smithy_runtime", "SecretString");
    };
    let messages = |level| {
        let lines = logged(level, say).into_iter();
        lines
            .map(|line| line["message"].as_str().unwrap().to_owned())
            .collect::<String>()
    };
    assert_eq!(messages(LevelFilter::ERROR), "14");
    assert_eq!(messages(LevelFilter::INFO), "1245");
    assert_eq!(messages(LevelFilter::TRACE), "12345");
}

proptest! {
    #[test]
    fn no_text_breaks_out_of_its_field_or_its_line(text in any::<String>(), name in "[\\x00-\\x1f\"\\\\{}\u{2028}a]{0,20}") {
        let line = the_line(|| {
            let _span = tracing::info_span!("run", segment = %name).entered();
            tracing::info!(reason = text, run = name, error = ?text, "{text}");
        });
        prop_assert_eq!(&line["reason"], &json!(text));
        prop_assert_eq!(&line["message"], &json!(text));
        prop_assert_eq!(&line["segment"], &json!(name));
        prop_assert_eq!(&line["level"], &json!("INFO"));
        prop_assert_eq!(line["error"].as_str(), Some(&*format!("{text:?}")));
    }
}
