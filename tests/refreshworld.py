"""A world for refreshes: a checkout, upstreams, a package archive, an engine and a registry."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from layers.build.push.local import fetch, find, name
from layers.build.push.push import deliver
from layers.graph.graph import Layer
from layers.lock.epochs import Base
from layers.lock.lock import Lock
from layers.lock.pin import Upstream
from layers.oci.digest import Digest
from layers.plan.names import LABEL_KEY
from layers.plan.plan import Step
from layers.plan.session import Session
from layers.project.project import Project
from layers.refresh.report import BaseReport, RefreshReport
from layers.refresh.rollback import Went, rollback
from layers.refresh.run import refresh
from layers.refresh.trial import Tools
from layers.runtime.events import Event, Warned
from tests.fakes import MemoryEngine
from tests.fakes_containers import Call, MemoryContainers, MemoryImage, said
from tests.fakes_registry import MemoryRegistry
from tests.ocidocs import OCI_MANIFEST, index_of, manifest_of
from tests.unit.machines import begin

HOST = "127.0.0.1:5000"
HUB = "127.0.0.1:5001"
SPEC = f"""\
version = 1
[project]
name = "demo"
registry = "{HOST}"
platform = "linux/amd64"
[images.base]
context = "base"
push = true
probe = ["probe"]
smoke = [["smoke"]]
[images.pose]
context = "pose"
push = true
refresh = true
[images.lone]
context = "lone"
push = true
refresh = true
[images.app]
context = "app"
push = true
"""
DOCKERFILES = {
    "base": f"FROM {HUB}/debian:1\nRUN install\n",
    "pose": "FROM base\nRUN more\n",
    "lone": f"FROM {HUB}/alpine:3\nRUN install\n",
    "app": f"FROM pose\nCOPY --from={HUB}/tool:1 /t /t\n",
}


class BuildBroke(Exception):
    """Stands for whatever kills a process."""


@dataclass
class World:
    """All of it; attributes are what a night brings."""

    root: Path
    registry: MemoryRegistry = field(default_factory=lambda: MemoryRegistry(HOST, HUB))
    waits: str = "1"
    """The version of packages in the archive; the probe tells when the image's is another."""
    same: set[str] = field(default_factory=set)
    """Images of which every build from now on gives the content of the last."""
    reproducible: bool = False
    """Whether that holds for all images, from the first build on."""
    last: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By image: content and version of the last build."""
    broken: str = ""
    """An image whose build fails."""
    smoke_fails: bool = False
    probe_fails: bool = False
    bulk: int = 0
    """Bytes that are added to what is built."""
    killed_at: str = ""
    """Before what the process dies: ``deliver`` or nothing."""

    versions: dict[str, str] = field(default_factory=dict)
    """By key: the version that is in an image, wherever that is."""

    def __post_init__(self) -> None:
        self.engine = MemoryEngine(self.registry)
        self.containers = MemoryContainers()
        self.built: list[str] = []
        self.told: list[Event] = []
        self.nights = 0
        for image, text in DOCKERFILES.items():
            (self.root / image).mkdir(parents=True)
            (self.root / image / "Dockerfile").write_text(text)
        (self.root / "images.toml").write_text(SPEC)
        for upstream in ("debian:1", "alpine:3", "tool:1"):
            self.upstream(upstream, "1")

    # -- what happens outside ----------------------------------------------------------------

    def upstream(self, name: str, content: str, other: str = "1") -> Digest:
        """Somebody pushes an upstream tag: an index of our platform and ``other``'s content."""
        repository, _, tag = name.partition(":")
        full = f"{HUB}/{repository}"
        ours = self._manifest(full, content, "amd64")
        theirs = self._manifest(full, other, "arm64")
        index = index_of([(ours, "linux", "amd64"), (theirs, "linux", "arm64")])
        self.registry.put_manifest(full, tag, json.dumps(index).encode(), index["mediaType"])
        return ours

    def _manifest(self, full: str, content: str, architecture: str) -> Digest:
        layer = self.registry.put_blob(full, f"{full} {content}".encode())
        config = {
            "os": "linux",
            "architecture": architecture,
            "config": {"Env": ["PATH=/bin"], "Labels": {}},
            "rootfs": {"type": "layers", "diff_ids": []},
        }
        found = self.registry.put_blob(full, json.dumps({**config, "of": content}).encode())
        raw = json.dumps(manifest_of(found, layer)).encode()
        digest = self.registry.put_manifest(full, f"{architecture}-{content}", raw, OCI_MANIFEST)
        self.registry.delete_tag(full, f"{architecture}-{content}")
        return digest

    def new_machine(self) -> None:
        """A runner with an empty engine and no state; the checkout is as committed."""
        self.engine = MemoryEngine(self.registry)
        self.containers = MemoryContainers()

    # -- what the tools do -------------------------------------------------------------------

    def _make(self, run: Session, step: Step) -> None:
        held = find(run, step)
        if held is None and step.state == "pull":
            digest = run.planner.presence.registry[step.layer]
            held = fetch(run, step, f"{step.names.remote}@{digest}")
        if held is None:
            image = step.layer.image
            self.built.append(str(step.layer))
            if image == self.broken:
                from layers.build.buildx import BuildFailed

                raise BuildFailed(f"{image}: the build failed\n  step    RUN install")
            content = f"{image} {self.nights} {len(self.built)}".ljust(1000 + self.bulk)
            version = self.waits
            if self.reproducible or image in self.same:
                content, version = self.last.get(image, (content, version))
            self.last[image] = content, version
            held = self.engine.build(step.names.keyed, content, {LABEL_KEY: str(step.key)})
            self.versions[str(step.key)] = version
        name(run, step, held)
        self.containers.images[step.names.keyed] = self._image(
            self.versions.get(str(step.key), "?"), held.size
        )

    def _image(self, version: str, size: int) -> MemoryImage:
        def probe(_: Call) -> object:
            waiting = "nothing" if version == self.waits else f"{version} -> {self.waits}"
            return said(errors="no network", status=100) if self.probe_fails else said(waiting)

        def smoke(_: Call) -> object:
            return said("it does not run", status=1) if self.smoke_fails else said("fine")

        status = f"Package: thing\nStatus: install ok installed\nVersion: {version}\n".encode()
        programs = {"probe": probe, "smoke": smoke, "sh": lambda _: said()}
        return MemoryImage(
            {"/var/lib/dpkg/status": status},
            (("RUN install", size),),
            programs,  # type: ignore[arg-type]  # the alias says Ran
        )

    def _deliver(self, run: Session, step: Step) -> Digest:
        if self.killed_at == "deliver":
            raise BuildBroke
        return deliver(run, step).digest

    # -- what people do ----------------------------------------------------------------------

    def project(self) -> Project:
        """The checkout as a new process sees it."""
        return self.run().project

    def run(self) -> Session:
        """A run of a new process."""
        project = Project(str(self.root))
        return begin(project, self.engine, self.registry, tell=self.told.append)

    def tools(self) -> Tools:
        """The effects."""
        moment = f"2026-01-{self.nights + 1:02}T02:00:00Z"
        return Tools(self.containers, self._make, self._deliver, lambda: moment)

    def night(self, *asked: str, dry_run: bool = False) -> RefreshReport:
        """One nightly run; ``built`` then lists what was built in it."""
        self.nights += 1
        self.built.clear()
        self.told.clear()
        return refresh(self.run(), self.tools(), asked, dry_run=dry_run)

    def rollback(self, *images: str, to: int | None = None) -> tuple[Went, ...]:
        """Somebody goes back."""
        return rollback(self.run(), self.tools(), images, to)

    # -- what one sees then ------------------------------------------------------------------

    @property
    def text(self) -> str:
        """The lock file; "" where there is none."""
        path = self.root / "images.lock"
        return path.read_text() if path.exists() else ""

    @property
    def lock(self) -> Lock:
        """The lock."""
        return Lock.parse(self.text)

    def base(self, image: str) -> Base:
        """What the lock has of a base."""
        return self.lock.bases[image, "linux/amd64"]

    def key(self, image: str) -> str:
        """An image's key now."""
        return str(self.project().inputs.key(Layer(image)))

    def in_registry(self, image: str) -> Digest | None:
        """What the registry has under an image's present key."""
        question = (f"{HOST}/demo/{image}", self.key(image))
        return self.registry.heads([question]).get(question)

    def keyed_names(self) -> set[str]:
        """All names in the engine under keys."""
        return {name for name in self.engine._names if ":xxh3-" in name}

    def warnings(self) -> str:
        """All warnings as one text."""
        return "\n".join(event.message for event in self.told if isinstance(event, Warned))


def outcomes(report: RefreshReport) -> dict[str, str]:
    """Base → what became of it."""
    return {base.image: base.outcome for base in report.bases}


def of(report: RefreshReport, image: str) -> BaseReport:
    """One base's row."""
    return next(base for base in report.bases if base.image == image)


__all__ = ["HOST", "HUB", "BuildBroke", "Upstream", "World", "of", "outcomes"]
