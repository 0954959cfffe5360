"""Containers in memory: a real implementation of the Protocol, without an engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from layers.engine.containers import TIMED_OUT, ContainerError, Ran
from layers.engine.engine import EngineDown
from layers.engine.errors import UnknownReference
from layers.oci.reference import Reference


@dataclass(frozen=True)
class Call:
    """One `Containers.run`."""

    image: str
    argv: tuple[str, ...]
    network: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    user: str = ""


Program = Callable[[Call], Ran]


def said(output: str = "", errors: str = "", status: int = 0) -> Ran:
    """What a command gave, after no time."""
    return Ran(status, output, errors, 0.0)


def _sleep(call: Call) -> Ran:
    wanted = float(call.argv[1])
    if call.timeout is not None and call.timeout < wanted:
        return Ran(TIMED_OUT, "", f"ended after {call.timeout:g} s, its time limit\n", call.timeout)
    return Ran(0, "", "", wanted)


COMMON: Mapping[str, Program] = {
    "env": lambda call: said("".join(f"{key}={value}\n" for key, value in call.env.items())),
    "echo": lambda call: said(" ".join(call.argv[1:]) + "\n"),
    "false": lambda call: said(status=1),
    "id": lambda call: said(f"{call.user or '0'}\n"),
    "ls": lambda call: said(errors=f"ls: {call.argv[1]}: No such file or directory\n", status=1),
    "sleep": _sleep,
}
"""As far as the contract's tests use them."""


@dataclass
class MemoryImage:
    """What is in an image."""

    files: dict[str, bytes] = field(default_factory=dict)
    history: tuple[tuple[str, int], ...] = ()
    """Oldest first."""
    programs: dict[str, Program] = field(default_factory=lambda: dict(COMMON))
    """By their names as ``argv[0]`` has them."""


class MemoryContainers:
    """Containers of ``images``, by full or short reference.

    ``down`` makes nothing answer; ``calls`` lists every run, in order.
    """

    def __init__(self, images: Mapping[str, MemoryImage] | None = None) -> None:
        self.images = dict(images or {})
        self.down = False
        self.calls: list[Call] = []

    def run(
        self,
        image: str,
        argv: Sequence[str],
        *,
        network: str = "",
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        user: str = "",
    ) -> Ran:
        """See `layers.engine.containers.Containers.run`."""
        held = self._held(image)
        call = Call(image, tuple(argv), network, dict(env or {}), timeout, user)
        self.calls.append(call)
        program = held.programs.get(argv[0]) if argv else None
        if program is None:
            raise ContainerError(f"cannot start {argv[0]!r} in {image}: not found in $PATH")
        return program(call)

    def files(
        self, image: str, paths: Sequence[str], wanted: Callable[[str], bool]
    ) -> dict[str, bytes]:
        """See `layers.engine.containers.Containers.files`."""
        return {
            path: content
            for path, content in self._held(image).files.items()
            if any(path == one or path.startswith(f"{one.rstrip('/')}/") for one in paths)
            and wanted(path)
        }

    def history(self, image: str) -> tuple[tuple[str, int], ...]:
        """See `layers.engine.containers.Containers.history`."""
        return self._held(image).history

    def _held(self, image: str) -> MemoryImage:
        if self.down:
            raise EngineDown("no Docker engine answers in memory")
        for name, held in self.images.items():
            if str(Reference.parse(name)) == str(Reference.parse(image)):
                return held
        raise UnknownReference(f"cannot run {image}: No such image", hint="pull or build it first")
