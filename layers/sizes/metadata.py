"""Metadata: files in which package managers say what belongs to them, made short.

Sources: dpkg(1), deb(5); packaging.python.org, "Recording installed projects"; npm's package.json.
Images without dpkg keep theirs below ``status.d`` (github.com/GoogleContainerTools/distroless).
"""

from __future__ import annotations

import csv
import json
import re

LARGEST = 32 << 20
"""Bytes of such a file; a larger one is none."""

STATUS = "var/lib/dpkg/status"
STATUS_FOLDER = "var/lib/dpkg/status.d"
INFO = "var/lib/dpkg/info"
_WORTH = re.compile(
    rf"{STATUS}|{STATUS_FOLDER}/[^/]+|{INFO}/[^/]+\.list"
    r"|(?:.*/)?[^/]+\.dist-info/RECORD"
    r"|(?:.*/)?node_modules/(?:@[^/]+/)?[^/@.][^/]*/package\.json"
)
_FIELD = re.compile(r"^(Package|Version|Architecture|Status): *(.*)$", re.MULTILINE)


def worth_keeping(path: str) -> bool:
    """Whether a file of this clean path is one of them."""
    return _WORTH.fullmatch(path) is not None


def reduced(path: str, content: bytes) -> str:
    """What of it is needed: paths a line, or for npm name and version; "" for what is damaged."""
    text = content.decode("utf-8", "surrogateescape")
    if path.endswith("/RECORD"):
        return "\n".join(row[0] for row in _rows(text))
    if path.endswith("/package.json"):
        return _npm(text)
    if path == STATUS or (path.startswith(f"{STATUS_FOLDER}/") and not path.endswith(".md5sums")):
        return "\n\n".join(_stanza(part) for part in text.split("\n\n") if part.strip())
    if path.endswith(".md5sums"):
        return "\n".join(line.partition("  ")[2] for line in text.splitlines())
    return text


def _rows(text: str) -> list[list[str]]:
    try:
        return [row for row in csv.reader(text.splitlines()) if row and row[0]]
    except csv.Error:
        return []


def _npm(text: str) -> str:
    try:
        found = json.loads(text)
        return f"{found['name']}\n{found.get('version', '')}"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""


def _stanza(text: str) -> str:
    return "\n".join(f"{name}: {value}" for name, value in _FIELD.findall(text))


def fields(stanza: str) -> dict[str, str]:
    """The fields of one package in what `reduced` left of dpkg's status."""
    return dict(_FIELD.findall(stanza))
