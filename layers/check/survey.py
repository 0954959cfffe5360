"""Surveys: a project's images as subjects of the checks."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from hashes.dockerfile.reachable import Reached
from hashes.errors import LayersError
from layers.check.context import Context
from layers.check.finding import Finding
from layers.check.subject import Root, Subject
from layers.config.spec import SPEC_FILE
from layers.graph.faults import ParentUnknown
from layers.graph.recipe import ENV
from layers.project.project import Project

UNPINNED = "unpinned"


class Survey:
    """Makes each subject once; an image that BuildKit would refuse becomes a finding."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.refused: list[Finding] = []
        self.notes: list[str] = []
        """Which images could not be looked at, since they are made from one that is refused."""
        self._made: dict[str, Subject | None] = {}

    def subjects(self, names: Sequence[str]) -> list[Subject]:
        """The images of these names that have a Dockerfile and can be read."""
        found = [self.subject(name) for name in names]
        return [each for each in found if each is not None]

    def subject(self, name: str) -> Subject | None:
        """One image; None for a system base, and for one that is refused."""
        if name not in self._made:
            self._made[name] = None
            image = self.project.spec.images[name]
            if image.rootfs is None:
                try:
                    self._made[name] = self._make(name)
                except ParentUnknown as error:
                    self.notes.append(f"{name} was not checked: {error.message}")
                except LayersError as error:
                    self._refuse(name, error)
        return self._made[name]

    def _refuse(self, name: str, error: LayersError) -> None:
        file = error.file or self.project.spec.images[name].dockerfile or SPEC_FILE
        file = os.path.relpath(file, self.project.root) if os.path.isabs(file) else file
        message, hint = error.message, error.hint
        self.refused.append(
            Finding("refused", "error", file, error.line or 0, message, hint, (name,))
        )

    def _make(self, name: str) -> Subject:
        project = self.project
        inputs, spec = project.inputs, project.spec
        image = spec.images[name]
        found = inputs.image(name)
        if found.problem:
            what = found.problem.split("\n", 1)[0]  # `doit list` tells all, with what to do
            self.notes.append(f"{what}: it cannot be built here")
        dockerfile = inputs.dockerfile(image)
        edges = inputs.graph.edges[name]
        lock = inputs.wiring.lock_for(image)
        by_text = {edge.text: edge for edge in edges if edge.kind != "syntax"}
        parents: dict[str, Subject] = {}
        roots: dict[str, Root] = {}
        envs: dict[str, Mapping[str, str] | None] = {}
        for text, edge in by_text.items():
            if edge.image is not None:
                below = spec.images[edge.image]
                parent = self.subject(edge.image)
                if parent is not None:
                    parents[text] = parent
                elif below.rootfs is not None:
                    roots[text] = Root(edge.image, edge, system=True, pushed=below.push)
                    envs[text] = {**ENV, **below.rootfs.env}
                else:
                    roots[text] = Root(edge.image, edge)
            else:
                roots[text] = Root(edge.upstream or text, edge)
                pin = lock.find(edge.upstream or text, edge.platform or spec.platform_of(name))
                envs[text] = pin.env if pin is not None else None
        unpinned = tuple(
            edge
            for edge in edges
            if edge.upstream
            and "@" not in edge.upstream
            and lock.find(edge.upstream, edge.platform or spec.platform_of(name)) is None
        )
        folder = os.path.join(project.root, image.context)
        ignore = inputs.contexts.ignore(image)
        shown = "" if image.context in (".", "") else f"{os.path.normpath(image.context)}/"
        with open(os.path.join(project.root, image.dockerfile), "rb") as file:
            source = file.read().decode("utf-8", "replace").split("\n")
        reached = _without(inputs.reached(name), {e.text for e in inputs.unknown_triggers(name)})
        assumed = {
            dockerfile.stages[before.index].line
            for before, after in zip(inputs.reached(name), reached, strict=True)
            if before is not after
        }
        manifests = (*found.stages.values(), *found.unnamed.values(), found.own)
        copied: set[str] = set()
        addresses: dict[int, tuple[str, ...]] = {}
        for manifest in manifests:
            for entry in manifest.entries:
                if entry.kind == "file" and entry.line not in assumed:
                    copied.add(entry.name)
                elif entry.kind == "url" and entry.value.startswith(UNPINNED):
                    known = addresses.get(entry.line, ())
                    addresses[entry.line] = tuple(dict.fromkeys((*known, entry.name)))
        return Subject(
            image,
            dockerfile,
            source,
            reached,
            parents,
            roots,
            envs,
            edges,
            unpinned,
            bool(lock.pins),
            Context(folder, ignore, shown),
            spec.platform_of(name),
            copied=frozenset(copied),
            pointers=inputs.checkout.pointers(image, manifests),
            empty=inputs.checkout.submodules(image, manifests)[0],
            addresses=addresses,
        )


def _without(reached: Sequence[Reached], unknown: Collection[str]) -> tuple[Reached, ...]:
    """The stages without the triggers that a key assumes where a base's are not known.

    They stand for the worst, and no rule may tell of what nobody has seen.
    """
    return tuple(
        replace(
            stage,
            instructions=stage.instructions[stage.triggers :],
            triggers=0,
            sources={
                (position - stage.triggers, mount): source
                for (position, mount), source in stage.sources.items()
                if position >= stage.triggers
            },
        )
        if stage.base.stage is None and stage.base.text in unknown
        else stage
        for stage in reached
    )
