"""The report of a clean-up: a table of what goes and a line for each reason why the rest stays."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from layers.gc.item import Found, Place
from layers.gc.remove import Removal
from layers.gc.scan import CleanUp
from layers.gc.sweep import Going
from layers.runtime.units import size

VERSION = 1


@dataclass(frozen=True)
class Done:
    """What a run that removes has to tell beside its plan."""

    outcomes: tuple[Removal, ...] = ()
    cache: int = 0
    """Bytes that the engine says it freed of its build cache."""
    disk: int | None = None
    """Bytes that the private registry freed on disk; None: there was nothing to free, or it is
    another registry, which frees them in its own time."""
    notes: tuple[str, ...] = ()

    @property
    def skipped(self) -> tuple[Removal, ...]:
        """What is still there."""
        return tuple(each for each in self.outcomes if each.skipped)


def as_text(clean_up: CleanUp, now: float) -> str:
    """The plan, the same for a dry run and a real one; ``now`` in Unix seconds."""
    lines = [f"note: {note}" for note in clean_up.notes]
    for place in ("engine", "registry"):
        lines += _table(place, [g for g in clean_up.sweep.goes if g.found.place == place], now)
    if clean_up.files:
        lines.append(f".layers: {_sum(len(clean_up.files), _files(clean_up))}")
        rows = [(each.path, size(each.size), each.reason) for each in clean_up.files]
        lines += _columns(rows, right=(1,))
    if clean_up.cache:
        lines.append(f"build cache: {size(clean_up.cache)} beyond what is to stay")
    if clean_up.empty:
        lines.append("nothing to remove")
    reasons = Counter((one.found.place, one.reason) for one in clean_up.sweep.stays)
    if reasons:
        lines.append("stays")
        rows = [(place, str(count), reason) for (place, reason), count in sorted(reasons.items())]
        lines += _columns(rows, right=(1,))
    return "".join(f"{line}\n" for line in lines)


def ending(clean_up: CleanUp, done: Done | None) -> str:
    """The last lines: what was removed; ``done`` is None for a dry run."""
    if done is None:
        total = sum(each.size for each in clean_up.sweep.goes) + _files(clean_up) + clean_up.cache
        return f"dry run: nothing was removed; {size(total)} would be\n"
    lines = [f"note: {note}" for note in done.notes]
    for reason, count in sorted(Counter(each.skipped for each in done.skipped).items()):
        lines.append(f"{count} left: {reason}")
    removed = [each.going for each in done.outcomes if not each.skipped]
    freed = sum(each.size for each in removed) + _files(clean_up) + done.cache
    if not clean_up.empty:
        count = len(removed) + len(clean_up.files)
        lines.append(f"removed {_sum(count, freed)}")
    if done.disk is not None:
        lines.append(f"the registry freed {size(done.disk)} on disk")
    return "".join(f"{line}\n" for line in lines)


def as_json(clean_up: CleanUp, done: Done | None) -> dict[str, Any]:
    """The same for programs; bytes are numbers, times RFC 3339 in UTC."""
    sweep = clean_up.sweep
    reasons = Counter((each.found.place, each.reason) for each in sweep.stays)
    skipped = {id(each.going): each.skipped for each in done.outcomes} if done else {}
    return {
        "version": VERSION,
        "dry_run": done is None,
        "keep": clean_up.scope.keep,
        "goes": [
            {
                **_about(each.found),
                "bytes": each.size,
                "reason": each.reason,
                "removed": done is not None and not skipped.get(id(each), "not reached"),
                "skipped": skipped.get(id(each), ""),
            }
            for each in sweep.goes
        ],
        "files": [
            {"path": each.path, "bytes": each.size, "reason": each.reason}
            for each in clean_up.files
        ],
        "stays": [
            {"place": place, "reason": reason, "count": count}
            for (place, reason), count in sorted(reasons.items())
        ],
        "bytes": {
            "engine": sweep.size("engine"),
            "registry": sweep.size("registry"),
            "files": _files(clean_up),
            "cache": clean_up.cache if done is None else done.cache,
        },
        "disk": None if done is None else done.disk,
        "notes": [*clean_up.notes, *(done.notes if done else ())],
    }


def _about(found: Found) -> dict[str, Any]:
    return {
        "place": found.place,
        "repository": found.repository,
        "layer": found.layer,
        "key": found.key,
        "tags": list(found.tags),
        "digest": str(found.digest),
        "platform": found.platform.strip("/"),
        "created": _moment(found.created),
    }


def _table(place: Place, goes: Sequence[Going], now: float) -> list[str]:
    if not goes:
        return []
    total = sum(each.size for each in goes)
    rows = [
        (
            each.found.layer or each.found.repository,
            _title(each.found),
            _ago(now - each.found.created) if each.found.created else "",
            size(each.size),
            each.reason,
        )
        for each in goes
    ]
    return [f"{place}: {_sum(len(goes), total)}", *_columns(rows, right=(3,))]


def _title(found: Found) -> str:
    if found.subjects:
        return f"attached to {min(found.subjects).text[:19]}"
    if found.record is not None:
        return f"of layer {found.record.text[:19]}"
    return found.key or next(iter(found.tags), "") or found.digest.text[:19]


def _columns(rows: Sequence[tuple[str, ...]], right: tuple[int, ...] = ()) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if number in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  " + "  ".join(cells).rstrip())
    return lines


def _sum(count: int, total: int) -> str:
    return f"{count} {'thing' if count == 1 else 'things'}, {size(total)}"


def _files(clean_up: CleanUp) -> int:
    return sum(each.size for each in clean_up.files)


def _ago(seconds: float) -> str:
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = int(seconds // length)
        if count > 0:
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return "just now"


def _moment(created: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(created)) if created else ""
