"""Which steps need BuildKit, and which only come after these."""

from __future__ import annotations

import pytest

from hashes.dockerfile.parser import parse
from hashes.dockerfile.reachable import Reached, reach
from layers.assemble.trunk import MOST_TRUNKS, Division, divide, divisions

TRIGGERS = {"on": ("RUN trigger",), "copies": ("COPY a /a",)}


def reached(text: str) -> tuple[Reached, ...]:
    """The stages of a Dockerfile."""
    file = parse(text.encode(), "Dockerfile")
    return reach(file, None, {}, "linux/amd64", triggers=lambda name, _: TRIGGERS.get(name, ()))


def divided(text: str) -> Division:
    """A Dockerfile, divided."""
    return divide(reached(text))


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


COPIES = "FROM c AS one\nRUN x\nFROM b\nRUN y\nCOPY a /\nCOPY --from=one /x /\nENV A=1\n"


def test_a_longer_trunk_ends_with_what_is_taken_from_elsewhere() -> None:
    found = divisions(reached(COPIES + "COPY --from=img:1 /y /\nCMD z\n"))
    assert [str(each.last).partition(": ")[0] for each in found] == [
        *("COPY --from=img:1 in line 8", "COPY --from=one in line 6", "RUN in line 4")
    ]
    assert [[source.text for _, source in each.copies] for each in found] == [
        *([], ["img:1"], ["one", "img:1"])
    ]
    assert [len(tail(each)) for each in found] == [1, 3, 5]


def test_the_shortest_trunk_may_be_the_base() -> None:
    *_, last = divisions(reached("FROM b\nCOPY a /\nCOPY --from=img /x /\n"))
    assert last.last is None
    assert tail(last) == ["COPY a /", "COPY --from=img /x /"]


def test_of_many_trunks_the_longest_and_the_shortest_count() -> None:
    text = "FROM b\n" + "".join(f"COPY --from=img:{n} /x /\n" for n in range(9))
    found = divisions(reached(text))
    assert len(found) == MOST_TRUNKS
    assert [len(each.copies) for each in found] == [0, 1, 2, 9]


def test_what_it_does_otherwise_is_in_the_name_of_a_step() -> None:
    syntax = "# syntax=docker/dockerfile:1\n"
    last = divided(f"{syntax}FROM b\nCOPY --parents a /a\nCMD z\n").last
    assert str(last) == "COPY --parents in line 3: it has --parents"
    last = divided("FROM b\nCOPY --from=img /a /a\nCMD z\n").last
    assert str(last) == "COPY --from=img in line 2: it copies from img"
