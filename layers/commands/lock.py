"""``doit lock``: pins every upstream image by digest in ``images.lock``."""

from __future__ import annotations

import sys
from typing import Any

from hashes.errors import LayersError
from layers.commands.exit_status import MISTAKE
from layers.commands.parsing import ProjectCommand, option
from layers.lock.file import LockFile
from layers.project.backends import Backends
from layers.project.open import open_project


class LockCommand(ProjectCommand):
    """Resolves upstreams at their registries and writes the lock, all of it or nothing."""

    name = "lock"
    doc_purpose = "pin upstream images by digest in images.lock"
    doc_usage = "[UPSTREAM ...]"
    doc_description = (
        "Without names every upstream that an image uses is resolved again, and those that no "
        "image uses any more are dropped. With names only these are. What is pinned is copied to "
        "the own registry, so that a tag that is deleted upstream stops no build."
    )
    cmd_options = (
        option("no_copy", "leave the copies to `doit refresh`, e.g. behind a slow line"),
    )

    def act(self, root: str, options: Any, names: list[str]) -> int:
        """Lock; status 1 when a registry cannot be asked, and then nothing is written."""
        return _lock(root, names, copy=not options["no_copy"])


def _lock(root: str, names: list[str], *, copy: bool) -> int:
    from hashes.errors import did_you_mean
    from layers.graph.graph import upstreams
    from layers.lock.git import GitPin, resolve
    from layers.lock.mirror import copy_pins
    from layers.lock.update import merge, merge_git, resolve_all
    from layers.project.git_refs import git_refs
    from layers.report.report import report_for

    project = open_project(root)
    wanted = upstreams(project.inputs.graph, project.spec.platform)
    refs = git_refs(project.inputs, project.inputs.graph.order)
    known = [*(each.name for each in wanted), *refs]
    for name in names:
        if name not in known:
            raise LayersError(f"no image is made from {name!r}{did_you_mean(name, known)}")
    chosen = [each for each in wanted if not names or each.name in names]
    file = LockFile(project.root, project.lock)
    report = report_for(sys.stderr, json=False)
    backends = Backends(project, report)
    asked = [name for name in refs if not names or name in names]
    commits = resolve(asked)
    for each in commits.values():
        if isinstance(each, LayersError):
            raise each
    pins = resolve_all(backends.registry, chosen)
    # A profile that replaces upstreams uses fewer of them: only the plain stack may drop pins.
    # And what an image with an error is made from, nobody can tell.
    faults = list(dict.fromkeys(map(str, project.inputs.graph.faults.values())))
    drop = not names and project.profile is None and not faults
    lock, moved = merge(project.lock, pins, drop_others=drop)
    held = [each for each in commits.values() if isinstance(each, GitPin)]
    # Nor is it known what one with any other fault is made from by ADD.
    whole = not any(
        map(project.inputs.fault, project.inputs.graph.order if project.lock.git else ())
    )
    lock, turned = merge_git(lock, held, refs, drop_others=drop and whole)
    file.write(lock, create=True)
    for change in (*moved, *turned):
        old, new = change.old or "not locked", change.new or "dropped, no image uses it"
        sys.stdout.write(f"{change.name} ({change.platform}): {old} -> {new}\n")
    git = f" and {len(asked)} git references" if asked else ""
    changed = len(moved) + len(turned)
    sys.stdout.write(f"{len(chosen)} upstream images{git} locked, {changed} changed\n")
    # Not to an engine's private registry: nobody else reads from that.
    mirror = backends.mirror() if copy and project.spec.registry not in (None, "engine") else None
    if mirror is not None:
        sys.stdout.flush()
        copy_pins(backends.registry, mirror, lock.pins_of(chosen), report)
    report.close()
    sys.stdout.flush()
    sys.stderr.write("".join(f"{fault}\n" for fault in faults))
    return MISTAKE if faults else 0
