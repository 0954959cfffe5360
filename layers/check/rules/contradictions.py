"""Contradictions: pins of one pip call that cannot hold together, seen without an index."""

from __future__ import annotations

from collections.abc import Iterator

from layers.check.finding import Finding
from layers.check.shell.pip_calls import Request, Wanted, indexed, requests
from layers.check.subject import Subject

RULE = "contradicting-pins"


def check(subject: Subject) -> Iterator[Finding]:
    """Two exact versions of one package, by requirements, files and constraints of one call."""
    for step in subject.all_steps():
        if step.item.keyword == "RUN":
            for request in requests(step):
                yield from _pairs(request)


def _pairs(request: Request) -> Iterator[Finding]:
    first: dict[str, Wanted] = {}
    asked = {each.name for each in request.wanted}
    for each in indexed((*request.wanted, *request.constraints)):
        if not each.pin or each.marked or each.name not in asked or "*" in each.pin:
            continue
        other = first.setdefault(each.name, each)
        if not same_version(other.pin, each.pin):
            yield request.step.finding(
                RULE,
                "error",
                f"{each.name} is pinned to {other.pin}{_where(other)} and to"
                f" {each.pin}{_where(each)}",
                "keep one of the two",
                request.call.line,
            )


def same_version(one: str, other: str) -> bool:
    """Whether two spellings name one version: 1.0 is 1.0.0 (PEP 440)."""
    return _release(one) == _release(other)


def _release(version: str) -> str:
    text = version.lower().lstrip("v")
    head, plus, local = text.partition("+")
    while head.endswith(".0"):
        head = head[:-2]
    return f"{head}{plus}{local}"


def _where(wanted: Wanted) -> str:
    return f" ({wanted.file}:{wanted.line})" if wanted.file else ""
