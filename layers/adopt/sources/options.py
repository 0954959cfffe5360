"""Options: what build files say of an image beside its files, in the words of buildx."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from hashes.dockerfile.arguments import platform
from hashes.nothing import NOTHING
from layers.adopt.sources.paths import leads_out, relative
from layers.config.sandbox import Sandbox

_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?")
_KIND = re.compile(r"^(index|manifest)(?:-descriptor)?(?:\[[^]]*\])?(?:,|:)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtp]?)(?:i?b)?", re.IGNORECASE)
_POWERS = "kmgtp"


class Options(NamedTuple):
    """What is empty was not said."""

    platform: str = ""
    ssh: tuple[str, ...] = ()
    """An id, or ``id=path``."""
    labels: Mapping[str, str] = NOTHING
    annotations: Mapping[str, str] = NOTHING
    """Of the manifest."""


def one_platform(told: Sequence[Any], notes: list[str]) -> str:
    """The platform of an image that is built for one; several, and bake's ``local``, leave it to
    the machine.
    """
    found = []
    for each in told:
        if each == "local":
            continue
        try:
            found.append(platform(str(each)))
        except ValueError:
            notes.append(f"platform {each} is not taken over: it is none")
    return found[0] if len(found) == 1 else ""


def network(told: str, notes: list[str]) -> str:
    """The network of RUN steps; "" for the usual one, and for one that BuildKit is not in."""
    if told in ("", "default", "none", "host"):
        return "" if told == "default" else told
    notes.append(f"network {told} is not taken over: RUN steps are in none but none and host")
    return ""


def sandbox(
    hosts: Mapping[str, Any], shm_size: str, ulimits: Iterable[str], cgroup_parent: str
) -> Sandbox:
    """What RUN steps run in, as buildx is told it: ``128m``, ``nofile=1024:2048``."""
    return Sandbox(
        tuple(sorted(f"{name}:{at}" for name, at in hosts.items())),
        size(shm_size),
        tuple(sorted(map(_both, ulimits))),
        cgroup_parent,
    )


def _both(told: str) -> str:
    name, _, limits = told.partition("=")
    soft, _, hard = limits.partition(":")
    return f"{name}={soft}:{hard or soft}"


def size(told: str) -> int:
    """Bytes of a size as docker has it: ``128m`` is 128 times 1,024 squared; 0 for none."""
    found = _SIZE.fullmatch(told.strip())
    if found is None:
        return 0
    power = _POWERS.index(found[2].lower()) + 1 if found[2] else 0
    return int(float(found[1]) * 1024**power)


def ssh(root: str, folder: str, told: Iterable[Any], notes: list[str]) -> tuple[str, ...]:
    """Agents and keys as images.toml has them; paths are relative to ``folder``."""
    found = []
    for each in told:
        if isinstance(each, dict):
            name, paths = str(each.get("id") or ""), list(map(str, each.get("paths") or ()))
            paths = paths or [path for path in (str(each.get("path") or ""),) if path]
        else:
            name, _, rest = str(each).partition("=")
            paths = [path for path in rest.split(",") if path]
        if len(paths) > 1:
            notes.append(f"ssh {name}: of {len(paths)} keys {paths[0]} is taken over")
        found.append(f"{name}={_path(root, folder, paths[0])}" if paths else name)
    return tuple(dict.fromkeys(filter(None, found)))


def _path(root: str, folder: str, path: str) -> str:
    if path.startswith(("~", "/", "$")):
        return path
    inside = relative(root, os.path.join(folder, path))
    return os.path.normpath(os.path.join(folder, path)) if leads_out(inside) else inside


def labels(told: Mapping[str, Any], notes: list[str]) -> dict[str, str]:
    """Labels that images.toml can have, braces doubled; without a value they are a variable's."""
    found = {}
    for name, value in told.items():
        text = "" if value is None else str(value)
        if not _LABEL.fullmatch(name):
            notes.append(f"label {name} is not taken over: the name is none")
        elif not text:
            notes.append(f"label {name} is a variable which is not set")
        else:
            found[name] = text.replace("{", "{{").replace("}", "}}")
    return found


def of_manifest(told: Iterable[Any], notes: list[str]) -> dict[str, str]:
    """Annotations of the manifest, of ``[KIND[,KIND]:]NAME=VALUE`` each."""
    pairs = {}
    for each in told:
        text, kinds = str(each), set()
        while (kind := _KIND.match(text)) is not None:
            kinds.add(kind[0].rstrip(",:"))
            text = text[kind.end() :]
        name, equals, value = text.partition("=")
        if equals and (not kinds or "manifest" in {each.partition("[")[0] for each in kinds}):
            pairs[name] = value
        else:
            notes.append(f"annotation {each} is not taken over: it is of no manifest")
    return labels(pairs, notes)
