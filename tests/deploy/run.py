#!/usr/bin/env python3
"""Deploys with the real SAM CLI to ministack, over TLS and with IAM enforced, and drives every trigger.

tests/deploy/run installs what it needs and starts it. The function runs under the role of its own stack, against the
sandbox's Entra ID and Dataverse, whose members are read with our own calls.

What ministack 1.5.33 does not do, and what therefore is not shown here:

- lifecycle rules and reserved concurrency are dropped; architecture, memory and time limits, X-Ray and KMS are not played
- there are no metrics: that alarms fire is not shown; nor are mails sent, of which a queue takes the text here
- logs and traces are written, and failed events put into the queue, without asking the role: logs:*, xray:* and
  sqs:SendMessage are not shown to be needed
- no request has events:source, by which the role's events:PutEvents is bound: with that condition nothing is put on the
  bus, so that it is taken out before the mails are looked at
- what EventBridge cannot deliver reaches no queue, and S3 does not try a notification when it is configured
- an object that is missing is 404 also to a role without s3:ListBucket, where S3 answers 403
- a stack whose first deployment failed can be deployed at once; CloudFormation wants it deleted first, which is what is done
  here
- an SQS source is taken whatever the visibility timeout of its queue
- Lambda's retries come after 1 and 2 seconds
"""

import contextlib
import json
import pathlib
import sys
import tempfile
import time
import uuid

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from cloud import HERE, ROOT, Cloud, make_project
from outside import Sandbox, holds, logs_shown_on_failure, wait_for

EXISTING = "existing-results"
HOSTILE = "a b+c%20é.csv"
# What is not shown to be needed: ministack never asks the role for it, or nothing here deletes.
NOT_SHOWN = {
    "sqs:SendMessage", "logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords",
    "s3:DeleteObject",
}
PEOPLE = [str(uuid.uuid4()) for _ in range(1_200)]


def main(bootstrap, example, sam):
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="deploy-")))
        with logs_shown_on_failure(folder):
            sandbox = Sandbox(stack, folder, example)
            cloud = Cloud(stack, folder, sam)
            for name, value in sandbox.secrets.items():
                cloud.secretsmanager.create_secret(Name=name, SecretString=value)
            cloud.create_bucket_with_events(EXISTING)
            project = make_project(folder / "now", ROOT / "template.yaml", bootstrap)

            loader = check_second_deployment(cloud, project)
            check_connection(loader)
            check_triggers(cloud, loader, sandbox)
            check_batch(cloud, loader, sandbox)
            check_permissions(loader)
            fires = hasten_schedule(cloud, loader)
            former = check_update(cloud, folder, project, bootstrap)
            production = check_existing_bucket(cloud, former, project, sandbox)
            check_mails(cloud, production, sandbox)
            wait_for(fires, "a sweep by the schedule", 90)
            holds("the schedule calls the function", fires(), None)
    print(f"all held, in {time.monotonic() - began:.0f} s")


def check_second_deployment(cloud, project):
    """A first deployment that fails leaves nothing behind that would keep the next from succeeding."""
    name = "segment-loader"
    # A bucket whose name is taken, made when all others are there.
    others = "[Bucket, LogGroup, Function, FailureQueuePolicy]"
    taken = f"  Taken:\n    Type: AWS::S3::Bucket\n    DependsOn: {others}\n    Properties: {{ BucketName: {EXISTING} }}\n"
    text = (project / "template.yaml").read_text()
    (project / "broken.yaml").write_text(text.replace("\nOutputs:\n", f"\n{taken}\nOutputs:\n", 1))
    ended = cloud.run_sam(project, "deploy", "-t", "broken.yaml", "--no-confirm-changeset", "--no-progressbar")
    holds("a deployment that cannot succeed fails", ended.returncode != 0, ended.stdout[-1_000:])
    buckets = [bucket["Name"] for bucket in cloud.s3.list_buckets()["Buckets"]]
    holds("it leaves no bucket", not [found for found in buckets if found.startswith(f"{name}-")], buckets)
    groups = cloud.logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]
    holds("it leaves no log group", not groups, groups)
    cloud.cloudformation.delete_stack(StackName=name)
    return cloud.deploy(project, name)


def check_connection(loader):
    answer = loader.invoke({"action": "test_connection"})
    holds("test_connection passes with the role of the stack", answer.get("ok"), answer)
    holds("the stage is that of samconfig.toml", loader.parameters["Stage"] == "sandbox", loader.parameters)
    wanted = {"FunctionName", "FunctionArn", "RoleArn", "BucketName", "ResultsLocation", "StateLocation", "FailureQueueUrl"}
    holds("the outputs are there", wanted <= set(loader.outputs), loader.outputs)


def check_triggers(cloud, loader, sandbox):
    bucket = loader.outputs["BucketName"]
    run = loader.drop(bucket, f"incoming/Summer Sale X/{HOSTILE}", PEOPLE)
    by_event = run["outcome"] == "loaded" and run["trigger"]["kind"] == "event"
    holds("a file with a hostile key is loaded by the trigger of S3", by_event, run)
    holds("its members are the file's", sandbox.members("Summer Sale X") == set(PEOPLE), "other members")

    loader.send(s3_event(bucket, "incoming/Gone/missing.csv"))
    failure = loader.failure()
    told = failure["responsePayload"]["errorType"] == "SourceMissing" and failure["requestPayload"]["Records"]
    holds("an event that fails ends in the failure queue, with its error", told, failure)


def check_batch(cloud, loader, sandbox):
    """Of an SQS batch with a good and a bad message the good one is done, and the bad one stays."""
    bucket = loader.outputs["BucketName"]
    queue, arn = cloud.create_queue("results-in")
    actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": arn}]}
    cloud.iam.put_role_policy(RoleName=loader.role, PolicyName="queue", PolicyDocument=json.dumps(document))
    # The bucket tells nothing from here on, so that the queue alone tells of the file.
    cloud.s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    entries = [s3_event(bucket, "incoming/Batch/%C3%A9.csv"), s3_event(bucket, "incoming/Gone/too.csv")]
    loader.put(bucket, "incoming/Batch/é.csv", PEOPLE[:200])
    messages = [{"Id": str(number), "MessageBody": json.dumps(entry)} for number, entry in enumerate(entries)]
    cloud.sqs.send_message_batch(QueueUrl=queue, Entries=messages)
    cloud.functions.create_event_source_mapping(
        EventSourceArn=arn, FunctionName=loader.function, BatchSize=10, FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    wait_for(lambda: cloud.messages_in(queue) == 1, "the end of the batch")
    holds("of a batch with a bad message the good one is done", sandbox.members("Batch") == set(PEOPLE[:200]), "others")


def hasten_schedule(cloud, loader):
    """Lets the rule of the stack fire within a minute, and returns what tells whether it has."""
    calls = lambda: cloud.log.read_text(errors="replace").count(f"EventBridge → Lambda {loader.function}: dispatched")
    before = calls()
    cloud.events.put_rule(Name=loader.resources["FunctionSweep"], ScheduleExpression="rate(1 minute)", State="ENABLED")
    return lambda: calls() > before


def check_permissions(loader):
    """Every action of the role that ministack asks for is needed: without it, something that must go does not."""
    statements = loader.policy()["Statement"]
    listed = [statement["Action"] for statement in statements]
    allowed = {action for actions in listed for action in (actions if isinstance(actions, list) else [actions])}
    holds("the role allows what Lambda does in its name", NOT_SHOWN <= allowed, sorted(allowed))
    failing = what_fails(loader)
    holds("with the whole role everything goes", not failing, failing)
    for action in sorted(allowed - NOT_SHOWN):
        with loader.without(action):
            failing = what_fails(loader)
        holds(f"without {action} it does not: {', '.join(failing)}", failing, failing)
    failing = what_fails(loader)
    holds("with the whole role everything goes again", not failing, failing)


def what_fails(loader):
    key = f"trial/{uuid.uuid4()}.csv"
    segment = {"segment_name": f"Permissions {key[6:14]}"}
    loader.put(loader.outputs["BucketName"], key, PEOPLE[:10])
    failing = set()
    for action, fields in (("load", segment | {"key": key}), ("sweep", {}), ("history", {})):
        answer = loader.invoke({"action": action} | fields)
        # What a history tells failed before.
        runs = [] if action == "history" else answer.get("runs", [])
        errors = [answer.get("errorType"), *(run["error_type"] for run in runs if run["outcome"] == "failed")]
        failing |= {f"{action}: {error}" for error in errors if error}
    return sorted(failing)


def check_update(cloud, folder, project, bootstrap):
    """A stack of the template before, with a parameter that does nothing any more, is brought up to date."""
    name, saved = "former", ["--parameter-overrides", "SilenceHours=26"]
    project_before = make_project(folder / "former", HERE / "former.yaml", bootstrap)
    loader = cloud.deploy(project_before, name, *saved)
    run = loader.drop(loader.state, "incoming/Former/1 before.csv", PEOPLE[:300])
    holds("the template before loads", run["outcome"] == "loaded", run)

    updated = cloud.deploy(project, name, *saved)
    are_same = (updated.role, updated.state, updated.queue) == (loader.role, loader.state, loader.queue)
    holds("role, bucket and queue are the same after the update", are_same, updated.resources)
    run = updated.drop(updated.state, f"incoming/Former/2 {HOSTILE}", PEOPLE[:310])
    holds("the bucket calls the function after the update", (run["outcome"], run["added"]) == ("loaded", 10), run)
    return updated


def check_existing_bucket(cloud, loader, project, sandbox):
    """The same artifact, promoted, with results from a bucket that was there before."""
    ended = cloud.run_sam(project, "package")
    holds("the artifact is packaged", ended.returncode == 0, ended.stderr[-2_000:])
    artifact = loader.artifact()
    moved = cloud.deploy(project, loader.name, "--config-env", "production", "--parameter-overrides",
                         *every_parameter(cloud, sandbox))
    holds("production has the same artifact", moved.artifact() == artifact, artifact)
    run = moved.drop(EXISTING, f"incoming/Winter Sale/{HOSTILE}", PEOPLE[:900])
    by_event = run["outcome"] == "loaded" and run["source"]["bucket"] == EXISTING and run["trigger"]["kind"] == "event"
    holds("a file with a hostile key in an existing bucket is loaded through EventBridge", by_event, run)
    holds("its members are the file's", sandbox.members("Winter Sale") == set(PEOPLE[:900]), "other members")

    called = cloud.s3.get_bucket_notification_configuration(Bucket=moved.state).get("LambdaFunctionConfigurations")
    holds("the stack's own bucket calls nothing any more", not called, called)
    answer = moved.invoke({"action": "load", "bucket": moved.state, "key": "incoming/Former/1 before.csv"})
    holds("nor may the function read results there", answer["runs"][0]["error_type"] == "SourceForbidden", answer)
    return moved


def check_mails(cloud, loader, sandbox):
    """A run that has ended is told on the bus, and its sentence is the text of a mail, whatever the segment is called, with when it
    was told and where the status page is."""
    # ministack does not know by what a request is bound here.
    policy = loader.policy()
    unbound = [{**entry, "Condition": {}} if entry["Action"] == "events:PutEvents" else entry for entry in policy["Statement"]]
    loader.put_policy({**policy, "Statement": unbound})
    name = 'Spring <Sale> "50 %" \\ é'
    next_mail = cloud.listen_to(loader.resources["NotificationTopic"])
    run = loader.drop(EXISTING, f"incoming/{name}/monday.csv", PEOPLE[:20])
    holds("a segment of a hostile name is loaded", sandbox.members(name) == set(PEOPLE[:20]), run)
    mail = next_mail()
    page = f"s3://{loader.state}/_state/status.html"
    is_told = json.loads(mail).startswith(run["sentence"] + " (Told at 20") and page in json.loads(mail)
    holds("the mail of a run is its sentence, in quotes as EventBridge makes it, its time and the page", is_told, mail)
    same = loader.drop(EXISTING, f"incoming/{name}/tuesday.csv", PEOPLE[:20])
    run = loader.drop(EXISTING, f"incoming/{name}/wednesday.csv", PEOPLE[:30])
    mail = next_mail()
    is_next = same["outcome"] == "unchanged" and json.loads(mail).startswith(run["sentence"])
    holds("what has changed nothing is not mailed, and what comes after it is", is_next, mail)


def every_parameter(cloud, sandbox):
    """Gives all parameters that are off by default, as a person writes them on the command line."""
    destination, credential = sandbox.secrets.values()
    inline = json.loads(destination) | {"credential": json.loads(credential)}
    cloud.secretsmanager.create_secret(Name="segment-loader/inline", SecretString=json.dumps(inline))
    key = cloud.kms.create_key()["KeyMetadata"]["Arn"]
    bound = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    boundary = cloud.iam.create_policy(PolicyName="boundary", PolicyDocument=json.dumps(bound))["Policy"]["Arn"]
    return [
        "Stage=production", f"ExistingBucketName={EXISTING}", f"ExistingBucketKeyArn={key}",
        "DestinationSecretName=segment-loader/inline", "CredentialSecretName=inline", f"SecretsKeyArn={key}",
        "Architecture=x86_64", "SweepRate='rate(5 minutes)'", "ResultDays=90", "ReservedConcurrency=5",
        "AlarmEmail=on-call@example.com", "NotificationEmail=marketing@example.com", "Notifications=changes",
        f"PermissionsBoundaryArn={boundary}",
        f"BucketKeyArn={key}", f"QueueKeyArn={key}", f"LogKeyArn={key}",
    ]


def s3_event(bucket, key):
    return {"Records": [{"eventSource": "aws:s3", "s3": {"bucket": {"name": bucket}, "object": {"key": key}}}]}


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*(pathlib.Path(path).absolute() for path in sys.argv[1:]))
