"""Whether the dodo in use is ours: our commands leave other doit projects alone."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hashes.errors import LayersError
    from layers.plan.session import Session
    from layers.project.project import Project


def project() -> Project | None:
    """The project whose tasks the dodo handed to doit; None where it is another kind of dodo."""
    tasks = sys.modules.get("layers.tasks")
    return tasks.project() if tasks is not None else None


def begin(run: Session) -> None:
    """Make ``run`` the one that the dodo's tasks are part of."""
    sys.modules["layers.tasks"].begin(run)


def fault(word: str) -> LayersError | None:
    """What is wrong with an image whose stages nobody can tell, if ``word`` is one of them."""
    from layers.graph.graph import Layer

    found = project()
    layer = Layer.parse(word)
    return found.inputs.graph.faults.get(layer.image) if found and layer.stage else None


def is_layer(task: Any) -> bool:
    """True for tasks of ours; a dodo may have others beside them."""
    return "layer" in (task.meta or {})


def single(names: Iterable[str], tasks: Mapping[str, Any]) -> list[str]:
    """``names`` with an image of several variants as those; each once."""
    found: dict[str, None] = {}
    for name in names:
        task = tasks.get(name)
        variants = (task.meta or {}).get("variants", ()) if task is not None else ()
        found.update(dict.fromkeys(variants or [name]))
    return list(found)
