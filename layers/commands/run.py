"""``doit [run]``: doit's own command, with our progress, messages and exit codes around it."""

from __future__ import annotations

import fnmatch
import sys
import time
from typing import Any

from doit.cmd_run import Run
from doit.exceptions import InvalidCommand

from hashes.errors import LayersError
from layers.commands import ours
from layers.graph import Layer
from layers.suggest import did_you_mean

MISTAKE = 1
BUG = 3


class RunCommand(Run):  # type: ignore[misc]  # doit ships no types
    """Runs tasks; in a project without ``images.toml`` it is doit's own command unchanged."""

    name = "run"
    doc_purpose = "make images true: nothing if they are there, a pull, or else a build"
    cmd_options = (
        *Run.cmd_options,
        {
            "name": "json_lines",
            "short": "",
            "long": "json",
            "type": bool,
            "default": False,
            "help": "tell what happens as one JSON object a line",
        },
    )

    def parse_execute(self, in_args: list[str]) -> Any:
        """Parse and run; a task that does not exist is the user's mistake, not doit's status 3."""
        try:
            return super().parse_execute(in_args)
        except InvalidCommand as error:
            if ours.project() is None:
                raise
            known = [task.name for task in getattr(self, "task_list", [])]
            word = error.not_found or ""
            guess = did_you_mean(word, known) if word else ""
            sys.stderr.write(f"{word!r} is not an image or stage of images.toml{guess}\n")
            sys.stderr.write("  `doit list --all` shows what there is\n")
            return MISTAKE

    def _execute(
        self,
        outfile: Any,
        verbosity: Any = None,
        always: bool = False,
        continue_: bool = False,
        reporter: Any = "console",
        num_process: int = 0,
        par_type: str = "process",
        single: bool = False,
        auto_delayed_regex: bool = False,
        force_verbosity: bool = False,
        failure_verbosity: int = 0,
        pdb: bool = False,
        json_lines: bool = False,
    ) -> Any:
        found = ours.project()
        run = super()._execute
        plain = (outfile, verbosity, always, continue_, reporter, num_process, par_type, single)
        rest = (auto_delayed_regex, force_verbosity, failure_verbosity, pdb)
        if found is None:
            return run(*plain, *rest)
        from layers import doitreport
        from layers.carry import pushed_steps
        from layers.report import report_for

        begin = time.monotonic()
        goals = [str(layer) for layer in found.goals()]
        asked: list[str] = [] if self.sel_default_tasks else self.sel_tasks
        selected = self._expand(asked) if asked else goals
        found.wanted = tuple(Layer.parse(name) for name in selected)
        self.sel_tasks: list[str] = selected
        report = report_for(sys.stdout, json=json_lines)
        found.listener = report
        try:
            if found.plan.idle() and not always:
                pushed_steps(found, found.wanted)
                report.idle(selected, time.monotonic() - begin)
                return 0
            status = run(*plain, *rest)
            pushed_steps(found, found.wanted)
        except LayersError as error:
            sys.stderr.write(f"{error}\n")
            return MISTAKE
        finally:
            report.close()
        if doitreport.bugs():
            return BUG
        return MISTAKE if status else 0

    def _expand(self, names: list[str]) -> list[str]:
        """Task patterns such as ``base-*`` as the names that they match; unknown ones stay, for
        doit to refuse.
        """
        known = [task.name for task in self.task_list]
        found: dict[str, None] = {}
        for name in names:
            matches = fnmatch.filter(known, name) if set(name) & set("*?[") else [name]
            unknown = [match for match in matches or [name] if match not in known]
            if unknown:
                raise InvalidCommand(not_found=unknown[0])
            found.update(dict.fromkeys(matches))
        return list(found)
