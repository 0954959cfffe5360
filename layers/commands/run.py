"""``doit [run]``: doit's own command, with our progress, messages and exit codes around it."""

from __future__ import annotations

import contextlib
import fnmatch
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TextIO

from doit.cmd_run import Run
from doit.exceptions import InvalidCommand

from hashes.errors import did_you_mean
from layers.commands import dodo
from layers.commands.at_once import AT_ONCE, at_once
from layers.commands.dodo import is_layer, single
from layers.commands.exit_status import BUG, MISTAKE, guarded
from layers.commands.parsing import DODO, Paged, option, parsed
from layers.graph.graph import Layer
from layers.plan.session import Session
from layers.runtime import signals

if TYPE_CHECKING:
    from layers.project.project import Project
    from layers.report.summary import Summary


class RunCommand(Paged, Run):  # type: ignore[misc]  # doit ships no types
    """Runs tasks; in a project without ``images.toml`` it is doit's own command unchanged."""

    name = "run"
    _summary: Summary | None = None
    doc_usage = "[IMAGE[:STAGE] ...]"
    chief: ClassVar[Mapping[str, str]] = {
        **DODO,
        "continue": "go on with what does not depend on a layer that failed",
        "num_process": str(AT_ONCE["help"]),
        "always": "look at each layer again; what the engine has under its key is not built again",
    }
    doc_purpose = "make images true: found, pulled, or else built"
    cmd_options = (
        *(AT_ONCE if each["name"] == AT_ONCE["name"] else each for each in Run.cmd_options),
        option("json_lines", "tell what happens as one JSON object a line", long="json"),
    )

    def parse_execute(self, in_args: list[str]) -> Any:
        """Parse and run; a task that does not exist is the user's mistake, not doit's status 3."""
        try:
            return parsed(self, super().parse_execute, in_args)
        except InvalidCommand as error:
            if dodo.project() is None:
                raise
            known = [task.name for task in getattr(self, "task_list", [])]
            word = error.not_found or ""
            if word in ("-h", "--help"):
                sys.stdout.write(self.help())
                return 0
            if fault := dodo.fault(word):
                sys.stderr.write(f"{fault}\n")
                return MISTAKE
            if word.startswith("-"):
                sys.stderr.write(f"option {word} stands behind a name\n")
                sys.stderr.write(f"  options come first, as in `doit {word} NAME`\n")
                return MISTAKE
            guess = did_you_mean(word, {*known, *self.loader.cmd_names}) if word else ""
            sys.stderr.write(f"{word!r} is no command, image or stage of images.toml{guess}\n")
            sys.stderr.write("  `doit list --all` shows images and stages, `doit help` commands\n")
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
        found = dodo.project()
        run = super()._execute
        plain = (outfile, verbosity, always, continue_, reporter, num_process, par_type, single)
        rest = (auto_delayed_regex, force_verbosity, failure_verbosity, pdb)
        if found is None:
            return run(*plain, *rest)

        def work() -> int:
            together = at_once(num_process)
            with self.summed():
                return self._make(found, lambda: run(*plain, *rest), always, json_lines, together)

        return guarded(work, found.root)

    @contextlib.contextmanager
    def summed(self, names: Sequence[str] = ()) -> Iterator[Summary | None]:
        """For as long as the block runs, sum up what the command does, where that is asked for."""
        from layers.report.report import summarized

        names = names or tuple(getattr(self, "sel_tasks", None) or ())
        words = ("doit", *(() if self.name == "run" else (self.name,)), *names)
        with summarized(" ".join(words)) as self._summary:
            yield self._summary

    def shown_on(self) -> TextIO:
        """Where the run is told."""
        return sys.stdout

    def _make(
        self,
        found: Project,
        run: Callable[[], Any],
        always: bool,
        json_lines: bool,
        together: int,
    ) -> int:
        from layers.report.report import heard, report_for
        from layers.runtime.crash import bugs

        begin = time.monotonic()
        tasks = {task.name: task for task in self.task_list}
        self.sel_tasks: list[str] = self._selected(found, tasks)
        report = heard(report_for(self.shown_on(), json=json_lines), self._summary)
        wanted = [Layer.parse(name) for name in layers_of(self.sel_tasks, tasks)]
        session = Session.begin(found, report, wanted)
        dodo.begin(session)
        signals.at_farewell(report.close)
        owed = found.state.unpushed()
        status = None
        try:
            stuck = session.planner.plan.stuck()
            if stuck:
                tell_faults(session, stuck)
                self.sel_tasks = possible(self.sel_tasks, tasks, stuck)
            strangers = [name for name in self.sel_tasks if not is_layer(tasks[name])]
            todo = [s for s in session.planner.plan.steps.values() if not (s.idle or s.stuck)]
            if not todo and not always and not strangers:
                catch_up(session, owed)
                report.idle(self.sel_tasks, time.monotonic() - begin)
            elif self.sel_tasks:  # without any, doit would take all
                if todo and not json_lines:
                    from layers.plan.outlook import tell_long

                    tell_long(session, self.shown_on(), together)
                status = run()
                catch_up(session, owed)
                if session.failures:
                    from layers.check.online.meant import tell_meant

                    tell_meant(session)
        finally:
            report.close()
        if bugs():
            return BUG
        if stuck:
            sys.stdout.flush()
            sys.stderr.write("".join(f"{why}\n" for why in dict.fromkeys(stuck.values())))
        return MISTAKE if status or stuck else 0

    def _selected(self, found: Project, tasks: Mapping[str, Any]) -> list[str]:
        """The tasks to run: those asked for, patterns such as ``base-*`` as what they match.

        Without a word: all goals, and whatever else the user's dodo has.
        """
        asked = self.sel_tasks or []
        if not asked:
            goals = [str(layer) for layer in found.goals()]
            others = single((name for name, task in tasks.items() if not is_layer(task)), tasks)
            return goals + [name for name in others if not is_layer(tasks[name])]
        selected: dict[str, None] = {}
        for name in asked:
            matches = matching(name, tasks) if set(name) & set("*?[") else [name]
            unknown = [match for match in matches or [name] if match not in tasks]
            if unknown:
                raise InvalidCommand(not_found=unknown[0])
            selected.update(dict.fromkeys(matches))
        return single(selected, tasks)


def tell_faults(run: Session, stuck: Iterable[Layer]) -> None:
    """Tell those who listen what is wrong with images that cannot be made."""
    from layers.build.failure.event import failed

    for layer in stuck:
        fault = run.project.inputs.fault(layer.image)
        if fault is not None:
            run.fails(fault, failed(str(layer), fault))


def catch_up(run: Session, owed: frozenset[str]) -> None:
    """Push what an earlier run could not; most runs find nothing of that kind, and import less."""
    if owed:
        from layers.build.execute import pushed_steps

        pushed_steps(run, run.planner.wanted, owed)


def possible(
    names: Iterable[str], tasks: Mapping[str, Any], stuck: Mapping[Layer, str]
) -> list[str]:
    """Those of some tasks that need no layer which is known to be ``stuck``.

    doit itself begins nothing more once a task failed: what has to fail is left out.
    """
    blocked = {str(layer) for layer in stuck}
    return [name for name in names if blocked.isdisjoint(layers_of([name], tasks))]


def matching(pattern: str, names: Iterable[str]) -> list[str]:
    """Names that a pattern means; stages only where the pattern speaks of stages."""
    return [n for n in fnmatch.filter(names, pattern) if ":" in pattern or ":" not in n]


def layers_of(names: Iterable[str], tasks: Mapping[str, Any]) -> list[str]:
    """The layers among ``names``, and those that other tasks among them depend on."""
    found: dict[str, None] = {}
    todo, seen = list(reversed(list(names))), set(names)
    while todo:
        name = todo.pop()
        if is_layer(tasks[name]):
            found[name] = None
            continue
        below = [n for n in (*tasks[name].task_dep, *tasks[name].setup_tasks) if n in tasks]
        todo += [each for each in reversed(below) if each not in seen]
        seen.update(below)
    return list(found)
