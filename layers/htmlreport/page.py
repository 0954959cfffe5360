"""The page: findings as one HTML file that fetches nothing and runs nothing."""

from __future__ import annotations

import base64
import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from layers.htmlreport.chart import chart
from layers.htmlreport.findings import Findings, Growth, Status
from layers.htmlreport.grid import Grid, Row, by_package, by_part
from layers.htmlreport.savings import Times, hits, saved, times
from layers.picture.paint import DARK, LIGHT, Paint, known
from layers.picture.svg import style, svg
from layers.runtime import units

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "templates")
OLD = 90 * 86400.0
"""Seconds after which a base is called old."""
SHOWN = 15
"""Packages of an image that are shown."""


class Panel(NamedTuple):
    """Something over time: what is told of it, and the chart."""

    name: str
    anchor: str
    now: str
    change: str
    chart: Markup


class Mass(NamedTuple):
    """How an image grew, as shown."""

    panel: Panel
    growth: Growth
    parts: Grid
    packages: Grid


def page(found: Findings) -> str:
    """A whole page of HTML 5."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        size=units.size, seconds=units.seconds, about=units.about, day=_day, moment=_moment
    )
    environment.filters["age"] = lambda at: units.age(found.time - at)
    environment.filters["stamp"] = lambda at: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    environment.filters.update(grown=_grown, paint=known, ending=lambda text: f"{text}#")
    with open(os.path.join(FOLDER, "report.css"), encoding="utf-8") as file:
        rules = f"\n{file.read()}{style()}\n{_states()}\n"
    digest = base64.b64encode(hashlib.sha256(rules.encode()).digest()).decode()
    built = times(found.works)
    fetched = hits(found.works)
    images = [growth for growth in found.growths if ":" not in growth.layer]
    return environment.get_template("report.html").render(
        found=found,
        rules=Markup(rules),  # ours
        digest=digest,
        picture=Markup(svg(found.drawing, alone=False)),  # escaped where it is made
        described=found.drawing.described(),
        parents=_parents(found),
        masses=[_mass(growth) for growth in images],
        stages=[growth for growth in found.growths if ":" in growth.layer],
        times=[(_built(each), each) for each in built if each.builds],
        never=[each for each in built if not each.builds],
        hits=fetched,
        saved=saved(fetched),
        fresh=_fresh(found.layers, built),
        old=[age for age in found.ages if found.time - age.since > OLD],
        oldest=OLD,
        shown=SHOWN,
    )


def _states() -> str:
    """The rules of a state's word, in the colours that its box has."""

    def rules(paints: Mapping[str, Paint]) -> str:
        return "".join(
            f".state.{state}{{background:{paint.fill};border-color:{paint.ink};color:{paint.ink}}}"
            for state, paint in paints.items()
        )

    return f"{rules(LIGHT)}@media(prefers-color-scheme:dark){{{rules(DARK)}}}"


def _parents(found: Findings) -> list[tuple[str, str, str]]:
    """The picture as rows: a box, its state, what it is made from."""
    names = {box.id: box.name for box in found.drawing.boxes}
    made: dict[str, list[str]] = {}
    for arrow in found.drawing.arrows:
        made.setdefault(arrow.target, []).append(names[arrow.source])
    return [(box.name, box.told, ", ".join(made.get(box.id, ()))) for box in found.drawing.boxes]


def _mass(growth: Growth) -> Mass:
    weights = growth.weights
    newest, before = weights[-1], weights[-2] if weights[1:] else None
    points = [(each.time, float(each.size)) for each in weights]
    now = units.size(newest.size)
    if growth.budget:
        now += f", {newest.size / growth.budget:.0%} of its {units.size(growth.budget)}"
    change = _change(newest.size, before.size, units.size) if before is not None else ""
    label = _label(f"Size of {growth.layer}", points, lambda value: units.size(int(value)))
    drawn = chart(points, lambda value: units.size(int(value)), label, growth.budget)
    panel = Panel(growth.layer, f"size-{growth.layer}", now, change, Markup(drawn))
    return Mass(panel, growth, by_part(weights), by_package(weights, SHOWN))


def _built(each: Times) -> Panel:
    points = [(work.time, work.seconds) for work in each.builds]
    before = each.builds[-2].seconds if each.builds[1:] else None
    last = each.builds[-1].seconds
    change = _change(last, before, units.seconds) if before is not None else ""
    label = _label(f"Build time of {each.layer}", points, units.seconds)
    drawn = Markup(chart(points, units.seconds, label))
    return Panel(each.layer, f"time-{each.layer}", units.seconds(last), change, drawn)


def _label(what: str, points: Sequence[tuple[float, float]], told: object) -> str:
    assert callable(told)
    first, last = points[0], points[-1]
    if len(points) == 1:
        return f"{what}: {told(last[1])} on {_day(last[0])}"
    low, high = (told(each(value for _, value in points)) for each in (min, max))
    return (
        f"{what}: {told(first[1])} on {_day(first[0])}, {told(last[1])} on {_day(last[0])},"
        f" {len(points)} values from {low} to {high}"
    )


def _change(now: float, before: float, told: object) -> str:
    assert callable(told)
    if now == before:
        return "as before"
    sign = "+" if now > before else "−"
    amount = abs(now - before)
    return f"{sign}{told(int(amount) if isinstance(now, int) else amount)} since the one before"


def _grown(row: Row) -> str:
    if row.new:
        return "new"
    return f"{'+' if row.change > 0 else '−'}{units.size(abs(row.change))}" if row.change else ""


def _fresh(layers: Sequence[Status], built: Sequence[Times]) -> tuple[int, float]:
    """How many layers need nothing now, and the seconds that builds of them usually take."""
    usual = {each.layer: each.usual or 0.0 for each in built}
    fresh = [each.name for each in layers if each.state == "fresh"]
    return len(fresh), sum(usual.get(name, 0.0) for name in fresh)


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at))


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))
