"""The workflows call what exists: every step is a command that runs at home, too."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_docs import classes, options_of, own_words
from tests.yamlsubset import BadYaml, load

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

TOOLS = {"curl", "docker", "echo", "gh", "git", "test", "xargs"}
"""What a step may call beside ``./run``."""
JOB_KEYS = {"if", "runs-on", "timeout-minutes", "env", "steps", "needs"}
STEP_KEYS = {"name", "uses", "with", "env", "run", "if"}
CONTEXTS = {"github", "secrets", "vars", "cancelled"}
SCOPES = {"contents", "packages", "pull-requests"}


def workflow(path: Path) -> Any:
    """A workflow as mappings and lists."""
    return load(path.read_text())


def steps(path: Path) -> Iterator[dict[str, Any]]:
    """All steps of all jobs."""
    for job in workflow(path)["jobs"].values():
        yield from job["steps"]


def commands(script: str) -> Iterator[list[str]]:
    """The simple commands of a script of one-line pipelines and lists, as words."""
    for line in script.splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] = []
        for word in lexer:
            if set(word) <= set("&|;"):
                yield words
                words = []
            else:
                words.append(word)
        yield words


def fault(words: list[str]) -> str:
    """Why a command cannot be right, "" if it may be."""
    words = words[words[0] == "sudo" :]
    if words[0] == "exit" or words[0] in TOOLS:
        return ""
    if words[0] != "./run":
        return f"{words[0]} is not among {sorted(TOOLS)}"
    name, *rest = words[1:]
    if name in own_words():
        return ""
    command = classes().get(name)
    if command is None:
        return f"there is no command {name!r}"
    options = [word.partition("=")[0] for word in rest if word.startswith("-")]
    unknown = [option for option in options if option not in options_of(command)]
    return f"{name} has no {unknown[0]}" if unknown else ""


def test_there_are_two_workflows() -> None:
    """One for every night, one for every change."""
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "nightly-base-refresh.yml", "safety.yml"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_step_calls_a_command_that_exists(path: Path) -> None:
    """With options that exist."""
    scripts = [step["run"] for step in steps(path) if "run" in step]
    found = {" ".join(words): fault(words) for text in scripts for words in commands(text)}
    assert {words: said for words, said in found.items() if said} == {}
    assert any("./run" in words for words in found)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_have_the_shape_that_the_runner_knows(path: Path) -> None:
    """A misspelt key would be ignored there, or stop the workflow on the first night."""
    told = workflow(path)
    assert set(told) == {"name", "on", "permissions", "concurrency", "jobs"}
    assert set(told["permissions"]) <= SCOPES
    assert set(told["permissions"].values()) <= {"read", "write"}
    for job in told["jobs"].values():
        assert set(job) <= JOB_KEYS
        assert job["runs-on"] == "ubuntu-24.04"
        assert int(job["timeout-minutes"]) > 0
        assert "needs" not in job or job["needs"] in told["jobs"]
    for step in steps(path):
        assert set(step) <= STEP_KEYS
        assert ("uses" in step) != ("run" in step)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_and_expressions_stay_out_of_scripts(path: Path) -> None:
    """An action by commit; a branch's name pasted into a script could be a command."""
    for step in steps(path):
        if "uses" in step:
            assert re.fullmatch(r"actions/checkout@[0-9a-f]{40}", step["uses"])
        assert "${{" not in step.get("run", "")
    for expression in re.findall(r"\$\{\{(.*?)\}\}", path.read_text()):
        words = re.findall(r"(?<![\w.'])([a-z]\w*)", re.sub(r"'[^']*'", "", expression))
        assert set(words) <= CONTEXTS, expression


def test_the_nightly_refresh_pushes_and_opens_a_pull_request_after_failures_too() -> None:
    """Bases that were refreshed before another one failed are in the registry and in the lock."""
    last = list(steps(ROOT / ".github" / "workflows" / "nightly-base-refresh.yml"))[-1]
    assert last["if"] == "${{ !cancelled() }}"
    assert "git push" in last["run"]
    assert "gh pr create" in last["run"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("./run no-such-command", "there is no command"),
        ("./run list --no-such-option", "list has no --no-such-option"),
        ("sudo ./run list --jsn", "list has no --jsn"),
        ("wget https://example.com", "wget is not among"),
        ("sudo ./run test", ""),
        ("./run list --json", ""),
    ],
)
def test_a_wrong_command_is_seen(words: str, said: str) -> None:
    """The tests above can fail."""
    assert fault(words.split()).startswith(said)
    assert bool(fault(words.split())) == bool(said)


@pytest.mark.parametrize(
    "text",
    ["a: b: c\n", "a: 1\na: 2\n", "a:\n  b: 1\n c: 2\n", "a:\tb\n", "- !tag x\n", "a: {b: c}\n"],
)
def test_the_reader_refuses_what_it_does_not_know(text: str) -> None:
    """Rather than to read it wrongly."""
    with pytest.raises(BadYaml):
        load(text)


def test_the_reader_reads_what_it_knows() -> None:
    """Comments, blocks, lists of mappings."""
    text = 'a:\n  b: [x, y] # c\nd:\n  - e: "1 # 2"\n    f: |\n      g: h\n\n      i\n  - j\nk:\n'
    assert load(text) == {
        "a": {"b": ["x", "y"]},
        "d": [{"e": "1 # 2", "f": "g: h\n\ni\n"}, "j"],
        "k": "",
    }
