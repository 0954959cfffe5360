"""``doit watch``: makes an image whenever an input of its key changes."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Sequence
from typing import Any

from hashes.errors import LayersError
from layers.commands.parsing import ProjectCommand, option
from layers.commands.why import find_layer
from layers.graph.graph import Layer
from layers.project.open import open_project
from layers.project.project import Project
from layers.watch.changes import Changes, Watcher, git_at_work
from layers.watch.child import Children
from layers.watch.look import Look, look
from layers.watch.watch import watch


class WatchCommand(ProjectCommand):
    """Watches one image."""

    name = "watch"
    doc_purpose = "make an image again whenever an input of its key changes"
    doc_usage = "IMAGE[:STAGE]"
    doc_description = (
        "Makes it, and again after each change that its key covers: files, ignore files,"
        " Dockerfiles, images.toml, images.lock, those of its parents.  With --up the stacks that"
        " run it are brought up each time, and their compose files and env files count, too."
        "  Ctrl-C ends it."
    )
    cmd_options = (option("up", "bring up the stacks that run it, and replace its container"),)

    def act(self, root: str, options: Any, names: list[str]) -> int:
        """Watch until somebody ends it; 130.  Status 1 for the user's mistakes at the start."""
        if len(names) != 1:
            hint = "doit watch IMAGE[:STAGE] [--up]"
            raise LayersError("expected one image or stage to watch", hint=hint)
        project = open_project(root)
        layer = Layer.parse(names[0])
        if layer.image not in project.inputs.graph.faults:
            layer = find_layer(project, names[0])
        stacks = _stacks(project, layer) if options["up"] else []
        profile = f"profile={project.profile}" if project.profile else ""
        words = ["up", *stacks] if stacks else [str(layer)]
        children = Children(root)
        children.install()
        effects = _Effects(root, layer, stacks, children, [*filter(None, [profile]), *words])
        return watch(str(layer), effects, git_at_work(root))


class _Effects:
    def __init__(
        self,
        root: str,
        layer: Layer,
        stacks: Sequence[str],
        children: Children,
        words: Sequence[str],
    ) -> None:
        self._root = root
        self._layer = layer
        self._stacks = stacks
        self._children = children
        self._words = words

    def look(self) -> Look:
        return look(lambda: open_project(self._root), self._root, self._layer, self._stacks)

    def watcher(self, places: Collection[str]) -> Watcher:
        return Changes(places, self._children.stop)

    def make(self) -> int:
        return self._children.run(self._words)

    def stopped(self) -> bool:
        return self._children.stop.is_set()

    def tell(self, text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def _stacks(project: Project, layer: Layer) -> list[str]:
    """The stacks that run a layer.  Raises LayersError where none does."""
    from layers.compose.docker_compose import DockerCompose
    from layers.compose.stacks import chosen, prepare
    from layers.plan.session import Session
    from layers.report.report import report_for

    report = report_for(sys.stdout)
    try:
        run = Session.begin(project, report)
        logs = os.path.join(project.state.path("logs"), "compose")
        composer = DockerCompose(run.backends.endpoint, logs)
        stacks = chosen(project.spec, ())
        found = [
            each.name
            for each in stacks
            if layer in prepare(run, composer, each, ()).layers.values()
        ]
    finally:
        report.close()
    if not found:
        known = ", ".join(each.name for each in stacks)
        raise LayersError(f"no stack runs {layer}", hint=f"stacks here: {known}")
    return found
