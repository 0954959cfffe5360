"""Mounts: what ``RUN --mount=…`` asks for, in one spelling."""

from __future__ import annotations

import csv
import posixpath
from collections.abc import Callable
from typing import NamedTuple

TYPES = ("bind", "cache", "tmpfs", "secret", "ssh")

_KEYS = {
    "src": "source",
    "dst": "target",
    "destination": "target",
    "ro": "readonly",
    "rw": "readwrite",
}
_KNOWN = frozenset(
    (
        *("type", "from", "source", "target", "readonly", "readwrite", "required"),
        *("size", "id", "sharing", "mode", "uid", "gid", "env"),
    )
)
_BOOLEANS = {
    text: value
    for value, texts in ((True, "1 t T TRUE true True"), (False, "0 f F FALSE false False"))
    for text in texts.split()
}


class MountError(ValueError):
    """A mount that BuildKit refuses; the caller knows file and line."""


class Mount(NamedTuple):
    """One mount of a RUN."""

    type: str
    source: str
    """A path from the root of what is mounted; '' is all of it."""
    origin: str
    """``from=``: a stage or an image; '' is the build context (for a cache: nothing)."""
    target: str
    options: tuple[tuple[str, str], ...]
    """What else counts, sorted: a cache's id and sharing do not."""

    @property
    def reads_context(self) -> bool:
        return self.type == "bind" and not self.origin

    def line(self) -> str:
        """One spelling for all that mean the same."""
        parts = [f"type={self.type}", f"target={self.target}"]
        if self.source:
            parts.append(f"source={self.source}")
        return ",".join(parts + [f"{key}={value}" for key, value in self.options])


def clean(path: str) -> str:
    """A source path as BuildKit takes it: from the root, never above it; '' is the root."""
    return posixpath.normpath("/" + path).lstrip("/")


def origin(text: str) -> str:
    """The ``from=`` of a mount as written, '' when it has none; raises `MountError`."""
    fields = _fields(text)
    kind = next((value.lower() for key, value, _ in fields if key == "type"), "bind")
    found = "".join(value for key, value, _ in fields if key == "from")
    return "" if kind in ("tmpfs", "secret", "ssh") else found


def parse(text: str, expand: Callable[[str], str], cwd: str | None) -> Mount:
    """Read the value of one ``--mount``; raises `MountError`.

    ``cwd`` None: the working directory is the base image's own.
    """
    values: dict[str, str] = {}
    flags: dict[str, bool] = {}
    for key, raw, has_value in _fields(text):
        if key not in _KNOWN:
            raise MountError(f"unexpected key {key!r} in {text!r}")
        if not has_value and key not in ("readonly", "readwrite", "required"):
            raise MountError(f"{key!r} in {text!r}: expected {key}=value")
        value = expand(raw) if has_value else "true"
        if key in ("readonly", "readwrite", "required"):
            if value not in _BOOLEANS:
                raise MountError(f"{key}={value}: expected true or false")
            name = "required" if key == "required" else "writable"
            flags[name] = _BOOLEANS[value] != (key == "readonly")
        else:
            values[key] = value
    kind = values.get("type", "bind").lower()
    if kind not in TYPES:
        raise MountError(f"mount type {kind!r}: expected {', '.join(TYPES)}")
    options: dict[str, str] = {
        key: values[key] for key in ("mode", "uid", "gid", "size", "env") if key in values
    }
    if "mode" in options:
        options["mode"] = options["mode"].lstrip("0") or "0"
    if flags.get("required"):
        options["required"] = "true"
    if kind in ("secret", "ssh"):
        return _private(kind, values, options)
    if flags.get("writable", kind != "bind") != (kind != "bind"):
        options["writable"] = "false" if kind != "bind" else "true"
    target = values.get("target", "")
    # BuildKit keeps an absolute target as written: /d and /d/ are two (docker 26.1.5, tried).
    where = target
    if not target.startswith("/"):
        where = posixpath.normpath(posixpath.join("<base>" if cwd is None else cwd, target))
    if posixpath.normpath(where).strip("/") == "":
        raise MountError(f"mount target {target!r}: expected a path below /")
    source = clean(values.get("source", "")) if kind != "tmpfs" else ""
    start = "" if kind == "tmpfs" else values.get("from", "")
    return Mount(kind, source, start, where, tuple(sorted(options.items())))


def _private(kind: str, values: dict[str, str], options: dict[str, str]) -> Mount:
    name = values.get("id") or values.get("source", "")
    target = values.get("target", "")
    if kind == "secret":
        if not name and not target:
            raise MountError("secret mount: expected id=…, source=… or target=…")
        name = name or posixpath.basename(target)
        if not target and "env" not in options:
            target = f"/run/secrets/{posixpath.basename(name)}"
        if target and not target.startswith("/"):
            target = f"/run/secrets/{target}"
    options["id"] = name or "default"
    options.setdefault("mode", "400" if kind == "secret" else "600")
    return Mount(kind, "", "", target, tuple(sorted(options.items())))


def _fields(text: str) -> list[tuple[str, str, bool]]:
    try:
        row = next(csv.reader([text], strict=True))
    except (csv.Error, StopIteration):
        raise MountError(f"mount {text!r}: expected key=value, key=value") from None
    found = []
    for field in row:
        key, equals, value = field.partition("=")
        key = key.lower()
        found.append((_KEYS.get(key, key), value, bool(equals)))
    return found
