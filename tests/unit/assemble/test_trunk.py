"""Which steps need BuildKit, and which only come after these."""

from __future__ import annotations

import pytest

from hashes.dockerfile.parser import parse
from hashes.dockerfile.reachable import reach
from layers.assemble.trunk import Division, divide

TRIGGERS = {"on": ("RUN trigger",), "copies": ("COPY a /a",)}


def divided(text: str) -> Division:
    """A Dockerfile, divided."""
    file = parse(text.encode(), "Dockerfile")
    return divide(
        reach(file, None, {}, "linux/amd64", triggers=lambda name, _: TRIGGERS.get(name, ()))
    )


def tail(division: Division) -> list[str]:
    """The instructions that come after the trunk."""
    return [item.text for part in division.tail for item in part.stage.instructions[part.first :]]


@pytest.mark.parametrize(
    ("text", "line", "rest"),
    [
        ("FROM b\nCOPY a /a\nENV A=1\n", None, ["COPY a /a", "ENV A=1"]),
        ("FROM b\nRUN x\nCOPY a /a\n", 2, ["COPY a /a"]),
        ("FROM b\nCOPY a /a\nRUN x\n", 3, []),
        ("FROM b\nRUN x\nCOPY a /a\nRUN y\nWORKDIR /w\nUSER u\n", 4, ["WORKDIR /w", "USER u"]),
        ("FROM b AS one\nCOPY a /a\nFROM one\nENV A=1\n", None, ["COPY a /a", "ENV A=1"]),
        ("FROM b AS one\nRUN x\nENV B=1\nFROM one\nENV A=1\n", 2, ["ENV B=1", "ENV A=1"]),
        ("FROM b AS one\nRUN x\nFROM one\nRUN y\nCMD z\n", 4, ["CMD z"]),
        ("FROM b AS one\nRUN x\nFROM c\nCOPY --from=one /a /a\nCMD z\n", 4, ["CMD z"]),
        ("FROM b AS one\nRUN x\nFROM c\nCMD z\n", None, ["CMD z"]),
        ("FROM b\nCOPY --from=other:1 /a /a\nCMD z\n", 2, ["CMD z"]),
        ("FROM on\nCOPY a /a\n", 1, ["COPY a /a"]),
        ("FROM copies\nENV A=1\n", None, ["COPY a /a", "ENV A=1"]),
        ("FROM b\nADD https://e.org/x /x\nCMD z\n", 2, ["CMD z"]),
        ("FROM b\nADD https://github.com/a/b.git /x\nCMD z\n", 2, ["CMD z"]),
        ("FROM b\nADD a /a\n", None, ["ADD a /a"]),
        ("FROM b\nCOPY --link a /a\n", None, ["COPY --link a /a"]),
        ("FROM b\nCOPY --link --chown=5 a /a\nCMD z\n", 2, ["CMD z"]),
        (
            "FROM b\nCOPY --link --chmod=755 --chown=5 a /a\n",
            None,
            ["COPY --link --chmod=755 --chown=5 a /a"],
        ),
        ("FROM b\nCOPY --exclude=x a /a\n", None, ["COPY --exclude=x a /a"]),
        ("FROM b\nCOPY --parents a /a\nCMD z\n", 2, ["CMD z"]),
        ("FROM b\nCOPY a x/.\nCMD z\n", 2, ["CMD z"]),
        ("FROM b\nCOPY <<E /x\ntext\nE\nCMD z\n", None, ["COPY <<E /x\ntext\nE", "CMD z"]),
        ("FROM b\nRUN <<E\ntext\nE\nCMD z\n", 2, ["CMD z"]),
        ("FROM scratch\nCOPY a /a\n", None, ["COPY a /a"]),
    ],
)
def test_the_trunk_ends_with_the_last_step_that_runs(
    text: str, line: int | None, rest: list[str]
) -> None:
    division = divided(text)
    assert (division.last.line if division.last else None) == line
    assert [each.rstrip("\n") for each in tail(division)] == rest


def test_an_obstacle_is_a_sentence() -> None:
    assert str(divided("FROM b\nCOPY a /a\nRUN x\n").last) == "RUN in line 3: it runs a command"


def test_the_base_is_that_of_the_whole_line() -> None:
    division = divided("FROM b AS one\nFROM one AS two\nFROM two\nCMD z\n")
    assert division.base.text == "b"
    assert [stage.index for stage in division.line] == [0, 1, 2]
