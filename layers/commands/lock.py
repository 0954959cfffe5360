"""``doit lock``: pins every upstream image by digest in ``images.lock``."""

from __future__ import annotations

import os
import sys
from typing import Any

from doit.cmd_base import Command

from hashes.errors import LayersError
from layers.commands.guard import guarded
from layers.opening import open_project
from layers.project import LOCK_FILE, find_root
from layers.state import write_whole


class LockCommand(Command):  # type: ignore[misc]  # doit ships no types
    """Resolves upstreams at their registries and writes the lock, all of it or nothing."""

    name = "lock"
    doc_purpose = "pin upstream images by digest in images.lock"
    doc_usage = "[UPSTREAM ...]"
    doc_description = (
        "Without names every upstream that an image uses is resolved again, and those that no "
        "image uses any more are dropped. With names only these are."
    )
    cmd_options = ()

    def execute(self, opt_values: Any, pos_args: list[str]) -> int:  # noqa: ARG002
        """Lock; status 1 when a registry cannot be asked, and then nothing is written."""
        root = find_root(os.getcwd())
        return guarded(lambda: _lock(root, pos_args), root)


def _lock(root: str, names: list[str]) -> int:
    from layers.locking import merge, resolve_all, upstreams
    from layers.suggest import did_you_mean

    project = open_project(root)
    wanted = upstreams(project.inputs.graph, project.spec.platform)
    known = [each.name for each in wanted]
    for name in names:
        if name not in known:
            raise LayersError(f"no image is made from {name!r}{did_you_mean(name, known)}")
    chosen = [each for each in wanted if not names or each.name in names]
    pins = resolve_all(project.registry, chosen)
    # A profile that replaces upstreams uses fewer of them: only the plain stack may drop pins.
    lock, moved = merge(project.lock, pins, drop_others=not names and project.profile is None)
    path = os.path.join(project.root, LOCK_FILE)
    if moved or not os.path.exists(path):
        write_whole(path, lock.text().encode())
    for each in moved:
        old, new = each.old or "not locked", each.new or "dropped, no image uses it"
        sys.stdout.write(f"{each.name} ({each.platform}): {old} -> {new}\n")
    sys.stdout.write(f"{len(chosen)} upstream images locked, {len(moved)} changed\n")
    return 0
