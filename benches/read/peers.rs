//! The peers: installed with pip into a virtual environment, absent where that is not possible.

use crate::{Job, script};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The Python that has the peers; none where they could not be installed.
pub(crate) struct Peers {
    python: Option<PathBuf>,
}

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

    /// Returns the Python that has them.
    pub(crate) fn python(&self) -> Option<&Path> {
        self.python.as_deref()
    }

    /// Returns the peers' jobs.
    pub(crate) fn jobs(&self, csv: &Path, gz: &Path, text: &Path, binary: &Path) -> Vec<Job> {
        if self.python.is_none() {
            return Vec::new();
        }
        vec![
            self.job("DuckDB, plain CSV", "duckdb-csv", csv),
            self.job("Polars, plain CSV", "polars-csv", csv),
            self.job("Python csv + uuid, plain CSV", "python-csv", csv),
            self.job("DuckDB, gzip", "duckdb-csv", gz),
            self.job("DuckDB, Parquet, text ids", "duckdb-parquet-text", text),
            self.job("DuckDB, Parquet, 16-byte ids", "duckdb-parquet-bytes", binary),
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
