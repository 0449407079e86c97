//! The Lambda function's entry.

fn main() {}
