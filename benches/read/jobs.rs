//! Our own jobs, each in a process of its own, so that its memory is its own.

use flate2::read::MultiGzDecoder;
use segment_loader::source::{self, Begun, Objects};
use segment_loader::time::Fence;
use serde_json::json;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Does one job and prints what it found and its peak memory.
pub(crate) fn run(job: &str, arguments: &[String]) {
    let distinct = match job {
        "newlines" => count_newlines(&arguments[0]),
        "gunzip" => gunzip(&arguments[0]),
        "read" => read(&arguments[0]),
        "s3-read" => on_s3(async |objects| {
            let object = objects.head(&arguments[0], &arguments[1], None).await.unwrap();
            source::read(&objects, &[object], "contactid", &Fence::open(), Begun::default())
                .await
                .unwrap()
                .contacts
                .len() as u64
        }),
        "s3-drain" => drain(&arguments[0], &arguments[1]),
        _ => unreachable!("no such job: {job}"),
    };
    println!("{}", json!({ "distinct": distinct, "peak_kib": peak_kib() }));
}

fn read(path: &str) -> u64 {
    let key = Path::new(path).file_name().unwrap().to_str().unwrap();
    let rows = source::read_file(File::open(path).unwrap(), key, "contactid").unwrap();
    assert_eq!(
        rows.rows,
        rows.contacts.len() as u64 + rows.duplicates + rows.rejected.count
    );
    rows.contacts.len() as u64
}

fn count_newlines(path: &str) -> u64 {
    let mut file = File::open(path).unwrap();
    let mut buffer = vec![0; 64 * 1024];
    let mut count = 0;
    loop {
        match file.read(&mut buffer).unwrap() {
            0 => return count,
            length => count += memchr::memchr_iter(b'\n', &buffer[..length]).count() as u64,
        }
    }
}

fn gunzip(path: &str) -> u64 {
    let mut decoder = MultiGzDecoder::new(io::BufReader::with_capacity(64 * 1024, File::open(path).unwrap()));
    let mut buffer = vec![0; 64 * 1024];
    let mut length = 0;
    loop {
        match decoder.read(&mut buffer).unwrap() {
            0 => return length,
            read => length += read as u64,
        }
    }
}

fn drain(bucket: &str, key: &str) -> u64 {
    block_on(async {
        let answer = client()
            .await
            .get_object()
            .bucket(bucket)
            .key(key)
            .send()
            .await
            .unwrap();
        let mut body = answer.body;
        let mut length = 0;
        while let Some(chunk) = body.try_next().await.unwrap() {
            length += chunk.len() as u64;
        }
        length
    })
}

fn on_s3<F: Future<Output = u64>>(job: impl FnOnce(Objects) -> F) -> u64 {
    block_on(async { job(Objects::new(client().await)).await })
}

async fn client() -> aws_sdk_s3::Client {
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::v2026_01_12()).await;
    aws_sdk_s3::Client::new(&config)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// Returns the largest resident size of this process, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
