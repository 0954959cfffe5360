"""Contradictions: pins of one pip call that cannot hold together, seen without an index."""

from __future__ import annotations

from collections.abc import Iterator

from layers.check.finding import Finding
from layers.check.shell.pip_calls import Request, Requirement, indexed, meets, requests
from layers.check.subject import Subject

RULE = "contradicting-pins"


def check(subject: Subject) -> Iterator[Finding]:
    """Two exact versions of one package, by requirements, files and constraints of one call."""
    for step in subject.all_steps():
        if step.item.keyword == "RUN":
            for request in requests(step):
                yield from _pairs(request)


def _pairs(request: Request) -> Iterator[Finding]:
    before: dict[str, list[Requirement]] = {}
    asked = {each.name for each in request.wanted}
    for each in indexed((*request.wanted, *request.constraints)):
        if not each.pin or each.marked or each.name not in asked:
            continue
        known = before.setdefault(each.name, [])
        other = next((old for old in known if not _together(old.pin, each.pin)), None)
        known.append(each)
        if other is not None:
            yield request.step.finding(
                RULE,
                "error" if request.call.needed else "warning",
                f"{each.name} is pinned to {other.pin}{_where(other)} and to"
                f" {each.pin}{_where(each)}",
                "keep one of the two",
                request.call.line,
            )


def _together(one: str, other: str) -> bool:
    return meets(one, other) or meets(other, one)


def _where(wanted: Requirement) -> str:
    return f" ({wanted.file}:{wanted.line})" if wanted.file else ""
