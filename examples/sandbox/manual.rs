//! What can be done with a sandbox that stays up, as commands to copy.

use crate::console::{FUNCTION, INVOKE};
use crate::{faults, page};
use sandbox::{ACCESS_KEY, BUCKET, REGION, SECRET_KEY, Sandbox};
use std::net::SocketAddr;

/// What a shell has to know so that every command of the documents means this sandbox.
pub fn exports(sandbox: &Sandbox, address: SocketAddr) -> String {
    let (aws, console) = (sandbox.aws_url(), format!("http://{address}"));
    let mut variables = sandbox.environment();
    let own = [
        ("AWS_ENDPOINT_URL_LAMBDA", console.as_str()),
        ("AWS_ENDPOINT_URL_CLOUDFORMATION", &console),
        ("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", &console),
        ("AWS_ENDPOINT_URL_SQS", &console),
        ("BUCKET", BUCKET),
        ("FUNCTION", FUNCTION),
        ("SANDBOX", &console),
    ];
    variables.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let exports: Vec<String> = variables
        .iter()
        .map(|(name, value)| format!("export {name}={value}\n"))
        .collect();
    let exports = exports.concat();
    format!(
        r#"{exports}# An AWS CLI before 2.13 knows nothing of endpoints in variables.
aws() {{
  case $1 in
    lambda | logs | sqs | cloudformation) command aws "$@" --endpoint-url {console} ;;
    *) command aws "$@" --endpoint-url {aws} ;;
  esac
}}
"#
    )
}

/// Prints the commands, with the addresses of this very sandbox.
pub fn print(sandbox: &Sandbox, address: SocketAddr) {
    let (aws, console, port) = (sandbox.aws_url(), format!("http://{address}"), address.port());
    let exports = indented(&exports(sandbox, address));
    let faults = faults::ALL.map(|(name, what)| format!("  curl -sS -X POST {console}/faults/{name:<20} # {what}\n"));
    let faults = faults.concat();
    let page = page::place().map_or_else(|_| "status.html".to_owned(), |place| place.display().to_string());
    // Older versions of curl leave out the header that S3 demands.
    let signed = format!(
        "curl -sS --aws-sigv4 aws:amz:{REGION}:s3 --user {ACCESS_KEY}:{SECRET_KEY} -H x-amz-content-sha256:UNSIGNED-PAYLOAD"
    );
    println!(
        r#"The sandbox is up until Ctrl-C. Copy the commands into another terminal, in the folder of this repository. This one first:

  source <(curl -sS {console}/environment)

It makes the commands of README.md and docs/operations.md run here as they are printed, and says in bash or zsh:

{exports}
Drop a file. The folder below incoming/ is the segment's name; the function gets the S3 notification by itself.

  aws s3 cp examples/summer-sale.csv "s3://$BUCKET/incoming/Winter Sale/first.csv"

  {signed} \
    -T examples/summer-sale.csv {aws}/{BUCKET}/incoming/Winter%20Sale/second.csv

Invoke the function, with any of events/*.json: the files that they speak of are in the bucket.

  curl -sS -d @events/test-connection.json {console}{INVOKE}
  curl -sS -d @events/verify-environment.json {console}{INVOKE}
  curl -sS -d @events/load.json {console}{INVOKE}
  curl -sS -d @events/s3-put.json {console}{INVOKE}

  cargo lambda invoke --invoke-address 127.0.0.1 --invoke-port {port} --data-file events/load.json

Let something go wrong, then do what docs/operations.md says. DELETE instead of POST ends it; where it concerns one segment,
?segment=Winter%20Sale names another than "Summer Sale". Nothing sweeps here by itself.

{faults}
  curl -sS {console}/faults

Look at the segments, at the keys of the function's own objects, and into one of them.

  curl -sS {console}/segments
  xdg-open {page}     # the status page, after the first run; `open` on a Mac
  aws s3 ls "s3://$BUCKET/_state/" --recursive
  aws s3 cp "s3://$BUCKET/KEY" -

Run the function yourself, against this sandbox; the first call compiles, which takes minutes.

  cargo lambda watch --invoke-address 127.0.0.1
  cargo lambda invoke --invoke-address 127.0.0.1 segment-loader --data-file events/load.json

What happens here is told below."#
    );
}

fn indented(lines: &str) -> String {
    let lines: Vec<String> = lines.lines().map(|line| format!("  {line}\n")).collect();
    lines.concat()
}
