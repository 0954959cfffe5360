"""The collector: off while keys are made, and on before and behind that."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest

from layers.graph.contexts import Contexts
from layers.project.project import Project
from layers.runtime.collector import paused
from tests.unit.checks import ONE


def test_the_collector_is_off_for_the_keys_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refresh, gc or check that runs all night has garbage; reading 100,000 files has none."""
    (tmp_path / "images.toml").write_text(ONE)
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    seen = []
    real = Contexts.sources

    def sources(self: Contexts, *args: Any) -> Any:
        seen.append(gc.isenabled())
        return real(self, *args)

    monkeypatch.setattr(Contexts, "sources", sources)
    found = Project(str(tmp_path))
    assert gc.isenabled()
    found.inputs.image("app")
    assert seen == [False]
    assert gc.isenabled()


def test_the_collector_comes_back_behind_an_error_and_not_before_the_outermost() -> None:
    """Whoever finds it off leaves it off."""

    def fails() -> None:
        with paused():
            with paused():
                pass
            assert not gc.isenabled()
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert gc.isenabled()


def test_what_is_made_meanwhile_is_not_looked_through_at_once() -> None:
    """The first look after a pause would else go through all of it."""
    with paused():
        made = [[number] for number in range(50_000)]
    assert gc.get_count()[0] < 700
    assert not any(each is made for each in gc.get_objects(generation=0))
