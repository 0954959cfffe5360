"""Reporting: a proposal as a tree, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hashes.errors import LayersError
from layers.adopt.proposal import Proposal, Proposed
from layers.adopt.sources.reading import LeftOut

_SHOWN = 4
"""Things left out for one reason that are told one by one."""

Tree = list[tuple[str, "Tree"]]
"""Lines, each with those below it."""


def as_tree(proposal: Proposal, *, new: bool) -> str:
    """What was understood, what was left out and why; ``new``: there was no ``images.toml``."""
    parts: Tree = []
    if proposal.images:
        title = "images" if new else "images that images.toml has not"
        parts.append((title, [_image(each) for each in proposal.images]))
    if proposal.stacks:
        stacks: Tree = [(f"{each.name}  {', '.join(each.files)}", []) for each in proposal.stacks]
        parts.append(("stacks" if new else "stacks that images.toml has not", stacks))
    if proposal.upstream:
        lines: Tree = [
            (f"{each.name} is {each.instead}  ({each.why})", []) for each in proposal.upstream
        ]
        parts.append(("names that stand for an image", lines))
    if proposal.left_out:
        parts.append(("left out", _reasons(proposal.left_out)))
    if proposal.faults:
        parts.append(("not understood", [_fault(each) for each in proposal.faults]))
    return "\n".join([proposal.project, *_drawn(parts, "")]) + "\n"


def _image(image: Proposed) -> tuple[str, Tree]:
    made = f"  from {', '.join(image.parents)}" if image.parents else ""
    target = f" --target {image.target}" if image.target else ""
    below: Tree = [(f"{each}", []) for each in image.said[:2]]
    if len(image.said) > len(below):
        below.append((f"and {len(image.said) - len(below)} more", []))
    if not image.said:
        below.append(("guessed: no file says how it is built", []))
    if image.push_stages:
        below.append((f"push_stages: {', '.join(image.push_stages)}", []))
    below += [(f"require: {each.path}", []) for each in image.require]
    below += [(each, []) for each in image.notes]
    return f"{image.name}  {image.dockerfile} in {image.context}{target}{made}", below


def _reasons(left_out: Iterable[LeftOut]) -> Tree:
    """What was left out, by reason."""
    by_reason: dict[str, list[str]] = {}
    for each in left_out:
        by_reason.setdefault(" ".join(each.why.split()), []).append(each.what)
    lines: Tree = []
    for why, things in by_reason.items():
        things = list(dict.fromkeys(things))
        if len(things) == 1:
            lines.append((f"{things[0]}: {why}", []))
            continue
        shown: Tree = [(each, []) for each in things[:_SHOWN]]
        if len(things) > _SHOWN:
            shown.append((f"and {len(things) - _SHOWN} more", []))
        lines.append((f"{why}:", shown))
    return lines


def _fault(fault: LayersError) -> tuple[str, Tree]:
    first, *rest = str(fault).splitlines()
    return first, [(line.strip(), []) for line in rest[:_SHOWN]]


def _drawn(tree: Tree, before: str) -> list[str]:
    lines = []
    for at, (text, below) in enumerate(tree):
        last = at == len(tree) - 1
        lines.append(f"{before}{'└── ' if last else '├── '}{text}")
        lines += _drawn(below, before + ("    " if last else "│   "))
    return lines


def as_json(
    proposal: Proposal, files: Mapping[str, str], written: Sequence[str], seconds: float
) -> str:
    """The same for programs: one object."""
    told: dict[str, Any] = {
        "version": 1,
        "project": proposal.project,
        "seconds": round(seconds, 3),
        "images": [_json(each) for each in proposal.images],
        "stacks": [{"name": each.name, "compose": list(each.files)} for each in proposal.stacks],
        "lacking": [_json(each) for each in proposal.lacking],
        "upstream": [
            {"name": each.name, "instead": each.instead, "why": each.why}
            for each in proposal.upstream
        ],
        "secrets": {name: dict(table) for name, table in proposal.secrets.items()},
        "left_out": [{"what": each.what, "why": each.why} for each in proposal.left_out],
        "faults": [
            {"file": each.file, "line": each.line, "message": each.message, "hint": each.hint}
            for each in proposal.faults
        ],
        "files": dict(files),
        "written": list(written),
    }
    return json.dumps(told, indent=2) + "\n"


def _json(image: Proposed) -> dict[str, Any]:
    return {
        "name": image.name,
        "context": image.context,
        "dockerfile": image.dockerfile,
        "target": image.target,
        "args": dict(image.args),
        "tag": image.tag or image.name,
        "contexts": dict(image.contexts),
        "secrets": list(image.secrets),
        "platform": image.options.platform or None,
        "ssh": list(image.options.ssh),
        "labels": dict(image.options.labels),
        "annotations": dict(image.options.annotations),
        "push_stages": list(image.push_stages),
        "require": [each.path for each in image.require],
        "parents": list(image.parents),
        "guessed": not image.said,
        "said": list(image.said),
        "notes": list(image.notes),
    }
