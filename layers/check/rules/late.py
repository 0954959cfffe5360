"""Late steps: what runs after sources are copied, where an edit is to be put upon a trunk."""

from __future__ import annotations

from collections.abc import Iterator

from layers.assemble.trunk import divide, runs
from layers.check.finding import Finding, Rule
from layers.check.rules.cache import copies_code
from layers.check.subject import Subject

RUN_AFTER_COPY = Rule(
    "run-after-copy", "warning", "a step that runs after sources, where edits are to be assembled"
)
BASE_NOT_PUSHED = Rule(
    "base-not-pushed", "warning", "a base in no registry, where edits are to be assembled"
)
RULES = (RUN_AFTER_COPY, BASE_NOT_PUSHED)


def check(subject: Subject) -> Iterator[Finding]:
    """What keeps edits from being put upon what the registry has; only with ``assemble``."""
    if subject.image.assemble and subject.image.push:
        yield from _base(subject)
        yield from _steps(subject)


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
        sources = {
            (item.line, item.keyword): runs(item, stage.sources.get((position, 0)))
            for position, item in enumerate(stage.instructions)
        }
        for step in subject.steps(stage.index):
            reason = sources[step.item.line, step.item.keyword]
            if copied and reason:
                keyword = step.item.keyword
                yield step.finding(
                    RUN_AFTER_COPY.name,
                    "warning",
                    f"{keyword} comes after {copied}: everything from there needs the base, as"
                    f" {reason}",
                    "put it before that COPY, or into a stage of its own that nothing is made from",
                )
                return
            brings = step.item.keyword in ("COPY", "ADD") and not reason
            if brings and not copied and copies_code(step):
                what = " ".join(step.sources[:2])
                copied = f"{step.item.keyword} of {what} in line {step.item.line}"
