//! Runs the loader against the sandbox over real HTTP on the loopback interface.

mod dynamics;
mod sandbox;
mod sandbox_itself;
