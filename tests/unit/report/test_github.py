"""A run in the log of GitHub Actions, read as its runner reads it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.report.github import GithubReport
from layers.report.groups import Groups
from layers.report.plain import PlainReport
from layers.report.report import report_for
from layers.report.workflow import annotation, command, in_repository, inert
from layers.runtime.events import (
    Event,
    Failed,
    Finished,
    Output,
    Started,
    Step,
    StepDone,
    Warned,
)
from tests.runner import Runner

TOKEN = "0123456789abcdef"
BROKEN = Failed(
    "app",
    "the build failed",
    "app/Dockerfile",
    12,
    step="4/9 RUN make",
    command="/bin/sh -c make",
    lines=("a.c: 100% wrong",),
    log="build.log",
    cause="a header is missing: zlib.h",
    remedy="apt-get install zlib1g-dev",
)


def told(*events: Event) -> tuple[str, Runner]:
    """The log of a run, and what the runner makes of it."""
    stream = io.StringIO()
    report = GithubReport(stream, {}, clock=lambda: 0.0, token=TOKEN)
    for event in events:
        report(event)
    report.close()
    return stream.getvalue(), Runner().read(stream.getvalue())


def test_a_layer_is_a_fold_with_all_that_it_printed() -> None:
    """What came of it stands below, so that it is read without opening the fold."""
    log, runner = told(
        Started("app", "build", "app.py changed", 200.0),
        Step("app", 1, 2, "[1/2] FROM x", cached=True),
        Step("app", 2, 2, "[2/2] RUN make"),
        Output("app", "\x1b[32mCC\x1b[0m main.o"),
        StepDone("app", 2, 2, 41.0),
        Finished("app", "build", True, 42.3),
    )
    assert log.splitlines() == [
        "::group::app: build: app.py changed (about 3:20 min)",
        f"::stop-commands::{TOKEN}",
        "1 step cached",
        "step 2/2 RUN make",
        "    | CC main.o",
        "step 2/2 done in 41 s",
        f"::{TOKEN}::",
        "::endgroup::",
        "app built in 42 s",
    ]
    assert [name for name, _, _ in runner.commands] == ["group", "endgroup"]


def test_layers_side_by_side_are_folds_one_after_the_other() -> None:
    """The first writes as it goes, the others when it is over; nothing is lost or mixed."""
    _, runner = told(
        Started("a", "build"),
        Started("b", "pull"),
        Output("b", "b 1"),
        Output("a", "a 1"),
        Finished("b", "pull", True, 1.0),
        Started("b", "push"),
        Output("b", "b 2"),
        Finished("a", "build", True, 2.0),
        Started("c", "build"),
        Output("b", "b 3"),
        Finished("b", "push", True, 3.0),
        Finished("c", "build", False, 4.0),
    )
    assert runner.shown == [
        ("a: build", "    | a 1"),
        ("", "a built in 2.0 s"),
        ("b: pull", "    | b 1"),
        ("", "b pulled in 1.0 s"),
        ("b: push", "    | b 2"),
        ("b: push", "    | b 3"),
        ("", "b pushed in 3.0 s"),
        ("", "c build failed after 4.0 s"),
    ]


def test_an_error_stands_at_the_line_of_the_dockerfile() -> None:
    """Also while the fold of another layer is open, in which no command counts."""
    _, runner = told(Started("base", "build"), BROKEN)
    assert runner.commands[1] == (
        "error",
        "file=app/Dockerfile,line=12,title=app%3A the build failed",
        "4/9 RUN make%0Aa header is missing: zlib.h%0Aapt-get install zlib1g-dev",
    )
    assert (runner.fold, runner.token) == ("", "")


def test_without_a_cause_an_error_has_the_last_lines() -> None:
    """With what GitHub would take for a code escaped."""
    event = BROKEN._replace(cause="", remedy="")
    assert annotation(event, {}).endswith("::4/9 RUN make%0Aa.c: 100%25 wrong")


def test_a_warning_without_a_layer_is_not_folded_away() -> None:
    """It comes when the fold that is open ends."""
    _, runner = told(
        Warned("the registry does not answer"),
        Started("a", "build"),
        Warned("not pushed"),
        Warned("unpinned", "a"),
        Finished("a", "build", True, 1.0),
    )
    assert runner.shown == [
        ("", "warning: the registry does not answer"),
        ("a: build", "warning: unpinned"),
        ("", "a built in 1.0 s"),
        ("", "warning: not pushed"),
    ]


LINES = st.one_of(
    st.sampled_from(
        [
            "::error file=x::stolen",
            "  ::add-mask::e",
            "##[error]x",
            "a ##[group]b",
            "::endgroup::",
            "::stop-commands::other",
            "::other::",
            "x\r::warning::y",
            "\u2028::error::z",
        ]
    ),
    st.text(max_size=40),
)


@given(st.lists(st.tuples(st.sampled_from("ab"), LINES), max_size=12), LINES, LINES)
def test_nothing_that_a_build_prints_is_carried_out(
    lines: list[tuple[str, str]], reason: str, message: str
) -> None:
    """Nor what stands in names of steps, in reasons, in warnings and in errors."""
    _, runner = told(
        Started("a", "build", reason),
        Started("b", "build", reason),
        Step("a", 1, 2, f"[1/2] RUN {message}"),
        *(Output(layer, line) for layer, line in lines),
        Warned(message),
        Warned(message, "a"),
        Finished("a", "build", True, 1.0, message),
        Failed("b", message, lines=(reason,), step=message),
        Finished("b", "build", False, 1.0, reason),
        Warned(message),
    )
    names = [name for name, _, _ in runner.commands]
    assert names == ["group", "endgroup", "group", "error", "endgroup"]
    assert (runner.fold, runner.token) == ("", "")


def test_without_a_token_such_a_log_is_carried_out() -> None:
    """The runner of these tests would see it."""
    stream = io.StringIO()
    report = PlainReport(stream)
    report(Warned("x ##[error]y"))
    report.close()
    assert Runner().read(stream.getvalue()).commands == [("error", "", "y")]


@given(LINES, LINES)
def test_a_command_carries_any_text(data: str, value: str) -> None:
    """Back as it was, by GitHub's three and five escapes."""
    line = command("error", data, title=value)
    assert len(line.split("\n")) == 1
    head, _, told_data = line.removeprefix("::error").partition("::")
    for code, letter in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        head = head.replace(code, letter)
        if code not in ("%3A", "%2C"):
            told_data = told_data.replace(code, letter)
    assert told_data == data
    assert head == (f" title={value}" if value else "")


@given(LINES)
def test_an_inert_text_reads_the_same(text: str) -> None:
    """What takes the sense from it has no width."""
    assert inert(text).replace("\u200b", "") == text.replace("\u200b", "")
    assert Runner().read(inert(text)).commands == []


def test_paths_are_those_of_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GitHub shows an error only at a path from the top of the checkout."""
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    environ = {"GITHUB_WORKSPACE": str(tmp_path)}
    assert in_repository("app/Dockerfile", environ) == "sub/app/Dockerfile"
    assert in_repository(str(tmp_path / "Dockerfile"), environ) == "Dockerfile"
    assert in_repository("/etc/hosts", environ) == "/etc/hosts"
    assert in_repository("app/Dockerfile", {}) == "app/Dockerfile"


def test_a_workflow_gets_folds_whatever_its_stream_is() -> None:
    """And JSON lines alone where they are asked for."""
    env = {"GITHUB_ACTIONS": "true", "CI": "true"}
    report: Any = report_for(io.StringIO(), env=env)
    assert isinstance(report, GithubReport)
    assert not isinstance(report_for(io.StringIO(), env=env, json=True), GithubReport)
    assert not isinstance(report_for(io.StringIO(), env={"CI": "true"}), GithubReport)


def test_a_fold_that_nobody_ended_is_ended() -> None:
    """As after Ctrl-C."""
    lines: list[str] = []
    groups = Groups(lines.append, TOKEN)
    groups.begin("a", "a: build")
    groups.begin("b", "b: build")
    groups.line("b", "x")
    groups.close()
    runner = Runner().read("\n".join(lines))
    assert runner.shown == [("b: build", "x")]
    assert (runner.fold, runner.token) == ("", "")
