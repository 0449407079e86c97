"""AWS, played by ministack over TLS with IAM enforced, and the SAM CLI that deploys to it."""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import boto3
import botocore.config

from outside import REGION, can_connect, free_port, holds, start, wait_for

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
KEYS = {
    "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": "127.0.0.1",
}


class Cloud:
    """One account in one region."""

    def __init__(self, stack, folder, sam):
        self.folder, self.sam = folder, sam
        make_certificates(folder)
        port = free_port()
        self.url = f"https://127.0.0.1:{port}"
        # The function inherits the certificate, and takes its role's session from ministack.
        self.log = start(stack, folder, "ministack", [sys.executable, HERE / "with_ranges.py"], KEYS | {
            "GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "IOT_MTLS_ENABLED": "0", "AWS_ENDPOINT_URL": self.url,
            "AUTH": "true", "USE_SSL": "1", "MINISTACK_SSL_CERT": str(folder / "leaf.pem"),
            "MINISTACK_SSL_KEY": str(folder / "leaf.key"), "SSL_CERT_FILE": str(folder / "ca.pem"),
        })
        wait_for(lambda: can_connect(port), "ministack")
        self.s3, self.functions, self.sqs, self.iam = map(self.client, ("s3", "lambda", "sqs", "iam"))
        self.events, self.logs, self.kms, self.sns = map(self.client, ("events", "logs", "kms", "sns"))
        self.cloudformation, self.secretsmanager = map(self.client, ("cloudformation", "secretsmanager"))

    def client(self, name):
        config = botocore.config.Config(retries={"max_attempts": 1}, read_timeout=120)
        return boto3.client(name, endpoint_url=self.url, region_name=REGION, aws_access_key_id="test", config=config,
                            aws_secret_access_key="test", verify=str(self.folder / "ca.pem"))

    def run_sam(self, project, *arguments):
        """Runs the SAM CLI as a person does, but for the questions that it would ask."""
        environment = KEYS | {
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "AWS_ENDPOINT_URL": self.url,
            "AWS_CA_BUNDLE": str(self.folder / "ca.pem"), "SAM_CLI_TELEMETRY": "0",
        }
        began = time.monotonic()
        ended = subprocess.run([self.sam, *arguments], cwd=project, env=environment, stdin=subprocess.DEVNULL,
                               capture_output=True, text=True, check=False)
        print(f"    sam {' '.join(arguments)} ({time.monotonic() - began:.0f} s)", flush=True)
        return ended

    def deploy(self, project, name, *arguments):
        ended = self.run_sam(project, "deploy", "--stack-name", name, "--no-confirm-changeset", "--no-progressbar", *arguments)
        holds(f"{name} is deployed", ended.returncode == 0, (ended.stdout + ended.stderr)[-3_000:])
        return Stack(self, name)

    def create_bucket_with_events(self, name):
        """Makes a bucket of the kind that results already arrive in."""
        self.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        self.s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}})

    def create_queue(self, name):
        url = self.sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "900"})["QueueUrl"]
        return url, self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def listen_to(self, topic):
        """Subscribes to a topic, and returns what takes the next message of it, as a mail would have it."""
        queue, arn = self.create_queue("mails")
        statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
                     "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        self.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
        self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

        def next_message():
            messages = self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=1).get("Messages", [])
            for message in messages:
                self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                return json.loads(message["Body"])["Message"]
            return None

        return lambda: wait_for(next_message, "a mail")

    def messages_in(self, queue):
        counts = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
        return int(counts["ApproximateNumberOfMessages"]) + int(counts["ApproximateNumberOfMessagesNotVisible"])


class Stack:
    """A stack that is deployed: its resources by their names in the template, and what can be done with them."""

    def __init__(self, cloud, name):
        self.cloud, self.name = cloud, name
        described, = cloud.cloudformation.describe_stacks(StackName=name)["Stacks"]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}
        self.parameters = {given["ParameterKey"]: given["ParameterValue"] for given in described["Parameters"]}
        found = cloud.cloudformation.describe_stack_resources(StackName=name)["StackResources"]
        self.resources = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in found}
        self.function, self.queue = self.resources["Function"], self.resources["FailureQueue"]
        self.state, self.role = self.resources["Bucket"], self.resources["FunctionRole"]

    def invoke(self, event):
        answer = self.cloud.functions.invoke(FunctionName=self.function, Payload=json.dumps(event).encode())
        return json.load(answer["Payload"])

    def send(self, event):
        """Invokes as S3 and EventBridge do: nobody waits for the answer, and Lambda tries again."""
        self.cloud.functions.invoke(FunctionName=self.function, Payload=json.dumps(event).encode(), InvocationType="Event")

    def drop(self, bucket, key, contacts):
        """Puts a query result, and returns the receipt that the function leaves."""
        before = self.receipts()
        self.put(bucket, key, contacts)
        receipt = wait_for(lambda: self.receipts() - before, f"a receipt of {key}").pop()
        return json.load(self.cloud.s3.get_object(Bucket=self.state, Key=receipt)["Body"])

    def put(self, bucket, key, contacts):
        rows = [f"{number},{contact.upper()}" for number, contact in enumerate(contacts)]
        self.cloud.s3.put_object(Bucket=bucket, Key=key, Body="\r\n".join(["number,ContactId", *rows, ""]).encode())

    def receipts(self):
        pages = self.cloud.s3.get_paginator("list_objects_v2").paginate(Bucket=self.state, Prefix="_state/receipts/")
        return {entry["Key"] for page in pages for entry in page.get("Contents", [])}

    def failure(self):
        """Takes the next message out of the failure queue."""
        take = lambda: self.cloud.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=1).get("Messages")
        message, = wait_for(take, "a message in the failure queue")
        self.cloud.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return json.loads(message["Body"])

    def artifact(self):
        return self.cloud.functions.get_function_configuration(FunctionName=self.function)["CodeSha256"]

    def policy(self):
        return self.cloud.iam.get_role_policy(RoleName=self.role, PolicyName="function")["PolicyDocument"]

    @contextlib.contextmanager
    def without(self, action):
        """Takes one action away from the role for a while."""
        whole = self.policy()
        self.put_policy({**whole, "Statement": [rest for rest in map(less(action), whole["Statement"]) if rest]})
        try:
            yield
        finally:
            self.put_policy(whole)

    def put_policy(self, policy):
        self.cloud.iam.put_role_policy(RoleName=self.role, PolicyName="function", PolicyDocument=json.dumps(policy))


def less(action):
    def of(statement):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        rest = [other for other in actions if other != action]
        return {**statement, "Action": rest} if rest else None
    return of


def make_project(folder, template, bootstrap):
    """Lays out what a person deploys from: template, samconfig.toml and the build."""
    build = folder / "target/lambda/segment-loader"
    build.mkdir(parents=True)
    shutil.copy(template, folder / "template.yaml")
    shutil.copy(ROOT / "samconfig.toml", folder)
    shutil.copy(bootstrap, build / "bootstrap")
    return folder


def make_certificates(folder):
    """Makes an authority and its certificate for 127.0.0.1: rustls takes no server that is its own authority."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    extensions = "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n"
    (folder / "extensions").write_text(extensions)
    for command in (
        ["req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=deployment test"],
        ["req", *key, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=127.0.0.1"],
        ["x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "leaf.pem",
         "-days", "2", "-extfile", "extensions"],
    ):
        subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True)
