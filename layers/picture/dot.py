"""DOT: the graph for Graphviz."""

from __future__ import annotations

from layers.picture.drawing import Drawing
from layers.picture.paint import LIGHT, known

_SHAPES = {"image": "box", "base": "cylinder", "stage": "box", "upstream": "oval"}


def dot(drawing: Drawing) -> str:
    """A digraph; dotted edges where only files are taken."""
    lines = [
        "digraph images {",
        f"  label={_quoted(drawing.described())}; rankdir=LR; bgcolor=transparent",
        '  node [fontname="sans-serif", fontsize=11, style="filled,rounded"]',
        '  edge [color="#6b7280"]',
    ]
    for box in drawing.boxes:
        fill, ink = LIGHT[known(box.state)]
        label = _quoted(f"{box.name}\n{box.told}")
        shape = _SHAPES[box.kind]
        style = "" if shape == "box" else ", style=filled"
        lines.append(
            f"  {_quoted(box.id)} [label={label}, shape={shape}{style},"
            f' fillcolor="{fill}", color="{ink}", fontcolor="{ink}"]'
        )
    for arrow in drawing.arrows:
        style = "" if arrow.whole else " [style=dotted]"
        lines.append(f"  {_quoted(arrow.source)} -> {_quoted(arrow.target)}{style}")
    return "".join(f"{line}\n" for line in (*lines, "}"))


def _quoted(text: str) -> str:
    """A string of DOT's."""
    inside = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"{}"'.format("".join(each if each.isprintable() else " " for each in inside))
