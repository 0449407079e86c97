//! What can be done with a sandbox that stays up, as commands to copy.

use crate::endpoint::INVOKE;
use sandbox::{ACCESS_KEY, BUCKET, REGION, SECRET_KEY, Sandbox};
use tokio::net::TcpListener;

/// Prints the commands, with the addresses of this very sandbox.
pub fn print(sandbox: &Sandbox, listener: &TcpListener) {
    let aws = sandbox.aws_url();
    let address = listener.local_addr().ok();
    let function = address.map(|address| format!("http://{address}")).unwrap_or_default();
    let port = address.map_or(0, |address| address.port());
    let variables = sandbox.environment().into_iter();
    let exports: Vec<String> = variables
        .map(|(name, value)| format!("  export {name}={value}"))
        .collect();
    let exports = exports.join("\n");
    // Older versions of curl leave out the header that S3 demands.
    let signed = format!(
        "curl -sS --aws-sigv4 aws:amz:{REGION}:s3 --user {ACCESS_KEY}:{SECRET_KEY} -H x-amz-content-sha256:UNSIGNED-PAYLOAD"
    );
    println!(
        r#"The sandbox is up until Ctrl-C. Copy the commands into another terminal, in the folder of this repository.

Drop a file. The folder below incoming/ is the segment's name; the function gets the S3 notification by itself.

  {signed} \
    -T examples/summer-sale.csv {aws}/{BUCKET}/incoming/Winter%20Sale/first.csv

  AWS_ACCESS_KEY_ID={ACCESS_KEY} AWS_SECRET_ACCESS_KEY={SECRET_KEY} AWS_REGION={REGION} \
    aws s3 cp examples/summer-sale.csv "s3://{BUCKET}/incoming/Winter Sale/second.csv" --endpoint-url {aws}

Invoke the function, with any of events/*.json: the files that they speak of are in the bucket.

  curl -sS -d @events/test-connection.json {function}{INVOKE}
  curl -sS -d @events/verify-environment.json {function}{INVOKE}
  curl -sS -d @events/load.json {function}{INVOKE}
  curl -sS -d @events/s3-put.json {function}{INVOKE}

  cargo lambda invoke --invoke-address 127.0.0.1 --invoke-port {port} --data-file events/load.json

Look at the segments, at the keys of the function's own objects, and into one of them.

  curl -sS {function}/segments

  {signed} \
    "{aws}/{BUCKET}?list-type=2&prefix=_state%2F"

  {signed} \
    "{aws}/{BUCKET}/KEY"

Run the function yourself, against this sandbox; the first call compiles, which takes minutes.

{exports}
  cargo lambda watch --invoke-address 127.0.0.1
  cargo lambda invoke --invoke-address 127.0.0.1 segment-loader --data-file events/load.json

What happens here is told below."#
    );
}
