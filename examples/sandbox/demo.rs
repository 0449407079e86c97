//! One result from the bucket to the segment, watched from outside.

use crate::arguments::Options;
use crate::query_result::QueryResult;
use crate::report::{self, Runs};
use crate::segment::{counted, several};
use crate::{cloud, page, progress, say, segment};
use sandbox::{BUCKET, Sandbox};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;
use uuid::Uuid;

const NOT_LOADED: u8 = 2;
const WRONG_MEMBERS: u8 = 1;

/// Loads a result; `after_last_week` is into the segment that is there, and not into a new one.
pub async fn run(result: QueryResult, mut options: Options, after_last_week: bool) -> ExitCode {
    if result.is_folder && options.setting("result_files").is_none() {
        options.settings.push(("result_files".to_owned(), json!("folder")));
    }
    let sandbox = cloud::start(&options).await;
    if after_last_week {
        cloud::seed_last_week(&sandbox);
    }
    announce(&sandbox, &result);
    let runs = match load(&sandbox, &result, &options).await {
        Ok(runs) => runs,
        Err(error) => Err(format!("the function cannot be started: {error}")),
    };
    let reports = match runs {
        Ok(reports) => reports,
        Err(reason) => {
            say::gap();
            say::line("The function failed: ", &reason);
            return ExitCode::from(NOT_LOADED);
        }
    };
    if reports.is_empty() {
        say::gap();
        say::line(
            "",
            "The function ignored the file: its name is that of a marker, not of a result.",
        );
        return ExitCode::from(NOT_LOADED);
    }
    println!("\nReport");
    for report in &reports {
        report::print(&sandbox, report);
    }
    say::gap();
    say::line("", &format!("Segment \"{}\"", result.segment_name));
    say::line("  after      ", &segment::in_words(&sandbox, &result.segment_name));
    println!();
    let code = verdict(&sandbox, &result, &reports);
    if let Ok(Some(place)) = page::write(&sandbox) {
        println!("\nStatus page: {}", place.display());
    }
    code
}

/// Says what is there before, and what is about to happen.
fn announce(sandbox: &Sandbox, result: &QueryResult) {
    say::line(
        "",
        "A sandbox of S3, Secrets Manager, Entra ID and Dataverse runs on 127.0.0.1.",
    );
    say::gap();
    say::line("", &format!("Segment \"{}\"", result.segment_name));
    say::line("  before     ", &segment::in_words(sandbox, &result.segment_name));
    let size = several(result.size() as u64, "byte");
    let files = match result.objects.len() {
        1 => String::new(),
        count => format!("{}, ", several(count as u64, "object")),
    };
    say::gap();
    say::line("", &format!("Dropping {} ({files}{size}) at", result.name));
    say::line("  ", &format!("s3://{BUCKET}/{}", result.key()));
    say::line(
        "",
        "The function, a process of its own as on Lambda, gets the S3 notification:",
    );
    say::gap();
}

async fn load(sandbox: &Sandbox, result: &QueryResult, options: &Options) -> std::io::Result<Runs> {
    let mut function = cloud::deploy(sandbox, options, Arc::new(progress::relay)).await?;
    let event = cloud::drop_result(sandbox, result);
    let before = report::receipts(sandbox);
    let answer = progress::told(sandbox, function.invoke(&event, cloud::TIMEOUT)).await;
    Ok(report::of(sandbox, answer, &before))
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
    let members = several(published.len() as u64, "published member");
    let (verdict, code) = match result.contacts() {
        None => (
            format!("LOADED: {members}. Only comma-separated UTF-8 is counted a second time here."),
            ExitCode::SUCCESS,
        ),
        Some(wanted) if wanted == published => (
            format!("EXACT: {members}, which are the distinct valid contact ids of the file, no more, no less."),
            ExitCode::SUCCESS,
        ),
        Some(wanted) => {
            let missing = counted(wanted.difference(&published).count() as u64);
            let extra = counted(published.difference(&wanted).count() as u64);
            (
                format!(
                    "WRONG: of the file's contacts {missing} are no members, and {extra} members are not in the file."
                ),
                ExitCode::from(WRONG_MEMBERS),
            )
        }
    };
    say::line("", &verdict);
    code
}
