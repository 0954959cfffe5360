"""Look-ups: names and pins looked up where the build would look for them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Collection, Sequence

from hashes.errors import LayersError
from layers.check.families import family, python_of
from layers.check.finding import Finding
from layers.check.online import package_names, pip_resolve
from layers.check.online.package_names import Answer, Ask
from layers.check.online.pip_resolve import Said, Target
from layers.check.shell.pip_calls import indexed, requests
from layers.check.subject import Root, Subject
from layers.config.spec import Image
from layers.engine.containers import TIMED_OUT, Containers
from layers.graph.graph import Layer
from layers.plan.session import Session
from layers.runtime import process

PATIENCE = 120.0
"""Seconds for one base's index, and for one run of pip."""


def look_up(
    run: Session,
    subjects: Sequence[Subject],
    notes: list[str],
    rules: Collection[str],
    containers: Containers | None = None,
) -> list[Finding]:
    """Findings of packages that do not exist; what could not be asked goes to ``notes``."""
    found: list[Finding] = []
    bases = Bases(run, containers, notes)
    if package_names.RULE in rules:
        by_root: dict[Root, list[Ask]] = {}
        for subject in subjects:
            for ask in package_names.asks(subject):
                by_root.setdefault(subject.root(ask.step.stage), []).append(ask)
        for root, asks in by_root.items():
            answer = bases.answer(root, asks[0].step.subject, asks)
            if answer is not None:
                found += package_names.judge(asks, answer)
    if pip_resolve.RULE in rules:
        for subject in subjects:
            found += _pins(subject, bases, notes)
    return found


class Bases:
    """Asks each base image once, in a container that is thrown away."""

    def __init__(self, run: Session, containers: Containers | None, notes: list[str]) -> None:
        self.session = run
        self.notes = notes
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
                timeout=PATIENCE,
                user="0",
            )
        except LayersError as error:
            self.notes.append(f"{root.name}: could not be asked: {error.message}")
            return None
        answer = package_names.read(ran.output)
        if answer.python:
            self.pythons[root.name] = answer.python
        if ran.status == TIMED_OUT:
            self.notes.append(f"{root.name}: its package index took more than {PATIENCE:.0f} s")
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
                self._references[root.name] = self._find(root, image)
            except LayersError as error:
                self.notes.append(f"{root.name}: not looked up: {error.message}")
        return self._references[root.name]

    def _find(self, root: Root, image: Image) -> str | None:
        run, edge = self.session, root.edge
        if edge is None:
            return None
        if edge.image is not None:
            layer = Layer(edge.image)
            keyed = run.planner.names_now(layer).keyed
            if keyed in run.backends.engine.find([keyed]):
                return keyed
            self.notes.append(f"{root.name}: not looked up: it is not built yet: doit {root.name}")
            return None
        assert edge.upstream is not None
        inputs, spec = run.project.inputs, run.project.spec
        lock = inputs.wiring.lock_for(image)
        pinned = run.upstreams.pinned(
            edge.upstream, edge.platform or spec.platform_of(image.name), lock
        )
        if pinned is None:
            self.notes.append(f"{root.name}: not looked up: it could not be resolved")
            return None
        if pinned not in run.backends.engine.find([pinned]):
            run.backends.engine.pull(pinned, lambda _done, _total: None)
        return pinned


def _pins(subject: Subject, bases: Bases, notes: list[str]) -> list[Finding]:
    found: list[Finding] = []
    for step in subject.all_steps():
        if step.item.keyword != "RUN":
            continue
        for request in requests(step):
            if not any(True for _ in indexed(request.wanted)):
                continue
            root = subject.root(step.stage)
            python = bases.python(root, subject, step.stage)
            if not re.fullmatch(r"3\.\d+", python):
                place = f"{subject.dockerfile.path}:{request.call.line}"
                notes.append(f"{place}: not looked up: which Python {root.name} has is not known")
                continue
            target = Target(python, subject.platform, family(root) == "alpine")
            found += pip_resolve.resolve(request, target, run_pip, notes)
    return found


def run_pip(args: Sequence[str], wanted: str, constraints: str) -> Said:
    """This machine's pip with its own settings; what it is given lies in a folder that goes."""
    with tempfile.TemporaryDirectory(prefix="doit-check-") as folder:
        places = {"target": os.path.join(folder, "target")}
        for name, text in (("wanted", wanted), ("constraints", constraints)):
            places[name] = os.path.join(folder, f"{name}.txt")
            with open(places[name], "w", encoding="utf-8") as file:
                file.write(text)
        words = [places.get(each[1:-1], each) if each[:1] == "{" else each for each in args]
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
        try:
            done = process.run(
                [*pip, "--timeout", "15", "--retries", "1", *words],
                timeout=PATIENCE,
                env={**os.environ, "PIP_NO_COLOR": "1", "LC_ALL": "C.UTF-8"},
            )
        except subprocess.TimeoutExpired:
            return Said(TIMED_OUT, f"it took more than {PATIENCE:.0f} s")
        return Said(done.returncode, done.stdout)
