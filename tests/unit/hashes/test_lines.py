"""Lines and splitting, against BuildKit's own parser of 0.12 in the distribution `dockerfile`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dockerfile
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hashes import DockerfileError, Instruction
from hashes.dockerfile.frontend import Frontend
from hashes.dockerfile.instruction import KEYWORDS
from hashes.dockerfile.lines import Lines, directives

CASES = json.loads((Path(__file__).parents[2] / "data" / "keys.json").read_text())
TEXTS = ["\n".join(case["text"]) for case in CASES if case["name"] != "bytes"]
OF_BINDING = Frontend((1, 6))
COMMANDS = ("RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK")
PIECES = (
    *("\\", "\\\n", "'", '"', " ", "\t", "\n", "\r\n", "<<EOF", "<<-E", "<< E", "EOF\n", "#"),
    *("--", "--x=y ", "[", "]", '["a"]', '["a"] b', "$", "${x:-y}", "=", "`", "\u00a0", "à", "<"),
    *("\u2003", "ENV ", "RUN ", "COPY ", "\x0b", "\x0c", "\x85", "3<<X", "{", "}", ":", "\ufeff"),
)


def ours(text: str) -> list[Instruction] | None:
    """What we read, nothing when it is refused; None where no comparison holds."""
    lines = text.removeprefix("\ufeff").split("\n")
    lines = [*(f"{line}\n" for line in lines[:-1]), *filter(None, lines[-1:])]
    try:
        top = directives(lines, "f", OF_BINDING)
        return Lines(lines, "f", top.escape, OF_BINDING).instructions()
    except DockerfileError as error:
        # Where we say more than BuildKit 0.12 does: two versions would read two things, what
        # ONBUILD holds is looked at elsewhere, and it did not know '# check='.
        said = ("needs frontend", "ONBUILD", "a second '# check='", "unterminated")
        return None if any(each in str(error) for each in said) else []


def theirs(text: str) -> list[Any] | None:
    """What BuildKit's parser reads, nothing when it refuses; None for halves of letters."""
    try:
        return list(dockerfile.parse_string(text))
    except dockerfile.GoParseError:
        return []
    except UnicodeDecodeError:
        return None


def agree(text: str) -> None:
    """Compare the two."""
    mine, other = ours(text), theirs(text)
    if mine is None or other is None:
        return
    assert len(mine) == len(other), text
    for item, each in zip(mine, other, strict=True):
        if each.cmd is None or item.keyword == "ONBUILD" or item.keyword not in KEYWORDS:
            continue
        if item.keyword in COMMANDS and each.json and not item.json:
            continue  # a JSON form with something behind it: a text to later versions
        found = (item.keyword, item.flags, item.words, item.json, item.line)
        assert found == (
            each.cmd.upper(),
            tuple(each.flags),
            tuple(each.value),
            each.json,
            each.start_line,
        )
        assert [(h.name, h.content) for h in item.heredocs] == [
            (h.name, h.content) for h in each.heredocs
        ]


@pytest.mark.parametrize("text", TEXTS)
def test_a_dockerfile_is_read_as_buildkit_reads_it(text: str) -> None:
    """Keywords, flags, words, documents and lines."""
    agree(text)
    assert ours(text)


@settings(max_examples=400)
@example(text="FROM a\nCOPY --chown=à b /x\n", edits=[])
@example(text='FROM a\nCMD ["\\ud800"]\n', edits=[])
@example(text="#\u00a0escape=`\nFROM a\nRUN x `\n y\n", edits=[])
@given(
    text=st.sampled_from(TEXTS),
    edits=st.lists(
        st.tuples(st.integers(0, 400), st.sampled_from(PIECES), st.integers(0, 3)), max_size=5
    ),
)
def test_so_is_a_broken_one(text: str, edits: list[tuple[int, str, int]]) -> None:
    """Signs that mean something are put in and text is taken out anywhere."""
    for at, piece, gone in edits:
        at %= len(text) + 1
        text = text[:at] + piece + text[at + gone :]
    agree(text)
