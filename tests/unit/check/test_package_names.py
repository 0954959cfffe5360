"""Packages looked up: what is asked of a base and of pip, and what their answers mean."""

from __future__ import annotations

import base64
import gzip
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from layers.check.online.package_names import Ask, asks, judge, read, script
from layers.check.online.pip_resolve import Said, Target, platforms, resolve
from layers.check.shell.pip_calls import meets, requests
from tests.unit.checks import subject_of

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"
"""A Python whose markers this machine's pip can read."""


def packed(*names: str) -> str:
    """Names as the script packs them."""
    return base64.encodebytes(gzip.compress("\n".join(names).encode())).decode()


def asked(root: Path, body: str) -> list[Ask]:
    return list(asks(subject_of(root, f"FROM ubuntu:20.04\n{body}\n")))


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("RUN apt-get update && apt-get install -y git 'curl=7*' libgl1:amd64 a=1.2 ./x.deb $P",
         [("git", "libgl1:amd64", "a=1.2")]),
        ("ARG P='a b'\nRUN apt-get -t stable install -y $P", [("a", "b")]),
        ("RUN apk add --no-cache --virtual .build gcc 'musl-dev>1.2'", [("gcc", "musl-dev")]),
        ("RUN if true; then apt install -y git; else apk add git; fi", [("git",), ("git",)]),
        ("RUN apt-get remove -y git", []),
        ("RUN apt-get install -y g++ libstdc++ vim+ g+++", [("g++", "libstdc++", "vim")]),
    ],
)  # fmt: skip
def test_names_are_read_out_of_runs(
    tmp_path: Path, body: str, names: list[tuple[str, ...]]
) -> None:
    """Patterns, files and what only the build knows are left out."""
    assert [ask.names for ask in asked(tmp_path, body)] == names


def test_an_unknown_name_that_the_build_can_do_without_is_a_warning(tmp_path: Path) -> None:
    """A branch that may not run, or a failure that is passed over, stops no build."""
    said = "@os debian bookworm\n@ask 0\nE: Unable to locate package nope\n"
    for body, severity in (
        ("RUN apt-get install -y nope", "error"),
        ("RUN apt-get install -y nope || true", "warning"),
        ("RUN if [ -e /x ]; then apt-get install -y nope; fi", "warning"),
    ):
        (found,) = judge(asked(tmp_path, body), read(said))
        assert found.severity == severity


APT = """\
@os ubuntu focal
@python 3.8

@ask 0
Reading package lists...
E: Unable to locate package libwebp7
E: Package 'python' has no installation candidate
E: Version '9' for 'git' was not found

@ask 1

@names
"""


APT += packed("libwebp6", "libwebpmux3", "libweb-simple-perl")


def test_an_answer_names_what_is_missing_and_what_is_near(tmp_path: Path) -> None:
    """The second failure of the seeds: libwebp7 on Ubuntu 20.04."""
    found = asked(
        tmp_path,
        "RUN apt-get update && \\\n apt-get install -y libwebp7 python git=9\n"
        "RUN apt-get install -y curl",
    )
    answer = read(APT)
    assert (answer.system, answer.python, answer.down) == ("ubuntu focal", "3.8", "")
    missing, empty, version = judge(found, answer)
    assert missing.message == "apt cannot install it: libwebp7 is not in ubuntu focal"
    assert (missing.line, missing.severity) == (3, "error")
    assert missing.hint.startswith("did you mean libwebp6")
    assert "python is not in" in empty.message
    assert "git has no version 9" in version.message


def test_an_index_that_an_earlier_step_adds_to_is_doubted(tmp_path: Path) -> None:
    """The name may come from there: a warning."""
    found = asked(
        tmp_path,
        "RUN add-apt-repository -y ppa:deadsnakes/ppa\n"
        "RUN apt-get install -y libwebp7 python git\nRUN apt-get install -y curl",
    )
    assert {each.severity for each in judge(found, read(APT))} == {"warning"}


def test_apk_says_it_in_its_own_words(tmp_path: Path) -> None:
    """As apk-tools 2.14 writes."""
    text = (
        "@os alpine \n\n@ask 0\nERROR: unable to select packages:\n  ffmpge (no such package):\n"
        "    required by: world[ffmpge]\n\n@names\n"
    ) + packed("ffmpeg-6.1-r0", "ffmpeg")
    (found,) = judge(asked(tmp_path, "RUN apk add ffmpge"), read(text))
    assert "ffmpge is not in alpine" in found.message
    assert "ffmpeg" in found.hint


def test_an_index_that_cannot_be_fetched_is_no_fault_of_a_name() -> None:
    """Then nothing was asked."""
    assert read("@os debian bookworm\n@down E: Failed to fetch\n").down == "E: Failed to fetch"


@pytest.mark.skipif(shutil.which("sh") is None, reason="there is no sh")
def test_the_script_is_sh_and_says_which_question_it_asks(tmp_path: Path) -> None:
    """Run here with stand-ins for apt-get and apt-cache."""
    tools = tmp_path / "bin"
    tools.mkdir()
    fake = {
        "apt-get": 'case "$*" in update*) ;; *bad*) echo "E: Unable to locate package bad";'
        " exit 100;; esac",
        "apt-cache": 'echo "bad-better"',
    }
    for name, text in fake.items():
        (tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (tools / name).chmod(0o755)
    found = asked(tmp_path, "RUN apt-get install -y git\nRUN apt-get install -y bad")
    done = subprocess.run(
        ["sh", "-c", script(found)],
        env={"PATH": f"{tools}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    answer = read(done.stdout)
    assert [(n, bool(said)) for n, said in answer.said] == [(0, False), (1, True)]
    assert answer.names == ("bad-better",)


def test_names_of_which_a_part_was_lost_are_none() -> None:
    """A log keeps the last million bytes only."""
    whole = packed(*map(str, range(1000)))
    assert len(read(f"@names\n{whole}").names) == 1000
    assert read(f"@names\n{whole[100:]}").names == read(f"@names\n{whole[:100]}").names == ()


# -- pip ------------------------------------------------------------------------------------------


def answers(
    root: Path, wanted: str, pip: Callable[[Sequence[str], str], Said], options: str = "--no-deps"
) -> tuple[list[str], list[str]]:
    """Messages of pip-pin, and notes, for one ``pip install -r r.txt``."""
    subject = subject_of(
        root,
        f"FROM python:3.10-slim\nWORKDIR /a\nCOPY r.txt .\nRUN pip install {options} -r r.txt\n",
        {"r.txt": wanted},
    )
    (request,) = requests(subject.steps(0)[-1])
    notes: list[str] = []

    def run(args: Sequence[str], text: str, _limits: str) -> Said:
        return pip(args, text)

    found = resolve(request, Target(HERE, "linux/amd64"), run, notes)
    return [each.message for each in found], notes


def index(
    versions: dict[str, list[str]],
    fits: dict[str, list[str]],
    resolver: Callable[[str], Said] = lambda _: Said(0, ""),
) -> Callable[[Sequence[str], str], Said]:
    """A pip over an index: all versions, and those that take the Python."""

    def pip(args: Sequence[str], text: str) -> Said:
        if args[0] != "index":
            return resolver(text)
        known = (versions if "--ignore-requires-python" in args else fits).get(args[2], [])
        if not known:
            return Said(1, f"ERROR: No matching distribution found for {args[2]}")
        return Said(0, f"{args[2]} ({known[0]})\nAvailable versions: {', '.join(known)}\n")

    return pip


def test_pins_are_told_by_what_the_index_has(tmp_path: Path) -> None:
    """Missing, for another Python, unknown at all."""
    fits = {"a": ["2.0", "1.0"], "b": ["1.0"], "good": ["1.0"], "pip": ["24.0"]}
    found, notes = answers(
        tmp_path,
        "a==9.0\nb==3.0\nnone==1\ngood==1.0\ngood>=0.5\n",
        index({**fits, "b": ["3.0", "1.0"]}, fits),
    )
    assert found == [
        "there is no a==9.0 (r.txt:1)",
        f"b==3.0 (r.txt:2) does not take Python {HERE}",
        "no index has a package none (r.txt:3)",
    ]
    assert notes == []


def test_an_index_that_does_not_answer_is_a_note(tmp_path: Path) -> None:
    """No network is no fault of a pin."""
    found, notes = answers(tmp_path, "a==1\n", lambda _args, _text: Said(1, "ERROR: no route"))
    assert found == []
    assert "does not answer" in notes[0]


def none_for(name: str) -> Said:
    """How pip says that there is no wheel."""
    text = "ERROR: Could not find a version that satisfies the requirement"
    return Said(1, f"{text} {name} (from versions: none)")


def test_what_exists_as_source_alone_is_left_out_of_the_resolve(tmp_path: Path) -> None:
    """Only a build could tell more of it."""
    every = {"src": ["1.0"], "a": ["1.0"]}
    seen: list[str] = []

    def resolver(text: str) -> Said:
        seen.append(text)
        return none_for("src==1.0") if "src" in text else Said(0, "")

    assert answers(tmp_path, "src==1.0\na==1.0\n", index(every, every, resolver), "") == ([], [])
    assert seen == ["src==1.0\na==1.0\n", "a==1.0\n"]


def test_rounds_are_bounded(tmp_path: Path) -> None:
    """However many requirements exist as source alone."""
    every = {f"p{n}": ["1"] for n in range(40)}
    pip = index(every, every, lambda text: none_for(text.splitlines()[0]))
    found, notes = answers(tmp_path, "".join(f"{name}==1\n" for name in every), pip, "")
    assert found == []
    assert "as source alone" in notes[0]


@pytest.mark.parametrize(
    ("version", "pin", "met"),
    [("1.0", "1", True), ("1.0.0", "1.0", True), ("1.0", "1.0.1", False), ("v1.2", "1.2", True),
     ("2.0.1+cu118", "2.0.1", True), ("2.0.1", "2.0.1+cu118", False), ("10", "1", False),
     ("1.0.0rc1", "1.0rc1", True), ("1.0-rc.1", "1.0rc1", True), ("1.0rc1", "1.0", False),
     ("1.0.post1", "1.0-1", True), ("2004d", "2004d", True), ("2004d", "2004e", False)],
)  # fmt: skip
def test_versions_compare_as_pip_compares_them(version: str, pin: str, met: bool) -> None:
    """Trailing zeros and spellings of a release candidate do not count (PEP 440)."""
    assert meets(version, pin) is met


def test_wheels_are_asked_for_the_images_own_libc() -> None:
    """Alpine takes musl's."""
    assert "manylinux_2_28_x86_64" in platforms(Target("3.10", "linux/amd64"))
    assert platforms(Target("3.10", "linux/arm64", musl=True)) == [
        "musllinux_1_1_aarch64",
        "musllinux_1_2_aarch64",
    ]


CONFLICT = """\
ERROR: Cannot install -r r.txt (line 1) and -r r.txt (line 2) because these package versions have \
conflicting dependencies.

The conflict is caused by:
    The user requested idna==2.0
    {0} 2.32.3 depends on idna<4 and >=2.5

To fix this you could try to:
1. loosen the range of package versions you've specified

ERROR: ResolutionImpossible: for help visit …
"""


@pytest.mark.parametrize(("name", "count"), [("requests", 1), ("something-below", 0)])
def test_a_conflict_between_pins_is_told_and_one_from_below_is_not(
    tmp_path: Path, name: str, count: int
) -> None:
    """What is not pinned may have another version as source, which a dry run does not see."""
    every = {"idna": ["2.0"], "requests": ["2.32.3"]}
    pip = index(every, every, lambda _: Said(1, CONFLICT.format(name)))
    found, notes = answers(tmp_path, "idna==2.0\nrequests==2.32.3\n", pip, "")
    assert len(found) == count
    assert notes == []
    if found:
        assert "requests 2.32.3 wants idna<4 and >=2.5, idna==2.0 is asked for" in found[0]
