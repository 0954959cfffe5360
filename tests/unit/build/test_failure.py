"""Why a step failed, told from endings that the real tools gave."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashes.errors import LayersError
from layers.build.buildx import BuildFailed
from layers.build.failure import apt, compilers, find
from layers.build.failure.build import Failure, failure_of, text
from layers.build.failure.cause import Cause, Ending, Rule, matched
from layers.build.failure.event import failed
from layers.build.failure.find import RULES, cause_of
from layers.build.failure.words import exit_status, ran, telling
from layers.build.rawjson import BuildLog, Vertex
from layers.runtime.events import Failed

ROOT = Path(__file__).resolve().parents[3]
RECORDED: list[dict[str, Any]] = json.loads((ROOT / "tests/data/failures.json").read_text())
"""Endings of apt 2.6, dpkg 1.21, pip 23, npm 11, node 20, curl 7.88, wget 1.21, git 2.39, gcc 12,
GNU make 4.3, dash and BuildKit of Docker 26, each run for this; names of hosts are others."""


def ending(case: dict[str, Any]) -> Ending:
    """What was recorded of a case."""
    return Ending(case["step"], tuple(case["lines"]), case["error"])


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: case["name"])
def test_an_ending_has_its_cause_or_none(case: dict[str, Any]) -> None:
    """None where a person could not tell by it, either."""
    found = cause_of(ending(case))
    assert (found.rule if found else "", found.text if found else "") == (
        case["rule"],
        case["cause"],
    )


def test_every_rule_was_seen_to_hold() -> None:
    """No rule is made up."""
    assert {rule.name for rule in RULES} == {case["rule"] for case in RECORDED} - {""}
    assert len({rule.name for rule in RULES}) == len(RULES)


SAID_BY_LINES = [
    case
    for case in RECORDED
    if case["rule"] and not next(rule for rule in RULES if rule.name == case["rule"]).error
]


@given(
    case=st.sampled_from(SAID_BY_LINES),
    more=st.from_regex(r"[a-z]{3,9} [a-z]{3,9} the [a-z]{4,9}\.", fullmatch=True),
)
def test_what_is_not_said_last_is_no_cause(case: dict[str, Any], more: str) -> None:
    """A tool may complain, and the step go on: what it failed of comes last."""
    found = ending(case)
    assert cause_of(found._replace(lines=(*found.lines, more))) is None


def test_a_rule_that_looks_anywhere_breaks_that_law() -> None:
    """Its twin without an end takes a complaint of long ago for the cause."""
    rule = Rule("twin", r"E: Unable to locate package (?P<name>\S+)(?:\n.*)*", "{name}", "")
    said = Ending("RUN x", ("E: Unable to locate package curl", "and then it went on"), "")
    assert matched([rule._replace(depth=9)], said) is not None
    assert cause_of(said) is None


@given(st.lists(st.text(max_size=60), max_size=8), st.text(max_size=60), st.text(max_size=60))
def test_any_output_is_borne(lines: list[str], step: str, error: str) -> None:
    """A build may print whatever it likes."""
    cause_of(Ending(step, tuple(lines), error))


def test_a_status_of_another_command_is_no_proof() -> None:
    """``nosuch || true; false`` prints that there is no such command, and fails of another one."""
    lines = ("/bin/sh: 1: nosuch: not found",)
    for status, rule in ((127, "command-not-found"), (1, "")):
        error = f'process "/bin/sh -c x" did not complete successfully: exit code: {status}'
        found = cause_of(Ending("RUN x", lines, error))
        assert (found.rule if found else "") == rule


def test_all_packages_that_apt_does_not_know_are_named() -> None:
    """They may be asked for."""
    case = next(each for each in RECORDED if each["name"] == "apt-two-packages")
    found = cause_of(ending(case))
    assert found is not None
    assert found.packages == ("libwebp99", "libfoo")
    assert found.text == ("libwebp99 and libfoo are in no list of Debian 12 that this base fetches")


@pytest.mark.parametrize(
    ("suites", "text"),
    [
        (
            ("focal", "focal-updates"),
            "libwebp7 is in no list of Ubuntu 20.04 that this base fetches",
        ),
        (("bookworm", "nosuch"), "libwebp7 is in no package list of this base"),
        ((), "libwebp7 is in no package list of this base"),
    ],
)
def test_a_release_is_named_where_the_log_says_which(suites: tuple[str, ...], text: str) -> None:
    """By the lists that apt fetched; those of somebody else's may have any release."""
    fetched = [
        f"Get:{n} http://mirror.example/x {suite} InRelease" for n, suite in enumerate(suites)
    ]
    last = "E: Unable to locate package libwebp7"
    step = "RUN apt-get update && apt-get install -y libwebp7"
    found = apt.cause(Ending(step, (*fetched, last), ""))
    assert found is not None
    assert found.text == text


def test_a_known_header_names_its_package() -> None:
    """Others name the tool that finds it."""
    for header, remedy in (
        ("Python.h", "it is in python3-dev (Debian, Ubuntu): apt-get install python3-dev"),
        ("nosuch.h", "`apt-file search nosuch.h`"),
    ):
        line = f"a.c:1:10: fatal error: {header}: No such file or directory"
        found = compilers.cause(Ending("RUN gcc", (line, "compilation terminated."), ""))
        assert found is not None
        assert found.remedy.endswith(remedy)


@pytest.mark.parametrize(
    ("error", "command", "status"),
    [
        (
            'process "/bin/sh -c echo \\"a\\"\\nfalse" did not complete successfully: exit code: 1',
            '/bin/sh -c echo "a"\nfalse',
            1,
        ),
        ('process "x" did not complete successfully: context canceled', "x", None),
        ('secret "x" not found', "", None),
    ],
)
def test_the_command_is_read_from_buildkits_error(
    error: str, command: str, status: int | None
) -> None:
    """As Go quotes it."""
    assert (ran(error), exit_status(error)) == (command, status)


def test_what_tools_say_after_the_cause_is_left_out() -> None:
    """make, the linker, pip around a compiler."""
    lines = [
        "a.c:1: error: x",
        "    1 | int",
        "      |  ^",
        "make: *** [Makefile:2: a] Error 1",
        "",
    ]
    assert telling(lines) == ["a.c:1: error: x"]


def failed_log(error: str, tail: list[str], *printed: str) -> BuildLog:
    """The log of a build of which the second step failed."""
    log = BuildLog("app:deps")
    first = Vertex("[deps 1/2] FROM x", number=1, started=True, completed=True)
    second = Vertex("[deps 2/2] RUN apt-get install -y libwebp7", number=2, error=error)
    second.lines += printed
    log.vertices.update({"1": first, "2": second})
    log.tail += tail
    return log


def test_a_failure_ends_with_its_cause() -> None:
    """Step, command, file with its line, the last lines, where the log is."""
    error = 'process "/bin/sh -c apt-get install -y libwebp7" did not complete successfully: '
    log = failed_log(
        error + "exit code: 100",
        ["Dockerfile:3", "----", "   3 | >>> RUN apt-get install -y libwebp7", "----"],
        "Reading package lists...",
        "E: Unable to locate package libwebp7",
    )
    failure = failure_of("app:deps", "app/Dockerfile", log, "logs/build.log")
    assert text(failure, 1).splitlines() == [
        "app:deps: the build of the stage deps of app failed",
        "  step    2/2 RUN apt-get install -y libwebp7",
        "  command /bin/sh -c apt-get install -y libwebp7",
        "  error   exit code: 100",
        "  file    app/Dockerfile:3",
        "  last lines of the step:",
        "    | Reading package lists...",
        "    | E: Unable to locate package libwebp7",
        "    Dockerfile:3",
        "    ----",
        "       3 | >>> RUN apt-get install -y libwebp7",
        "    ----",
        "  log     logs/build.log",
        "  cause   libwebp7 is in no package list of this base, and the step fetches none",
    ]
    assert (failure.line, failure.cause) == (
        3,
        Cause(
            apt.NO_LISTS.name,
            "libwebp7 is in no package list of this base, and the step fetches none",
            apt.NO_LISTS.remedy,
            ("libwebp7",),
        ),
    )


def test_a_failure_without_a_step_says_what_buildx_said() -> None:
    """As of a Dockerfile that does not parse; its line is in the error."""
    log = BuildLog("app")
    log.tail.append("ERROR: failed to solve: dockerfile parse error on line 7: unknown instruction")
    failure = failure_of("app", "Dockerfile", log, "build.log")
    assert failure == Failure("app", "Dockerfile", 7, tail=tuple(log.tail), log="build.log")
    assert "  file    Dockerfile:7\n    ERROR: failed to solve" in text(failure, 1)
    silent = Failure("app", "Dockerfile", log="build.log")
    assert "docker buildx build ended with status 2 and said nothing" in text(silent, 2)


def test_listeners_are_told_what_is_known_of_a_failure() -> None:
    """Of a failed build its step and cause, of any other error what it says."""
    error = 'process "/bin/sh -c make" did not complete successfully: exit code: 127'
    log = failed_log(error, ["Dockerfile:3"], "/bin/sh: 1: make: not found")
    failure = failure_of("app:deps", "app/Dockerfile", log, "build.log")
    built = BuildFailed(text(failure, 1), hint="install it", failure=failure)
    assert failed("app:deps", built) == Failed(
        "app:deps",
        "the build of the stage deps of app failed",
        "app/Dockerfile",
        3,
        step="2/2 RUN apt-get install -y libwebp7",
        command="/bin/sh -c make",
        lines=("/bin/sh: 1: make: not found",),
        log="build.log",
        cause="the image has no command make",
        remedy="install it",
    )
    other = LayersError("app: no such file\nin app", file="images.toml", line=4, hint="add it")
    assert failed("app", other) == Failed(
        "app", "no such file", "images.toml", 4, cause="in app", remedy="add it"
    )


def row(rule: Rule) -> str:
    """A rule's line of the page."""
    shown = [
        re.sub(r"\{(\w+)\}", lambda m: m[1].upper(), part) for part in (rule.text, rule.remedy)
    ]
    shown = [part.replace("|", "\\|") for part in shown]
    return f"| {rule.name} | {shown[0]} | {shown[1]} |"


def test_the_page_has_every_rule() -> None:
    """And none that is gone; each row can be taken from here."""
    page = (ROOT / "docs" / "failures.md").read_text()
    rows = [line for line in page.splitlines() if re.match(r"\| (?!rule \|)[a-z-]+ \|", line)]
    assert rows == [row(rule) for rule in find.RULES]
