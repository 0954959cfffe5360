"""Look-ups: names and pins looked up where the build would look for them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Collection, Sequence

from layers.check.families import family
from layers.check.finding import Finding
from layers.check.online import package_names, pip_resolve
from layers.check.online.bases import Bases
from layers.check.online.package_names import Ask
from layers.check.online.pip_resolve import Said, Target
from layers.check.shell.pip_calls import indexed, requests
from layers.check.subject import Root, Subject
from layers.engine.containers import TIMED_OUT, Containers
from layers.plan.session import Session
from layers.runtime import process

PATIENCE = 120.0
"""Seconds for one run of pip."""


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
