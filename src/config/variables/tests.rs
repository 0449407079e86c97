//! What of the environment is taken, and what is told of the rest.

use super::*;

fn read(variables: &[(&str, &str)]) -> Result<Variables, VariableError> {
    let all = [&[("DESTINATION_SECRET_ID", "socktown/destination")], variables].concat();
    // The last one counts, so that a test can overrule the first.
    Variables::read(|name| {
        all.iter()
            .rev()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).into())
    })
}

#[test]
fn the_secret_alone_is_enough() {
    let expected = Variables {
        destination_secret_id: "socktown/destination".into(),
        results_bucket: None,
        results_prefix: "incoming/".into(),
        state_bucket: None,
        state_prefix: "_state/".into(),
        lease: Duration::from_mins(3),
        event_bus: None,
        function_name: None,
        memory: u64::MAX,
    };
    assert_eq!(read(&[]), Ok(expected));
    for nothing in ["", " "] {
        let error = read(&[("DESTINATION_SECRET_ID", nothing)]).unwrap_err();
        assert!(
            error.to_string().contains("`DESTINATION_SECRET_ID` is not set"),
            "{error}"
        );
    }
}

#[test]
fn prefixes_get_a_missing_slash_and_results_may_have_none() {
    let variables = read(&[("RESULTS_PREFIX", "a/b"), ("STATE_PREFIX", "c")]).unwrap();
    assert_eq!((&*variables.results_prefix, &*variables.state_prefix), ("a/b/", "c/"));
    assert_eq!(read(&[("RESULTS_PREFIX", "")]).unwrap().results_prefix, "");
}

#[test]
fn a_prefix_with_which_no_key_begins_is_told_of_and_not_matched_with_nothing() {
    for prefix in [
        "/",
        "/incoming/",
        "incoming//",
        "a//b",
        "s3://bucket/incoming/",
        " incoming/",
        "incoming/ ",
        " ",
    ] {
        let error = read(&[("RESULTS_PREFIX", prefix)]).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("`RESULTS_PREFIX` must be what the keys of results begin with"),
            "{prefix}: {error}"
        );
    }
}

#[test]
fn a_bucket_is_told_by_its_name_alone() {
    for variable in ["RESULTS_BUCKET", "STATE_BUCKET"] {
        for name in ["arn:aws:s3:::results", "s3://results", "results/incoming"] {
            let error = read(&[(variable, name)]).unwrap_err();
            assert!(
                error.to_string().contains("must be the name of a bucket alone"),
                "{error}"
            );
            assert!(error.to_string().contains(variable), "{error}");
        }
        for name in ["socktown-results", "my.results", "Old_Results", " results "] {
            assert!(read(&[(variable, name)]).is_ok(), "{name}");
        }
    }
}

#[test]
fn what_is_no_name_of_a_secret_may_be_the_secret_and_is_never_shown() {
    let pasted = [
        "{\"credential\":{\"client_secret\":\"leak\"}}",
        "client_secret=leak leak",
        "abc8Q~leak.leak-leak",
        "leak\nleak",
        &"leak".repeat(600),
    ];
    for pasted in pasted {
        let error = read(&[("DESTINATION_SECRET_ID", pasted)]).unwrap_err();
        let told = format!("{error} {error:?}");
        assert!(
            told.contains("`DESTINATION_SECRET_ID` must be the name or ARN"),
            "{told}"
        );
        assert!(!told.contains("leak"), "{told}");
    }
    for name in [
        "socktown/destination",
        "a_b+c=d.e@f-1",
        "arn:aws:secretsmanager:eu-central-1:123456789012:secret:socktown/destination-AbCdEf",
    ] {
        assert!(read(&[("DESTINATION_SECRET_ID", name)]).is_ok(), "{name}");
    }
}

#[test]
fn a_bus_is_told_by_its_name_or_arn() {
    for name in [
        "default",
        "marketing",
        "arn:aws:events:eu-central-1:123456789012:event-bus/marketing",
    ] {
        assert_eq!(
            read(&[("EVENT_BUS_NAME", name)]).unwrap().event_bus.as_deref(),
            Some(name)
        );
    }
    let error = read(&[("EVENT_BUS_NAME", "{\"leak\": 1}")]).unwrap_err();
    assert!(
        error.to_string().contains("`EVENT_BUS_NAME` must be `default`"),
        "{error}"
    );
}

#[test]
fn results_never_lie_inside_the_state_of_one_bucket() {
    for variables in [
        &[("STATE_PREFIX", "")] as &[_],
        &[("RESULTS_PREFIX", "_state")],
        &[("RESULTS_PREFIX", "_state/in")],
        &[("RESULTS_PREFIX", "a"), ("STATE_PREFIX", "a")],
        &[
            ("RESULTS_PREFIX", "_state/in"),
            ("RESULTS_BUCKET", "b"),
            ("STATE_BUCKET", "b"),
        ],
        &[("RESULTS_PREFIX", "_state/in"), ("RESULTS_BUCKET", "b")],
    ] {
        let error = read(variables).unwrap_err();
        assert!(error.to_string().contains("_PREFIX` must be"), "{error}");
    }
    for variables in [
        &[
            ("RESULTS_PREFIX", "_state/in"),
            ("RESULTS_BUCKET", "b"),
            ("STATE_BUCKET", "c"),
        ] as &[_],
        &[("RESULTS_PREFIX", "_statement")],
        &[("STATE_PREFIX", "incoming/_state")],
    ] {
        assert!(read(variables).is_ok(), "{variables:?}");
    }
}

#[test]
fn the_state_lies_where_it_is_told_else_with_the_results() {
    for (variables, expected) in [
        (&[] as &[_], "event"),
        (&[("RESULTS_BUCKET", "results")], "results"),
        (&[("STATE_BUCKET", "state")], "state"),
        (&[("RESULTS_BUCKET", "results"), ("STATE_BUCKET", "state")], "state"),
        (&[("RESULTS_BUCKET", ""), ("STATE_BUCKET", "")], "event"),
    ] {
        let variables = read(variables).unwrap();
        assert_eq!(variables.state_bucket_for("event"), expected);
        assert!(variables.scope().is_own(expected, "_state/x"));
    }
}

#[test]
fn the_memory_is_what_lambda_says() {
    let memory = |text| read(&[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", text)]).unwrap().memory;
    assert_eq!(memory("256"), 256 << 20);
    assert_eq!((memory(""), memory("all")), (u64::MAX, u64::MAX));
}

#[test]
fn a_lease_is_at_least_six_seconds() {
    assert_eq!(read(&[("LEASE_SECONDS", "6")]).unwrap().lease, Duration::from_secs(6));
    assert_eq!(read(&[("LEASE_SECONDS", "")]).unwrap().lease, Duration::from_mins(3));
    for text in ["5", "0", "-6", "6.5", "three", "99999999999"] {
        assert!(read(&[("LEASE_SECONDS", text)]).is_err(), "{text}");
    }
}
