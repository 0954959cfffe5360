"""Bases: what the images that a project starts from say of their own package index."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence

from hashes.errors import LayersError
from layers.check.families import python_of
from layers.check.online import package_names
from layers.check.online.package_names import Answer, Ask
from layers.check.subject import Root, Subject
from layers.config.spec import Image
from layers.engine.containers import TIMED_OUT, Containers
from layers.graph.graph import Layer
from layers.plan.session import Session

PATIENCE = 120.0
"""Seconds."""


class Bases:
    """Asks each base image once, in a container that is thrown away."""

    def __init__(
        self,
        run: Session,
        containers: Containers | None,
        notes: list[str],
        *,
        patience: float = PATIENCE,
        pull_patience: float = math.inf,
    ) -> None:
        self.session = run
        self.notes = notes
        self.patience = patience
        """Seconds for one base's index."""
        self.pull_patience = pull_patience
        """Seconds for the pull of a base that the engine does not have."""
        self._containers = containers
        self._references: dict[str, str | None] = {}
        self.pythons: dict[str, str] = {}

    def answer(self, root: Root, subject: Subject, asks: Sequence[Ask]) -> Answer | None:
        """What a base's index says; None when it could not be asked."""
        reference = self.reference(root, subject.image)
        if reference is None:
            return None
        network = "host" if subject.image.network == "host" else ""
        from layers.host.settings import proxies

        argv = ["sh", "-c", package_names.script(asks)]
        try:
            ran = self.containers.run(
                reference,
                argv,
                network=network,
                env={**proxies(os.environ), "DEBIAN_FRONTEND": "noninteractive"},
                timeout=self.patience,
                user="0",
            )
        except LayersError as error:
            self.notes.append(f"{root.name}: could not be asked: {error.message}")
            return None
        answer = package_names.read(ran.output)
        if answer.python:
            self.pythons[root.name] = answer.python
        if ran.status == TIMED_OUT:
            took = f"its package index took more than {self.patience:.0f} s"
            self.notes.append(f"{root.name}: {took}")
            return None
        if answer.down or ran.status:
            why = answer.down or ran.errors.strip()[-200:]
            self.notes.append(f"{root.name}: its package index could not be fetched: {why}")
            return None
        return answer

    def python(self, root: Root, subject: Subject, stage: int) -> str:
        """The version of Python at a stage, such as ``3.10``; empty: nobody can tell."""
        known = self.pythons.get(root.name) or python_of(root, dict(subject.state(stage).env))
        if known or not root.system:
            return known
        self.answer(root, subject, ())
        return self.pythons.get(root.name, "")

    @property
    def containers(self) -> Containers:
        """The engine's own, unless others were given."""
        if self._containers is None:
            self._containers = self.session.backends.containers
        return self._containers

    def reference(self, root: Root, image: Image) -> str | None:
        """A base as the engine has it, pulled if need be; None when it cannot be had."""
        if root.name not in self._references:
            self._references[root.name] = None
            try:
                name = self.named(root, image)
                if name is not None and self._held(root, name):
                    self._references[root.name] = name
            except LayersError as error:
                self.notes.append(f"{root.name}: not looked up: {error.message}")
        return self._references[root.name]

    def named(self, root: Root, image: Image) -> str | None:
        """What the engine calls a base once it has it; None where nobody knows.

        Raises LayersError.
        """
        run, edge = self.session, root.edge
        if edge is None:
            return None
        if edge.image is not None:
            return run.planner.names_now(Layer(edge.image)).keyed
        assert edge.upstream is not None
        inputs, spec = run.project.inputs, run.project.spec
        lock = inputs.wiring.lock_for(image)
        pinned = run.upstreams.pinned(
            edge.upstream, edge.platform or spec.platform_of(image.name), lock
        )
        if pinned is None:
            self.notes.append(f"{root.name}: not looked up: it could not be resolved")
        return pinned

    def _held(self, root: Root, name: str) -> bool:
        engine = self.session.backends.engine
        if name in engine.find([name]):
            return True
        if root.edge is None or root.edge.image is not None:
            self.notes.append(f"{root.name}: not looked up: it is not built yet: doit {root.name}")
            return False
        until = time.monotonic() + self.pull_patience

        def in_time(_done: int, _total: int) -> None:
            if time.monotonic() > until:
                raise LayersError(f"its pull took more than {self.pull_patience:.0f} s")

        engine.pull(name, in_time)
        return True
