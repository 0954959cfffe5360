"""Placeholders: ``{git.commit}`` and others of their kind in a text of ``images.toml``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hashes.errors import did_you_mean

KNOWN = ("git.commit", "git.describe", "date")
"""Beside ``env.NAME``."""
_FOUND = r"\{\{|\}\}|\{([^{}]*)\}"
_ENV = r"env\.[A-Za-z_][A-Za-z0-9_]*"


def names(text: str) -> tuple[str, ...]:
    """What a text asks for, each once; ``{{`` is a brace."""
    found = (match[1] for match in re.finditer(_FOUND, text) if match[1] is not None)
    return tuple(dict.fromkeys(found))


def fault(text: str) -> str:
    """What is wrong with a text's placeholders; "": nothing."""
    if "{" not in text and "}" not in text:
        return ""
    for name in names(text):
        if name not in KNOWN and not re.fullmatch(_ENV, name):
            guess = did_you_mean(name, KNOWN)
            return f"unknown placeholder {{{name}}}{guess}: {', '.join(KNOWN)} or env.NAME"
    if alone := re.search("[{}]", re.sub(_FOUND, "", text)):
        return f"a {alone[0]} stands alone; one that is meant as such is written {alone[0] * 2}"
    return ""


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with its placeholders' values.  Raises KeyError for one that has none."""
    return re.sub(_FOUND, lambda found: found[0][0] if found[1] is None else values[found[1]], text)
