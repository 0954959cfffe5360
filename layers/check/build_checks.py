"""BuildKit's own checks of a Dockerfile (``docker buildx build --call=check``), among ours.

No base is asked for: each is an empty named context, so that nothing is pulled and no registry is
met. What BuildKit then cannot know, a base's environment, is taken from what we know of it.
https://docs.docker.com/reference/build-checks/
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hashes.dockerfile.frontend import CHECKS, Frontend
from hashes.errors import LayersError
from layers.build.environment import listed
from layers.check.finding import Finding
from layers.check.subject import Subject
from layers.engine.engine import EngineDown
from layers.plan.session import Session
from layers.runtime import process

RULE = "build-checks"
SAME = {"SecretsUsedInArgOrEnv": "secret-in-env"}
"""Checks whose matter a rule of ours has, too."""
AT_ONCE = 4
"""Checks that run side by side; each is a process that mostly waits."""
PATIENCE = 60.0
"""Seconds until one is given up: only a frontend that has to be fetched takes long."""

_VARIABLE = re.compile(r"^Usage of undefined variable '\$(\w+)'")


def build_checks(run: Session, subjects: Sequence[Subject], notes: list[str]) -> list[Finding]:
    """What BuildKit says of the images' Dockerfiles; where it cannot be asked, a note says why."""
    try:
        return _asked(run, subjects, notes) if subjects else []
    except EngineDown as error:
        notes.append(f"{RULE}: nothing was asked of BuildKit: {error}")
        return []


def _asked(run: Session, subjects: Sequence[Subject], notes: list[str]) -> list[Finding]:
    built_in = run.backends.frontend
    able = []
    for each in subjects:
        why = unable(each, built_in)
        able += [] if why else [each]
        notes += [f"{RULE}: {why}"] if why else []
    endpoint = run.backends.endpoint
    env = {**listed({**os.environ, **endpoint.environment}), "BUILDX_GIT_INFO": "false"}
    with run.project.state.scratch() as empty, ThreadPoolExecutor(AT_ONCE) as threads:

        def ask(subject: Subject) -> list[Finding]:
            words = [*endpoint.buildx, *argv(subject, run.project.root, empty)]
            try:
                done = process.run(words, env=env, apart=True, timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                raise LayersError(f"BuildKit gave no answer in {PATIENCE:.0f} s") from None
            return read(subject, done.stdout, done.stderr)

        found: list[Finding] = []
        for subject, answer in [(each, threads.submit(ask, each)) for each in able]:
            try:
                found += answer.result()
            except (LayersError, OSError) as error:
                notes.append(f"{RULE}: {subject.image.name} was not checked: {error}")
    return found


def unable(subject: Subject, built_in: Frontend | None) -> str:
    """Why the frontend that reads an image's Dockerfile has no checks; "": it has, or may have.

    ``built_in`` is the engine's own, None where it does not say.
    """
    if subject.dockerfile.syntax or "BUILDKIT_SYNTAX" in subject.image.args:
        frontend = subject.dockerfile.frontend
        whose = f"the frontend that {subject.dockerfile.path} asks for"
    elif built_in is None:
        return ""
    else:
        frontend, whose = built_in, "the engine's Dockerfile frontend"
    if frontend.has(CHECKS):
        return ""
    least = ".".join(map(str, CHECKS.stable))
    return (
        f"{whose} is {frontend}, and {least} is the first with checks: nothing was asked"
        " (Docker 27 and newer have it)"
    )


def argv(subject: Subject, root: str, empty: str) -> list[str]:
    """What buildx is asked with; ``empty`` is a folder that stands for every image outside."""
    image = subject.image
    outside = {edge.text for edge in subject.edges if edge.kind != "syntax"} | {*image.contexts}
    # without a target every stage is looked at, and the bases of those that nobody needs are pulled
    target = image.target or str(subject.target.index)
    words = ["build", "--builder=default", "--call=check,format=json", "--progress=quiet"]
    words += [f"--file={os.path.join(root, image.dockerfile)}", f"--target={target}"]
    words += [f"--platform={subject.platform}"] if subject.platform else []
    words += [f"--build-arg={name}={value}" for name, value in sorted(image.args.items())]
    words += [f"--build-context={name}={empty}" for name in sorted(outside)]
    return [*words, os.path.join(root, image.context)]


def read(subject: Subject, told: str, complaint: str) -> list[Finding]:
    """Findings in what buildx prints (lint.LintResults of BuildKit, as JSON).

    Raises LayersError where it is none, with what buildx complained about.
    """
    try:
        results: dict[str, Any] = json.loads(told)
        warnings = results.get("warnings") or []
        found = [
            _finding(subject, "warning", each, f"{each['ruleName']}: {each['detail']}")
            for each in warnings
            if not _known(subject, each)
        ]
        failed = results.get("buildError")
        if failed:
            found.append(_finding(subject, "error", failed, str(failed["message"])))
    except (ValueError, KeyError, TypeError, AttributeError):
        lines = [line.strip() for line in complaint.splitlines() if line.strip()]
        if "unknown flag: --call" in complaint:
            raise LayersError("`docker buildx` 0.15 or newer is needed") from None
        raise LayersError(lines[-1] if lines else "buildx said nothing") from None
    return found


def single(findings: Iterable[Finding], asked: Collection[str]) -> list[Finding]:
    """Findings without those of BuildKit that a rule of ours, if ``asked`` for, has there, too."""
    told = list(findings)
    ours = [each for each in told if each.rule in SAME.values() and each.rule in asked]
    return [each for each in told if each.rule != RULE or not _double(each, ours)]


def _double(finding: Finding, ours: Iterable[Finding]) -> bool:
    rule = SAME.get(finding.message.partition(":")[0])
    return any(
        each.rule == rule
        and each.file == finding.file
        and finding.start <= each.line <= finding.until
        for each in ours
    )


def _finding(subject: Subject, severity: Any, place: Any, message: str) -> Finding:
    ranges = (place.get("location") or {}).get("ranges") or []
    line = int(ranges[0]["start"]["line"]) if ranges else 0
    until = max(subject.ends.get(line, line), int(ranges[-1]["end"]["line"]) if ranges else 0)
    path, images = subject.dockerfile.path, (subject.image.name,)
    return Finding(RULE, severity, path, line, message, place.get("url", ""), images, line, until)


def _known(subject: Subject, warning: Any) -> bool:
    """Whether a variable that BuildKit finds undefined may be that of a base, which it lacks."""
    match = _VARIABLE.match(str(warning["detail"]))
    if warning["ruleName"] != "UndefinedVar" or not match:
        return False
    ranges = (warning.get("location") or {}).get("ranges") or []
    line = int(ranges[0]["start"]["line"]) if ranges else 0
    stages = [stage.index for stage in subject.dockerfile.stages if stage.line <= line]
    env = subject.inherited(stages[-1]) if stages else None
    return env is None or match[1] in env
