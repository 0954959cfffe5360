"""Mermaid: the graph as a flowchart, which pages of Markdown show as a picture."""

from __future__ import annotations

from layers.picture.drawing import Drawing
from layers.picture.paint import LIGHT, known

_SHAPES = {"image": ("[", "]"), "base": ("[(", ")]"), "stage": ("(", ")"), "upstream": ("([", "])")}


def mermaid(drawing: Drawing) -> str:
    """A flowchart; dotted arrows where only files are taken."""
    ids = {box.id: f"n{number}" for number, box in enumerate(drawing.boxes)}
    lines = ["flowchart LR", f"  accTitle: {_line(drawing.title)}"]
    lines.append(f"  accDescr: {_line(drawing.described())}")
    for box in drawing.boxes:
        before, after = _SHAPES[box.kind]
        label = f'"{_escaped(box.name)}<br>{_escaped(box.told)}"'
        lines.append(f"  {ids[box.id]}{before}{label}{after}:::{known(box.state)}")
    for arrow in drawing.arrows:
        sign = "-->" if arrow.whole else "-.->"
        lines.append(f"  {ids[arrow.source]} {sign} {ids[arrow.target]}")
    for name, (fill, ink) in LIGHT.items():
        lines.append(f"  classDef {name} fill:{fill},stroke:{ink},color:{ink}")
    return "".join(f"{line}\n" for line in lines)


def _escaped(text: str) -> str:
    """What has a meaning in a label, by its number; letters, digits and harmless signs stay."""
    seen = "".join(each if each.isprintable() else " " for each in text)
    plain = "_-./:≈ "
    return "".join(each if each.isalnum() or each in plain else f"#{ord(each)};" for each in seen)


def _line(text: str) -> str:
    """A text that ends with its line, where signs cannot be escaped."""
    return "".join(each if each.isalnum() or each in "_-./:, " else " " for each in text)
