"""Late steps: what runs after sources are copied, where an edit is to be put upon a trunk."""

from __future__ import annotations

from collections.abc import Iterator

from layers.assemble.trunk import Division, divide, divisions, runs, step_name
from layers.check.finding import Finding, Rule
from layers.check.rules.cache import copies_code
from layers.check.subject import Subject

RUN_AFTER_COPY = Rule(
    "run-after-copy", "warning", "a step that runs after sources, where edits are to be assembled"
)
BASE_NOT_PUSHED = Rule(
    "base-not-pushed", "warning", "a base in no registry, where edits are to be assembled"
)
STAGE_NOT_KEPT = Rule(
    "stage-not-kept", "warning", "a stage in no registry, where edits are to be assembled"
)
RULES = (RUN_AFTER_COPY, BASE_NOT_PUSHED, STAGE_NOT_KEPT)


def check(subject: Subject) -> Iterator[Finding]:
    """What keeps edits from being put upon what the registry has; only with ``assemble``."""
    if subject.image.assemble and subject.image.push:
        yield from _base(subject)
        yield from _steps(subject)
        yield from _stages(subject)


def _base(subject: Subject) -> Iterator[Finding]:
    """An image of ours below, that goes to no registry."""
    first = divide(subject.reached).line[0]
    root, parent = subject.roots.get(first.base.text), subject.parents.get(first.base.text)
    if parent is not None and not (parent.image.push or parent.image.builder):
        name = parent.image.name
    elif root is not None and not root.pushed:
        name = root.name
    else:
        return
    line = subject.dockerfile.stages[first.index].line
    yield Finding(
        BASE_NOT_PUSHED.name,
        "warning",
        subject.dockerfile.path,
        line,
        f"{name}, on which it stands, goes to no registry: every edit is built upon all of it",
        f"push = true for {name}",
        (subject.image.name,),
        line,
        subject.ends.get(line, line),
    )


def _steps(subject: Subject) -> Iterator[Finding]:
    """The first step of an image that runs after its sources came in."""
    copied = ""
    for stage in divide(subject.reached).line:
        sources = {(item.line, item.keyword): runs(item) for item in stage.instructions}
        for step in subject.steps(stage.index):
            reason = sources[step.item.line, step.item.keyword]
            if copied and reason:
                keyword = step_name(step.item)
                yield step.finding(
                    RUN_AFTER_COPY.name,
                    "warning",
                    f"{keyword} comes after {copied}: everything from there needs the base, as"
                    f" {reason}",
                    "put it before that COPY, or into a stage of its own that nothing is made from",
                )
                return
            brings = step.item.keyword in ("COPY", "ADD") and not reason
            brings = brings and not step.item.flag("from")
            if brings and not copied and copies_code(step):
                what = " ".join(step.sources[:2])
                copied = f"{step.item.keyword} of {what} in line {step.item.line}"


def _stages(subject: Subject) -> Iterator[Finding]:
    """Each stage that runs things, is in no registry, and is copied from where edits matter."""
    division = divisions(subject.reached)[-1]
    told: set[int] = set()
    for item, source in division.copies:
        if source.stage is None or source.stage in told:
            continue
        place = [each.index for each in subject.reached].index(source.stage)
        theirs = divisions(subject.reached[: place + 1])[-1]
        if theirs.last is None or _kept(subject, source.stage, theirs.tail[0].stage.index):
            continue
        if not (_copies_code(subject, division, item.line) or _copies_code(subject, theirs)):
            continue
        told.add(source.stage)
        name = subject.dockerfile.stages[source.stage].name
        yield Finding(
            STAGE_NOT_KEPT.name,
            "warning",
            subject.dockerfile.path,
            item.line,
            f"{step_name(item)} takes from a stage that runs things ({theirs.last.step} in line"
            f" {theirs.last.line}) and goes to no registry: an edit needs the base",
            f'push_stages = ["{name}"] for {subject.image.name}' if name else "give it a name",
            (subject.image.name,),
            item.line,
            subject.ends.get(item.line, item.line),
        )


def _kept(subject: Subject, *stages: int) -> bool:
    """Whether one of some stages is an image of its own."""
    kept = subject.image.push_stages
    return any(subject.dockerfile.stages[each].name.lower() in kept for each in stages)


def _copies_code(subject: Subject, division: Division, before: int | None = None) -> bool:
    """Whether sources come in with a tail, ``before`` a line."""
    for stage, first in division.tail:
        lines = {
            item.line
            for item in stage.instructions[first:]
            if not item.flag("from") and (before is None or item.line < before)
        }
        for step in subject.steps(stage.index):
            copies = step.item.keyword in ("COPY", "ADD") and step.item.line in lines
            if copies and copies_code(step):
                return True
    return False
