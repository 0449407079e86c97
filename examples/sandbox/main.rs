//! The loader against a sandbox of AWS and Microsoft on this machine: try it with `cargo run --example sandbox`.
//!
//! Nothing leaves the loopback interface. The function runs as on Lambda, as a process of its own that fetches its
//! invocations from a Runtime API: this program starts itself once more for that.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this program talks to people")]
#![expect(unreachable_pub, reason = "nothing of a program can be reached")]

mod arguments;
mod cloud;
mod console;
mod demo;
mod endpoint;
mod faults;
mod manual;
mod page;
mod place;
mod progress;
mod query_result;
mod report;
mod say;
mod segment;
mod serve;
mod verify;

use arguments::{Options, Task};
use query_result::QueryResult;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_some() {
        return be_the_function().await;
    }
    let (task, options) = match arguments::parse(std::env::args_os().skip(1)) {
        Ok(wanted) => wanted,
        Err(mistake) => {
            eprintln!("{mistake}\n\n{}", arguments::HELP);
            return ExitCode::from(64);
        }
    };
    // Whatever ends first drops the other: the function's process is killed with the handle to it.
    tokio::select! {
        code = carry_out(task, options) => code,
        () = interrupted() => {
            println!("\nStopped.");
            ExitCode::from(130)
        }
    }
}

async fn carry_out(task: Task, options: Options) -> ExitCode {
    match task {
        Task::Help => {
            println!("{}", arguments::HELP);
            ExitCode::SUCCESS
        }
        Task::Demo => demo::run(QueryResult::shipped(), options, true).await,
        Task::Load { path, segment_name } => match QueryResult::read(&path, &segment_name) {
            Ok(result) => demo::run(result, options, false).await,
            Err(error) => {
                eprintln!("{} cannot be read: {error}", path.display());
                ExitCode::from(66)
            }
        },
        Task::Verify => verify::run(options).await,
        Task::Serve => serve::run(options).await,
    }
}

async fn be_the_function() -> ExitCode {
    match segment_loader::run().await {
        Ok(()) => ExitCode::SUCCESS,
        // The Runtime API is gone, and with it whoever could read why.
        Err(_) => ExitCode::FAILURE,
    }
}

/// Waits for Ctrl-C, a polite kill, or the end of the terminal.
#[cfg(unix)]
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).expect("signals can be listened to");
    let (mut interrupt, mut terminate, mut hang_up) = (
        listen(SignalKind::interrupt()),
        listen(SignalKind::terminate()),
        listen(SignalKind::hangup()),
    );
    tokio::select! {
        _ = interrupt.recv() => (),
        _ = terminate.recv() => (),
        _ = hang_up.recv() => (),
    }
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
async fn interrupted() {
    let _ = tokio::signal::ctrl_c().await;
}
