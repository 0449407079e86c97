//! Runs the loader against the sandbox over real HTTP on the loopback interface.

mod sandbox;
mod sandbox_itself;
mod source;
mod source_parts;
