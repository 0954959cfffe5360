"""Packages: what two lock files differ in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

Packages = Mapping[str, str]
"""By name: the version, then `PINS` and a short hash of the checksums where a file has any."""

PINS = " #"


def differences(old: Packages, new: Packages) -> Iterator[tuple[str, str | None, str | None]]:
    """Name, old and new version, in the order of the new file; then what is gone.

    The same version twice: only its checksums are others.
    """
    for name, version in new.items():
        was = old.get(name)
        if was != version:
            yield name, None if was is None else _shown(was), _shown(version)
    for name, was in old.items():
        if name not in new:
            yield name, _shown(was), None


def _shown(version: str) -> str:
    return version.rpartition(PINS)[0] if PINS in version else version
