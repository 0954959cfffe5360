"""``doit rollback``: bases go back to an earlier refresh; the lock alone is written."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from hashes.errors import LayersError
from layers.commands.parsing import ProjectCommand, option
from layers.plan.session import Session
from layers.project.open import open_project

if TYPE_CHECKING:
    from layers.lock.epochs import Base, Epoch
    from layers.refresh.rollback import Went


class RollbackCommand(ProjectCommand):
    """Takes bases to an epoch that the lock remembers."""

    name = "rollback"
    doc_purpose = "take bases back to an earlier refresh"
    doc_usage = "BASE ..."
    doc_description = (
        "Writes images.lock, if the files of now give the key of then and its image is still"
        " there. The next refresh builds again only what moved since."
    )
    cmd_options = (
        option(
            "to", "the epoch to go to; default: the one before the present one", 0, value="EPOCH"
        ),
        option("listing", "show the epochs that are remembered, and write nothing", long="list"),
        option("as_json", "print one JSON object", long="json"),
    )

    def act(self, root: str, options: Any, names: list[str]) -> int:
        """Go back; status 1 when that cannot be, and then nothing is written."""
        return _rollback(root, options, names)


def _rollback(root: str, options: Any, names: list[str]) -> int:
    from layers.refresh.rollback import known_base, rollback
    from layers.refresh.tools import tools
    from layers.report.report import report_for

    if not names:
        raise LayersError("expected a base", hint="doit rollback BASE [--to EPOCH] [--list]")
    project = open_project(root)
    shown = report_for(sys.stderr)
    run = Session.begin(project, shown)
    if options["listing"]:
        shown.close()
        bases = [known_base(run, name) for name in names]
        sys.stdout.write(_json_list(bases) if options["as_json"] else _text_list(bases))
        return 0
    try:
        went = rollback(run, tools(run), names, options["to"] or None)
    finally:
        shown.close()
        project.cache.save()
    sys.stdout.write(_json(went) if options["as_json"] else _text(went))
    return 0


def _text(went: tuple[Went, ...]) -> str:
    lines = []
    for each in went:
        lines.append(f"{each.image}: epoch {each.old.number} → {each.new.number}, {each.new.key}")
        lines += [
            f"  {name} is built on it: doit rollback {name}, or the next refresh builds it"
            for name in each.above
        ]
    lines.append("images.lock is written; commit it")
    return "".join(f"{line}\n" for line in lines)


def _json(went: tuple[Went, ...]) -> str:
    told = [
        {"image": e.image, "old": _epoch(e.old), "new": _epoch(e.new), "above": list(e.above)}
        for e in went
    ]
    return json.dumps({"version": 1, "bases": told}, indent=2, ensure_ascii=False) + "\n"


def _epochs(base: Base) -> list[Epoch]:
    return sorted((base.now, *base.earlier), key=lambda epoch: -epoch.number)


def _json_list(bases: list[Base]) -> str:
    told = [
        {"image": b.image, "now": b.now.number, "epochs": [_epoch(e) for e in _epochs(b)]}
        for b in bases
    ]
    return json.dumps({"version": 1, "bases": told}, indent=2, ensure_ascii=False) + "\n"


def _epoch(epoch: Epoch) -> dict[str, Any]:
    return {
        "epoch": epoch.number,
        "key": epoch.key,
        "digest": str(epoch.digest),
        "refreshed": epoch.refreshed,
        "size": epoch.size,
        "upstream": {name: str(digest) for name, digest in epoch.upstream.items()},
    }


def _text_list(bases: list[Base]) -> str:
    from layers.runtime.units import size

    lines = []
    for base in bases:
        lines.append(base.image)
        for epoch in _epochs(base):
            mark = "*" if epoch.number == base.now.number else " "
            taken = size(epoch.size) if epoch.size else ""
            short = f"{epoch.digest.text[:19]}…"
            row = f"{mark} {epoch.number:>3}  {epoch.refreshed}  {epoch.key}  {short}  {taken}"
            lines.append(row.rstrip())
    return "".join(f"{line}\n" for line in lines)
