"""Charts: values over time as a line, in SVG within a page."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from xml.etree import ElementTree

WIDTH, HEIGHT = 340.0, 110.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 6.0, 6.0, 18.0, 20.0
"""Pixels around the line, for the words."""

Point = tuple[float, float]


def chart(
    points: Sequence[Point],
    told: Callable[[float], str],
    label: str,
    limit: float | None = None,
) -> str:
    """Values by Unix seconds, oldest first, from zero up; ``limit`` is a line across.

    ``label`` tells what it shows to those who cannot see it; colours are the page's.
    """
    root = ElementTree.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {WIDTH:g} {HEIGHT:g}",
            "class": "chart",
            "role": "img",
            "aria-label": label,
        },
    )
    top = max([value for _, value in points] + ([limit] if limit else []), default=0.0) or 1.0
    first, last = points[0][0], points[-1][0]
    places = [(_across(at, first, last), _down(value, top)) for at, value in points]
    if limit is not None:
        y = f"{_down(limit, top):.1f}"
        ends = {"x1": f"{_LEFT:g}", "x2": f"{WIDTH - _RIGHT:g}", "y1": y, "y2": y}
        ElementTree.SubElement(root, "line", {"class": "limit", **ends})
    floor = f"{HEIGHT - _BOTTOM:g}"
    ends = {"x1": f"{_LEFT:g}", "x2": f"{WIDTH - _RIGHT:g}", "y1": floor, "y2": floor}
    ElementTree.SubElement(root, "line", {"class": "axis", **ends})
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    ElementTree.SubElement(root, "polyline", {"class": "line", "points": line})
    for (across, down), (at, value) in zip(places, points, strict=True):
        dot = {"class": "dot", "cx": f"{across:.1f}", "cy": f"{down:.1f}", "r": "3.5"}
        made = ElementTree.SubElement(root, "circle", dot)
        ElementTree.SubElement(made, "title").text = f"{_day(at)}: {told(value)}"
    _word(root, _LEFT, _TOP - 6, "start", told(top))
    _word(root, _LEFT, HEIGHT - 5, "start", _day(first))
    if _day(last) != _day(first):
        _word(root, WIDTH - _RIGHT, HEIGHT - 5, "end", _day(last))
    return ElementTree.tostring(root, encoding="unicode")


def _word(root: ElementTree.Element, x: float, y: float, anchor: str, text: str) -> None:
    at = {"class": "word", "x": f"{x:g}", "y": f"{y:g}", "text-anchor": anchor}
    ElementTree.SubElement(root, "text", at).text = text


def _across(at: float, first: float, last: float) -> float:
    width = WIDTH - _LEFT - _RIGHT - 10
    share = (at - first) / (last - first) if last > first else 0.5
    return _LEFT + 5 + width * share


def _down(value: float, top: float) -> float:
    return HEIGHT - _BOTTOM - (HEIGHT - _BOTTOM - _TOP) * value / top


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at))
