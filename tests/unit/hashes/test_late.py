"""Late arguments: which instructions see one, and what may therefore be filled in afterwards."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hashes import LayersError, parse
from hashes.dockerfile.reachable import reach
from hashes.late import sights
from hashes.manifest import CONFIG, Entry
from tests.unit.memory import last

NAMES = ("REV", "WHEN")


def seen(text: str) -> list[tuple[int, str, str]]:
    """Line, instruction and argument of each sight on the way to the last stage."""
    file = parse(text.encode(), "Dockerfile")
    reached = reach(file, None, {}, "linux/amd64")
    return [(each.line, each.keyword, each.name) for each in sights(file, reached, NAMES)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM a\nARG REV\nLABEL a=$REV b=${WHEN}\n", []),
        ("FROM a\nRUN x\nARG REV\nLABEL a=$REV\nCOPY a.txt /\nCMD echo $REV\n", []),
        ("FROM a\nARG REV\nLABEL a=$REV\nRUN x\n", [(4, "RUN", "REV")]),
        ("FROM a\nARG REV=1 WHEN\nRUN x\n", [(3, "RUN", "REV"), (3, "RUN", "WHEN")]),
        ("FROM a\nRUN echo $REV\n", []),
        ("FROM a\nARG REV\nENV R=$REV\n", [(3, "ENV", "REV")]),
        ("FROM a\nARG REV\nENV REV=1\nENV R=$REV\n", []),
        ("FROM a\nARG REV\nENV REV=$REV\n", [(3, "ENV", "REV")]),
        ("FROM a\nARG REV\nCOPY ${REV}.txt /\n", [(3, "COPY", "REV")]),
        ("FROM a\nARG REV\nCOPY --chown=$REV a.txt /\n", [(3, "COPY", "REV")]),
        ("FROM a\nARG REV\nCOPY <<E /r\n$REV\nE\n", [(3, "COPY", "REV")]),
        ("FROM a\nARG REV\nWORKDIR /${REV:-x}\n", [(3, "WORKDIR", "REV")]),
        ("FROM a\nARG REV\nUSER $REVISION\n", []),
        ("FROM a\nARG REV\nARG B=$REV\nLABEL b=$B\n", [(3, "ARG", "REV")]),
        ("ARG REV=1\nFROM a:$REV\n", [(2, "FROM", "REV")]),
        ("ARG REV\nARG B=$REV\nFROM a\n", [(2, "ARG", "REV")]),
        ("ARG REV=1\nFROM a\nRUN x\n", []),
        ("FROM a AS b\nARG REV\nFROM b\nRUN x\n", [(4, "RUN", "REV")]),
        ("FROM a AS b\nARG REV\nRUN x\nFROM a\nCOPY --from=b /x /x\n", [(3, "RUN", "REV")]),
        ("FROM a AS b\nARG REV\nRUN x\nFROM a\n", []),
        ("FROM a AS b\nONBUILD ARG REV\nONBUILD RUN x\nFROM b\n", [(4, "RUN", "REV")]),
    ],
)  # fmt: skip
def test_what_sees_an_argument(text: str, expected: list[tuple[int, str, str]]) -> None:
    """A RUN has it in its environment; others read it by name; a LABEL may."""
    assert seen(text) == expected


LINES = st.sampled_from(
    (
        "ARG REV", "ARG REV=1", "ARG WHEN=$REV", "LABEL a=$REV", "LABEL b=${WHEN:-0}", "RUN make",
        "ENV E=$REV", "ENV REV=2", "COPY a.txt /$REV", "WORKDIR /w", "USER u$WHEN", "EXPOSE 80$REV",
        "CMD echo $REV", "ONBUILD RUN echo $REV", "FROM one", "FROM debian AS two",
    )
)  # fmt: skip


def entries(text: str, value: str) -> tuple[Entry, ...]:
    return last(text, {"REV": value}).manifest.entries


def fixed(found: tuple[Entry, ...]) -> list[tuple[str, str, str]]:
    """All but labels."""
    return [e[:3] for e in found if e.kind != CONFIG or not e.name.startswith("LABEL ")]


@given(st.lists(LINES, max_size=8))
@settings(max_examples=300)
def test_where_nothing_sees_it_a_value_changes_labels_alone(lines: list[str]) -> None:
    """So the image of one value becomes that of another by its labels."""
    text = "\n".join(("FROM debian AS one", *lines, ""))
    file = parse(text.encode(), "Dockerfile")
    try:
        reached = reach(file, None, {"REV": "5"}, "linux/amd64")
        one, other = entries(text, "5"), entries(text, "6")
    except LayersError:
        assume(False)
    assume(not sights(file, reached, ("REV",)))
    assert fixed(one) == fixed(other)


def test_the_law_can_fail() -> None:
    """What sees it is another with another value."""
    for text in ("ARG REV\nRUN make", "ARG REV\nENV E=$REV", "ARG REV\nCOPY a.txt /$REV"):
        one, other = (entries(f"FROM debian\n{text}\n", value) for value in "56")
        assert fixed(one) != fixed(other)
