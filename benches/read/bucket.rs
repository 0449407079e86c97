//! The file in an S3 on loopback: moto's server, read by jobs that are processes of their own.
//!
//! At every request moto makes the whole body before it sends a byte: two thirds of what a drain of 413 MB takes here, in
//! which nobody has anything to parse. What is left of a read then is as long as one from the disk. So this pair is printed
//! beside the one that has a goal, and has none of its own; it shows that a real server's answers are read.

use crate::{Job, ours};
use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_s3::primitives::ByteStream;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const BUCKET: &str = "results";
const KEY: &str = "incoming/result.csv";
const REGION: &str = "us-east-1";

/// A running server that holds the file; it ends when this is dropped.
pub(crate) struct Bucket {
    server: Child,
    url: String,
}

impl Bucket {
    /// Starts the server that was installed beside that Python, and puts the file.
    pub(crate) fn start(python: &Path, file: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Command::new(python.with_file_name("moto_server"))
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let bucket = Self {
            server,
            url: format!("http://127.0.0.1:{port}"),
        };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(50));
        }
        bucket.put(std::fs::read(file).unwrap());
        bucket
    }

    fn put(&self, content: Vec<u8>) {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(REGION))
            .endpoint_url(&self.url)
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "key", "secret", None, None, "bench",
            )))
            .build();
        let client = aws_sdk_s3::Client::from_conf(config);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            client.create_bucket().bucket(BUCKET).send().await.unwrap();
            let put = client.put_object().bucket(BUCKET).key(KEY);
            put.body(ByteStream::from(content)).send().await.unwrap();
        });
    }

    /// Returns the jobs that read the file.
    pub(crate) fn jobs(&self) -> Vec<Job> {
        [
            ("plain CSV from moto", "s3-read"),
            ("plain drain from moto", "s3-drain"),
        ]
        .into_iter()
        .map(|(name, job)| {
            let mut job = ours(name, job, Path::new(BUCKET));
            job.command.arg(KEY).envs([
                ("AWS_ENDPOINT_URL", self.url.as_str()),
                ("AWS_REGION", REGION),
                ("AWS_ACCESS_KEY_ID", "key"),
                ("AWS_SECRET_ACCESS_KEY", "secret"),
            ]);
            job
        })
        .collect()
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }
}
