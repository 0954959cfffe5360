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
RULES = (RUN_AFTER_COPY,)


def check(subject: Subject) -> Iterator[Finding]:
    """The first step of an image that runs after its sources came in; only with ``assemble``."""
    if not subject.image.assemble or not subject.image.push:
        return
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
