"""The report of a refresh: what moved, what became of each base, who must rebuild."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from layers.lock.update import Moved
from layers.refresh.image_diff import LayerChange, PackageChange

Outcome = Literal["unchanged", "same content", "refreshed", "failed", "due"]
"""``due`` is said by a dry run only."""


@dataclass(frozen=True)
class Gone:
    """An upstream tag that its registry does not have any more; the pin stays."""

    name: str
    platform: str
    digest: str
    """Pinned, and used further on."""
    mirror: str
    """Where builds take it from, ``repository@sha256:…``; empty: there is no copy."""


@dataclass(frozen=True)
class BaseReport:
    """What became of one base.  Keys and digests are texts, empty where there is none."""

    image: str
    outcome: Outcome
    reasons: tuple[str, ...] = ()
    """Why it was due; what `layers.refresh.due` says."""
    failure: str = ""
    """Why it failed: a sentence, and below it the last lines of a log if there are any."""
    old_key: str = ""
    new_key: str = ""
    old_digest: str = ""
    new_digest: str = ""
    epoch: int = 0
    """In the lock after this run; 0: never refreshed."""
    packages: tuple[PackageChange, ...] = ()
    old_size: int = 0
    """Bytes; 0: not known."""
    new_size: int = 0
    layers: tuple[LayerChange, ...] = ()
    seconds: float = 0.0
    rebuild: tuple[str, ...] = ()
    """Images above it that have another key now."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class RefreshReport:
    """A whole run of `doit refresh`."""

    moment: str
    """When it began, RFC 3339 in UTC."""
    upstreams: tuple[Moved, ...] = ()
    """Those whose digest for the platform is another than the pinned one."""
    gone: tuple[Gone, ...] = ()
    bases: tuple[BaseReport, ...] = ()
    failures: tuple[str, ...] = ()
    """What failed and belongs to no base, such as a registry that does not answer."""
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether anything failed: the command then exits 1."""
        return bool(self.failures) or any(base.outcome == "failed" for base in self.bases)


def verdict(report: RefreshReport) -> str:
    """The whole report in one sentence, what failed first."""
    by = {
        outcome: [base.image for base in report.bases if base.outcome == outcome]
        for outcome in ("failed", "due", "refreshed", "same content", "unchanged")
    }
    parts = []
    if by["failed"]:
        parts.append(f"{_listed(by['failed'])} failed")
    elif report.failures:
        parts.append("refresh failed")
    if by["due"]:
        parts.append(f"{_listed(by['due'])} due")
    if by["refreshed"]:
        parts.append(f"{_listed(by['refreshed'])} refreshed")
    if by["same content"]:
        parts.append(f"{_listed(by['same content'])} built again, same content")
    if by["unchanged"]:
        parts.append(f"{_counted(len(by['unchanged']), 'base')} unchanged")
    if report.gone:
        parts.append(f"{_counted(len(report.gone), 'upstream')} gone")
    return ", ".join(parts) or "no base to refresh"


def as_json(report: RefreshReport) -> dict[str, Any]:
    """The report for programs: the fields by their names, with ``verdict`` and ``failed``."""
    return {
        "version": 1,
        "verdict": verdict(report),
        "failed": report.failed,
        **dataclasses.asdict(report),
    }


def _listed(names: Sequence[str]) -> str:
    if len(names) > 3:
        return _counted(len(names), "base")
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
