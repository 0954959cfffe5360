"""The report of a refresh as Markdown, as GitHub renders it (GFM), for a telephone too."""

from __future__ import annotations

from collections.abc import Sequence

from hashes.errors import LayersError
from layers.oci.digest import Digest
from layers.refresh.report import BaseReport, RefreshReport, verdict
from layers.report.markdown import code, fenced, plain, table
from layers.runtime.units import seconds, size

_FOLDED = 10
"""A table of more rows is folded."""
_SHOWN = (200, 50, 10, 0)
"""Rows shown of a table: the first number that keeps the report below `_LONGEST`."""
_LONGEST = 60_000
"""Characters: the text of a pull request may have 65,536."""
_TAIL = 40
"""Lines of a failure's log."""
_WIDTH = 300
"""Characters of such a line."""


def render(report: RefreshReport) -> str:
    """The report for people: the verdict, what failed and why, then each base.

    Text from outside is escaped or in code spans: it makes no markup and calls nobody.
    """
    for rows in _SHOWN:
        text = _text(report, rows)
        if len(text) <= _LONGEST:
            break
    return text


def _text(report: RefreshReport, shown: int) -> str:
    """The report with at most ``shown`` rows of each table."""
    parts = [
        f"# Base refresh: {plain(verdict(report))}",
        f"{report.moment}, {seconds(report.seconds)}",
    ]
    parts += _failures(report)
    parts += _upstreams(report, shown)
    told = [base for base in report.bases if base.outcome != "unchanged" or base.warnings]
    for base in told:
        parts += _base(base, shown)
    quiet = [f"`{base.image}`" for base in report.bases if base not in told]
    if quiet:
        parts.append(f"Unchanged: {', '.join(quiet)}")
    return "\n\n".join(parts) + "\n"


def _failures(report: RefreshReport) -> list[str]:
    failed = [base for base in report.bases if base.outcome == "failed"]
    if not failed and not report.failures:
        return []
    parts = ["**Lock and tags of what failed are as they were.**"]
    for text in report.failures:
        parts += _reason("", text)
    for base in failed:
        parts += _reason(f"`{base.image}`: ", base.failure or "no reason was given")
    return parts


def _reason(before: str, text: str) -> list[str]:
    first, *log = text.strip().splitlines() or [""]
    parts = [f"- {before}{plain(first)}"]
    if log:
        parts.append(fenced(line[:_WIDTH] for line in log[-_TAIL:]))
    return parts


def _upstreams(report: RefreshReport, shown: int) -> list[str]:
    parts = []
    if report.upstreams:
        rows = [
            (code(each.name), code(each.platform), _digest(each.old), _digest(each.new))
            for each in report.upstreams
        ]
        parts += ["## Upstreams", *table(("Upstream", "Platform", "Old", "New"), rows, shown)]
    for gone in report.gone:
        now = (
            f"builds take it from {code(gone.mirror.partition('@')[0])}"
            if gone.mirror
            else "**there is no copy**"
        )
        parts.append(
            f"- {code(gone.name)} ({gone.platform}) is gone from its registry;"
            f" pinned is {_digest(gone.digest)}, {now}"
        )
    return parts


def _base(base: BaseReport, shown: int) -> list[str]:
    lines = [f"- Why: {plain('; '.join(base.reasons))}"] if base.reasons else []
    lines += [f"- Warning: {plain(text)}" for text in base.warnings]
    if base.rebuild:
        lines.append(f"- Must rebuild: {', '.join(code(name) for name in base.rebuild)}")
    if base.old_size and base.new_size:
        lines.append(f"- Size: {_sizes(base.old_size, base.new_size)}")
    elif base.new_size:
        lines.append(f"- Size: {size(base.new_size)}")
    if base.new_key and base.new_key != base.old_key:
        lines.append(f"- Key: {_moved(base.old_key, base.new_key)}")
    if base.new_digest and base.new_digest != base.old_digest:
        lines.append(f"- Digest: {_digest(base.old_digest)} → {_digest(base.new_digest)}")
    if base.epoch:
        lines.append(f"- Epoch {base.epoch}")
    if base.seconds:
        lines.append(f"- Took {seconds(base.seconds)}")
    parts = [f"## `{base.image}`: {base.outcome}"]
    if lines:
        parts.append("\n".join(lines))
    packages = [
        (code(each.name), code(each.old) or "added", code(each.new) or "removed", each.manager)
        for each in base.packages
    ]
    parts += _folding("package", ("Package", "Old", "New", "Manager"), packages, shown)
    grown = sorted((each for each in base.layers if each.delta), key=lambda each: -abs(each.delta))
    layers = [
        (
            code(_cut(each.created_by)),
            "–" if each.old is None else size(each.old),
            "–" if each.new is None else size(each.new),
            _signed(each.delta),
        )
        for each in grown
    ]
    return parts + _folding("layer", ("Layer", "Old", "New", "Delta"), layers, shown)


def _folding(
    noun: str, head: Sequence[str], rows: Sequence[Sequence[str]], shown: int
) -> list[str]:
    if len(rows) <= _FOLDED:
        return table(head, rows, shown) if rows else []
    shown_rows = table(head, rows, shown)
    title = f"{len(rows)} {noun}s changed"
    return [f"<details><summary>{title}</summary>", *shown_rows, "</details>"]


def _digest(text: str) -> str:
    """A digest, short: ``sha256:0123456789ab``."""
    try:
        return f"`{Digest.parse(text).text[:19]}`"
    except LayersError:
        return plain(text) or "none"


def _moved(old: str, new: str) -> str:
    return f"{code(old)} → {code(new)}" if old else code(new)


def _sizes(old: int, new: int) -> str:
    if old == new:
        return f"{size(new)}, as before"
    return f"{size(old)} → {size(new)} ({_signed(new - old)}, {(new - old) / old:+.1%})"


def _signed(value: int) -> str:
    return f"{'−' if value < 0 else '+'}{size(abs(value))}"


def _cut(text: str, width: int = 80) -> str:
    return text if len(text) <= width else f"{text[: width - 2].rstrip()} …"


def as_markdown(report: RefreshReport) -> str:
    """The report for people, as GitHub renders it: the verdict, what failed, then each base."""

    return render(report)
