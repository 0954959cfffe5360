"""Causes: what made a step fail, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from layers.build.failure.words import exit_status, telling


class Ending(NamedTuple):
    """How a step ended."""

    step: str
    """Its instruction."""
    lines: tuple[str, ...]
    """What it printed last."""
    error: str
    """What BuildKit says of it, such as ``process "/bin/sh -c …" did not complete …``."""


class Cause(NamedTuple):
    """What is behind an ending."""

    rule: str
    text: str
    remedy: str
    packages: tuple[str, ...] = ()
    """Packages that apt has not heard of; their base may be asked for near names."""


class Rule(NamedTuple):
    """An ending that leaves no doubt."""

    name: str
    last: str
    """What the last telling lines match (`words.telling`), or else BuildKit's error."""
    text: str
    """A sentence; ``{name}`` stands for that group of ``last``."""
    remedy: str
    depth: int = 1
    """How many telling lines ``last`` may go over."""
    status: int | None = None
    """The exit status that the step must have ended with; None: whichever."""
    rest: str = ""
    """What the very last telling line is, where ``last`` does not reach it."""
    error: bool = False
    """Whether ``last`` is about BuildKit's error."""


def matched(rules: Iterable[Rule], ending: Ending) -> Cause | None:
    """The first rule that fits."""
    told = telling(ending.lines)
    for rule in rules:
        found = _found(rule, told, ending)
        if found is not None:
            groups = {name: (text or "").strip() for name, text in found.groupdict().items()}
            return Cause(rule.name, rule.text.format(**groups), rule.remedy.format(**groups))
    return None


def _found(rule: Rule, told: Sequence[str], ending: Ending) -> re.Match[str] | None:
    if rule.status is not None and exit_status(ending.error) != rule.status:
        return None
    if rule.error:
        return re.search(rule.last, ending.error.strip(), re.MULTILINE)
    text = "\n".join(told[-rule.depth :])
    found = re.search(rule.last, text, re.MULTILINE)
    if found is None or "\n" not in text[found.end() :]:
        return found
    # something was said after it: by the same tool about the same, or it is not the last word
    return found if rule.rest and re.match(rule.rest, told[-1]) else None
