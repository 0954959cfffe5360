"""Workflows: what GitHub workflows build with ``docker/build-push-action``."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hashes.errors import LayersError
from layers.adopt.names import slug
from layers.adopt.sources.expressions import UNKNOWN, Scope, Text, combinations, expand, plain
from layers.adopt.sources.options import Options, one_platform
from layers.adopt.sources.paths import is_remote, relative
from layers.adopt.sources.reading import Build, LeftOut, Reading
from layers.adopt.sources.tags import valid
from layers.runtime.yaml import Value, read_yaml

_BUILD = "docker/build-push-action"
_METADATA = "docker/metadata-action"
_DEEPEST = 4
"""Actions within actions."""
_CONTEXT = "{{defaultContext}}"


class Workflows:
    """The workflows of a repository, and its own actions that they use."""

    def __init__(self, root: str, files: Sequence[str]) -> None:
        self.root = root
        self.values: dict[str, Value] = {}
        self.faults: list[LayersError] = []
        self.left_out: dict[LeftOut, None] = {}
        self.builds: list[Build] = []
        for path in files:
            self._value(path)

    def read(self) -> Reading:
        """All images that some step builds, each once."""
        for path, workflow in list(self.values.items()):
            for inputs, closed in self._calls(path, workflow):
                values = {"inputs": inputs}
                scope = Scope(values, frozenset(("inputs",)) if closed else frozenset())
                scope.values = {**values, "env": _texts(workflow.get("env"), scope)}
                for name, job in workflow.items("jobs"):
                    self._job(path, name, job, scope)
        once: dict[tuple[Any, ...], Build] = {}
        for build in self.builds:
            same = (
                build.context,
                build.dockerfile,
                build.target,
                tuple(sorted(build.args.items())),
            )
            first = once.setdefault(same, build)
            if first is not build:
                once[same] = replace(
                    first,
                    tags=tuple(dict.fromkeys((*first.tags, *build.tags))),
                    repositories=tuple(dict.fromkeys((*first.repositories, *build.repositories))),
                    hints=tuple(dict.fromkeys((*first.hints, *build.hints))),
                )
        return Reading(
            tuple(once.values()), left_out=tuple(self.left_out), faults=tuple(self.faults)
        )

    def _value(self, path: str) -> Value | None:
        if path not in self.values:
            try:
                self.values[path] = read_yaml(os.path.join(self.root, path), path)
            except LayersError as error:
                self.faults.append(error)
                self.values[path] = Value(None, 1)
        return self.values[path]

    def _calls(self, path: str, workflow: Value) -> Iterator[tuple[dict[str, Any], bool]]:
        """The inputs that a workflow is started with, and whether all of them are known."""
        on = workflow.get("on")
        wanted: dict[str, Value] = {}
        for event in ("workflow_call", "workflow_dispatch"):
            wanted.update(dict(on.items(event, "inputs")) if on else {})
        defaults = {
            key: each.text("default") for key, each in wanted.items() if each.get("default")
        }
        called = False
        for caller, other in list(self.values.items()):
            for _, job in other.items("jobs"):
                if posixpath.normpath(job.text("uses").split("@")[0]) != path or caller == path:
                    continue
                scope = Scope({"env": _texts(other.get("env"), Scope({}))})
                for matrix in _jobs(job, scope):
                    called = True
                    each = _with(scope, matrix)
                    given = {key: plain(value, each) for key, value in job.items("with")}
                    yield {**defaults, **given}, True
        if not called:
            yield defaults, not wanted

    def _job(self, path: str, name: str, job: Value, above: Scope) -> None:
        steps = job.list("steps")
        if not self._builds(steps, 0):
            return
        for matrix in _jobs(job, above):
            scope = _with(above, matrix)
            env = {**above.values.get("env", {}), **_texts(job.get("env"), scope)}
            scope.values = {**scope.values, "env": env}
            self._steps(path, name, steps, scope, 0)

    def _builds(self, steps: Sequence[Value], depth: int) -> bool:
        for step in steps:
            uses = step.text("uses")
            if uses.startswith(_BUILD):
                return True
            action = self._action(uses) if depth < _DEEPEST else None
            if action and self._builds(action[1].list("runs", "steps"), depth + 1):
                return True
        return False

    def _action(self, uses: str) -> tuple[str, Value] | None:
        """The repository's own action that a step uses."""
        if not uses.startswith("./"):
            return None
        for name in ("action.yml", "action.yaml"):
            path = posixpath.normpath(posixpath.join(uses, name))
            if path.startswith("../") or not os.path.isfile(os.path.join(self.root, path)):
                continue
            value = self._value(path)
            return (path, value) if value is not None else None
        return None

    def _steps(
        self, path: str, name: str, steps: Sequence[Value], scope: Scope, depth: int
    ) -> None:
        images: dict[str, _Names] = {}
        for step in steps:
            uses = step.text("uses")
            env = {**scope.values.get("env", {}), **_texts(step.get("env"), scope)}
            here = Scope({**scope.values, "env": env}, scope.closed, scope.used)
            if uses.startswith(_METADATA):
                images[step.text("id")] = _named(step.text("with", "images"), here, tagged=False)
            elif uses.startswith(_BUILD):
                self._build(path, name, step, here, images)
            elif depth < _DEEPEST and (action := self._action(uses)):
                inputs = {
                    key: each.text("default")
                    for key, each in action[1].items("inputs")
                    if each.get("default")
                }
                inputs |= {key: plain(value, here) for key, value in step.items("with")}
                inner = Scope({"inputs": inputs, "env": env}, frozenset(("inputs",)), scope.used)
                self._steps(action[0], name, action[1].list("runs", "steps"), inner, depth + 1)

    def _build(
        self, path: str, name: str, step: Value, scope: Scope, images: Mapping[str, _Names]
    ) -> None:
        scope.used.clear()
        what = f"{path}:{step.line} (job {name})"
        told = {key: expand(step.text("with", key), scope) for key in ("context", "file", "target")}
        for key, each in told.items():
            if each.unknown:
                why = f"its {key} is {each.unknown[0]}, which is known only when it runs"
                self.left_out[LeftOut(what, why)] = None
                return
        context = told["context"].text or "."
        if context.startswith(_CONTEXT):
            context = context[len(_CONTEXT) :].lstrip(":/") or "."
        if is_remote(context):
            self.left_out[LeftOut(what, f"its context is {context}")] = None
            return
        folder = relative(self.root, context)
        file = told["file"].text or posixpath.join(folder, "Dockerfile")
        notes: list[str] = []
        args = _args(expand(step.text("with", "build-args"), scope), notes)
        written = step.text("with", "tags")
        names = _named(written, scope, tagged=True)
        for step_id, found in images.items():
            if step_id and f"steps.{step_id}." in written:
                names.add(found)
        matrix = scope.values.get("matrix", {})
        said = [matrix.get(key) for key in matrix if key in scope.used]
        self.builds.append(
            Build(
                file=path,
                line=step.line,
                kind="workflow",
                name=name,
                context=folder,
                dockerfile=relative(self.root, file),
                target=told["target"].text or None,
                args=args,
                tags=tuple(dict.fromkeys(names.tags)),
                repositories=tuple(dict.fromkeys(names.repositories)),
                hints=tuple(dict.fromkeys(names.hints)),
                contexts=self._contexts(step, scope),
                options=Options(one_platform(_known(step, "platforms", scope), notes)),
                variant=slug("-".join(each for each in said if isinstance(each, str))),
                notes=tuple(notes),
            )
        )

    def _contexts(self, step: Value, scope: Scope) -> dict[str, str]:
        found = {}
        for line in _lines(expand(step.text("with", "build-contexts"), scope)):
            key, equals, value = line.partition("=")
            if equals and UNKNOWN not in line:
                plain_folder = not is_remote(value) and not value.startswith("target:")
                found[key] = relative(self.root, value) if plain_folder else value
        return found


def _jobs(job: Value, scope: Scope) -> Sequence[dict[str, Any] | None]:
    """The values of a job's matrix, one for each that runs; None: not known from the file."""
    found = combinations(job.get("strategy", "matrix"), scope)
    return found if found is not None else [None]


def _with(above: Scope, matrix: dict[str, Any] | None) -> Scope:
    """A scope with the values of one job of a matrix; None: it is not known."""
    if matrix is None:
        return Scope(above.values, above.closed)
    return Scope({**above.values, "matrix": matrix}, above.closed | {"matrix"})


def _texts(value: Value | None, scope: Scope) -> dict[str, str]:
    found = {key: plain(each, scope) for key, each in (value.items() if value else [])}
    return {key: each for key, each in found.items() if isinstance(each, str)}


def _lines(text: Text) -> list[str]:
    rows = (line.strip().strip("\"'") for line in text.text.splitlines())
    return [row for row in rows if row and not row.startswith("#")]


def _known(step: Value, key: str, scope: Scope) -> list[str]:
    """The items of an input, in lines or between commas; none where one comes from a run."""
    rows = _lines(expand(step.text("with", key), scope))
    found = [part.strip() for row in rows for part in row.split(",") if part.strip()]
    return [] if any(UNKNOWN in each for each in found) else found


def _args(text: Text, notes: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    unknown = iter(text.unknown)
    for line in _lines(text):
        key, equals, value = line.partition("=")
        if UNKNOWN in line:
            shown = value if equals and UNKNOWN not in key else line
            for _ in range(line.count(UNKNOWN)):
                shown = shown.replace(UNKNOWN, next(unknown, "?"), 1)
            notes.append(f"arg {key} is {shown}" if UNKNOWN not in key else f"an arg is {shown}")
        elif equals:
            found[key] = value
        else:
            notes.append(f"arg {key} comes from whoever builds")
    return found


@dataclass
class _Names:
    """What a step calls its image."""

    tags: list[str] = field(default_factory=list)
    repositories: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)

    def add(self, other: _Names) -> None:
        """Take what another one has, too."""
        self.tags += other.tags
        self.repositories += other.repositories
        self.hints += other.hints


def _named(written: str, scope: Scope, *, tagged: bool) -> _Names:
    """References, one a line or between commas, as far as they are known before it runs.

    ``tagged``: they have the tags that the image gets; else those come from elsewhere.
    """
    found = _Names()
    parts = (part for line in _lines(expand(written, scope)) for part in line.split(","))
    for part in parts:
        name = part.strip()
        key, equals, value = name.partition("=")
        if equals:  # metadata-action: name=…,enable=…
            if key != "name":
                continue
            name = value
        owner, slash, last = name.rpartition("/")
        base, _, tag = last.partition(":")
        whole = f"{owner}{slash}{base}"
        if UNKNOWN in base or not base:
            continue
        if UNKNOWN in whole:
            found.hints += [base] if valid(base) else []
        elif tagged and UNKNOWN not in tag:
            found.tags += [name] if valid(name) else []
        else:
            found.repositories += [whole] if valid(whole) else []
    return found
