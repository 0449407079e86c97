#!/usr/bin/env python3
"""Invokes the real binary with every file of events/ under Lambda's own emulator, and as the sandbox says, against the sandbox.

tests/local/run installs what it needs and starts it. The emulator is the one that ships in aws-sam-cli; no Docker is needed.
"""

import contextlib
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests"))
from outside import Sandbox, emulate, holds, logs_shown_on_failure, post

# What each answers when they are invoked in this order: the sandbox has one file under the three keys that they name.
ANSWERS = {
    "test-connection": {"ok": True},
    "verify-environment": {"ok": True, "cleaned_up": True},
    "load-all-fields": ["dry_run"],
    "s3-minimal": ["loaded"],
    "history": ["loaded"],
    "eventbridge-object-created": ["unchanged"],
    "s3-put": ["unchanged"],
    "load": ["unchanged"],
    "sqs-s3": {"batchItemFailures": []},
    "sqs-eventbridge": {"batchItemFailures": []},
    "scheduled-rule": [],
    "scheduler-tick": [],
    "sweep": [],
    "s3-delete": [],
    "s3-test-event": [],
    "status": {"files_without_marker": []},
    "forget": {"forgotten": True},
}


def main(binary, example):
    files = {path.stem: path for path in (ROOT / "events").glob("*.json")}
    holds("every file of events/ is invoked", files.keys() == ANSWERS.keys(), sorted(files.keys() ^ ANSWERS.keys()))
    with contextlib.ExitStack() as stack:
        logs = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        with logs_shown_on_failure(logs):
            sandbox = Sandbox(stack, logs, example)
            environment = sandbox.exports | {"AWS_LAMBDA_FUNCTION_TIMEOUT": "120", "AWS_EC2_METADATA_DISABLED": "true"}
            url = emulate(stack, logs, binary, "local", environment)
            for name, wanted in ANSWERS.items():
                check(name, wanted, post(url, files[name].read_bytes(), {}))
            check_printed_commands(sandbox)


def check(name, wanted, answer):
    if isinstance(wanted, list):
        seen = [run["outcome"] for run in answer["runs"]] if "runs" in answer else None
    else:
        seen = {key: answer.get(key) for key in wanted}
    holds(f"events/{name}.json answers {json.dumps(wanted)}", seen == wanted, answer)


def check_printed_commands(sandbox):
    """What the sandbox prints to invoke the function with is run as it stands."""
    for command in ("curl -sS -d @events/", "cargo lambda invoke --invoke-address 127.0.0.1 --invoke-port"):
        printed = [line.strip() for line in sandbox.printed.splitlines() if line.strip().startswith(command)]
        holds(f"`{command}...` is printed", printed, sandbox.printed)
        for line in printed:
            ended = subprocess.run(line, shell=True, cwd=ROOT, capture_output=True, text=True, check=False)
            answered = ended.returncode == 0 and "errorType" not in ended.stdout and ended.stdout.startswith("{")
            holds(line, answered, (ended.stdout + ended.stderr)[-1_000:])


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*(pathlib.Path(path).resolve() for path in sys.argv[1:]))
