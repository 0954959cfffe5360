"""``doit refresh``: bases built anew where an upstream or a probe says so, with proof."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from layers.commands.exit_status import MISTAKE
from layers.commands.parsing import ProjectCommand, option
from layers.plan.session import Session
from layers.project.open import open_project

if TYPE_CHECKING:
    from layers.refresh.report import BaseReport, RefreshReport
    from layers.report.summary import Summary


class RefreshCommand(ProjectCommand):
    """Looks after the images that have a probe or ``refresh = true``."""

    name = "refresh"
    doc_purpose = "build bases anew where an upstream or a probe moved"
    doc_usage = "[IMAGE ...]"
    doc_description = (
        "Without names all images that have a probe or `refresh = true`; with names these and those"
        " that are built on them. images.lock is written where all tests passed and the registry"
        " has everything."
    )
    cmd_options = (
        option("dry_run", "tell what is due and why; build, push and write nothing"),
        option("as_json", "print the report as one JSON object", long="json"),
        option("report", "write the report as Markdown to this file", "", value="FILE"),
    )

    def act(self, root: str, options: Any, names: list[str]) -> int:
        """Refresh; status 1 when anything failed, and then the reason is the first that is told."""
        from layers.report.report import summarized

        with summarized(" ".join(["doit refresh", *names])) as summary:
            return _refresh(root, options, names, summary)


def _refresh(root: str, options: Any, names: list[str], summary: Summary | None) -> int:
    from layers.refresh.bases import bases
    from layers.refresh.markdown import as_markdown
    from layers.refresh.report import as_json
    from layers.refresh.run import refresh
    from layers.refresh.tools import tools
    from layers.report.report import report_for
    from layers.runtime.files import write_whole

    project = open_project(root)
    bases(project.spec, project.inputs.graph, names)  # a mistake is told before an engine starts
    shown = report_for(sys.stderr)
    run = Session.begin(project, shown)

    def ahead(due: Sequence[str], below: Mapping[str, frozenset[str]]) -> None:
        from layers.plan.outlook import anew, tell_if_long

        if due:
            tell_if_long(anew(run, due, below), sys.stderr)

    try:
        report = refresh(run, tools(run), names, dry_run=options["dry_run"], ahead=ahead)
    finally:
        shown.close()
        project.cache.save()
    if options["report"]:
        write_whole(os.path.abspath(options["report"]), as_markdown(report).encode())
    if summary is not None:
        summary.instead(as_markdown(report))
    if options["as_json"]:
        sys.stdout.write(json.dumps(as_json(report), indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(as_text(report))
    return MISTAKE if report.failed else 0


def as_text(report: RefreshReport) -> str:
    """The report for people: what failed comes first, the sentence that sums up last."""
    from layers.refresh.report import verdict

    lines = list(report.failures)
    for base in sorted(report.bases, key=lambda each: each.outcome != "failed"):
        lines += _base(base)
    for moved in report.upstreams:
        lines.append(f"{moved.name} ({moved.platform}): {moved.old or 'not locked'} → {moved.new}")
    for gone in report.gone:
        where = f"the copy {gone.mirror}" if gone.mirror else "no copy"
        lines.append(f"{gone.name} ({gone.platform}) is gone; {where} is what builds have")
    lines.append(verdict(report))
    return "".join(f"{line}\n" for line in lines)


def _base(base: BaseReport) -> list[str]:
    from layers.runtime.units import seconds, size

    lines = [f"{base.image}: {base.outcome}"]
    lines += [f"  {line}" for line in base.failure.splitlines()]
    lines += [f"  since {reason}" for reason in base.reasons]
    lines += [f"  warning: {text}" for text in base.warnings]
    if base.outcome == "refreshed":
        lines.append(f"  epoch {base.epoch}, {base.new_key}, {base.new_digest}")
        grown = f" (before: {size(base.old_size)})" if base.old_size else ""
        lines.append(f"  {size(base.new_size)}{grown}, {seconds(base.seconds)}")
        lines += [
            f"  {each.manager} {each.name} {each.old or '(none)'} → {each.new or '(none)'}"
            for each in base.packages[:20]
        ]
        if len(base.packages) > 20:
            lines.append(f"  and {len(base.packages) - 20} more packages")
        if base.rebuild:
            lines.append(f"  to be rebuilt: {', '.join(base.rebuild)}")
    return lines
