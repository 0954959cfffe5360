"""Paint: the colours of states, the same in every picture."""

from __future__ import annotations

from typing import NamedTuple


class Paint(NamedTuple):
    """Two colours of one hue; the text on the filling has a contrast of 7 to 1 or more."""

    fill: str
    ink: str
    """Of text and border."""


LIGHT = {
    "fresh": Paint("#dcfce7", "#14532d"),
    "pull": Paint("#cffafe", "#164e63"),
    "assemble": Paint("#cffafe", "#164e63"),
    "build": Paint("#fef3c7", "#78350f"),
    "error": Paint("#fee2e2", "#7f1d1d"),
    "other": Paint("#f3f4f6", "#374151"),
}
DARK = {state: Paint(paint.ink, paint.fill) for state, paint in LIGHT.items()}


def known(state: str) -> str:
    """The state whose colours count for one; those that have none share "other"."""
    return state if state in LIGHT else "other"
