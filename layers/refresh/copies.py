"""Copies: pinned upstreams in our own registry, where nobody else deletes them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from hashes.errors import LayersError
from layers import mirror
from layers.lock import Pin
from layers.locking import Wanted
from layers.project import Project
from layers.refreshreport import Gone
from layers.runtime.events import Finished, Started, Transfer, Warned

if TYPE_CHECKING:
    from layers.refresh.night import Upstreams


def copy_pins(project: Project, wanted: Iterable[Wanted]) -> None:
    """See to it that our registry has what is pinned for some upstreams.

    A copy that cannot be made is told, and tried again the next time; a build takes the upstream.
    """
    host = project.registry_host
    if host is None:
        return
    for each in sorted(set(wanted)):
        pin = project.lock.find(each.name, each.platform)
        if pin is not None:
            at = mirror.repository(host, project.spec.project, pin.name)
            _copy(project, pin, at)


def _copy(project: Project, pin: Pin, at: str) -> None:
    """Copy one; it is told of once the first bytes have come, and so never where it is there."""
    name = pin.name.familiar()
    begin: list[float] = []

    def progress(done: int, total: int) -> None:
        if not begin:
            begin.append(time.monotonic())
            project.tell(Started(name, "copy", f"to {at}", None))
        project.tell(Transfer(name, done, total))

    ok = False
    try:
        mirror.copy(project.registry, pin, at, progress)
        ok = True
    except LayersError as error:
        project.tell(Warned(f"{name} was not copied to {at}: {error}"))
    finally:
        if begin:
            project.tell(Finished(name, "copy", ok, time.monotonic() - begin[0]))


def gone(project: Project, found: Upstreams) -> tuple[Gone, ...]:
    """The upstreams whose tags are gone, each with where builds take it from now."""
    told = []
    for each in found.gone:
        pin = project.lock.find(each.name, each.platform)
        copy = ""
        if pin is not None and project.registry_host is not None:
            at = mirror.repository(project.registry_host, project.spec.project, pin.name)
            try:
                copy = mirror.find(project.registry, pin, at) or ""
            except LayersError as error:
                project.tell(Warned(f"no copy of {each.name} was looked for: {error}"))
        told.append(Gone(each.name, each.platform, str(pin.digest) if pin else "", copy))
    return tuple(told)
