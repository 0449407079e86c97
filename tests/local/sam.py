#!/usr/bin/env python3
"""Invokes the real binary with every file of events/ by `sam local invoke`, against the sandbox.

tests/local/sam prepares what it needs and starts it. Three things of `sam local` stand between a container and the sandbox:

- it sets only variables that the template declares, and AWS_ENDPOINT_URL is none
- the sandbox is on the host's loopback, which a container has one of its own instead of
- it starts what lies as `bootstrap` in the template's CodeUri

So `bootstrap` is a script here, which sets the variables, forwards the sandbox's ports through sockets that lie beside it,
and becomes the function.
"""

import contextlib
import json
import os
import pathlib
import platform
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests"))
from outside import Sandbox, holds, logs_shown_on_failure
from run import ANSWERS, check

# Debug builds in several megabytes of image are slow to start.
PATIENCE = 120


def main(binary, example, sam, image):
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sam-")))
        with logs_shown_on_failure(folder):
            sandbox = Sandbox(stack, folder, example)
            code = folder / "target/lambda/segment-loader"
            code.mkdir(parents=True)
            shutil.copy(ROOT / "template.yaml", folder)
            shutil.copy(binary, code / "function")
            lay_bootstrap(code, sandbox)
            for name, wanted in ANSWERS.items():
                check(name, wanted, invoke(folder, sam, image, sandbox, ROOT / f"events/{name}.json"))


def lay_bootstrap(code, sandbox):
    urls = [sandbox.exports["AWS_ENDPOINT_URL"], sandbox.url, sandbox.credential["authority_url"]]
    ports = sorted({re.search(r"127\.0\.0\.1:(\d+)", url)[1] for url in urls})
    for port in ports:
        forward(code / port, int(port))
    # What the template gives for deployed stacks would name another bucket.
    variables = sandbox.exports | {"STATE_BUCKET": sandbox.exports["RESULTS_BUCKET"]}
    lines = ["#!/bin/sh"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    lines += [f"socat TCP-LISTEN:{port},bind=127.0.0.1,fork UNIX-CONNECT:/var/task/{port} &" for port in ports]
    # A port is listened on a moment after its forwarder was started.
    lines += ["sleep 1", "exec /var/task/function"]
    bootstrap = code / "bootstrap"
    bootstrap.write_text("\n".join(lines) + "\n")
    bootstrap.chmod(0o755)


def forward(path, port):
    """Listens on a socket in the file system for what is meant for a port of this machine's loopback."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    path.chmod(0o666)
    server.listen(64)

    def serve():
        while True:
            near, _ = server.accept()
            far = socket.create_connection(("127.0.0.1", port))
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=pump, args=(source, target), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()


def pump(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def invoke(folder, sam, image, sandbox, event):
    architecture = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    command = [sam, "local", "invoke", "Function", "--template", folder / "template.yaml", "--event", event,
               "--parameter-overrides", f"Architecture={architecture}", "--invoke-image", image, "--skip-pull-image"]
    # Without credentials it asks STS for some, for nine seconds.
    credentials = {name: sandbox.exports[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")}
    environment = os.environ | credentials | {"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": credentials["AWS_REGION"]}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
    holds(f"sam local invoke --event events/{event.name}", ended.returncode == 0, ended.stderr[-2_000:])
    holds("with an answer", ended.stdout.strip(), ended.stderr[-2_000:])
    # Its log goes to the other output.
    return json.loads(ended.stdout.strip().splitlines()[-1])


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*(pathlib.Path(path).absolute() for path in sys.argv[1:4]), sys.argv[4])
