"""Commands: one simple command of a shell text, and what is known of when it runs."""

from __future__ import annotations

import re
from typing import NamedTuple

from layers.check.shell.words import Word

_SETTING = re.compile(r"^([A-Za-z_][A-Za-z0-9_]*)=")


class Command(NamedTuple):
    """One simple command."""

    words: tuple[Word, ...]
    """Its name and arguments, before expansion; empty when it only sets variables."""
    settings: tuple[tuple[str, Word], ...]
    """``NAME=value`` in front of it; the word is the value."""
    at: int
    """Its place in the text."""
    fed: bool
    """Whether its input comes from a pipe, a file or a here-document."""
    pipeline: int
    """Commands that are joined by ``|`` have the same number."""
    sure: bool
    """Whether it runs in every run of the text that succeeds; False where that is not known."""
    decides: bool = False
    """Whether the text surely fails when it does: it comes last, or ``set -e`` holds."""


def setting(word: Word) -> tuple[str, Word] | None:
    """The name and the value of ``NAME=value``; None: it is no such word."""
    first = word.parts[0] if word.parts else None
    if first is None or first.kind != "text" or first.quoted:
        return None
    match = _SETTING.match(first.text)
    if not match:
        return None
    rest = first._replace(text=first.text[match.end() :], quoted=True)
    return match[1], word._replace(parts=(rest, *word.parts[1:]))
