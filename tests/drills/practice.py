"""What the drills share: a sandbox that stays up, faults in it, and a shell in which the document's own commands are run."""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
OPERATIONS = ROOT / "docs/operations.md"
DEPLOYING = ROOT / "docs/deploying.md"
STATE = ROOT / "docs/state.md"
SEGMENT = "Summer Sale"
# What every other command takes for granted, by the document's own word.
FIRST = "Before you begin"

sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests"))
from outside import holds, logs_shown_on_failure, start, wait_for


class Practice:
    def __init__(self, stack, folder, example, options):
        self.folder = folder
        self.log = start(stack, folder, "sandbox", [example, "--serve", *options], {})
        printed = wait_for(lambda: "is told below" in self.log.read_text() and self.log.read_text(), "the sandbox")
        self.url = re.search(r"export SANDBOX=(\S+)", printed)[1]

    def fault(self, name, on=True):
        """Switches a fault on or off with the command that the sandbox prints for it."""
        line = f"curl -sS -X {'POST' if on else 'DELETE'} {self.url}/faults/{name}"
        print(f"    {line}", flush=True)
        return json.loads(self.shell(line))

    def file(self, name, count):
        """Writes a result of people who are in no other, at home, and returns who they are."""
        people = {str(uuid.uuid4()) for _ in range(count)}
        (self.folder / name).write_text("\n".join(["contactid", *sorted(people), ""]))
        return people

    def drop(self, name):
        """Drops a result, as a warehouse does, and returns who is in it."""
        people = self.file(name, 3_900)
        self.shell(f'aws s3 cp ~/{name} "s3://$BUCKET/incoming/{SEGMENT}/{name}"')
        return people

    def happens(self, what, times=1):
        """Waits until the sandbox has told of something so many times."""
        wait_for(lambda: self.log.read_text().count(what) >= times, f"`{what}` in the sandbox", 120)

    def follow(self, heading, typed=""):
        """Runs the commands of a section of the document as they stand, and returns what they printed."""
        print(f"    docs/operations.md, {heading}", flush=True)
        return self.shell("set -eo pipefail\n" + commands(FIRST) + commands(heading), typed)

    def sees(self, heading, *signs):
        """Follows a section, whose commands show these signs."""
        seen = self.follow(heading)
        for sign in signs:
            holds(f"{heading}: `{sign}` is seen", re.search(sign, seen), seen)

    def audience_is(self, people):
        """Compares who is published, by the sandbox, with those who should be."""
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{self.url}/segments") as answer:
            segment, = (each for each in json.load(answer)["segments"] if each["name"] == SEGMENT)
        listed = "".join(f"{person}\n" for person in sorted(people)).encode()
        right = (segment["published_members"], segment["published_sha256"]) == (len(people), hashlib.sha256(listed).hexdigest())
        holds(f"the audience is the {len(people)} of the file", right and segment["status"] == "Active", segment)

    def shell(self, script, typed="", output=subprocess.PIPE):
        """Runs commands in a shell that was told of the sandbox as the sandbox says, and returns what they printed."""
        script = f"source <(curl -sS {self.url}/environment)\n{script}"
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "TMPDIR": str(self.folder)}
        ended = subprocess.run(["bash", "-c", script], cwd=ROOT, env=environment, input=typed, stdout=output,
                               stderr=subprocess.PIPE, text=True, timeout=180, check=False)
        if ended.returncode != 0:
            raise AssertionError(f"{script}\nended with {ended.returncode}:\n{ended.stdout}\n{ended.stderr}")
        return ended.stdout


def sections(document):
    """Returns the shell commands of each section that has any, without those of the sections below it."""
    found, section, language = {}, None, None
    for line in document.read_text().splitlines():
        if line.startswith("```"):
            language = None if language is not None else line[3:]
        elif language == "sh":
            found.setdefault(section, []).append(line + "\n")
        elif language is None and line.startswith("#"):
            section = line.lstrip("# ")
    return {section: "".join(lines) for section, lines in found.items()}


def commands(heading, document=OPERATIONS):
    """Returns the shell commands of one section."""
    return sections(document)[heading]


def drill(go, *options):
    """Lets one drill go in a sandbox of its own, made with these options, and where whole audiences may be replaced."""
    options = ["--secret", "max_shrink_percent=100", *options]
    began = time.monotonic()
    print(f"{pathlib.Path(sys.argv[0]).stem}: {sys.modules['__main__'].__doc__}", flush=True)
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="drill-")))
        with logs_shown_on_failure(folder):
            go(Practice(stack, folder, pathlib.Path(sys.argv[1]).resolve(), options))
    print(f"    {time.monotonic() - began:.0f} s\n", flush=True)
