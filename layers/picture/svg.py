"""SVG: the graph as a picture that needs nothing else, in light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from layers.picture.drawing import Box, Drawing
from layers.picture.layout import BETWEEN, Point, lay_out
from layers.picture.paint import DARK, LIGHT, Paint, known

_LONGEST = 26
"""Letters of a name; the middle of a longer one is left out, and its title has it whole."""
_LETTER = 7.9
"""Pixels of one in the font of names, 13 pixels high."""
_PAD = 12.0
_HEIGHT = 46.0
_EDGE = 16.0
"""Pixels around the picture."""
_SPACE = "http://www.w3.org/2000/svg"


def svg(drawing: Drawing, *, alone: bool = True) -> str:
    """The picture; not ``alone`` it is part of a page that has `style` and tells what it shows."""
    names = [_short(box.name) for box in drawing.boxes]
    told = [box.told for box in drawing.boxes]
    width = 2 * _PAD + _LETTER * max((len(text) for text in (*names, *told)), default=8)
    ids = {box.id: number for number, box in enumerate(drawing.boxes)}
    ends = {(ids[arrow.source], ids[arrow.target]): arrow for arrow in drawing.arrows}
    layout = lay_out(len(names), ends, width, _HEIGHT)
    across, down = layout.width + 2 * _EDGE, layout.height + 2 * _EDGE
    root = ElementTree.Element(
        "svg",
        {
            "xmlns": _SPACE,
            "viewBox": f"0 0 {_number(across)} {_number(down)}",
            "width": _number(across),
            "height": _number(down),
            "class": "graph",
            "role": "img",
            "aria-label": _clean(drawing.described()),
        },
    )
    if alone:
        ElementTree.SubElement(root, "title").text = _clean(drawing.described())
        ElementTree.SubElement(root, "style").text = style()
        ElementTree.SubElement(root, "rect", {"class": "ground", "width": "100%", "height": "100%"})
    inner = ElementTree.SubElement(
        root, "g", {"transform": f"translate({_number(_EDGE)} {_number(_EDGE)})"}
    )
    for way in layout.ways:
        points = (layout.middles[way.source], *way.through, layout.middles[way.target])
        whole = ends[way.source, way.target].whole
        kind = "way" if whole else "way part"
        ElementTree.SubElement(inner, "path", {"class": kind, "d": _path(points, width)})
    for box, middle, name in zip(drawing.boxes, layout.middles, names, strict=True):
        _draw(inner, box, name, middle, width)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def style() -> str:
    """The rules of a picture's classes, for light and dark."""
    common = (
        ".graph text{font-family:ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;"
        "font-size:13px;text-anchor:middle}"
        ".graph .name{font-weight:600}"
        ".graph .way{fill:none;stroke-width:1.5}"
        ".graph .part,.graph .stage rect{stroke-dasharray:5 3}"
        ".graph .base rect{stroke-width:3}"
    )
    light = _rules("#ffffff", "#6b7280", LIGHT)
    dark = _rules("#0d1117", "#9ca3af", DARK)
    return (
        f"{common}:root{{color-scheme:light dark}}{light}"
        f"@media(prefers-color-scheme:dark){{{dark}}}"
    )


def _rules(ground: str, way: str, paints: dict[str, Paint]) -> str:
    return f".graph .ground{{fill:{ground}}}.graph .way{{stroke:{way}}}" + "".join(
        f".graph .{state} rect{{fill:{paint.fill};stroke:{paint.ink}}}"
        f".graph .{state} text{{fill:{paint.ink}}}"
        for state, paint in paints.items()
    )


def _draw(parent: ElementTree.Element, box: Box, name: str, middle: Point, width: float) -> None:
    x, y = middle
    group = ElementTree.SubElement(parent, "g", {"class": f"{box.kind} {known(box.state)}"})
    ElementTree.SubElement(group, "title").text = _clean(f"{box.name}: {box.told}")
    corner = _HEIGHT / 2 if box.kind == "upstream" else 6.0
    place = {"x": x - width / 2, "y": y - _HEIGHT / 2, "width": width, "height": _HEIGHT}
    shape = {key: _number(value) for key, value in (*place.items(), ("rx", corner))}
    ElementTree.SubElement(group, "rect", shape)
    for kind, text, below in (("name", name, -4.0), ("told", box.told, 14.0)):
        at = {"class": kind, "x": _number(x), "y": _number(y + below)}
        ElementTree.SubElement(group, "text", at).text = _clean(text)


def _path(points: Sequence[Point], width: float) -> str:
    """From the right side of a box to the left side of another, straight through columns."""
    (x, y), *rest = points
    parts = [f"M{_number(x + width / 2)} {_number(y)}"]
    x += width / 2
    for number, (to_x, to_y) in enumerate(rest, 1):
        left = to_x - width / 2
        bend = min((left - x) / 2, BETWEEN)
        curve = ((x + bend, y), (left - bend, to_y), (left, to_y))
        parts.append("C" + " ".join(f"{_number(a)} {_number(b)}" for a, b in curve))
        x, y = left, to_y
        if number < len(rest):
            x = to_x + width / 2
            parts.append(f"H{_number(x)}")
    return "".join(parts)


def _short(name: str) -> str:
    if len(name) <= _LONGEST:
        return name
    half = (_LONGEST - 1) // 2
    return f"{name[:half]}…{name[-half:]}"


def _clean(text: str) -> str:
    """Without what XML has no way to write."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
