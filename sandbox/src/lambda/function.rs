//! The real binary as a child process that never outlives its handle.

use super::Runtime;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

/// What a line callback gets.
pub type OnLine = Arc<dyn Fn(&str) + Send + Sync>;

/// A running instance; dropping it kills and reaps the process.
pub struct Function {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Function {
    /// Starts the binary with the runtime's address and this environment, and nothing else.
    pub fn spawn(runtime: &Runtime, binary: &Path, environment: &[(String, String)]) -> io::Result<Self> {
        Self::spawn_with(runtime, binary, environment, Arc::new(|_| {}))
    }

    /// Starts the binary and hands every line of its output to `on_line`.
    pub fn spawn_with(
        runtime: &Runtime,
        binary: &Path,
        environment: &[(String, String)],
        on_line: OnLine,
    ) -> io::Result<Self> {
        let mut child = Command::new(binary)
            .env_clear()
            .envs([
                ("AWS_LAMBDA_RUNTIME_API", runtime.endpoint().as_str()),
                ("AWS_LAMBDA_FUNCTION_NAME", "segment-loader"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
                ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
                ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/segment-loader"),
                ("AWS_LAMBDA_LOG_STREAM_NAME", "sandbox"),
                ("RUST_BACKTRACE", "1"),
                ("TZ", "UTC"),
            ])
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let lines = Arc::default();
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(collect(stdout, Arc::clone(&lines), on_line.clone()));
        }
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(collect(stderr, Arc::clone(&lines), on_line));
        }
        Ok(Self { child, lines })
    }

    /// Returns the process id, until the process was reaped.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Says whether the process is alive.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for the end of the process.
    pub async fn ended(&mut self) {
        let _ = self.child.wait().await;
    }

    /// Kills with SIGKILL and waits for the end.
    pub async fn kill(&mut self) {
        let _ = self.child.kill().await;
    }

    /// Sends a signal by name, such as `STOP` and `CONT`.
    pub async fn signal(&self, name: &str) {
        if let Some(id) = self.id() {
            let sent = Command::new("kill")
                .args([format!("-{name}"), id.to_string()])
                .status()
                .await;
            assert!(
                sent.is_ok_and(|status| status.success()),
                "the signal could not be sent"
            );
        }
    }

    /// Returns the lines written to stdout and stderr so far.
    pub fn output(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.child.start_kill();
        // A killed process ends at once; the bound is against a kernel that does not.
        let give_up = Instant::now() + Duration::from_secs(2);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < give_up {
            std::thread::yield_now();
        }
    }
}

async fn collect(stream: impl AsyncRead + Unpin, lines: Arc<Mutex<Vec<String>>>, on_line: OnLine) {
    let mut stream = BufReader::new(stream).lines();
    while let Ok(Some(line)) = stream.next_line().await {
        on_line(&line);
        lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}
