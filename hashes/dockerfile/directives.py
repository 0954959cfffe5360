"""Directives: the ``# syntax``, ``# escape`` and ``# check`` lines at the top of a Dockerfile."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from hashes.dockerfile.frontend import CHECK_DIRECTIVE, Frontend
from hashes.dockerfile.split import SPACE
from hashes.errors import DockerfileError

_DIRECTIVE = re.compile(
    rf"^#[{SPACE}]*([a-zA-Z][a-zA-Z0-9]*)[ \t\f\r]*=[ \t\f\r]*([^\n]+?)[ \t\f\r]*\Z"
)
_NAMES = ("syntax", "escape", "check")


class Directives(NamedTuple):
    """What the top of a file says about the rest of it."""

    syntax: str
    """An image; '' when there is none."""
    escape: str
    check: str


def read(lines: list[str], path: str, frontend: Frontend | None) -> Directives:
    """Read the top lines as BuildKit does; raises `DockerfileError`.

    ``frontend`` None: what a ``# syntax`` line names. The two readers of BuildKit differ: the one
    that looks for syntax and check passes over a ``#!`` line and takes no indentation, the one
    that looks for escape does the opposite (parser/directives.go; docker 28.5.2, tried).
    """
    first = 1 if lines and lines[0].startswith("#!") else 0
    whole = _found(line.rstrip("\r\n") for line in lines[first:])
    trimmed = [line.rstrip("\r\n").lstrip(SPACE) for line in lines]
    seen: dict[str, str] = {}
    for number, line in enumerate(trimmed, 1):
        found = _one(line)
        if found is None:
            break
        name, value = found
        if name in seen:
            raise DockerfileError(
                f"a second '# {name}=': expected one", file=path, line=number, hint=line
            )
        if name == "escape":
            if value not in ("\\", "`"):
                raise DockerfileError(
                    f"escape {value!r}: expected ` or \\", file=path, line=number, hint=line
                )
            if "check" in seen and frontend is not None and not frontend.has(CHECK_DIRECTIVE):
                raise DockerfileError(
                    f"{CHECK_DIRECTIVE}, and {frontend} passes over both",
                    file=path,
                    line=number,
                    hint="write '# escape=' first",
                )
        seen[name] = value
    return Directives(
        whole.get("syntax", "").partition(" ")[0],
        seen.get("escape", "\\"),
        whole.get("check", ""),
    )


def _found(lines: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        one = _one(line)
        if one is None:
            break
        found.setdefault(*one)
    return found


def _one(line: str) -> tuple[str, str] | None:
    match = _DIRECTIVE.match(line)
    if match is None or match[1].lower() not in _NAMES:
        return None
    return match[1].lower(), match[2]
