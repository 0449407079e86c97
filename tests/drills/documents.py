"""Every command of docs/operations.md, the way to production of docs/deploying.md, and that back of docs/state.md."""

import json
import os
import pty
import re
import subprocess

from practice import DEPLOYING, FIRST, OPERATIONS, SEGMENT, STATE, commands, drill, sections
from outside import holds

# The other drills follow these, each after what it is for.
FOLLOWED = {FIRST, "In a minute", "The client secret has expired", "The application user is missing", "Dynamics throttles",
            "A live journey uses the segment", "The function was killed", "A head is damaged"}


def go(practice):
    people = first_steps(practice)
    practice.audience_is(people)
    answers_go_anywhere(practice)
    below = (commands(heading) for heading in sections(OPERATIONS) if heading not in FOLLOWED)
    rest = [commands("Upgrade and return", STATE), *below, *inline()]
    print("".join(f"    {line}\n" for line in "\n".join(rest).splitlines()), end="", flush=True)
    practice.shell("\n".join(["set -eo pipefail", commands(FIRST), *rest]))
    practice.audience_is(people)


def first_steps(practice):
    """Goes the way to production, with two files of one's own."""
    practice.file("a.csv", 200)
    people = practice.file("b.csv", 210)
    print("    docs/deploying.md, From sandbox to production", flush=True)
    practice.shell("set -eo pipefail\n" + commands(FIRST) + "cd\n" + commands("From sandbox to production", DEPLOYING))
    practice.happens(f"loaded: {SEGMENT}, {len(people)} contacts")
    return people


def answers_go_anywhere(practice):
    """An answer is whole and alone in a file, in a pipe and on a terminal."""
    ask = "run '{\"action\":\"history\",\"limit\":1}'"
    for where, command in (("file", f"{ask} >answer 2>/dev/null && cat answer"), ("pipe", f"{ask} 2>/dev/null | cat")):
        answer = practice.shell(commands(FIRST) + "cd\n" + command)
        holds(f"an answer goes into a {where}", json.loads(answer)["runs"], answer)
    leader, terminal = pty.openpty()
    practice.shell(commands(FIRST) + f"{ask} 2>/dev/null", output=terminal)
    os.close(terminal)
    with open(leader, "rb", closefd=True) as seen:
        answer = seen.read1(100_000)
    # A terminal may show colours.
    plain = re.sub(rb"\x1b\[[0-9;]*m", b"", answer)
    holds("an answer goes to a terminal", b'"runs"' in plain, answer)


def inline():
    """Finds the commands within sentences and tables, but for those in which something has to be filled in."""
    found = re.findall(r"`((?:run|aws) [^`]*)`", OPERATIONS.read_text())
    return [command for command in dict.fromkeys(found) if "<" not in command]


drill(go)
