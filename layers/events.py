"""What happens during a run, told as values: the core tells, whoever shows it listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Action = Literal["build", "pull", "push", "tag", "rootfs", "prepare"]


@dataclass(frozen=True)
class Started:
    """Work on a layer begins; ``expected`` is in seconds, from history, None when never seen."""

    layer: str
    action: Action
    reason: str = ""
    expected: float | None = None


@dataclass(frozen=True)
class Step:
    """Step ``number`` of ``total`` runs now; ``cached`` means BuildKit had it."""

    layer: str
    number: int
    total: int
    name: str
    cached: bool = False


@dataclass(frozen=True)
class StepDone:
    """Step ``number`` ended after ``seconds`` by the engine's own clock."""

    layer: str
    number: int
    total: int
    seconds: float
    ok: bool = True


@dataclass(frozen=True)
class Output:
    """A line that a step printed."""

    layer: str
    line: str


@dataclass(frozen=True)
class Transfer:
    """Bytes moved so far by a pull or push; ``total`` is 0 while unknown."""

    layer: str
    done: int
    total: int


@dataclass(frozen=True)
class Finished:
    """Work on a layer is over, after ``seconds``; ``detail`` says what came of it."""

    layer: str
    action: Action
    ok: bool
    seconds: float
    detail: str = ""


@dataclass(frozen=True)
class Warned:
    """Something that the user should know and that stops nothing."""

    message: str
    layer: str = ""


Event = Started | Step | StepDone | Output | Transfer | Finished | Warned
Listener = Callable[[Event], None]


def silent(event: Event) -> None:
    """A listener that shows nothing."""
