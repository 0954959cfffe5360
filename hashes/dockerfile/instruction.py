"""Instructions: one instruction, and what BuildKit demands of it before it builds anything."""

from __future__ import annotations

import re
from typing import NamedTuple

from hashes.dockerfile.frontend import (
    DEVICE,
    EXCLUDE,
    PARENTS,
    SECRET_ENV,
    SECURITY,
    UNPACK,
    Feature,
    Frontend,
)
from hashes.dockerfile.heredocs import heredoc
from hashes.errors import DockerfileError

_COPY: dict[str, Feature | None] = {
    **dict.fromkeys(("chown", "chmod", "link")),
    "exclude": EXCLUDE,
}
FLAGS: dict[str, dict[str, Feature | None]] = {
    "FROM": {"platform": None},
    "RUN": {"mount": None, "network": None, "security": SECURITY, "device": DEVICE},
    "COPY": _COPY | {"from": None, "parents": PARENTS},
    "ADD": _COPY | {"checksum": None, "keep-git-dir": None, "unpack": UNPACK},
    "HEALTHCHECK": dict.fromkeys(
        ("interval", "timeout", "start-period", "start-interval", "retries")
    ),
}
"""Each instruction's flags and what a frontend must have for them; None: all have them that any
engine in use brings (the Dockerfile reference)."""

_SWITCHES = frozenset(("link", "parents", "keep-git-dir", "unpack"))
_REPEATABLE = frozenset(("mount", "exclude", "device"))
_UNCHECKED = frozenset(("ARG", "STOPSIGNAL"))  # BuildKit never looks at the flags of these two
KEYWORDS = frozenset(
    (
        *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK"),
        *("LABEL", "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME"),
        "WORKDIR",
    )
)
_AT_LEAST_ONE = frozenset(("ENV", "LABEL", "ARG", "EXPOSE", "VOLUME", "ONBUILD", "HEALTHCHECK"))
_EXACTLY_ONE = frozenset(("USER", "WORKDIR", "STOPSIGNAL", "MAINTAINER"))


class Heredoc(NamedTuple):
    """A document that follows an instruction."""

    name: str
    content: str
    """Byte for byte, with its last newline; tabs of ``<<-`` are still there."""


class Instruction(NamedTuple):
    """One instruction with its arguments apart, before expansion."""

    keyword: str
    """In upper case."""
    flags: tuple[str, ...]
    """As written, ``--name=value``."""
    words: tuple[str, ...]
    """Arguments: pairs for ENV and LABEL, the whole command for a shell form, the trigger's
    text for ONBUILD."""
    json: bool
    heredocs: tuple[Heredoc, ...]
    line: int
    text: str
    """As written, continuation lines joined, heredocs behind it."""
    raw: str = ""
    """The text once more, where versions of BuildKit read it differently; else ''."""

    def flag(self, name: str) -> str | None:
        """The value of ``--name=value``; '' for a bare ``--name``; None when it is absent."""
        for flag in self.flags:
            key, _, value = flag[2:].partition("=")
            if key == name:
                return value
        return None

    def flag_values(self, name: str) -> tuple[str, ...]:
        """All values of a flag that may be repeated."""
        head = f"--{name}="
        return tuple(flag[len(head) :] for flag in self.flags if flag.startswith(head))

    def switch(self, name: str, default: bool = False) -> bool:
        """Whether ``--name`` or ``--name=true`` is there."""
        value = self.flag(name)
        return default if value is None else value.lower() != "false"

    @property
    def whole(self) -> str:
        """The text, and what its heredocs hold."""
        return "\n".join((self.text, *(each.content for each in self.heredocs)))

    def shown(self, part: str = "") -> str:
        """The first line of the instruction, with carets under a part of it."""
        first = self.text.split("\n", 1)[0]
        at = first.find(part) if part else -1
        return f"{first}\n  {' ' * at}{'^' * len(part)}" if at >= 0 else first


def check(item: Instruction, path: str, frontend: Frontend) -> None:
    """Raise `DockerfileError` where that version of BuildKit's parser would."""
    count = len(item.words)
    if item.keyword not in KEYWORDS:
        raise _fail(item, path, f"unknown instruction {item.keyword}{_near(item.keyword)}")
    _check_flags(item, path, frontend)
    if item.keyword in ("COPY", "ADD"):
        if count < 2:
            raise _fail(item, path, f"{item.keyword}: expected at least a source and a destination")
        if heredoc(item.words[-1]):
            raise _fail(item, path, "a heredoc cannot be the destination", item.words[-1])
    elif item.keyword in _AT_LEAST_ONE and not count:
        raise _fail(item, path, f"{item.keyword}: expected at least one argument")
    elif item.keyword in _EXACTLY_ONE and count != 1:
        raise _fail(item, path, f"{item.keyword}: expected exactly one argument")
    elif item.keyword == "SHELL" and not (item.json and count):
        raise _fail(item, path, 'SHELL: expected a JSON array such as ["/bin/sh", "-c"]')
    elif item.keyword == "FROM" and count not in (1, 3):
        raise _fail(item, path, "FROM: expected 'FROM image' or 'FROM image AS name'")
    if item.keyword in ("ENV", "LABEL") and any(not key for key in item.words[::2]):
        raise _fail(item, path, f"{item.keyword}: expected a name before '='")
    if item.keyword == "ARG" and any(word.startswith("=") for word in item.words):
        raise _fail(item, path, "ARG: expected a name before '='")
    if item.keyword == "VOLUME" and any(not word.strip() for word in item.words):
        raise _fail(item, path, "VOLUME: expected a path, got an empty one")
    if item.keyword == "HEALTHCHECK":
        _check_health(item, path)


def _check_flags(item: Instruction, path: str, frontend: Frontend) -> None:
    if item.keyword in _UNCHECKED:
        return
    known = FLAGS.get(item.keyword, {})
    seen: set[str] = set()
    for flag in item.flags:
        if flag == "--":
            return
        name, equals, value = flag[2:].partition("=")
        if name not in known:
            names = ", ".join(f"--{each}" for each in sorted(known)) or "none"
            raise _fail(
                item, path, f"unknown flag --{name} of {item.keyword}: expected {names}", flag
            )
        feature = known[name]
        if feature is not None and not frontend.has(feature):
            raise _fail(item, path, f"{feature}, and this file is read by {frontend}", flag, _NEWER)
        if name in seen and name not in _REPEATABLE:
            raise _fail(item, path, f"flag --{name} stands twice", flag)
        seen.add(name)
        if name in _SWITCHES:
            if equals and value.lower() not in ("true", "false"):
                raise _fail(item, path, f"--{name}: expected true or false, got {value!r}", flag)
        elif not equals:
            raise _fail(item, path, f"--{name}: expected a value, as in --{name}=…", flag)
        if name == "mount" and not frontend.has(SECRET_ENV) and _ENV.search(value):
            raise _fail(
                item, path, f"{SECRET_ENV}, and this file is read by {frontend}", flag, _NEWER
            )
        if name in _VALUES and value not in _VALUES[name]:
            expected = ", ".join(_VALUES[name])
            raise _fail(item, path, f"--{name}={value}: expected {expected}", flag)
        if name == "mount" and re.search(r"(?:^|,)from=[^,]*\$.", value):
            raise _fail(
                item, path, "a mount's from= cannot hold a variable: expected a name", flag, _ALIAS
            )


_NEWER = "update the engine, or write '# syntax=docker/dockerfile:1' into the first line"
_ENV = re.compile(r"(?:^|,)env=")
_VALUES = {"network": ("default", "none", "host"), "security": ("sandbox", "insecure")}
_ALIAS = "give the image a stage of its own, 'FROM $IMAGE AS name', and use that name"


def _check_health(item: Instruction, path: str) -> None:
    form = item.words[0].upper()
    if form == "NONE" and len(item.words) > 1:
        raise _fail(item, path, "HEALTHCHECK NONE: expected no arguments")
    if form not in ("NONE", "CMD"):
        raise _fail(item, path, f"HEALTHCHECK {item.words[0]}: expected CMD or NONE", item.words[0])
    if form == "CMD" and not any(item.words[1:]):
        raise _fail(item, path, "HEALTHCHECK CMD: expected a command")


def _fail(
    item: Instruction, path: str, message: str, part: str = "", hint: str = ""
) -> DockerfileError:
    shown = item.shown(part)
    return DockerfileError(
        message, file=path, line=item.line, hint=f"{shown}\n  {hint}" if hint else shown
    )


def _near(word: str) -> str:
    import difflib

    close = difflib.get_close_matches(word, sorted(KEYWORDS), 1)
    return f" (did you mean {close[0]}?)" if close else ""
