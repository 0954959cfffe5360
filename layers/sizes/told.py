"""What is told of an image's sizes: for people, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from layers.runtime.units import size as words
from layers.sizes.files import Lost
from layers.sizes.growth import Growth
from layers.sizes.measure import Measured

MOST = {"packages": 10, "duplicates": 5, "lost": 5}
"""Rows of each kind that are told unless all are asked for."""


class Told(NamedTuple):
    """An image that was measured."""

    layer: str
    key: str
    where: str
    """``engine`` or ``registry``."""
    max_size: int | None
    """Bytes; None: it has no budget."""
    measured: Measured
    growth: Growth | None
    """None: no image of another key is known here."""


def as_json(told: Told) -> dict[str, Any]:
    """An object for programs; sizes in bytes, None where they are not known."""
    found = told.measured
    grown = told.growth
    return {
        "image": told.layer,
        "key": told.key,
        "where": told.where,
        "max_size": told.max_size,
        "unpacked": found.unpacked,
        "packed": found.packed,
        "seen": found.seen,
        "files": found.files,
        "layers": [each._asdict() for each in found.layers],
        "packages": [each._asdict() for each in found.packages],
        "duplicates": [each._asdict() for each in found.duplicates],
        "lost": [each._asdict() for each in found.lost],
        "growth": grown._asdict() if grown is not None else None,
    }


def as_text(told: Told, width: int, *, everything: bool = False, color: bool = False) -> str:
    """Lines of at most ``width`` columns."""
    lines = [*_head(told, color), "", *_layers(told)]
    for part in (_packages, _duplicates, _lost):
        rows = part(told, everything)
        lines += ["", *rows] if rows else []
    return "".join(f"{_fitted(line, width)}\n" for line in lines)


def _fitted(line: str, width: int) -> str:
    plain = line if "\x1b" not in line else ""
    return f"{plain[: width - 1].rstrip()}…" if len(plain) > width else line.rstrip()


def _head(told: Told, color: bool) -> Iterator[str]:
    found = told.measured
    packed = f", {words(found.packed)} packed" if found.packed is not None else ""
    count = len(found.layers)
    layers = f"{count} layer{'s' if count != 1 else ''}"
    name = f"\x1b[1m{told.layer}\x1b[0m" if color else told.layer
    yield f"{name}, from the {told.where}: {words(found.unpacked)} in {layers}{packed}"
    yield f"  {told.key}"
    if told.max_size is not None:
        part = found.unpacked / told.max_size
        over = ": it is over" if found.unpacked > told.max_size else ""
        text = f"  {part:.0%} of its max_size {words(told.max_size)}{over}"
        yield f"\x1b[31m{text}\x1b[0m" if color and over else text
    if told.growth is None:
        yield "  no image of another key is known here to compare it with"
    else:
        packed = f", {_change(told.growth.packed)} packed" if told.growth.packed is not None else ""
        yield f"  {_change(told.growth.unpacked)}{packed} since {told.growth.key}"


def _change(count: int | None, nothing: str = "+0 B") -> str:
    if not count:
        return nothing
    return f"{'+' if count > 0 else '−'}{words(abs(count))}"


def _layers(told: Told) -> Iterator[str]:
    grown = told.growth.layers if told.growth is not None else None
    head = "     grown" if grown is not None else ""
    yield f"  layer   packed unpacked{head}  instruction"
    for at, each in enumerate(told.measured.layers):
        packed = words(each.packed) if each.packed is not None else "?"
        change = f"{_change(grown[at], ''):>10}" if grown is not None else ""
        row = f"{at + 1:>7} {packed:>8} {words(each.unpacked):>8}{change}"
        yield f"{row}  {each.instruction or '?'}"


def _packages(told: Told, everything: bool) -> Sequence[str]:
    found = told.measured.packages
    if not found:
        return ()
    parts = []
    for manager in dict.fromkeys(each.manager for each in found):
        own = [each.size for each in found if each.manager == manager]
        parts.append(f"{len(own)} of {manager} with {words(sum(own))}")
    rest = told.measured.seen - sum(each.size for each in found)
    lines = [f"  packages: {', '.join(sorted(parts))}; {words(rest)} are in none"]
    changes: Mapping[str, int] = told.growth.packages if told.growth is not None else {}
    counted = len(found) if everything else MOST["packages"]
    for each in islice(found, counted):
        change = f"{_change(changes.get(each.identity), ''):>9}" if told.growth else ""
        lines.append(
            f"  {words(each.size):>8}{change}  {each.manager:<4}  {each.name} {each.version}"
        )
    shown = {each.identity for each in islice(found, counted)}
    more = sorted(
        ((change, name) for name, change in changes.items() if name not in shown),
        key=lambda pair: (-abs(pair[0]), pair[1]),
    )
    most = len(more) if everything else MOST["packages"] // 2
    lines += [f"          {_change(change):>9}  {name}" for change, name in more[:most]]
    return lines


def _duplicates(told: Told, everything: bool) -> Sequence[str]:
    found = told.measured.duplicates
    if not found:
        return ()
    spare = sum(each.spare for each in found)
    lines = [f"  duplicates: {words(spare)} in files that are there more than once"]
    for each in found if everything else found[: MOST["duplicates"]]:
        lines.append(f"  {words(each.size):>8} × {len(each.paths)}  /{each.paths[0]}")
        others = each.paths[1:] if everything else each.paths[1:2]
        lines += [f"                /{path}" for path in others]
    return lines


def _lost(told: Told, everything: bool) -> Sequence[str]:
    found = told.measured.lost
    if not found:
        return ()
    groups: dict[tuple[int, int, str], list[Lost]] = {}
    for each in found:
        groups.setdefault((each.layer, each.by, each.how), []).append(each)
    ordered = sorted(groups.items(), key=lambda pair: (-_sum(pair[1]), pair[0]))
    lines = [f"  lost: {words(_sum(found))} in layers, of files that no container sees"]
    for (layer, by, how), files in ordered if everything else ordered[: MOST["lost"]]:
        count = f"{len(files)} files, such as " if len(files) > 1 else ""
        lines.append(f"  {words(_sum(files)):>8}  layer {layer}, {how} in layer {by}")
        shown = files if everything else files[:1]
        lines += [f"            {'' if everything else count}/{each.path}" for each in shown]
    if any(how == "repeated" for _, _, how in groups):
        lines.append("  repeated are files of which only mode, owner or time changed:")
        lines.append("  COPY --chown and --chmod set these at once")
    return lines


def _sum(files: Sequence[Lost]) -> int:
    return sum(each.size for each in files)
