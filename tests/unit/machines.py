"""Machines: checkouts of one repository, each with an engine in memory, around one registry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from layers.engine.engine import Engine
from layers.graph.graph import Layer
from layers.oci.digest import Digest
from layers.plan.names import LABEL_KEY
from layers.plan.plan import Step
from layers.plan.session import Session
from layers.project.backends import Backends
from layers.project.project import Project
from layers.registry.registry import Registry
from layers.runtime.events import Event, Listener, Warned, silent
from layers.setup.endpoint import Endpoint
from tests.fakes import MemoryEngine, MemoryRegistry

HOST = "127.0.0.1:5000"
NOWHERE = Endpoint("unix:///nowhere.sock", {}, False, None, "false", ("false",))
"""No test of these starts an engine; a build fails."""
REPOSITORY = f"{HOST}/demo/app"
APP = Layer("app")
SPEC = f"""\
version = 1
[project]
name = "demo"
registry = "{HOST}"
assemble = false
[images.app]
context = "app"
push = true
[images.tool]
context = "tool"
push = true
[images.local]
context = "tool"
"""


@dataclass
class World:
    """One checkout with an engine of its own; the registry is everybody's."""

    run: Session
    engine: MemoryEngine
    registry: MemoryRegistry
    told: list[Event]

    @property
    def step(self) -> Step:
        """What the plan says of the first image."""
        return self.run.planner.plan.steps[APP]

    @property
    def project(self) -> Project:
        """The files."""
        return self.run.project

    @property
    def key(self) -> str:
        """The image's key."""
        return str(self.project.inputs.key(APP))

    def built(self, content: str) -> None:
        """As if a build had made the image here."""
        self.engine.build(f"app:{self.key}", content, {LABEL_KEY: self.key})

    def keyed(self) -> list[tuple[str, str, Digest]]:
        """What was pushed under the key, in order."""
        return [one for one in self.registry.pushed if one[1] == self.key]

    def warnings(self) -> str:
        """All warnings as one text."""
        return "\n".join(event.message for event in self.told if isinstance(event, Warned))


def machine(root: Path, registry: MemoryRegistry, repository: str = "") -> World:
    """A fresh checkout below ``root``, whose images go where ``repository`` says."""
    for name in ("app", "tool"):
        (root / name).mkdir(parents=True)
        (root / name / "Dockerfile").write_text("FROM scratch\nCOPY a /a\n")
        (root / name / "a").write_text(f"{name}\n")
    line = f'repository = "{repository}"\n[images.app]' if repository else "[images.app]"
    (root / "images.toml").write_text(SPEC.replace("[images.app]", line, 1))
    engine = MemoryEngine(registry)
    told: list[Event] = []
    run = begin(Project(str(root)), engine, registry, tell=told.append)
    return World(run, engine, registry, told)


class FixedBackends(Backends):
    """An engine and a registry in memory, in place of those in use."""

    def __init__(
        self,
        project: Project,
        engine: Engine,
        registry: Registry,
        endpoint: Endpoint = NOWHERE,
    ) -> None:
        super().__init__(project)
        # cached properties: what is set here is what everybody gets
        vars(self).update(engine=engine, registry=registry, endpoint=endpoint)


def begin(
    project: Project,
    engine: Engine,
    registry: Registry,
    *,
    endpoint: Endpoint = NOWHERE,
    tell: Listener = silent,
    wanted: Iterable[Layer] | None = None,
) -> Session:
    """A run over a project with an engine and a registry of a test's own."""
    backends = FixedBackends(project, engine, registry, endpoint)
    return Session.begin(project, tell, wanted, backends=backends)
