"""Mirrors: copies of upstream images in the own registry, where nobody else deletes them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import NamedTuple

from hashes.errors import LayersError
from layers.lock.pin import Pin
from layers.oci.reference import HUB, LONGEST_TAG, Reference
from layers.oci.template import DEFAULT_REPOSITORY, Home, Template
from layers.registry.registry import Progress, Registry, RegistryError
from layers.runtime.events import Finished, Listener, Started, Transfer, Warned

_SHOWN = 12  # hex digits of a digest in a tag


class Mirror(NamedTuple):
    """Where copies go."""

    host: str
    """``host[:port][/path]``, as LAYERS_REGISTRY has it."""
    project: str
    template: str = DEFAULT_REPOSITORY
    """As `Spec.repository`."""

    def of(self, upstream: Reference) -> str:
        """Where copies of an upstream go: by default ``host/project/upstream/library/debian``.

        A registry other than Docker Hub shows in the path, since two may use one name.
        """
        return f"{self.host}/{self._home(upstream).path}"

    def prefix(self, upstream: Reference) -> str:
        """What the tags of its copies begin with there."""
        return self._home(upstream).prefix

    def _home(self, upstream: Reference) -> Home:
        path = upstream.repository
        if upstream.registry != HUB:
            path = f"{_as_component(upstream.registry)}/{path}"
        return Template.parse(self.template).copies(self.project, path)


def tag(pin: Pin, prefix: str = "") -> str:
    """The copy's tag, for people and against clean-ups: ``12-amd64-0123456789ab``.

    Builds ask for the digest, so that a tag cut to its longest length is no harm.
    """
    platform = pin.platform.removeprefix("linux/").replace("/", "-")
    end = f"{platform}-{pin.digest.text.partition(':')[2][:_SHOWN]}"
    room = LONGEST_TAG - len(end) - 1
    start = f"{prefix}{pin.name.tag}"[:room]
    return f"{start}-{end}" if start else end


def copy(
    registry: Registry, pin: Pin, repository: str, progress: Progress, prefix: str = ""
) -> bool:
    """Make sure that ``repository`` has the pinned manifest with all that it names, tagged.

    ``prefix`` is what its tag begins with. True when something was copied; what is there whole
    costs a look and moves no layer bytes.  Only the platform's manifest is copied, never the index.
    Raises RegistryError.
    """
    name = tag(pin, prefix)
    held = registry.manifest(repository, str(pin.digest))
    copied = held is None or bool(registry.missing(repository, held))
    if copied:
        registry.copy(Reference.parse(pin.reference).name, pin.digest, repository, progress)
        held = registry.manifest(repository, str(pin.digest))
    if held is None:
        raise RegistryError(
            f"{repository} does not have {pin.digest}, which was just copied there",
            hint="does the registry clean up what has no tag? Try again",
        )
    if registry.heads([(repository, name)]).get((repository, name)) != pin.digest:
        registry.put_manifest(repository, name, held.raw, held.media_type)
    return copied


def find(registry: Registry, pin: Pin, repository: str) -> str | None:
    """The copy by digest, ``repository@sha256:…``, if it is there with all that it names."""
    held = registry.manifest(repository, str(pin.digest))
    if held is None or registry.missing(repository, held):
        return None
    return f"{repository}@{pin.digest}"


def _as_component(host: str) -> str:
    """A registry's host as a part of a path: lower case, port and brackets turned into dashes."""
    letters = "".join(one if one.isalnum() or one == "." else "-" for one in host.lower())
    return letters.strip("-.")


def copy_pins(registry: Registry, mirror: Mirror, pins: Iterable[Pin], tell: Listener) -> None:
    """See to it that our registry has what some pins name.

    A copy that cannot be made is told, and tried again the next time; a build takes the upstream.
    """
    for pin in pins:
        _copy(registry, pin, mirror, tell)


def _copy(registry: Registry, pin: Pin, mirror: Mirror, tell: Listener) -> None:
    """Copy one; it is told of once the first bytes have come, and so never where it is there."""
    name, at = pin.name.familiar(), mirror.of(pin.name)
    begin: list[float] = []

    def progress(done: int, total: int) -> None:
        if not begin:
            begin.append(time.monotonic())
            tell(Started(name, "copy", f"to {at}", None))
        tell(Transfer(name, done, total))

    ok = False
    try:
        copy(registry, pin, at, progress, mirror.prefix(pin.name))
        ok = True
    except LayersError as error:
        tell(Warned(f"{name} was not copied to {at}: {error}"))
    finally:
        if begin:
            tell(Finished(name, "copy", ok, time.monotonic() - begin[0]))
