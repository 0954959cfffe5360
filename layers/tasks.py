"""Tasks: hands every layer to doit; a repository's ``dodo.py`` takes everything from here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from doit.exceptions import TaskFailed

from hashes.errors import LayersError
from layers.graph.graph import Layer
from layers.plan.session import Session
from layers.project.open import open_project
from layers.project.project import Project
from layers.runtime import signals

__all__ = ["DOIT_CONFIG", "task_layers"]

DOIT_CONFIG: dict[str, Any] = {
    "backend": "layers-none",  # keys live in the engine and the registry, not in doit's file
    "reporter": "layers",
    "par_type": "thread",
    "num_process": 4,
    "verbosity": 0,
}

_project: Project | None = None
_session: Session | None = None


def project() -> Project:
    """The project of this run, the same for every command and task."""
    global _project
    if _project is None:
        _project = open_project()
    return _project


def session() -> Session:
    """The run that the tasks are part of: the one that a command began, or one for every image."""
    global _session
    if _session is None:
        _session = Session.begin(project())
    return _session


def begin(run: Session) -> None:
    """Make ``run`` the one that the tasks are part of."""
    global _session
    _session = run


class UpToDate:
    """doit's question whether a task may be skipped, answered by the plan."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer

    def __call__(self) -> bool:
        try:
            step = session().planner.plan.steps.get(self.layer)
        except LayersError as error:
            leave(error)
        return step is None or step.idle

    def __repr__(self) -> str:
        step = session().planner.plan.steps.get(self.layer)
        return "; ".join(step.reasons) if step is not None else "not wanted"


def make(layer: str) -> TaskFailed | None:
    """The action of every task: make one layer true."""
    from layers.build.execute import carry_out, push

    run = session()
    step = run.planner.plan.steps.get(Layer.parse(layer))
    if step is None:  # `doit --always` starts what nothing needs, too
        return None
    if step.stuck:
        run.failed.add(step.layer)
        return TaskFailed(step.stuck)
    # With --continue doit 0.37 starts a task although its `setup` task failed.
    parents = run.project.inputs.parents(step.layer)
    below = [str(parent) for parent in parents if parent in run.failed]
    if below and step.state == "build":
        run.failed.add(step.layer)
        return TaskFailed(f"{layer}: not built, since {' and '.join(below)} failed")
    try:
        carry_out(run, step)
        push(run, step)
    except LayersError as error:
        run.failed.add(step.layer)
        return TaskFailed(str(error))
    except OSError as error:
        from layers.runtime.disk_errors import disk_fault

        run.failed.add(step.layer)
        if (told := disk_fault(error)) is None:
            raise
        return TaskFailed(f"{layer}: {told}")
    return None


def task_layers() -> Iterator[dict[str, Any]]:
    """Every image, and every named stage that it reaches, as a task of its own."""
    signals.install()
    found = project()
    try:
        graph = found.inputs.graph
        DOIT_CONFIG["default_tasks"] = list(graph.order)
        for name in graph.order:
            yield from _tasks(found, name)
        for name, images in found.spec.families().items():
            doc = f"all variants: {', '.join(images)}"
            meta = {"variants": list(images)}
            yield {
                "basename": name,
                "doc": doc,
                "actions": None,
                "task_dep": [*images],
                "meta": meta,
            }
    except LayersError as error:
        leave(error)
    except Exception as error:
        from layers.runtime.crash import bug_message
        from layers.runtime.disk_errors import disk_fault

        if (told := disk_fault(error)) is not None:
            leave(told)

        sys.stderr.write(bug_message(error, found.root))
        raise SystemExit(3) from error


def _tasks(found: Project, name: str) -> Iterator[dict[str, Any]]:
    inputs = found.inputs
    at_fault = name in inputs.graph.faults
    for stage in (*(() if at_fault else inputs.named_stages(name)), None):
        layer = Layer(name, stage)
        yield {
            "basename": str(layer),
            "doc": _summary(found, layer),
            "actions": [(make, [str(layer)])],
            "uptodate": [UpToDate(layer)],
            # `setup`, not `task_dep`: a parent is looked at only when its child has work to do.
            "setup": [] if at_fault else [str(parent) for parent in inputs.parents(layer)],
            "io": {"capture": False},
            "meta": {"layer": str(layer)},
        }


def _summary(found: Project, layer: Layer) -> str:
    image = found.spec.images[layer.image]
    return image.tag if layer.stage is None else f"stage of {layer.image}"


def leave(error: LayersError) -> Any:
    """Say what the user can mend, and end with status 1: doit itself would show a traceback."""
    sys.stdout.flush()
    sys.stderr.write(f"{error}\n")
    raise SystemExit(1)
