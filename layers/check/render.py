"""Rendering: what a check found, for people and for programs."""

from __future__ import annotations

import json
from typing import Any

from layers.check.finding import Finding, Result

_COLORS = {"error": "31", "warning": "33"}


def as_text(result: Result, images: int, seconds: float, *, color: bool) -> str:
    """One line a finding as compilers write them, its hint below, and a sum at the end."""
    lines = []
    for each in result.findings:
        word = f"\x1b[{_COLORS[each.severity]}m{each.severity}\x1b[0m" if color else each.severity
        lines.append(f"{_place(each)}: {word}: {each.message} [{each.rule}]")
        if each.hint:
            lines.append(f"  {each.hint}")
    counts = [_count(images, "image"), _count(result.errors, "error")]
    counts.append(_count(result.warnings, "warning"))
    if result.silenced:
        counts.append(f"{len(result.silenced)} silenced with a reason")
    lines.append(f"{', '.join(counts)} in {seconds:.1f} s")
    if result.findings:
        lines.append(
            "`doit help rule NAME` tells of a rule: why, how to mend it, how to silence it"
        )
    return "".join(f"{line}\n" for line in lines)


def as_json(result: Result, images: list[str]) -> str:
    """One object."""
    value = {
        "version": 1,
        "images": images,
        "errors": result.errors,
        "warnings": result.warnings,
        "findings": [_object(each) for each in result.findings],
        "silenced": [{**_object(each.finding), "reason": each.reason} for each in result.silenced],
        "notes": list(result.notes),
    }
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def as_annotations(result: Result, spec: str) -> str:
    """A line a finding that GitHub shows at the file's line; ``spec`` stands for an image.

    Workflow commands, docs.github.com, "Setting an error message".
    """
    lines = []
    for each in result.findings:
        path = spec if each.file in each.images else each.file
        where = {"file": path, "line": str(each.line or 1), "title": each.rule}
        told = ",".join(f"{key}={_property(value)}" for key, value in where.items())
        text = "\n".join(filter(None, (each.message, each.hint)))
        lines.append(f"::{each.severity} {told}::{_escaped(text)}\n")
    return "".join(lines)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def _object(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "file": finding.file,
        "line": finding.line or None,
        "message": finding.message,
        "hint": finding.hint,
        "images": list(finding.images),
        "page": f"doit help rule {finding.rule}",
    }


def _place(finding: Finding) -> str:
    return f"{finding.file}:{finding.line}" if finding.line else finding.file


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
