"""Text: the graph as a tree, for a terminal or a pipe."""

from __future__ import annotations

from typing import TextIO

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from layers.picture.drawing import Box, Drawing

_PAINT = {"fresh": "green", "pull": "cyan", "assemble": "cyan", "build": "yellow", "error": "red"}
_ENDLESS = 10_000
"""Columns of a pipe."""


def show(drawing: Drawing, stream: TextIO, *, width: int | None, color: bool) -> None:
    """Each box once, below the first one that it is made from; others are named beside it.

    ``width`` in columns; None: lines are as long as they are.
    """
    console = Console(
        file=stream,
        width=width or _ENDLESS,
        color_system="standard" if color else None,
        force_terminal=color,
        highlight=False,
        markup=False,
        emoji=False,
    )
    ids = {box.id for box in drawing.boxes}
    known = {box.id: box for box in drawing.boxes}
    homes: dict[str, list[str]] = {}
    for arrow in sorted(drawing.arrows, key=lambda each: not each.whole):
        if arrow.source in ids:
            homes.setdefault(arrow.target, []).append(arrow.source)
    below: dict[str, list[Box]] = {}
    for box in drawing.boxes:
        below.setdefault(homes.get(box.id, [""])[0], []).append(box)

    def grow(tree: Tree, home: str) -> None:
        for box in below.get(home, ()):
            others = [known[each].name for each in homes.get(box.id, [])[1:]]
            grow(tree.add(_label(box, others)), box.id)

    for root in below.get("", ()):
        tree = Tree(_label(root, []), guide_style="dim")
        grow(tree, root.id)
        console.print(tree, soft_wrap=width is None)


def _label(box: Box, others: list[str]) -> Text:
    dim = "dim" if box.kind in ("stage", "upstream", "base") else "bold"
    state, _, rest = box.told.partition(" ")
    label = Text(overflow="fold").append(box.name, dim).append("  ")
    label.append(state, _PAINT.get(state, "dim")).append(f" {rest}" if rest else "")
    if others:
        label.append(f"  and from {', '.join(others)}", "dim")
    return label
