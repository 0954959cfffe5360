"""Findings: what a check has to say, where, and about which images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

Severity = Literal["error", "warning"]


class Rule(NamedTuple):
    """One thing that is looked for; docs/rules/<name>.md says why."""

    name: str
    """In kebab-case."""
    severity: Severity
    """What a finding of it is unless the finding says otherwise."""
    about: str
    """One line."""


@dataclass(frozen=True)
class Finding:
    """One place where a rule is broken."""

    rule: str
    severity: Severity
    file: str
    """Relative to the project's root, or the name of an image."""
    line: int
    """From 1; 0: the file as a whole."""
    message: str
    hint: str = ""
    images: tuple[str, ...] = ()
    """The images that it concerns."""
    start: int = 0
    """The first line of the instruction that `line` is in; 0: `line` itself."""
    until: int = 0
    """Its last line; 0: `line` itself."""


class Silenced(NamedTuple):
    """A finding that somebody has given a reason for."""

    finding: Finding
    reason: str


@dataclass(frozen=True)
class Result:
    """What a run of the checks found."""

    findings: tuple[Finding, ...]
    silenced: tuple[Silenced, ...] = ()
    notes: tuple[str, ...] = ()
    """What could not be looked up, and why."""

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return sum(1 for each in self.findings if each.severity == "error")

    @property
    def warnings(self) -> int:
        """How many are warnings."""
        return len(self.findings) - self.errors


def merged(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings by file and line, those of several images that share a file once."""
    found: dict[tuple[str, int, str, str], Finding] = {}
    for each in findings:
        key = (each.file, each.line, each.rule, each.message)
        other = found.get(key)
        if other is not None:
            images = tuple(dict.fromkeys((*other.images, *each.images)))
            each = replace(other, images=images)
        found[key] = each
    return tuple(found[key] for key in sorted(found))
