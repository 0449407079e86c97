#!/usr/bin/env python3
"""Runs the real binary under Lambda's own emulator, against moto's S3 and Secrets Manager, and checks what it does.

The sandbox of the tests is written by the same people as the function. Here nothing of AWS is: moto plays S3 and Secrets
Manager, and the runtime interface emulator that ships inside aws-sam-cli plays Lambda. Only Entra ID and Dataverse are the
sandbox's, since nobody else plays them.

    python3 -m venv /tmp/moto
    /tmp/moto/bin/pip install 'moto[server]' aws-sam-cli
    cargo build --bin segment-loader --example sandbox
    /tmp/moto/bin/python tests/moto/run.py target/debug/segment-loader target/debug/examples/sandbox

The release binary can be given as well. Linux on x86-64 or arm64. It takes some seconds, prints one line per check, ends
with 0 if all hold, and leaves no process and no file behind.
"""

import concurrent.futures
import contextlib
import json
import pathlib
import sys
import tempfile
import urllib.parse
import uuid

import boto3
import botocore.exceptions

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from outside import (
    REGION, SECRETS, Sandbox, can_connect, emulate, free_port, holds, logs_shown_on_failure, post, start, wait_for
)

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAMOTOMOTOMOTO0000", "AWS_SECRET_ACCESS_KEY": "moto"}
CHECKS = ["destination_secret", "credential_secret", "token", "who_am_i", "segment_tables"]


def main(binary, example):
    with contextlib.ExitStack() as stack:
        logs = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        with logs_shown_on_failure(logs):
            sandbox = Sandbox(stack, logs, example)
            aws = Aws(stack, logs)
            aws.take_secrets(sandbox)
            function = Function(stack, logs, binary, aws, "one")
            check_connection(function)
            for versioned in (True, False):
                check_bucket(function, aws, sandbox, versioned)
            check_conditional_writes(aws)
            check_parallel(stack, logs, binary, aws, sandbox)


def check_connection(function):
    answer = function.invoke({"action": "test_connection"})
    names = [check["name"] for check in answer["checks"]]
    holds("test_connection passes its five checks", answer["ok"] and names == CHECKS, answer)


def check_bucket(function, aws, sandbox, versioned):
    bucket = "results-versioned" if versioned else "results-plain"
    segment = f"Moto {bucket} é+x"
    aws.create_bucket(bucket, versioned)
    people = [str(uuid.uuid4()) for _ in range(2_500)]

    event = aws.drop(bucket, f"incoming/{segment}/2026-11-21.csv", people)
    run = only_run(function.invoke(event))
    loaded = run["outcome"] == "loaded" and run["added"] == 2_500 and run["rejected"] == 1
    holds(f"{bucket}: an S3 event loads the file", loaded, run)
    holds(f"{bucket}: the members are the file's", sandbox.members(segment) == set(people), "other members")
    has_version = run["source"]["version_id"] is not None
    holds(f"{bucket}: the version is known where there is one", has_version == versioned, run)

    again = only_run(function.invoke(event))
    idle = again["outcome"] == "unchanged" and not again["requests"]
    holds(f"{bucket}: the same event again asks Dynamics for nothing", idle, again)

    order = {"action": "load", "bucket": bucket, "key": f"incoming/{segment}/2026-11-21.csv"}
    ordered = only_run(function.invoke(order))
    holds(f"{bucket}: an order of the same file changes nothing", ordered["outcome"] == "unchanged", ordered)

    people = people[100:] + [str(uuid.uuid4()) for _ in range(200)]
    run = only_run(function.invoke(aws.drop(bucket, f"incoming/{segment}/2026-11-22.csv", people)))
    numbers = (run["outcome"], run["members_before"], run["added"], run["removed"], run["member_count"])
    holds(f"{bucket}: a changed file is the difference", numbers == ("loaded", 2_500, 200, 100, 2_600), run)
    holds(f"{bucket}: the members are the new file's", sandbox.members(segment) == set(people), "other members")
    overtaken = only_run(function.invoke(event))
    holds(f"{bucket}: an older event does not go back", overtaken["outcome"] == "superseded", overtaken)

    head = aws.head(bucket)
    is_clean = not head["pending"] and not head.get("writing") and not head.get("lease")
    holds(f"{bucket}: the head is clean", is_clean and head["applied"]["run_id"] == run["run_id"], head)
    receipt = aws.json(run["receipt"])
    holds(f"{bucket}: the receipt tells the run", receipt["run_id"] == run["run_id"], receipt)


def check_conditional_writes(aws):
    """Shows that moto refuses what S3 refuses; without that the head would prove nothing here."""
    bucket = "results-versioned"
    key = aws.head_key(bucket)
    for condition in ({"IfNoneMatch": "*"}, {"IfMatch": '"0123456789abcdef0123456789abcdef"'}):
        status = 200
        try:
            aws.s3.put_object(Bucket=bucket, Key=key, Body=b"{}", **condition)
        except botocore.exceptions.ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        holds(f"moto keeps the head from a write with {next(iter(condition))}", status == 412, status)


def check_parallel(stack, logs, binary, aws, sandbox):
    bucket, segment = "results-parallel", "Moto parallel"
    aws.create_bucket(bucket, True)
    functions = [Function(stack, logs, binary, aws, name) for name in ("two", "three")]
    for function in functions:
        check_connection(function)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        invoke = lambda events: [
            answer.result() for answer in [pool.submit(f.invoke, e) for f, e in zip(functions, events)]
        ]
        people = [str(uuid.uuid4()) for _ in range(5_000)]
        event = aws.drop(bucket, f"incoming/{segment}/2026-11-21.csv", people)
        outcomes = sorted(only_run(answer)["outcome"] for answer in invoke([event, event]))
        once = "loaded" in outcomes and set(outcomes) <= {"loaded", "busy", "unchanged"} and outcomes[0] != outcomes[1]
        holds(f"two instances with one event load it once: {outcomes}", once, outcomes)
        holds("the members are the file's", sandbox.members(segment) == set(people), "other members")

        older = aws.drop(bucket, f"incoming/{segment}/2026-11-22.csv", people[10:])
        newer = aws.drop(bucket, f"incoming/{segment}/2026-11-23.csv", people[:-10])
        outcomes = [[run["outcome"] for run in answer["runs"]] for answer in invoke([older, newer])]
        holds(f"two instances with two files end as the newer: {outcomes}",
              sandbox.members(segment) == set(people[:-10]), outcomes)
        head = aws.head(bucket)
        is_clean = not head["pending"] and not head.get("writing") and not head.get("lease")
        holds("the head is clean after both", is_clean, head)


class Aws:
    """S3 and Secrets Manager, played by moto."""

    def __init__(self, stack, logs):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        server = pathlib.Path(sys.executable).with_name("moto_server")
        start(stack, logs, "moto", [server, "-H", "127.0.0.1", "-p", str(port)], {})
        wait_for(lambda: can_connect(port), "moto")
        here = {"endpoint_url": self.url, "region_name": REGION, "aws_access_key_id": KEYS["AWS_ACCESS_KEY_ID"],
                "aws_secret_access_key": KEYS["AWS_SECRET_ACCESS_KEY"]}
        self.s3 = boto3.client("s3", **here)
        self.secrets = boto3.client("secretsmanager", **here)

    def take_secrets(self, sandbox):
        for name, value in sandbox.secrets.items():
            self.secrets.create_secret(Name=name, SecretString=value)

    def create_bucket(self, name, versioned):
        self.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        if versioned:
            self.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})

    def drop(self, bucket, key, contacts):
        """Puts a query result with one bad row, and returns S3's event about it."""
        rows = [f'{number},{contact.upper()},"Socktown, North"' for number, contact in enumerate(contacts, 1)]
        body = "\r\n".join(["number,ContactId,city", *rows, "0,NULL,", ""]).encode()
        put = self.s3.put_object(Bucket=bucket, Key=key, Body=body)
        event = json.loads(pathlib.Path(__file__).parents[2].joinpath("events/s3-put.json").read_text())
        s3 = event["Records"][0]["s3"]
        s3["bucket"] |= {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"}
        s3["object"] = {"key": urllib.parse.quote_plus(key, safe="/"), "size": len(body), "eTag": put["ETag"].strip('"'),
                        "sequencer": "0055AED6DCD90281E5"}
        if "VersionId" in put:
            s3["object"]["versionId"] = put["VersionId"]
        return event

    def head_key(self, bucket):
        found = self.s3.list_objects_v2(Bucket=bucket, Prefix="_state/segments/")["Contents"]
        key, = [entry["Key"] for entry in found if entry["Key"].endswith("/head.json")]
        return key

    def head(self, bucket):
        return self.json(f"s3://{bucket}/{self.head_key(bucket)}")

    def json(self, url):
        bucket, key = url.removeprefix("s3://").split("/", 1)
        return json.load(self.s3.get_object(Bucket=bucket, Key=key)["Body"])


class Function:
    """One Lambda environment."""

    def __init__(self, stack, logs, binary, aws, name):
        environment = KEYS | {
            "AWS_ENDPOINT_URL": aws.url, "AWS_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true",
            "DESTINATION_SECRET_ID": SECRETS[0], "AWS_LAMBDA_FUNCTION_TIMEOUT": "120", "NO_PROXY": "127.0.0.1",
        }
        self.url = emulate(stack, logs, binary, name, environment)

    def invoke(self, event):
        answer = post(self.url, json.dumps(event).encode(), {})
        if "errorType" in answer:
            raise AssertionError(f"the invocation failed: {answer}")
        return answer


def only_run(answer):
    run, = answer["runs"]
    return run


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*(pathlib.Path(path).resolve() for path in sys.argv[1:]))
