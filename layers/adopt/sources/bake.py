"""Bake files: what ``docker buildx bake --print`` makes of them."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hashes.errors import LayersError
from layers.adopt.sources import options
from layers.adopt.sources.paths import is_remote, relative
from layers.adopt.sources.printing import Bake, dockerfile_of
from layers.adopt.sources.programs import Programs
from layers.adopt.sources.reading import Build, LeftOut, Reading
from layers.adopt.sources.tags import valid
from layers.adopt.sources.targets import Written, line_of, names, read_targets

_FIRST = ("docker-bake.json", "docker-bake.hcl")
_OVER = ("docker-bake.override.json", "docker-bake.override.hcl")
_TAKEN = frozenset(
    (
        *("context", "dockerfile", "target", "args", "tags", "contexts", "secret", "output"),
        *("network", "platforms", "shm-size", "ulimits", "extra-hosts", "cgroup-parent"),
        *("ssh", "labels", "annotations"),
    )
)
_WITHOUT_MEANING = frozenset(
    (
        "cache-from",
        "cache-to",
        "attest",
        "pull",
        "no-cache",
        "description",
        "entitlements",
    )
)
_UNPRINTED = ("network", "extra-hosts", "cgroup-parent", "secret", "ssh")
"""Keys that some versions of bake take and do not print (0.13), and those that it is told to leave
out, as it wants to find every file and agent that they name (printing.py)."""
_IMAGES = frozenset(("image", "docker", "registry", "oci"))
"""Types of an output that are images."""


def read_bake(root: str, files: Sequence[str], programs: Programs) -> Reading:
    """All targets that are images; what else there is, is left out by name."""
    reading = Reading()
    if files and programs.bake is None:
        fault = LayersError(
            f"{', '.join(files)}: not read, as there is no docker buildx here",
            hint="install docker-buildx-plugin; then `doit init` again tells what it adds",
        )
        return Reading(faults=(fault,))
    bake = Bake(root, files, programs)
    for together in _together(files):
        try:
            reading = reading + _read(bake, together)
        except LayersError as error:
            reading = reading + Reading(faults=(error,))
    return reading


def _together(files: Sequence[str]) -> list[tuple[str, ...]]:
    """Files that bake reads as one, and each other one alone."""
    known = set(files)
    found: list[tuple[str, ...]] = []
    for folder in sorted({posixpath.dirname(path) for path in files}):
        first = [posixpath.join(folder, name) for name in _FIRST]
        over = [posixpath.join(folder, name) for name in _OVER]
        default = tuple(path for path in (*first, *over) if path in known)
        if any(path in known for path in first):
            found.append(default)
            known -= set(default)
    return found + [(path,) for path in sorted(known, key=lambda path: (len(path), path))]


def _read(bake: Bake, files: tuple[str, ...]) -> Reading:
    root = bake.root
    written = read_targets(root, files)
    if not written.targets:
        return Reading()
    printed = bake.print(files, written)
    folder = printed.folder
    targets: dict[str, dict[str, Any]] = printed.told.get("target") or {}
    chosen = _chosen(targets, written)
    builds: list[Build] = []
    left_out: list[LeftOut] = []
    secrets: dict[str, dict[str, str]] = {}
    imageless: set[str] = set()
    for name, told in targets.items():
        line = line_of(root, files, name)
        what = f"{files[0]}:{line} (target {name})" if line else f"{files[0]} (target {name})"
        if name not in chosen:
            if not written.is_pattern(name):
                instead = _instead(told)
                if instead and not is_remote(str(told.get("context") or ".")):
                    imageless.add(relative(root, os.path.join(folder, dockerfile_of(told))))
                left_out.append(LeftOut(what, instead or "it has no tags"))
            continue
        context = str(told.get("context") or ".")
        if "dockerfile-inline" in told:
            left_out.append(LeftOut(what, "its Dockerfile is written in the bake file"))
        elif is_remote(context):
            left_out.append(LeftOut(what, f"its context is {context}"))
        else:
            whole = {**_lost(name, told, written), **told}
            builds.append(_build(root, folder, (files[0], line), name, whole, secrets))
    return Reading(
        tuple(builds),
        secrets=secrets,
        left_out=tuple(left_out),
        imageless=frozenset(imageless) - {each.dockerfile for each in builds},
    )


def _chosen(targets: Mapping[str, Mapping[str, Any]], written: Written) -> set[str]:
    """Targets that are images: tagged, of the default group, the base of one that is, or with a
    Dockerfile that neither such a target builds nor one that gives files.
    """
    default = set(names(written.groups.get("default", {}).get("targets"))) | {"default"}
    able = {
        name: dockerfile_of(told)
        for name, told in targets.items()
        if not written.is_pattern(name) and not _instead(told)
    }
    chosen = {name for name in able if targets[name].get("tags") or name in default}
    known = {
        dockerfile_of(told) for name, told in targets.items() if name in chosen or _instead(told)
    }
    chosen |= {name for name, path in able.items() if path not in known}
    todo = list(chosen)
    while todo:
        for value in (targets[todo.pop()].get("contexts") or {}).values():
            base = str(value).removeprefix("target:")
            if base != value and base in targets and base not in chosen:
                chosen.add(base)
                todo.append(base)
    return chosen


def _lost(name: str, told: Mapping[str, Any], written: Written) -> dict[str, Any]:
    """What a target says and bake did not print: keys that it leaves out, or was told to."""
    found = {key: written.literal(name, key) for key in _UNPRINTED if key not in told}
    return {key: value for key, value in found.items() if value is not None}


def _build(
    root: str,
    folder: str,
    place: tuple[str, int | None],
    name: str,
    told: Mapping[str, Any],
    secrets: dict[str, dict[str, str]],
) -> Build:
    context = relative(root, os.path.join(folder, str(told.get("context") or ".")))
    dockerfile = str(told.get("dockerfile") or "Dockerfile")
    notes = [
        f"{key} is not taken over"
        for key in sorted(set(told) - _TAKEN - _WITHOUT_MEANING)
        if told[key]
    ]
    args = {key: str(value) for key, value in (told.get("args") or {}).items() if value is not None}
    contexts = {}
    for key, value in (told.get("contexts") or {}).items():
        text = str(value)
        plain = not text.startswith("target:") and not is_remote(text)
        contexts[key] = relative(root, os.path.join(folder, text)) if plain else text
    return Build(
        file=place[0],
        line=place[1],
        kind="bake",
        name=name,
        context=context,
        dockerfile=relative(root, os.path.join(root, context, dockerfile)),
        target=str(told["target"]) if told.get("target") else None,
        args=args,
        tags=tuple(str(tag) for tag in told.get("tags") or () if valid(str(tag))),
        contexts=contexts,
        secrets=_secrets(root, folder, told.get("secret") or (), secrets),
        network=options.network(str(told.get("network") or ""), notes),
        sandbox=options.sandbox(
            told.get("extra-hosts") or {},
            str(told.get("shm-size") or ""),
            map(str, told.get("ulimits") or ()),
            str(told.get("cgroup-parent") or ""),
        ),
        options=options.Options(
            options.one_platform(told.get("platforms") or (), notes),
            options.ssh(root, folder, told.get("ssh") or (), notes),
            options.labels(told.get("labels") or {}, notes),
            options.of_manifest(told.get("annotations") or (), notes),
        ),
        notes=tuple(notes),
    )


def _line(told: Any) -> str:
    """A secret or an output as options of a command line have it; newer bake prints objects."""
    return ",".join(f"{k}={v}" for k, v in told.items()) if isinstance(told, dict) else str(told)


def _secrets(
    root: str, folder: str, told: Iterable[Any], tables: dict[str, dict[str, str]]
) -> tuple[str, ...]:
    found = []
    for each in told:
        fields = dict(part.split("=", 1) for part in _line(each).split(",") if "=" in part)
        name = fields.get("id", "")
        source = fields.get("src") or fields.get("source") or ""
        if name and source:
            path = relative(root, os.path.join(folder, source))
            tables[name] = {"file": source if path.startswith("..") else path}
        elif name:
            tables[name] = {"env": fields.get("env") or name}
        found += [name] if name else []
    return tuple(found)


def _instead(told: Mapping[str, Any]) -> str:
    """What a target gives that is no image; empty: it gives one."""
    call = told.get("call")
    if call not in (None, "", "build"):
        return f"it builds nothing: call is {call}"
    kinds = []
    for each in told.get("output") or ():
        kind = re.search(r"(?:^|,)type=([a-z]+)", _line(each))
        kinds.append(kind[1] if kind else "local")
    if not kinds or any(each in _IMAGES for each in kinds):
        return ""
    if "cacheonly" in kinds:
        return "it only fills the build cache: type=cacheonly"
    return "it gives files, no image"
