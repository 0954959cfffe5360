"""Failed builds: what a person needs of one, as values and as text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from layers.build.failure.cause import Cause, Ending
from layers.build.failure.find import cause_of
from layers.build.failure.words import ran
from layers.build.rawjson import BuildLog
from layers.report import wording

SHOWN = 20
"""Lines of a step, and of buildx, that are shown."""
_WIDTH = 400
"""Characters of a step and of a command that are shown."""
_LINE = re.compile(r"(?:dockerfile parse error on line |^[^\s:]+:)(?P<line>\d+)(?:: |$)")


class Failure(NamedTuple):
    """A build that failed."""

    layer: str
    file: str
    """Its Dockerfile."""
    line: int = 0
    """Where the step stands in it; 0: nobody says."""
    step: str = ""
    """``4/9 RUN make``; empty: no step failed."""
    command: str = ""
    """What that step ran."""
    error: str = ""
    """What BuildKit says of it: ``exit code: 2``."""
    lines: tuple[str, ...] = ()
    """What the step printed last."""
    tail: tuple[str, ...] = ()
    """What buildx printed besides: the place in the Dockerfile, and its error."""
    log: str = ""
    cause: Cause | None = None


def failure_of(layer: str, file: str, log: BuildLog, log_path: str) -> Failure:
    """What came of a build, by all that was heard of it."""
    failed = log.failed()
    found = Failure(layer, file, _line(log.tail), tail=tuple(log.tail[-SHOWN:]), log=log_path)
    if failed is None:
        return found
    command = ran(failed.error)
    total = sum(not each.internal for each in log.vertices.values())
    place = f"{failed.number}/{total} " if failed.number and not failed.internal else ""
    name = failed.name if failed.internal else failed.instruction
    return found._replace(
        step=place + wording.step_name(name, _WIDTH),
        command=command,
        error=_short(failed.error) if command else failed.error,
        lines=tuple(failed.lines[-SHOWN:]),
        cause=cause_of(Ending(failed.name, tuple(failed.lines), failed.error)),
    )


def _line(tail: Sequence[str]) -> int:
    """The line of the Dockerfile that buildx names above its excerpt, or in its error."""
    for text in tail:
        found = _LINE.search(text)
        if found is not None:
            return int(found["line"])
    return 0


def _short(error: str) -> str:
    """An error without the command that failed."""
    return error.partition("did not complete successfully: ")[2] or error


def text(failure: Failure, status: int) -> str:
    """The failure as people need it; what to do about it comes behind, as a hint.

    ``status`` is buildx's own.
    """
    image, _, stage = failure.layer.partition(":")
    head = f"{failure.layer}: the build failed"
    if stage:
        head = f"{failure.layer}: the build of the stage {stage} of {image} failed"
    lines = [head]
    if failure.step:
        lines.append(f"  step    {failure.step}")
    elif not failure.tail:
        lines.append(f"  docker buildx build ended with status {status} and said nothing")
    if failure.command:
        lines.append(f"  command {wording.step_name(failure.command, _WIDTH)}")
    if failure.error:
        lines.append(f"  error   {failure.error}")
    place = f"{failure.file}:{failure.line}" if failure.line else failure.file
    lines.append(f"  file    {place}")
    if failure.lines:
        lines.append("  last lines of the step:")
        lines += [f"    | {line}" for line in failure.lines]
    lines += [f"    {line}" for line in failure.tail]
    lines.append(f"  log     {failure.log}")
    if failure.cause is not None:
        lines.append(f"  cause   {failure.cause.text}")
    return "\n".join(lines)
