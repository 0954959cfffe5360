"""Up: starts a stack and waits until every service is well."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

from hashes.errors import LayersError
from layers.compose.changed import settled, waves
from layers.compose.compose import Composer, Files, Starting
from layers.compose.containers import Container, to_blame, verdict
from layers.compose.services import Service
from layers.runtime.units import seconds

LINES = 20
"""Lines of a log that a failure shows."""
EVERY = 0.5
"""Seconds between two looks; each is a subprocess of some 130 ms."""
STEADY = 1.0
"""Seconds that a service which nothing checks must go on before it counts as up."""

Changed = Callable[[Container], None]


class Clock(Protocol):
    """Seconds; the module ``time`` is one."""

    def monotonic(self) -> float:
        """Now."""
        ...

    def sleep(self, seconds: float, /) -> None:
        """Wait."""
        ...


class NotUp(LayersError):
    """A stack of which some service is not well."""


def bring_up(
    composer: Composer,
    files: Files,
    services: Sequence[Service],
    *,
    timeout: float | None,
    clock: Clock,
    changed: Changed,
) -> tuple[Container, ...]:
    """Start a stack, tell of containers whose state changes, give them as they are in the end.

    Raises NotUp when a service fails or is not well after ``timeout`` seconds; None: compose alone
    waits, where one service needs another. All is left as it is then, to be looked at.
    """
    end = clock.monotonic() + (math.inf if timeout is None else timeout)
    before = composer.containers(files.project)
    watch = _Watch(composer, files.project, changed, before)
    hashes = composer.hashes(files) if before else {}
    for wave in waves(services, settled(services, hashes, before)):
        starting = composer.start(files, wave)
        while starting.status() is None:
            if clock.monotonic() > end:
                starting.stop()
                raise _late(composer, files, watch.look(), timeout or 0)
            watch.look()
            clock.sleep(EVERY)
        found = watch.look()
        if starting.status():
            raise _failed(composer, files, found, starting)
    if timeout is None:
        return found
    steady = False
    while True:
        state = verdict(found, [service.name for service in services])
        if state == "failed":
            raise _failed(composer, files, found, starting)
        if state == "ready":
            if steady or all(one.health or one.state != "running" for one in found):
                return found
            steady = True
        if clock.monotonic() > end:
            raise _late(composer, files, found, timeout)
        clock.sleep(STEADY if state == "ready" else EVERY)
        found = watch.look()


class _Watch:
    """Looks at a stack's containers and tells what changed since the last look."""

    def __init__(
        self, composer: Composer, project: str, changed: Changed, before: Sequence[Container]
    ) -> None:
        self._composer = composer
        self._project = project
        self._changed = changed
        self._known = {one.id: one.word for one in before}

    def look(self) -> tuple[Container, ...]:
        found = tuple(self._composer.containers(self._project))
        for one in found:
            if self._known.get(one.id) != one.word:
                self._changed(one)
        self._known = {one.id: one.word for one in found}
        return found


def _failed(
    composer: Composer, files: Files, found: Sequence[Container], starting: Starting
) -> NotUp:
    failed = [one for one in found if one.verdict == "failed"]
    told = [f"{one.service} is {one.word}" for one in failed]
    told = [text.replace("is ended", "ended") for text in told]
    complaint = starting.complaint()
    if not failed and complaint:
        return NotUp(complaint, hint=advice(complaint))
    said = "; ".join(told) or complaint or "compose failed and said nothing"
    return NotUp(said + _logs(composer, files, found), hint=_LEFT)


def _late(composer: Composer, files: Files, found: Sequence[Container], timeout: float) -> NotUp:
    waiting = [f"{one.service} is {one.word}" for one in found if one.verdict != "ready"]
    said = f"not up after {seconds(timeout)}: {'; '.join(waiting) or 'compose is still at work'}"
    return NotUp(said + _logs(composer, files, found), hint=f"--timeout waits longer; {_LEFT}")


_LEFT = "its containers are left as they are; `doit down` takes them away"


def _logs(composer: Composer, files: Files, found: Sequence[Container]) -> str:
    parts = []
    for service in dict.fromkeys(one.service for one in to_blame(found)):
        lines = composer.logs(files.project, service, LINES)
        parts.append(f"\n  {service} " + ("printed last:" if lines else "printed nothing"))
        parts += [f"\n    | {line}" for line in lines]
    return "".join(parts)


def advice(complaint: str) -> str:
    """What to do about what docker says when containers cannot be started; "" where not known."""
    for words, hint in _ADVICE:
        if any(word in complaint for word in words):
            return hint
    return ""


_ADVICE = (
    (
        ("port is already allocated", "address already in use"),
        "something else has this port: end it, or set the variable of the compose file for it",
    ),
    (
        ("could not select device driver", "nvidia-container-cli"),
        "this engine has no GPU to give; a profile can take the reservation away",
    ),
    (
        ("pull access denied", "manifest unknown", "not found: manifest"),
        "an image that is none of images.toml is pulled; is its name right?",
    ),
)
