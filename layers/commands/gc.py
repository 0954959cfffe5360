"""``doit gc``: removes what nothing needs any more, here and in the registry."""

from __future__ import annotations

import json
import re
import sys
import time
from typing import TYPE_CHECKING, Any

from hashes.errors import LayersError
from layers.commands.exit_status import MISTAKE
from layers.commands.parsing import ProjectCommand, option
from layers.project.backends import Backends
from layers.project.open import open_project
from layers.project.project import Project

if TYPE_CHECKING:
    from layers.gc.remove import Removal, Remover
    from layers.gc.report import Done
    from layers.gc.scan import CleanUp, Scope


class GcCommand(ProjectCommand):
    """Says what goes, how many bytes, and why the rest stays; then takes it away."""

    name = "gc"
    doc_purpose = "remove what nothing needs, here and in the registry"
    doc_usage = "[--dry-run] [--local | --remote]"
    doc_description = (
        "What this checkout is made of, what images.lock names at any branch or tag, the newest"
        " keys of each layer, what a container was made from and what has a tag of its own stays."
    )
    cmd_options = (
        option("dry_run", "say what would go, and remove nothing"),
        option("local", "only the engine and .layers"),
        option("remote", "only the registry"),
        option("keep", "so many newest keys of each layer stay; default 3", "3", value="N"),
        option(
            "build_cache",
            "empty the engine's build cache, too, down to a size such as '10 GB'",
            "",
            value="SIZE",
        ),
        option(
            "as_json",
            'print {"goes", "files", "stays", "bytes", "disk", "notes", "dry_run"}',
            long="json",
        ),
    )

    def act(self, root: str, options: Any, names: list[str]) -> int:
        """Clean up; status 1 when not all could be looked at or removed."""
        return _gc(root, options, names)


def _gc(root: str, options: Any, words: list[str]) -> int:
    if words:
        raise LayersError(f"gc takes no {words[0]!r}", hint="doit help gc shows its options")
    from layers.gc.report import as_json, as_text, ending
    from layers.gc.scan import Scan
    from layers.report.report import report_for

    scope = _scope(options)
    project = open_project(root)
    report = report_for(sys.stderr, json=False)
    backends = Backends(project, report, start=False)

    try:
        clean_up = Scan(project, backends, lambda: backends.store, scope).clean_up()
        if not options["as_json"]:
            sys.stdout.write(as_text(clean_up, time.time()))
            sys.stdout.flush()
        done = None
        if not options["dry_run"]:
            from layers.gc.remove import Remover

            remover = Remover(lambda: backends.store, lambda: backends.registry, project.state)
            done = _remove(project, backends, clean_up, remover)
    finally:
        report.close()
    if options["as_json"]:
        sys.stdout.write(json.dumps(as_json(clean_up, done), indent=2) + "\n")
    else:
        sys.stdout.write(ending(clean_up, done))
    failed = done is not None and any(each.failed for each in done.outcomes)
    return 0 if clean_up.whole and not failed else MISTAKE


def _scope(options: Any) -> Scope:
    from layers.gc.scan import Scope

    # With none kept, a base that `doit refresh` just pushed would go before its lock is committed.
    if not re.fullmatch(r"0*[1-9]\d{0,5}", options["keep"]):
        raise LayersError(f"--keep {options['keep']!r}: expected a number of at least 1")
    one_sided = options["local"] != options["remote"]
    return Scope(
        local=options["local"] or not one_sided,
        remote=options["remote"] or not one_sided,
        keep=int(options["keep"]),
        cache=_bytes(options["build_cache"]) if options["build_cache"] else None,
    )


def _bytes(text: str) -> int:
    powers = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", text.strip().lower())
    if not found:
        raise LayersError(f"--build-cache {text!r}: expected a size, such as '10 GB' or 0")
    base = 1024 if found[3] else 1000
    return int(float(found[1]) * float(base ** powers[found[2]]))


def _remove(project: Project, backends: Backends, clean_up: CleanUp, remover: Remover) -> Done:
    from layers.engine.engine import EngineError
    from layers.gc import local_files
    from layers.gc.remove import Removal
    from layers.gc.report import Done
    from layers.registry.registry import RegistryError

    outcomes: list[Removal] = []
    for going in clean_up.sweep.goes:
        try:
            outcomes.append(remover.remove(going))
        except (EngineError, RegistryError) as error:
            outcomes.append(Removal(going, str(error), failed=True))
    for each in clean_up.files:
        local_files.remove(project.state.folder, each)
    cache = remover.store().prune(clean_up.scope.cache or 0) if clean_up.cache else 0
    disk, notes = _free(project, backends, outcomes)
    return Done(tuple(outcomes), cache, disk, notes)


def _free(
    project: Project, backends: Backends, outcomes: list[Removal]
) -> tuple[int | None, tuple[str, ...]]:
    """Bytes that the private registry frees on disk, and why it was not asked to."""
    gone = [each for each in outcomes if not each.skipped]
    if all(each.going.found.place == "engine" for each in gone):
        return None, ()
    if not _private(backends):
        return None, ("the registry frees the bytes when it collects its own garbage",)
    if any(name.startswith("push-") for name in project.state.busy()):
        return None, ("somebody pushes now: the registry frees the bytes at the next doit gc",)
    from layers.setup.private.paths import Places
    from layers.setup.private.registry_gc import collect

    return collect(Places.of(project.root)), ()


def _private(backends: Backends) -> bool:
    """Whether the images are in this checkout's own registry."""
    try:
        endpoint = backends.endpoint
    except LayersError:  # on a runner without an engine
        return False
    return endpoint.private and backends.registry_host == endpoint.registry
