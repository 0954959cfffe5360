"""Which layers a command line means, also beside tasks of the user's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from layers.commands.run import layers_of, matching, possible
from layers.graph.graph import Layer


@dataclass
class Task:
    """As much of a doit task as the selection looks at."""

    meta: dict[str, Any] | None = None
    task_dep: list[str] = field(default_factory=list)
    setup_tasks: list[str] = field(default_factory=list)


OURS = {name: Task({"layer": name}) for name in ("base", "app", "app:deps")}
TASKS = {
    **OURS,
    "test": Task(task_dep=["app"]),
    "all": Task(task_dep=["test", "lint"], setup_tasks=["base"]),
    "lint": Task(),
}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("app", "app"),
        ("base app", "base app"),
        ("test", "app"),
        ("all", "app base"),
        ("lint", ""),
        ("all app:deps", "app base app:deps"),
    ],
)
def test_tasks_of_the_user_bring_the_layers_that_they_need(asked: str, found: str) -> None:
    """A dodo may hold other tasks that depend on images; the plan must know of those images."""
    assert sorted(layers_of(asked.split(), TASKS)) == sorted(found.split())


def test_what_needs_a_layer_that_cannot_be_made_is_left_out() -> None:
    """Tasks of the user's own that depend on it, too; doit would begin nothing after it."""
    names = ["app", "base", "test", "all", "lint"]
    assert possible(names, TASKS, {Layer("app"): "why"}) == ["base", "lint"]
    assert possible(names, TASKS, {Layer("base"): "why"}) == ["app", "test", "lint"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [("*", "base app"), ("a*", "app"), ("a*:*", "app:deps"), ("*:deps", "app:deps"), ("z*", "")],
)
def test_a_pattern_means_stages_only_when_it_says_so(pattern: str, found: str) -> None:
    """``base-*`` is about images: nobody wants every stage of them as an image, too."""
    assert matching(pattern, OURS) == found.split()
