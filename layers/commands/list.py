"""``doit list``: what is stale, and why."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TextIO

from doit.cmd_list import List

from hashes.errors import LayersError, did_you_mean
from layers.commands import dodo
from layers.commands.exit_status import guarded
from layers.commands.parsing import DODO, Parsed, option
from layers.graph.graph import Layer
from layers.plan.facts import Facts, add_up, facts_of, in_words
from layers.plan.plan import Step
from layers.plan.session import Session
from layers.report.listing import Row, as_lines, as_tree

if TYPE_CHECKING:
    from layers.project.project import Project

SAID = ("the engine has this key", "the registry has this key")
"""Reasons that the state tells already; JSON has them."""


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
            'print {"layers": [{"name", "state", "reasons", "key", "where", "parents", "size",'
            ' "created", "expected"}], "sum"}',
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
            run, steps = self._look(found, tuple(pos_args or ()), subtasks)
            known = facts_of(run, steps)
            self.outstream.write(
                to_json(steps, known) if as_json else to_text(steps, known, self.outstream)
            )
            return 0

        return guarded(work, found.root)

    def _look(
        self, found: Project, names: Sequence[str], everything: bool
    ) -> tuple[Session, list[Step]]:
        from layers.report.report import report_for

        report = report_for(sys.stderr, json=False)
        try:
            known = {task.name: task for task in self.task_list}
            layers = asked(names or ([*known] if everything else []), known)
            run = Session.begin(found, report, layers or None, start=False)
            plan = run.planner.look()
            wanted = set(run.planner.wanted)
            return run, [s for s in plan.steps.values() if s.layer in wanted or not s.idle]
        finally:
            report.close()


def asked(names: Sequence[str], known: Mapping[str, Any]) -> list[Layer]:
    """The layers that a command line names.  Raises LayersError for a name that is none."""
    for name in names:
        if name not in known:
            if fault := dodo.fault(name):
                raise fault
            raise LayersError(
                f"{name!r} is not an image or stage{did_you_mean(name, known)}",
                hint="`doit list --all` shows what there is",
            )
    return [Layer.parse(name) for name in dodo.single(names, known)]


def to_json(steps: Sequence[Step], known: Mapping[Layer, Facts]) -> str:
    """One object for programs: each layer, and what a run comes to."""
    layers = [
        {
            "name": str(step.layer),
            "state": step.state,
            "reasons": list(dict.fromkeys(step.reasons)),
            "key": str(step.key) if step.key is not None else None,
            "where": step.where,
            "parents": [str(parent) for parent in known[step.layer].parents],
            "size": known[step.layer].size,
            "created": known[step.layer].created,
            "expected": known[step.layer].expected,
        }
        for step in steps
    ]
    found = {"layers": layers, "sum": add_up(steps, known)._asdict()}
    return json.dumps(found, indent=2) + "\n"


def to_text(steps: Sequence[Step], known: Mapping[Layer, Facts], stream: TextIO) -> str:
    """The plan for people: a tree on a terminal, else a line a layer; the sum below."""
    rows = [_row(step, known[step.layer]) for step in steps]
    summary = in_words(add_up(steps, known))
    if not stream.isatty():
        return as_lines(rows, summary, time.time())
    width = shutil.get_terminal_size().columns
    color = "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    utf = (stream.encoding or "").lower().startswith("utf")
    return as_tree(rows, summary, time.time(), width=width, color=color, utf=utf)


def _row(step: Step, fact: Facts) -> Row:
    reasons = [each for each in dict.fromkeys(step.reasons) if each not in (step.problem, *SAID)]
    return Row(
        str(step.layer),
        tuple(str(parent) for parent in fact.parents),
        step.state,
        step.where,
        fact.size,
        fact.created,
        fact.expected,
        tuple(reasons),
        step.problem,
    )
