"""Services: what a compose file says of one, as a build of ours."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

from layers.adopt.sources import options
from layers.adopt.sources.paths import is_remote, relative
from layers.adopt.sources.reading import Build, LeftOut, Reading
from layers.adopt.sources.tags import valid
from layers.config.sandbox import of_compose
from layers.runtime.yaml import Value

UNSET = "48611"
"""Stands in for a variable that must be set: a number, as a port or a size must be one."""
_TAKEN = frozenset(
    (
        *("context", "dockerfile", "target", "args", "additional_contexts", "secrets", "network"),
        *("extra_hosts", "shm_size", "ulimits", "platforms", "ssh", "labels"),
    )
)
_WITHOUT_MEANING = frozenset(("cache_from", "cache_to", "tags", "pull", "no_cache", "provenance"))


def read_service(
    root: str,
    files: Sequence[str],
    values: Mapping[str, Value],
    name: str,
    told: Mapping[str, Any],
    config: Mapping[str, Any],
) -> Reading:
    """One service of what ``docker compose config`` prints; nothing where it builds nothing."""
    build = told.get("build")
    if not isinstance(build, dict):
        return Reading()
    file, value = _place(files, values, name)
    where = f"{file}:{value.line}" if value else file
    what = f"{where} (service {name})"
    context = str(build.get("context") or "")
    if "dockerfile_inline" in build:
        return _left(what, "its Dockerfile is written in the compose file")
    if is_remote(context):
        return _left(what, f"its context is {context}")
    folder = relative(root, context)
    dockerfile = str(build.get("dockerfile") or "Dockerfile")
    path = relative(root, os.path.join(context, dockerfile))
    unknown = [each for each in (folder, path, str(build.get("target") or "")) if UNSET in each]
    if unknown:
        return _left(what, "its build needs a variable that is not set")
    notes: list[str] = []
    written = [each for path in values if (each := values[path].get("services", name))]
    args = _args(build.get("args") or {}, written, notes)
    image = str(told.get("image") or "")
    tags = [image, *(str(each) for each in build.get("tags") or ())]
    secrets, tables = _secrets(root, build.get("secrets") or (), config, notes)
    notes += [
        f"build.{key} is not taken over"
        for key in sorted(set(build) - _TAKEN - _WITHOUT_MEANING)
        if build[key]
    ]
    asked = build.get("platforms") or [each for each in (told.get("platform"),) if each]
    found = Build(
        file=file,
        line=value.line if value else None,
        kind="compose",
        name=name,
        context=folder,
        dockerfile=path,
        target=str(build["target"]) if build.get("target") else None,
        args=args,
        tags=tuple(tag for tag in tags if tag and UNSET not in tag and valid(tag)),
        repositories=_repositories(tags),
        contexts=_contexts(root, build.get("additional_contexts") or {}),
        secrets=secrets,
        network=options.network(str(build.get("network") or ""), notes),
        sandbox=of_compose(build),
        options=options.Options(
            options.one_platform(asked, notes),
            options.ssh(root, root, build.get("ssh") or (), notes),
            options.labels(_labels(build.get("labels") or {}), notes),
        ),
        notes=tuple(notes),
    )
    return Reading(builds=(found,), secrets=tables)


def _repositories(tags: Sequence[str]) -> tuple[str, ...]:
    """Names whose tag is a variable that is not set, which leaves ``name:`` or a stand-in."""
    found = (tag.rpartition(":")[0] for tag in tags if tag.endswith((":", f":{UNSET}")))
    return tuple(name for name in found if UNSET not in name and valid(name))


def _left(what: str, why: str) -> Reading:
    return Reading(left_out=(LeftOut(what, why),))


def _place(
    files: Sequence[str], values: Mapping[str, Value], name: str
) -> tuple[str, Value | None]:
    """The last file that says how a service is built, and where it does."""
    ordered = [*reversed(files), *(path for path in values if path not in files)]
    for keys in (("services", name, "build"), ("services", name)):
        for path in ordered:
            if (found := values[path].get(*keys)) is not None:
                return path, values[path].get("services", name) or found
    return files[0], None


def _args(told: Mapping[str, Any], services: Sequence[Value], notes: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in told.items():
        if value is None:
            notes.append(f"arg {key} comes from whoever builds")
            continue
        text = str(value).replace("$$", "$")  # compose doubles what it would expand again
        written = next(filter(None, (_written(each, key) for each in services)), "")
        if UNSET in text or (not text and "$" in written):
            notes.append(f"arg {key} is {written or 'a variable'}, which is not set")
        else:
            found[key] = text
    return found


def _labels(told: Mapping[str, Any]) -> dict[str, str]:
    """Labels as they are meant; one with a variable that is not set has no value."""
    texts = {name: str(value).replace("$$", "$") for name, value in told.items()}
    return {name: "" if UNSET in text else text for name, text in texts.items()}


def _written(service: Value, key: str) -> str:
    """An argument as the file has it, before anything is expanded; empty: not found."""
    for each in service.list("build", "args"):
        name, _, text = (each.data if isinstance(each.data, str) else "").partition("=")
        if name == key:
            return text
    return service.text("build", "args", key)


def _contexts(root: str, told: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    pairs = told.items() if isinstance(told, dict) else (str(one).split("=", 1) for one in told)
    for name, value in pairs:
        text = str(value)
        scheme, colon, rest = text.partition(":")
        if colon and scheme == "service":
            found[name] = f"target:{rest}"
        elif is_remote(text) or (colon and rest.startswith("//")):
            found[name] = text
        else:
            found[name] = relative(root, text)
    return found


def _secrets(
    root: str, told: Any, config: Mapping[str, Any], notes: list[str]
) -> tuple[tuple[str, ...], dict[str, dict[str, str]]]:
    ids: list[str] = []
    tables: dict[str, dict[str, str]] = {}
    for each in told:
        source = str(each.get("source") if isinstance(each, dict) else each)
        name = str((each.get("target") if isinstance(each, dict) else "") or source)
        name = posixpath.basename(name)
        table = (config.get("secrets") or {}).get(source) or {}
        if table.get("environment"):
            tables[name] = {"env": str(table["environment"])}
        elif table.get("file"):
            path = relative(root, str(table["file"]))
            tables[name] = {"file": str(table["file"]) if path.startswith("..") else path}
        else:
            notes.append(f"secret {name} is not taken over: it is kept elsewhere")
            continue
        ids.append(name)
    return tuple(ids), tables
