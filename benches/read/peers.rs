//! The peers: installed with pip into a virtual environment, absent where that is not possible.

use crate::{Job, ours, script};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// The Python that has the peers; none where they could not be installed.
pub(crate) struct Peers {
    python: Option<PathBuf>,
}

/// A stand-in for S3, ended on drop.
pub(crate) struct S3Server(Child);

impl Drop for S3Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const BUCKET: &str = "bench";
const PORT: &str = "5577";

impl Peers {
    /// Installs the peers unless they are there, and lets one of them write the Parquet files.
    pub(crate) fn install(folder: &Path, csv: &Path) -> Self {
        let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers");
        let installed = Command::new("sh").arg(script("install.sh")).arg(&environment).status();
        if !installed.is_ok_and(|status| status.success()) {
            println!("the peers could not be installed; only our own jobs run");
            return Self { python: None };
        }
        let peers = Self {
            python: Some(environment.join("bin/python")),
        };
        if !folder.join("binary.parquet").exists() {
            println!("making the Parquet files ...");
            let made = peers.script("make").arg(csv).arg(folder).status().unwrap();
            assert!(made.success());
        }
        peers
    }

    /// Starts `moto_server` with the file in it.
    pub(crate) fn start_s3(&self, folder: &Path) -> Option<S3Server> {
        let python = self.python.as_ref()?;
        let server = Command::new(python)
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", PORT])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let server = S3Server(server);
        let filled = self
            .script("upload")
            .args([&endpoint(), BUCKET])
            .arg(folder.join("result.csv"))
            .status();
        assert!(filled.unwrap().success());
        Some(server)
    }

    /// Returns the peers' jobs, and ours that need their S3.
    pub(crate) fn jobs(&self, csv: &Path, gz: &Path, text: &Path, binary: &Path) -> Vec<Job> {
        if self.python.is_none() {
            return Vec::new();
        }
        vec![
            self.job("DuckDB, plain CSV", "duckdb-csv", csv),
            self.job("Polars, plain CSV", "polars-csv", csv),
            self.job("Python csv + uuid, plain CSV", "python-csv", csv),
            self.job("DuckDB, gzip", "duckdb-csv", gz),
            self.job("DuckDB, Parquet, text ids", "duckdb-parquet", text),
            self.job("DuckDB, Parquet, 16-byte ids", "duckdb-parquet", binary),
            from_s3("plain CSV from S3", "s3-read"),
            from_s3("plain drain from S3", "s3-drain"),
        ]
    }

    fn job(&self, name: &'static str, job: &str, path: &Path) -> Job {
        let mut command = self.script(job);
        command.arg(path).env("POLARS_MAX_THREADS", "1");
        Job { name, command }
    }

    fn script(&self, job: &str) -> Command {
        let mut command = Command::new(self.python.as_ref().unwrap());
        command.arg(script("peers.py")).arg(job);
        command
    }
}

fn from_s3(name: &'static str, job: &str) -> Job {
    let mut job = ours(name, job, Path::new(BUCKET));
    job.command.arg("result.csv").envs([
        ("AWS_ENDPOINT_URL", endpoint().as_str()),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "bench"),
        ("AWS_SECRET_ACCESS_KEY", "bench"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ]);
    job
}

fn endpoint() -> String {
    format!("http://127.0.0.1:{PORT}")
}
