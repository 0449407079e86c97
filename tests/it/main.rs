//! Runs the loader against the sandbox over real HTTP on the loopback interface.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop there")]

mod architecture;
mod attempts;
mod aws_answers;
mod chaos;
mod confirming;
mod connection;
mod deployed;
mod dynamics;
mod editors;
mod events;
mod failures;
mod folders;
mod guards;
mod lags;
mod large;
mod leaks;
mod loads;
mod names;
mod observed;
mod pinned;
mod queues;
mod refusals;
mod reports;
mod same_second;
mod several;
mod simulation;
mod source;
mod source_answers;
mod source_parts;
mod source_refusals;
mod stops;
mod sweeps;
mod template;
mod text_files;
mod world;
