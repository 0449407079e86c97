"""What the scripts share that try the function from outside: processes, checks, and the sandbox's Entra ID and Dataverse."""

import contextlib
import json
import os
import pathlib
import platform
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

REGION = "eu-west-1"
SECRETS = ["segment-loader/destination", "segment-loader/credential"]
PATIENCE = 60


class Sandbox:
    """Entra ID and Dataverse, and where they are."""

    def __init__(self, stack, logs, example):
        log = start(stack, logs, "sandbox", [example, "--serve"], {})
        self.printed = wait_for(lambda: "is told below" in log.read_text() and log.read_text(), "the sandbox")
        import boto3

        self.exports = dict(re.findall(r"export (\w+)=(\S+)", self.printed))
        client = boto3.client(
            "secretsmanager",
            endpoint_url=self.exports["AWS_ENDPOINT_URL"],
            region_name=self.exports["AWS_REGION"],
            aws_access_key_id=self.exports["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.exports["AWS_SECRET_ACCESS_KEY"],
        )
        self.secrets = {name: client.get_secret_value(SecretId=name)["SecretString"] for name in SECRETS}
        destination, self.credential = (json.loads(self.secrets[name]) for name in SECRETS)
        self.url = destination["environment_url"].rstrip("/")

    def members(self, segment):
        """Reads the members of a segment's groups with our own calls to the Web API."""
        token = self.token()
        name = urllib.parse.quote("msdynmkt_displayname eq '" + segment.replace("'", "''") + "'")
        row, = self.call(token, f"msdynmkt_segments?$filter={name}")["value"]
        definition = self.call(token, f"msdynmkt_segmentdefinitions({row['msdynmkt_sourcesegmentuid']})")
        members = []
        for group in json.loads(definition["msdynmkt_staticlistmembers"]):
            page, ids = 1, True
            while ids:
                body = {"SegmentId": row["msdynmkt_segmentid"], "GroupId": group["groupId"], "PageNo": page, "PageSize": 5_000}
                ids = json.loads(self.call(token, "msdynmkt_ListGroupMembers", body)["Response"])["entityIds"]
                members += ids
                page += 1
        holds("no member is there twice", len(members) == len(set(members)), len(members))
        return set(members)

    def token(self):
        form = {key: self.credential[key] for key in ("client_id", "client_secret")}
        form |= {"grant_type": "client_credentials", "scope": f"{self.url}/.default"}
        url = f"{self.credential['authority_url'].rstrip('/')}/{self.credential['tenant_id']}/oauth2/v2.0/token"
        return post(url, urllib.parse.urlencode(form).encode(), {})["access_token"]

    def call(self, token, path, body=None):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept": "application/json"}
        return post(f"{self.url}/api/data/v9.2/{path}", json.dumps(body).encode() if body else None, headers)


def emulate(stack, logs, binary, name, environment):
    """Starts one Lambda environment in Lambda's own emulator, as it ships in aws-sam-cli, and returns where to invoke it."""
    import samcli

    machine = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    emulator = pathlib.Path(samcli.__file__).parent / "local/rapid" / f"aws-lambda-rie-{machine}"
    port, runtime_port = free_port(), free_port()
    addresses = ["--runtime-interface-emulator-address", f"127.0.0.1:{port}",
                 "--runtime-api-address", f"127.0.0.1:{runtime_port}"]
    start(stack, logs, f"function-{name}", [emulator, *addresses, binary], environment)
    wait_for(lambda: can_connect(port), "the emulator")
    return f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"


def holds(what, is_true, seen):
    if not is_true:
        raise AssertionError(f"{what}: NO; seen: {seen}")
    print(f"ok  {what}", flush=True)


def post(url, body, headers):
    """Sends a body, or asks where there is none, past any proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, body, headers), timeout=PATIENCE * 3) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{url}: {error.code} {error.read()[:300]!r}") from error


@contextlib.contextmanager
def logs_shown_on_failure(logs):
    """Prints the ends of all logs where something did not hold."""
    try:
        yield
    except BaseException:
        for log in sorted(logs.glob("*.log")):
            print(f"--- {log.name}\n{log.read_text(errors='replace')[-6000:]}", flush=True)
        raise


def start(stack, logs, name, command, environment):
    """Starts a process of which nothing is left when the stack unwinds, its children included."""
    log = logs / f"{name}.log"
    path = {"PATH": os.environ.get("PATH", ""), "HOME": str(logs), "TMPDIR": str(logs)}
    with log.open("wb") as out:
        process = subprocess.Popen([str(part) for part in command], env=path | environment, stdin=subprocess.DEVNULL,
                                   stdout=out, stderr=subprocess.STDOUT, cwd=logs, start_new_session=True)
    stack.callback(end, process)
    return log


def end(process):
    # The process leads a group of its own, so this reaches what it has started, and nothing else.
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(3)


def wait_for(condition, what, patience=PATIENCE):
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come within {patience} seconds")


def can_connect(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
