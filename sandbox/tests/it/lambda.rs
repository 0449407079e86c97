//! The Runtime API and its child processes.

use super::{body, http};
use sandbox::lambda::{Lambda, Runtime};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn an_invocation_goes_to_the_function_and_its_answer_comes_back() {
    let runtime = Runtime::start().await;
    let base = format!("http://{}/2018-06-01/runtime", runtime.endpoint());
    let function = async {
        for end in ["response", "error"] {
            let next = http().get(format!("{base}/invocation/next")).send().await;
            let next = next.expect("an invocation comes");
            let id = next.headers()["lambda-runtime-aws-request-id"]
                .to_str()
                .expect("it is text");
            let url = format!("{base}/invocation/{id}/{end}");
            assert!(next.headers().contains_key("lambda-runtime-deadline-ms"));
            let answer = json!({"errorType": "Failed", "errorMessage": "why", "event": body(next).await});
            let sent = http().post(url).json(&answer).send().await;
            assert_eq!(sent.expect("the runtime answers").status(), 202);
        }
    };
    let event = json!({"action": "sweep"});
    let caller = async {
        let answered = runtime.invoke(&event, DEADLINE).await.expect("the function answers");
        assert_eq!(answered["event"], event);
        let failed = runtime.invoke(&event, DEADLINE).await.expect_err("the function fails");
        assert_eq!(failed.error_type, "Failed");
    };
    tokio::join!(function, caller);
}

#[tokio::test]
async fn a_poll_that_died_swallows_no_invocation() {
    let runtime = Runtime::start().await;
    let next = format!("http://{}/2018-06-01/runtime/invocation/next", runtime.endpoint());
    let dead = tokio::spawn(http().get(&next).send());
    tokio::time::sleep(Duration::from_millis(100)).await;
    // Only the sockets know when the poll has arrived and when its end was noticed.
    dead.abort();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let event = json!({"to": "the living"});
    let caller = runtime.invoke(&event, DEADLINE);
    let function = async { body(http().get(&next).send().await.expect("an invocation comes")).await };
    tokio::select! {
        _ = caller => panic!("nobody answered"),
        received = function => assert_eq!(received, event),
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_function_times_out() {
    let runtime = Runtime::start().await;
    let error = runtime.invoke(&json!({}), DEADLINE).await.expect_err("nobody answers");
    assert_eq!(error.error_type, "Sandbox.Timedout");
}

#[tokio::test]
async fn the_queue_tries_a_dying_function_three_times() {
    let mut lambda = Lambda::deploy(Path::new("/bin/true"), &[]).await;
    let attempts = lambda.deliver(&json!({}), DEADLINE, [Duration::ZERO; 2]).await;
    let kinds: Vec<_> = attempts
        .iter()
        .map(|attempt| attempt.as_ref().map_err(|error| error.error_type.as_str()))
        .collect();
    assert_eq!(kinds, [Err("Runtime.ExitError"); 3]);
    assert!(lambda.instance().is_none());
}

#[tokio::test]
async fn a_function_is_killed_while_it_works() {
    let program = std::env::temp_dir().join(format!("sleeper-{}", uuid::Uuid::new_v4()));
    std::fs::write(&program, "#!/bin/sh\nexec sleep 60\n").expect("a file can be written");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o700)).expect("it is ours");
    let mut lambda = Lambda::deploy(&program, &[("PATH".to_owned(), "/usr/bin:/bin".to_owned())]).await;
    let killer = lambda.killer();
    let event = json!({});
    let (answer, ()) = tokio::join!(lambda.invoke(&event, DEADLINE), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        killer.kill();
    });
    let error = answer.expect_err("nobody answers");
    assert_eq!(error.error_type, "Runtime.ExitError");
    assert!(error.error_message.contains("killed"), "{error}");
    assert!(lambda.instance().is_none());
    std::fs::remove_file(program).expect("it is still there");
}
