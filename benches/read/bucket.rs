//! An S3 for the file: the sandbox's, on a thread of this process, read by jobs that are processes of their own.
//!
//! Not `moto_server`: it copies the whole object for every range, so that its time tells nothing about the reader.

use crate::sandbox::{BUCKET, Sandbox};
use crate::{Job, ours};
use std::path::Path;
use std::sync::mpsc;

/// Returns the jobs that read the file from S3; the server lives as long as the process.
pub(crate) fn jobs(file: &Path) -> Vec<Job> {
    let content = std::fs::read(file).unwrap();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let sandbox = Sandbox::start().await;
            sandbox.s3.put(BUCKET, "result.csv", content);
            sender.send(sandbox.environment()).unwrap();
            std::future::pending::<()>().await;
        });
    });
    let environment = receiver.recv().unwrap();
    [("plain CSV from S3", "s3-read"), ("plain drain from S3", "s3-drain")]
        .into_iter()
        .map(|(name, job)| {
            let mut job = ours(name, job, Path::new(BUCKET));
            job.command.arg("result.csv").envs(environment.clone());
            job
        })
        .collect()
}
