"""``doit plan``: what a run will do, in which order, and how long that takes."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import ClassVar

from doit.cmd_base import DoitCmdBase

from layers.commands import dodo
from layers.commands.at_once import AT_ONCE, at_once
from layers.commands.exit_status import MISTAKE, guarded
from layers.commands.list import asked
from layers.commands.parsing import DODO, Parsed, option
from layers.plan.session import Session


class PlanCommand(Parsed, DoitCmdBase):  # type: ignore[misc]  # doit ships no types
    """Tells of a run before it is begun, and does nothing."""

    name = "plan"
    doc_purpose = "tell what a run will do, in which order, and how long"
    doc_usage = "[IMAGE[:STAGE] ...]"
    doc_description = (
        "What has to be pulled, built, assembled and pushed for the images that are named, else for"
        " all: when each begins, how long it takes, how much is moved, what it waits for. A time"
        " that is told depends on no time that is unknown."
    )
    chief: ClassVar[Mapping[str, str]] = DODO
    cmd_options = (
        AT_ONCE,
        option(
            "as_json",
            'print {"layers": [{"name", "does", "begin", "seconds", "bytes", "after", "problem"}],'
            ' "at_once", "sum"}',
            long="json",
        ),
    )

    def _execute(
        self,
        num_process: int = 0,
        pos_args: list[str] | None = None,
        as_json: bool = False,
    ) -> int:
        found = dodo.project()
        if found is None:
            sys.stderr.write("plan: this dodo.py has no images of doit-layers\n")
            return MISTAKE

        def work() -> int:
            from layers.plan import outlook
            from layers.report.report import report_for

            together = at_once(num_process)
            report = report_for(sys.stderr)
            try:
                known = {task.name: task for task in self.task_list}
                layers = asked(pos_args or (), known)
                run = Session.begin(found, report, layers or None, start=False)
                told = outlook.look_ahead(run, together)
            finally:
                report.close()
            if as_json:
                self.outstream.write(json.dumps(outlook.as_json(told), indent=2) + "\n")
            else:
                self.outstream.write(outlook.as_text(told, self.outstream))
            return 0

        return guarded(work, found.root)
