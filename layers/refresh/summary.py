"""Summaries: what became of one base, for the report."""

from __future__ import annotations

from dataclasses import replace

from layers.graph.graph import Layer
from layers.plan.session import Session
from layers.refresh.night import BaseResult, here
from layers.refresh.report import BaseReport


def base_report(
    before: Session, after: Session, name: str, result: BaseResult, dry_run: bool
) -> BaseReport:
    """A base's row: ``before`` is the project under the lock that the run began with."""
    old = before.project.lock.base(name, here(before, name))
    now = after.project.lock.base(name, here(after, name))
    trial, layer = result.trial, Layer(name)
    report = BaseReport(
        name,
        "failed" if result.failure else result.outcome,
        result.reasons,
        result.failure,
        old_key="" if before.project.inputs.fault(name) else str(before.project.inputs.key(layer)),
        old_digest=str(old.now.digest) if old is not None else "",
        old_size=old.now.size if old is not None else 0,
        epoch=now.now.number if now is not None else 0,
        seconds=result.seconds,
    )
    if dry_run and result.reasons and not result.failure:
        return replace(report, outcome="due")
    if trial is not None and trial.old is not None:
        report = replace(report, old_size=trial.old_size, old_digest=str(trial.old.digest))
    if report.outcome != "refreshed" or trial is None or now is None:
        return report
    return replace(
        report,
        new_key=now.now.key,
        new_digest=str(now.now.digest),
        new_size=now.now.size,
        packages=trial.packages,
        layers=trial.layers,
        warnings=tuple(trial.warnings),
        rebuild=above(after, name),
    )


def above(run: Session, name: str) -> tuple[str, ...]:
    """The images that are made from one, at any depth: their keys cover its key."""
    graph = run.project.inputs.graph
    return tuple(image for image in graph.order if image != name and name in graph.closure([image]))
