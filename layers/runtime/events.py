"""What happens during a run, told as values: the core tells, whoever shows it listens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

Action = Literal["build", "assemble", "pull", "push", "tag", "rootfs", "prepare", "copy"]


class Started(NamedTuple):
    """Work on a layer begins; ``expected`` is in seconds, from history, None when never seen."""

    layer: str
    action: Action
    reason: str = ""
    expected: float | None = None


class Step(NamedTuple):
    """Step ``number`` of ``total`` runs now; ``cached`` means BuildKit had it."""

    layer: str
    number: int
    total: int
    name: str
    cached: bool = False


class StepDone(NamedTuple):
    """Step ``number`` ended after ``seconds`` by the engine's own clock."""

    layer: str
    number: int
    total: int
    seconds: float
    ok: bool = True


class Output(NamedTuple):
    """A line that a step printed."""

    layer: str
    line: str


class Stalled(NamedTuple):
    """Nothing was heard for ``seconds`` of something that a build is at, and nothing was ended."""

    layer: str
    number: int
    """Its place among the steps of the Dockerfile; 0 for work of BuildKit's own."""
    total: int
    name: str
    seconds: float
    lines: tuple[str, ...] = ()
    """What it printed last; empty: nothing."""
    advice: str = ""
    """What may be behind it, and what to do."""


class Transfer(NamedTuple):
    """Bytes moved so far by a pull or push; ``total`` is 0 while unknown."""

    layer: str
    done: int
    total: int


class Finished(NamedTuple):
    """Work on a layer is over, after ``seconds``; ``detail`` says what came of it."""

    layer: str
    action: Action
    ok: bool
    seconds: float
    detail: str = ""


class Failed(NamedTuple):
    """A layer could not be made; told once for each thing that is wrong."""

    layer: str
    message: str
    """What is wrong, in a sentence."""
    file: str = ""
    """The file that is to be mended, such as the Dockerfile."""
    line: int = 0
    """Where in it, from 1; 0: nobody knows."""
    step: str = ""
    """The step of the Dockerfile that failed, such as ``4/9 RUN make``."""
    command: str = ""
    lines: tuple[str, ...] = ()
    """What that step printed last."""
    log: str = ""
    cause: str = ""
    """What is behind it, where that is known."""
    remedy: str = ""


class Warned(NamedTuple):
    """Something that the user should know and that stops nothing."""

    message: str
    layer: str = ""


Event = Started | Step | StepDone | Output | Stalled | Transfer | Finished | Failed | Warned
Listener = Callable[[Event], None]


def silent(event: Event) -> None:
    """A listener that shows nothing."""
