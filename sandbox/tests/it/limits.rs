//! Service protection and its violations.

use super::{Client, code};
use futures_util::future::join_all;
use sandbox::Fault;
use sandbox::dataverse::Limits;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn limits_throttle_and_impatience_is_noted() {
    let client = Client::start().await;
    let dataverse = &client.sandbox.dataverse;
    dataverse.set_limits(Limits {
        requests: 3,
        ..Limits::default()
    });
    for _ in 0..3 {
        assert_eq!(client.get("WhoAmI").await.status(), 200);
    }
    let refused = client.get("WhoAmI").await;
    let seconds = refused.headers()["retry-after"].to_str().expect("it is text").parse();
    let wait = Duration::from_secs(seconds.expect("it is a number"));
    assert_eq!(code(refused).await, (429, "0x80072322".to_owned()));
    assert!(dataverse.violations().is_empty());
    tokio::time::sleep(wait).await;
    assert_eq!(client.get("WhoAmI").await.status(), 200);

    let fault = Fault::on("WhoAmI")
        .answer(429)
        .header("Retry-After", "7")
        .code("0x80072321");
    dataverse.fault(fault);
    assert_eq!(client.get("WhoAmI").await.status(), 429);
    tokio::time::sleep(Duration::from_secs(6)).await;
    client.get("WhoAmI").await;
    assert_eq!(dataverse.violations().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_real_limits_bind_execution_time_and_concurrency() {
    let client = Client::start().await;
    let dataverse = &client.sandbox.dataverse;
    dataverse.latency("WhoAmI", Duration::from_secs(130));
    let answers = join_all((0..10).map(|_| client.get("WhoAmI"))).await;
    assert!(answers.iter().all(|answer| answer.status() == 200));
    let refused = client.get("WhoAmI").await;
    assert_eq!(code(refused).await, (429, "0x80072321".to_owned()));

    dataverse.reset_limits();
    let answers = join_all((0..54).map(|_| client.get("WhoAmI"))).await;
    let refused = answers.iter().filter(|answer| answer.status() == 429).count();
    assert_eq!((refused, dataverse.most_in_flight()), (2, 54));
    assert_eq!(dataverse.violations().len(), 2);
}
