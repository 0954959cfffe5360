"""Containers: running a command in an image, and reading files out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from layers.engine.engine import EngineError

KEPT = 1 << 20
"""Bytes kept of each stream that a command writes: the last ones."""
TIMED_OUT = 124
"""Status of a command that took too long, as of timeout(1)."""
LABEL_UNTIL = "io.doit-layers.until"
"""Unix seconds after which a container is nobody's any more and may be removed."""


class ContainerError(EngineError):
    """A container that could not be made or started."""


@dataclass(frozen=True)
class Ran:
    """How a command in a container ended."""

    status: int
    """Its exit status; `TIMED_OUT` when it was ended for taking too long."""
    output: str
    errors: str
    seconds: float


class Containers(Protocol):
    """What we ask of an engine about what is inside its images; it must hold them already.

    Every call raises EngineDown when nothing answers, and UnknownReference for an image that the
    engine does not have. No container outlives its call.
    """

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
        """Run ``argv`` in place of the image's entrypoint and command, with stdin closed.

        ``network`` is as in ``docker run --network``, empty for the engine's default; ``timeout``
        in seconds; ``user`` empty for the image's. Raises ContainerError when ``argv`` cannot be
        started, e.g. since the image has no such program.
        """
        ...

    def files(
        self, image: str, paths: Sequence[str], wanted: Callable[[str], bool]
    ) -> dict[str, bytes]:
        """Regular files at or below absolute ``paths`` whose path is ``wanted``, by path.

        Nothing runs in the image. A path that is not there is left out; a link is not followed.
        """
        ...

    def history(self, image: str) -> tuple[tuple[str, int], ...]:
        """How each layer or setting of an image was made, and its bytes unpacked; oldest first."""
        ...
