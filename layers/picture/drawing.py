"""Drawings: the graph as values, before any form of it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from layers.runtime import units

Kind = Literal["image", "stage", "base", "upstream"]
IDLE = "not needed"
"""The state of what nobody wants now."""
PINNED, LOOSE = "pinned", "not pinned"
"""The states of an upstream."""


class Box(NamedTuple):
    """A layer, or an upstream image."""

    id: str
    """No other box of the drawing has it."""
    name: str
    kind: Kind
    """``base`` is a system base."""
    state: str
    """As in ``doit list``, or `IDLE`; of an upstream `PINNED` or `LOOSE`."""
    size: int | None = None
    """Bytes; None: nobody told."""
    expected: float | None = None
    """Seconds that what is to be done took before; None: it was never seen."""

    @property
    def told(self) -> str:
        """State and number in one line: ``fresh 1.2 GB``, ``build ≈ 26 min``."""
        if self.state == "fresh" and self.size is not None:
            return f"{self.state} {units.size(self.size)}"
        if self.state in ("build", "pull") and self.expected is not None:
            return f"{self.state} ≈ {units.about(self.expected)}"
        return self.state


class Arrow(NamedTuple):
    """From what is used to what is made from it, by the ids of both."""

    source: str
    target: str
    whole: bool = True
    """False where only files are taken of it, or it reads the Dockerfile."""


class Drawing(NamedTuple):
    """What is to be drawn: parents before what is made from them."""

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]

    def described(self) -> str:
        """The drawing in a sentence, for those who cannot see it."""
        counts: dict[str, int] = {}
        for box in self.boxes:
            if box.kind != "upstream":
                counts[box.state] = counts.get(box.state, 0) + 1
        layers = ", ".join(f"{count} {state}" for state, count in counts.items()) or "no image"
        ups = sum(box.kind == "upstream" for box in self.boxes)
        tail = f" on {ups} upstream image{'s' if ups > 1 else ''}" if ups else ""
        return f"{self.title}: {layers}{tail}"
