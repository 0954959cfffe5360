"""``doit up``: starts a stack by docker compose, from the images that doit makes."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from hashes.errors import LayersError
from layers.commands import dodo
from layers.commands.at_once import at_once
from layers.commands.exit_status import MISTAKE, guarded
from layers.commands.parsing import DODO, Parsed, option
from layers.commands.run import RunCommand
from layers.plan.session import Session
from layers.runtime.events import Warned

if TYPE_CHECKING:
    from layers.compose.compose import Composer
    from layers.compose.report import Up
    from layers.compose.stacks import Prepared
    from layers.project.project import Project


class UpCommand(Parsed, RunCommand):
    """Makes a stack's images true in an ordinary run, then brings its services up."""

    name = "up"
    chief = DODO
    doc_purpose = "start a stack's services, and wait until they are well"
    doc_usage = "[STACK ...]"
    doc_description = (
        "Without names every stack of images.toml.  Images are made as `doit` makes them and"
        " handed to docker compose by digest; what runs from the same image already is left alone."
    )
    cmd_options = (
        *(each for each in RunCommand.cmd_options if each["name"] != "json_lines"),
        option("no_wait", "do not wait until all services are well"),
        option(
            "timeout",
            "seconds until services must be well, images not counted; default 120",
            "120",
            value="SECONDS",
        ),
        option(
            "over",
            "a compose file laid over those of the stacks; may be given again",
            [],
            long="with",
            value="FILE",
        ),
        option(
            "as_json",
            'print {"stacks": [{"name", "project", "seconds", "services":'
            ' [{"name", "container", "state", "addresses", "image", "layer"}]}]}',
            long="json",
        ),
    )
    _names: tuple[str, ...] = ()
    _shown: TextIO | None = None

    def execute(self, params: Any, args: list[str]) -> Any:
        """Keep the stacks' names from doit, which would look for tasks."""
        self._names = tuple(args)
        return super().execute(params, [])

    def shown_on(self) -> TextIO:
        """See `RunCommand.shown_on`; with ``--json`` standard output is the answer's alone."""
        return self._shown or sys.stdout

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
        no_wait: bool = False,
        timeout: str = "120",
        over: Sequence[str] = (),
        as_json: bool = False,
    ) -> Any:
        found = dodo.project()
        if found is None:
            sys.stderr.write("up: this dodo.py has no stacks of doit-layers\n")
            return MISTAKE
        plain = (outfile, verbosity, always, continue_, reporter, num_process, par_type, single)
        rest = (auto_delayed_regex, force_verbosity, failure_verbosity, pdb)
        run = super(RunCommand, self)._execute
        self._shown = sys.stderr if as_json else sys.stdout

        def work() -> int:
            patience = patience_of(timeout)
            together = at_once(num_process)

            def make(layers: Iterable[str]) -> int:
                self.sel_tasks = list(layers)
                return self._make(found, lambda: run(*plain, *rest), always, False, together)

            with self.summed(self._names):
                return self._up(found, make, None if no_wait else patience, over, as_json)

        return guarded(work, found.root)

    def _up(
        self,
        found: Project,
        make: Callable[[Iterable[str]], int],
        timeout: float | None,
        over: Sequence[str],
        as_json: bool,
    ) -> int:
        from layers.compose.report import as_json as json_of
        from layers.compose.report import as_text
        from layers.compose.stacks import chosen

        stacks = chosen(found.spec, self._names)
        run, composer = self._composer(found)
        # what compose refuses is told before anything is built
        every = _prepared(run, composer, stacks, over)
        faults = _faults(run, every)
        prepared = [stack for stack in every if stack.name not in faults]
        layers = dict.fromkeys(str(layer) for one in prepared for layer in one.layers.values())
        if layers and (status := make(layers)):
            return status
        ups = []
        for stack in prepared:
            ups.append(bring(run, composer, stack, timeout, self.shown_on()))
            if self._summary is not None:
                self._summary.add(stack.name, as_text(ups[-1]))
            if not as_json:
                sys.stdout.write(as_text(ups[-1]))
                sys.stdout.flush()
        if as_json:
            sys.stdout.write(json.dumps(json_of(ups), indent=2) + "\n")
        sys.stdout.flush()
        told = [f"{stack}: not up: {why}" for stack, why in faults.items()]
        if self._summary is not None:
            for each in told:
                self._summary.failed(each)
        sys.stderr.write("".join(f"{each}\n" for each in told))
        return MISTAKE if faults else 0

    def _composer(self, found: Project) -> tuple[Session, Composer]:
        """Compose on the engine in use, which is started here if it is ours and down."""
        from layers.compose.docker_compose import DockerCompose
        from layers.report.report import report_for

        report = report_for(self.shown_on())
        run = Session.begin(found, report)
        try:
            endpoint = run.backends.endpoint
            composer = DockerCompose(endpoint, found.state.path("logs/compose"))
            for remark in () if endpoint.private else composer.remarks():
                if found.state.first_time(remark):
                    report(Warned(remark))
            return run, composer
        finally:
            report.close()


def patience_of(text: str) -> float:
    """Seconds of ``--timeout``.  Raises LayersError."""
    if not re.fullmatch(r"\d{1,6}(?:\.\d+)?", text) or not float(text):
        raise LayersError(f"--timeout {text!r}: expected a number of seconds above 0")
    return float(text)


def _prepared(
    run: Session, composer: Composer, stacks: Iterable[Any], over: Sequence[str]
) -> list[Prepared]:
    from layers.compose.stacks import prepare

    return [prepare(run, composer, stack, over) for stack in stacks]


def _faults(run: Session, stacks: Iterable[Prepared]) -> dict[str, str]:
    """The stacks that need an image with an error, and all that is wrong with such images."""
    found = {}
    for stack in stacks:
        images = dict.fromkeys(layer.image for layer in stack.layers.values())
        faults = [str(fault) for name in images if (fault := run.project.inputs.fault(name))]
        if faults:
            found[stack.name] = "\n".join(dict.fromkeys(faults))
    return found


def bring(
    run: Session, composer: Composer, stack: Prepared, timeout: float | None, shown: TextIO
) -> Up:
    """Bring one stack up; ``timeout`` None does not wait for its services.

    Raises LayersError when it does not come up.
    """
    from layers.compose.containers import host_of
    from layers.compose.report import Up, change
    from layers.compose.stacks import laid_over, pinned
    from layers.compose.up import NotUp, bring_up

    def changed(container: Any) -> None:
        shown.write(change(container))
        shown.flush()

    begin = time.monotonic()
    pins = pinned(run, stack)
    files = laid_over(run, stack, pins)
    try:
        containers = bring_up(
            composer,
            files,
            stack.services,
            timeout=timeout,
            clock=time,
            changed=changed,
        )
    except NotUp as error:
        raise NotUp(f"{stack.name}: {error.message}", hint=error.hint) from error
    host = host_of(run.backends.endpoint.host)
    took = time.monotonic() - begin
    return Up(stack.name, files.project, containers, pins, host, took, timeout is not None)
