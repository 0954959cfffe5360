"""A strict reader of the YAML that our workflows use; anything else is an error."""

from __future__ import annotations

import re
from typing import Any

_KEY = re.compile(r"([A-Za-z_][\w-]*):(?: (.*))?\Z")
_PLAIN = re.compile(r"[A-Za-z0-9$./][^#]*\Z")

Line = tuple[int, int, str]
"""Number, indentation, text."""


class BadYaml(ValueError):
    """What this reader does not know; workflows then should not use it either."""


def load(text: str) -> Any:
    """Mappings, lists of dashes, plain and quoted scalars, ``[a, b]`` and ``|`` blocks.

    Every scalar is a text; a key without a value is "".
    """
    lines = text.splitlines()
    value, at = _node(lines, 0, 0)
    if _next(lines, at) is not None:
        raise BadYaml(f"line {at + 1}: indented otherwise than what is above")
    return value


def _next(lines: list[str], at: int) -> Line | None:
    """The next line that says something."""
    while at < len(lines):
        line = lines[at]
        text = line.lstrip(" ")
        if text and not text.startswith("#"):
            if "\t" in line or line != line.rstrip():
                raise BadYaml(f"line {at + 1}: a tab, or spaces at the end")
            return at, len(line) - len(text), text
        at += 1
    return None


def _node(lines: list[str], at: int, indent: int) -> tuple[Any, int]:
    found = _next(lines, at)
    if found is None or found[1] < indent:
        return "", at
    return _list(lines, at, found[1]) if found[2].startswith("- ") else _map(lines, at, found[1])


def _list(lines: list[str], at: int, indent: int) -> tuple[list[Any], int]:
    values = []
    while (found := _next(lines, at)) and found[1] == indent and found[2].startswith("- "):
        number, _, text = found
        if _KEY.match(text[2:]):  # a mapping that begins behind its dash
            lines[number] = " " * (indent + 2) + text[2:]
            value, at = _map(lines, number, indent + 2)
        else:
            value, at = _scalar(text[2:], number), number + 1
        values.append(value)
    return values, at


def _map(lines: list[str], at: int, indent: int) -> tuple[dict[str, Any], int]:
    values: dict[str, Any] = {}
    while (found := _next(lines, at)) and found[1] == indent and not found[2].startswith("- "):
        number, _, text = found
        key = _KEY.match(text)
        if key is None or key[1] in values:
            raise BadYaml(f"line {number + 1}: expected a new key and a colon: {text}")
        at = number + 1
        if key[2] is None:
            values[key[1]], at = _node(lines, at, indent + 1)
        elif key[2] == "|":
            values[key[1]], at = _block(lines, at, indent)
        else:
            values[key[1]] = _scalar(key[2], number)
    return values, at


def _block(lines: list[str], at: int, indent: int) -> tuple[str, int]:
    kept = []
    while at < len(lines) and (not lines[at].strip() or lines[at].startswith(" " * (indent + 2))):
        kept.append(lines[at][indent + 2 :])
        at += 1
    return "\n".join(kept).rstrip("\n") + "\n", at


def _scalar(text: str, number: int) -> Any:
    if len(text) > 1 and text[0] == text[-1] == '"' and not set(text[1:-1]) & {'"', "\\"}:
        return text[1:-1]
    text = text.partition(" #")[0].rstrip()
    if text.startswith("[") and text.endswith("]"):
        return [_scalar(part.strip(), number) for part in text[1:-1].split(",")]
    if not _PLAIN.match(text) or ": " in text:
        raise BadYaml(f"line {number + 1}: a text that needs quotes: {text}")
    return text
