"""``-n`` is a number of layers at a time that can be meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from doit.doit_cmd import DoitMain

from hashes.errors import LayersError
from layers.commands.at_once import Typed, at_once


@pytest.mark.parametrize(
    ("number", "together"),
    [(Typed(3), 3), (Typed(1), 1), (4, 4), (0, 1)],
    ids=["typed", "one", "of a dodo.py", "doit's own default"],
)
def test_layers_at_a_time(number: int, together: int) -> None:
    """doit's default, where a dodo.py has none: one after the other."""
    assert at_once(number) == together


@pytest.mark.parametrize("number", [Typed(0), Typed(-3), -3])
def test_what_nobody_can_mean_is_told_with_what_to_type(number: int) -> None:
    """doit would start no worker at all, do nothing and call that success."""
    with pytest.raises(LayersError, match=f"^-n {number}: expected a number from 1 on") as caught:
        at_once(number)
    assert "`-n 1`" in caught.value.hint


def test_in_another_doit_project_0_is_what_doit_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All in one process, one after the other."""
    text = "def task_a():\n    return {'actions': ['echo done-by-a'], 'verbosity': 2}\n"
    (tmp_path / "dodo.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert DoitMain().run(["run", "-n", "0"]) == 0
    assert "a" in capsys.readouterr().out
