"""Keys of a stage's beginnings: those of Dockerfiles that end there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hashes import External, Layer
from hashes.manifest import Manifest
from tests.unit.hashes.test_stage_keys import FULL, LINES, file_of
from tests.unit.memory import last

ENDS = ("RUN", "COPY", "ADD")
MORE = st.lists(
    st.sampled_from(("ENV A=2", "LABEL l=$A", "CMD x", "ONBUILD RUN x", "ARG V=3", "COPY $A /z"))
)
SECRET = {"V": "1", "API_TOKEN": "hunter2"}


def begun(text: str, count: int, **more: Any) -> Manifest:
    """What the first instructions of the last stage make."""
    return last(text, SECRET, files=FULL, beginnings=True, **more).beginnings.manifest(count)


def ends(text: str, resolve: Callable[[str, str], External] | None = None) -> Layer:
    return last(text, SECRET, files=FULL, **({"resolve": resolve} if resolve else {}))


@settings(max_examples=80, deadline=None)
@given(LINES, MORE, st.data())
def test_law_a_beginning_is_a_dockerfile_that_ends_there(
    lines: list[str], more: list[str], data: Any
) -> None:
    """Entry by entry with their lines, unpinned names, and so the key.

    From the last RUN on, after each step that may have to run.
    """
    lines = ["ARG API_TOKEN", *lines, *more]
    last_run = max((at for at, line in enumerate(lines, 1) if line.startswith("RUN")), default=1)
    places = [at for at, line in enumerate(lines, 1) if line.startswith(ENDS) and at >= last_run]
    assume(places)
    at = data.draw(st.sampled_from(places))
    assert begun(file_of(lines), at) == ends(file_of(lines[:at])).manifest


def test_the_law_can_fail() -> None:
    """What comes later in the stage is another image's: its settings would be in the key."""
    lines = ["RUN one", "ENV A=1"]
    assert begun(file_of(lines), 1) != ends(file_of(lines)).manifest


def test_a_later_edit_leaves_a_beginning_alone() -> None:
    one = begun("FROM a\nRUN x\nCOPY a.txt /\nCMD x\n", 1)
    assert one.key() == begun("FROM a\nRUN x\nCOPY dir /d\nUSER 1\n", 1).key()
    assert one.key() != begun("FROM a\nRUN y\nCOPY a.txt /\nCMD x\n", 1).key()


def test_triggers_of_the_base_are_among_its_steps() -> None:
    base = External("digest sha256:1", {}, ("RUN early", "COPY a.txt /t"))
    text = "FROM a\nENV A=1\nRUN x\n"
    one = begun(text + "COPY a.txt /\n", 4, resolve=lambda *_: base)
    assert one == ends(text, lambda *_: base).manifest


def test_only_steps_from_the_last_run_on_that_may_have_to_run_end_one() -> None:
    text = "FROM a\nRUN w\nRUN x\nENV A=1\nCOPY a.txt /b/.\n"
    assert begun(text, 2) != begun(text, 4)
    for count in (1, 3):
        with pytest.raises(KeyError):
            begun(text, count)
    with pytest.raises(KeyError):
        last("FROM a\nRUN x\n").beginnings.manifest(1)
