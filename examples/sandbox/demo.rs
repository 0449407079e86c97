//! One file from the bucket to the segment, watched from outside.

use crate::query_result::QueryResult;
use crate::report::{self, Runs};
use crate::segment::{counted, several};
use crate::{cloud, progress, segment};
use sandbox::{BUCKET, Sandbox};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::ExitCode;
use uuid::Uuid;

const NOT_LOADED: u8 = 2;
const WRONG_MEMBERS: u8 = 1;

/// Loads a file; `after_last_week` is into the segment that is there, and not into a new one.
pub async fn run(result: QueryResult, after_last_week: bool) -> ExitCode {
    let sandbox = cloud::start().await;
    if after_last_week {
        cloud::seed_last_week(&sandbox);
    }
    println!("A sandbox of S3, Secrets Manager, Entra ID and Dataverse runs on 127.0.0.1.\n");
    println!("Segment \"{}\"", result.segment_name);
    println!("  before     {}\n", segment::in_words(&sandbox, &result.segment_name));
    let size = several(result.bytes.len() as u64, "byte");
    println!("Dropping {} ({size}) at\n  s3://{BUCKET}/{}", result.name, result.key);
    println!("The function, a process of its own as on Lambda, gets the S3 notification:\n");

    let runs = match load(&sandbox, &result).await {
        Ok(runs) => runs,
        Err(error) => Err(format!("the function cannot be started: {error}")),
    };
    let reports = match runs {
        Ok(reports) => reports,
        Err(reason) => {
            println!("\nThe function failed: {reason}");
            return ExitCode::from(NOT_LOADED);
        }
    };
    if reports.is_empty() {
        println!("\nThe function ignored the file: its name is that of a marker, not of a result.");
        return ExitCode::from(NOT_LOADED);
    }
    println!("\nReport");
    for report in &reports {
        report::print(report);
    }
    println!("\nSegment \"{}\"", result.segment_name);
    println!("  after      {}", segment::in_words(&sandbox, &result.segment_name));
    print_places(&sandbox, &result, &reports);
    println!();
    verdict(&sandbox, &result, &reports)
}

async fn load(sandbox: &Sandbox, result: &QueryResult) -> std::io::Result<Runs> {
    let mut function = cloud::deploy(sandbox).await?;
    let event = cloud::drop_file(sandbox, result);
    let before = report::receipts(sandbox);
    let answer = progress::told(sandbox, function.invoke(&event, cloud::TIMEOUT)).await;
    Ok(report::of(sandbox, answer, &before))
}

fn print_places(sandbox: &Sandbox, result: &QueryResult, reports: &[Value]) {
    println!("\nWhere things are (until this program ends; --serve stays up)");
    println!("  file       s3://{BUCKET}/{}", result.key);
    let receipts = report::receipts(sandbox);
    let of_the_function = sandbox.s3.keys(BUCKET, "_state/");
    for head in of_the_function.iter().filter(|key| key.ends_with("/head.json")) {
        println!("  head       s3://{BUCKET}/{head}");
    }
    for receipt in receipts {
        println!("  receipt    s3://{BUCKET}/{receipt}");
    }
    for rejected in reports.iter().filter_map(|report| report["rejected_rows"].as_str()) {
        println!("  rejected   {rejected}");
    }
}

/// Judges by the members themselves, whatever the report says.
fn verdict(sandbox: &Sandbox, result: &QueryResult, reports: &[Value]) -> ExitCode {
    let outcome = reports.first().map_or("nothing was run", report::outcome);
    if outcome != "loaded" {
        println!("NOT LOADED: {outcome}, for the reason above.");
        return ExitCode::from(NOT_LOADED);
    }
    let segments = sandbox.dataverse.segments(&result.segment_name);
    let published = segments.into_iter().find_map(|segment| segment.published);
    let published: BTreeSet<Uuid> = published.unwrap_or_default().into_iter().collect();
    let members = counted(published.len() as u64);
    match result.contacts() {
        None => {
            println!(
                "LOADED: {members} members are published. Only comma-separated UTF-8 is counted a second time here."
            );
            ExitCode::SUCCESS
        }
        Some(wanted) if wanted == published => {
            println!(
                "EXACT: the {members} published members are the distinct valid contact ids of the file, no more, no less."
            );
            ExitCode::SUCCESS
        }
        Some(wanted) => {
            let missing = counted(wanted.difference(&published).count() as u64);
            let extra = counted(published.difference(&wanted).count() as u64);
            println!(
                "WRONG: of the file's contacts {missing} are no members, and {extra} members are not in the file."
            );
            ExitCode::from(WRONG_MEMBERS)
        }
    }
}
