"""``doit list``: what is stale, and why."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from doit.cmd_list import List

from hashes.errors import LayersError, did_you_mean
from layers.commands import dodo
from layers.commands.exit_status import guarded
from layers.commands.parsing import DODO, Parsed, option
from layers.graph.graph import Layer
from layers.plan.plan import Step
from layers.plan.session import Session

if TYPE_CHECKING:
    from layers.project.project import Project

MOST = 3
"""Reasons of one layer that the table shows; JSON has all."""

_PARENTS = (" is built first", " is pulled first")


class ListCommand(Parsed, List):  # type: ignore[misc]  # doit ships no types
    """Lists layers with their state and its reasons; elsewhere it is doit's own command."""

    name = "list"
    doc_usage = "[IMAGE[:STAGE] ...]"
    chief: ClassVar[Mapping[str, str]] = {
        **DODO,
        "subtasks": "every stage and system base, too",
        "quiet": "names only; nothing is asked of engine or registry",
    }
    doc_purpose = "tell of each image whether it is there, and why not"
    cmd_options = (
        *List.cmd_options,
        option(
            "as_json",
            'print {"layers": [{"name", "state", "reasons", "key", "where"}]}',
            long="json",
        ),
    )

    def _execute(
        self,
        subtasks: bool = False,
        quiet: bool = True,
        status: bool = False,
        private: bool = False,
        list_deps: bool = False,
        template: str | None = None,
        sort: str = "name",
        pos_args: list[str] | None = None,
        as_json: bool = False,
    ) -> Any:
        found = dodo.project()
        if found is None or quiet or template or list_deps:
            # Completion scripts parse this form; a status letter in it would break them.
            status = status and found is None
            return super()._execute(
                subtasks, quiet, status, private, list_deps, template, sort, pos_args
            )

        def work() -> int:
            steps = self._look(found, tuple(pos_args or ()), subtasks)
            self.outstream.write(_as_json(steps) if as_json else as_text(steps))
            return 0

        return guarded(work, found.root)

    def _look(self, found: Project, names: Sequence[str], everything: bool) -> list[Step]:
        from layers.report.report import report_for

        report = report_for(sys.stderr, json=False)
        try:
            known = {task.name: task for task in self.task_list}
            asked = _asked(names or ([*known] if everything else []), known)
            run = Session.begin(found, report, asked or None, start=False)
            plan = run.planner.look()
            wanted = set(run.planner.wanted)
            return [s for s in plan.steps.values() if s.layer in wanted or not s.idle]
        finally:
            report.close()


def _asked(names: Sequence[str], known: Mapping[str, Any]) -> list[Layer]:
    for name in names:
        if name not in known:
            if fault := dodo.fault(name):
                raise fault
            raise LayersError(
                f"{name!r} is not an image or stage{did_you_mean(name, known)}",
                hint="`doit list --all` shows what there is",
            )
    return [Layer.parse(name) for name in dodo.single(names, known)]


def _as_json(steps: Sequence[Step]) -> str:
    layers = [
        {
            "name": str(step.layer),
            "state": step.state,
            "reasons": list(dict.fromkeys(step.reasons)),
            "key": str(step.key) if step.key is not None else None,
            "where": step.where,
        }
        for step in steps
    ]
    return json.dumps({"layers": layers}, indent=2) + "\n"


def as_text(steps: Sequence[Step], *, color: bool | None = None) -> str:
    """The plan as a table for people: one row a layer, further reasons below the first."""
    if color is None:
        color = sys.stdout.isatty()
    paint = {"fresh": "32", "pull": "36", "build": "33", "error": "31"}
    rows = [(str(step.layer), step.state, _reasons(step)) for step in steps]
    width = max((len(row[0]) for row in rows), default=0)
    lines = []
    for name, state, (reason, *more) in rows:
        word = f"{state:<5}"
        if color:
            word = f"\x1b[{paint[state]}m{word}\x1b[0m"
        lines.append(f"{name:<{width}}  {word}  {reason}")
        lines += [f"{'':<{width}}         {each}" for each in more]
    return "".join(f"{line}\n" for line in lines)


def _reasons(step: Step) -> list[str]:
    """Lines for people: the first causes, how many more there are, and what stands in the way."""
    told = [reason for reason in dict.fromkeys(step.reasons) if reason != step.problem]
    causes = [reason for reason in told if not reason.endswith(_PARENTS)]
    if len(causes) > MOST:  # then the parents' own rows have to say that they are built
        told = [*causes[:MOST], f"and {len(causes) - MOST} more: doit why {step.layer}"]
    lines = [line for reason in told for line in reason.splitlines()]
    return [*lines, *map(str.strip, step.problem.splitlines())] or [""]
