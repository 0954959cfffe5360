"""``python -m hashes``: the key of one Dockerfile, by real command lines."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
KEY = re.compile(r"^xxh3-[0-9a-f]{32}$")


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A context with a Dockerfile of two stages, and a folder beside it."""
    folder = tmp_path / "ctx"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "a.txt").write_text("a")
    (folder / ".dockerignore").write_text("*.md\n")
    (folder / "Dockerfile").write_text(
        "FROM debian:12 AS one\nARG V=1\nCOPY src /src\nFROM one AS two\nRUN x\n"
    )
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "m.txt").write_text("m")
    return folder


def run(cwd: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Start it as a person would, in some folder."""
    return subprocess.run(
        [sys.executable, "-m", "hashes", *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "FROM_OUTSIDE": "9"},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def key(cwd: Path, *words: str, stdin: str = "") -> str:
    """The last line that it prints."""
    done = run(cwd, *words, stdin=stdin)
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    assert KEY.match(last)
    return last


def test_the_key_is_the_last_line_and_follows_the_inputs(context: Path) -> None:
    """A file that is copied counts, an ignored one does not, nor does where the checkout lies."""
    line = ("--context", str(context), "-f", str(context / "Dockerfile"))
    first = key(context.parent, *line)
    assert key(context, "--context", ".") == first
    (context / "n.md").write_text("new")
    assert key(context.parent, *line) == first
    assert key(context.parent, *line, "--target", "one") != first
    assert key(context.parent, *line, "--build-arg", "V=2") != first
    assert key(context.parent, *line, "--build-arg", "OTHER=2") == first
    assert key(context.parent, *line, "--platform", "linux/s390x") != first
    (context / "src" / "a.txt").write_text("b")
    assert key(context.parent, *line) != first


def test_what_nothing_pins_is_said_and_counts_by_its_name(context: Path) -> None:
    """A digest says more."""
    done = run(context)
    assert "debian:12 counts by its name" in done.stderr
    text = "FROM debian:12@sha256:" + "a" * 64 + "\nCOPY src /src\n"
    done = run(context, "-f", "-", stdin=text)
    assert done.stderr == ""
    assert KEY.match(done.stdout.strip())


def test_arguments_without_a_value_come_from_outside(context: Path) -> None:
    """As with docker; one that is not set is not given."""
    text = "FROM a\nARG FROM_OUTSIDE=1\nRUN x\n"
    plain = key(context, "-f", "-", stdin=text)
    given = key(context, "-f", "-", "--build-arg", "FROM_OUTSIDE", stdin=text)
    assert given == key(context, "-f", "-", "--build-arg", "FROM_OUTSIDE=9", stdin=text) != plain
    assert key(context, "-f", "-", "--build-arg", "NOT_SET_ANYWHERE", stdin=text) == plain


def test_named_contexts(context: Path) -> None:
    """A folder's files count, an image by what it is called."""
    text = "FROM scratch\nCOPY --from=more m.txt /\n"
    folder = ("-f", "-", "--build-context", "more=../more")
    first = key(context, *folder, stdin=text)
    (context.parent / "more" / "m.txt").write_text("other")
    assert key(context, *folder, stdin=text) != first
    image = "more=docker-image://x@sha256:" + "b" * 64
    assert key(context, "-f", "-", "--build-context", image, stdin=text) != first


def test_the_manifest_is_printed_before_the_key(context: Path) -> None:
    """All that the key covers."""
    lines = run(context, "--manifest").stdout.splitlines()
    assert any(line.startswith("file src/a.txt") for line in lines) or any(
        line.startswith("stage from") for line in lines
    )
    assert KEY.match(lines[-1])


@pytest.mark.parametrize(
    ("words", "text", "said"),
    [
        ((), "FROM a\nCOPY none /x\n", "-:2: COPY: 'none' is not in the build context"),
        ((), "FROM a\nRUM x\n", "-:2: unknown instruction RUM"),
        (("--frontend", "1.7"), "FROM a\nCOPY --parents src /x\n", "-:2: --parents needs frontend"),
        (("--target", "tow"), "FROM a AS two\n", "did you mean 'two'?"),
        (("--frontend", "7"), "FROM a\n", "expected a version"),
        (("--build-arg", "=1"), "FROM a\n", "expected NAME=VALUE"),
        (("--build-context", "x"), "FROM a\n", "expected NAME=DIR"),
        (("--build-context", "x=https://h/y.git"), "FROM a\n", "cannot be hashed from here"),
        (("--build-context", "x=nowhere"), "FROM a\n", "nowhere is not a folder"),
        (("--platform", "moon"), "FROM a\n", "platform 'moon'"),
        (("--context", "Dockerfile"), "FROM a\n", "expected a folder"),
        (("--context", "nowhere"), "FROM a\n", "there is nothing of that name"),
        (("--no-such",), "FROM a\n", "unrecognized arguments"),
    ],
)
def test_what_buildkit_refuses_is_status_1(
    words: tuple[str, ...], text: str, said: str, context: Path
) -> None:
    """With file and line, on standard error, and no key."""
    done = run(context, "-f", "-", *words, stdin=text)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_file_that_cannot_be_read_is_named(context: Path) -> None:
    """A folder, nothing there, or another encoding."""
    assert "src: is a folder" in run(context, "-f", "src").stderr
    assert "did you mean 'Dockerfile'" in run(context, "-f", "Dockefile").stderr
    (context / "wide").write_bytes("FROM a\n".encode("utf-16"))
    assert "wide:1: written in UTF-16" in run(context, "-f", "wide").stderr


def test_a_dockerfile_in_small_letters_is_found(context: Path) -> None:
    """As buildx does it."""
    (context / "Dockerfile").rename(context / "dockerfile")
    assert key(context)
