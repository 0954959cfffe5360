"""Archives: which of the system's package sources may have a private engine's packages."""

from __future__ import annotations

from collections.abc import Sequence

from layers.host.apt import AptSource
from layers.host.system import System

_NEEDED_COMPONENTS = {"debian": ("main",), "ubuntu": ("main", "universe")}


def candidates(
    system: System, sources: Sequence[AptSource], suites: Sequence[str]
) -> list[list[AptSource]]:
    """Lists of sources that may have the docker packages, likeliest first.

    Debian: each mirror of the system, asked for ``suites`` one by one instead of its own.
    Ubuntu: its own archive as it is, all pockets together (release, updates, security).
    """
    needed = _NEEDED_COMPONENTS[system.id]
    if system.id == "ubuntu":
        pockets = (system.codename, f"{system.codename}-updates", f"{system.codename}-security")
        own = [
            source
            for source in sources
            if source.suite in pockets and set(needed) & set(source.components)
        ]
        return [own] if own else []
    names = {system.codename, "stable", "testing", "unstable", "sid", *suites}
    found = [
        source._replace(suite=suite, components=needed)
        for suite in suites
        for source in sources
        if source.suite in names and "main" in source.components
    ]
    # Other vendors name their suites after Debian's too; a mirror's path ends in "debian".
    found.sort(key=lambda source: not source.uri.rstrip("/").endswith("/debian"))
    return [[source] for n, source in enumerate(found) if source not in found[:n]]
