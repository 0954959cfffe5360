"""Platforms: what of an image's platforms stands in the way of its build."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from hashes.dockerfile.reachable import Reached
from hashes.manifest import Entry, Manifest


def asked_for(wanted: str, machine: str, host: str, builder: str) -> str:
    """The platform that buildx is told; "" where it is the engine's own.

    Told of one, BuildKit writes it into the image's configuration even where the Dockerfile's
    ``FROM --platform`` says another.  ``host`` is the engine's address, ``builder`` who builds in
    its place.
    """
    local = not builder and host.startswith("unix://")
    return "" if local and wanted == machine else wanted


def two_images(dockerfile: str, line: int, target: Reached, wanted: str, machine: str) -> str:
    """Why an image cannot be built where BuildKit is told of its platform; "": it can.

    Where it is the machine's own, the image would be for the stage's platform if it was built here.
    """
    if wanted != machine or target.empty or target.platform == wanted:
        return ""
    return (
        f"{dockerfile}:{line}: this stage is for {target.platform}, and the image for {wanted}: a"
        " builder elsewhere would make another image of it than one here, under one key\n"
        f'  write platform = "{target.platform}" for it in images.toml, or build it here:'
        " LAYERS_BUILDER=default"
    )


def no_emulator(
    dockerfile: str,
    manifests: Iterable[Manifest],
    machine: str,
    runs: Callable[[], Collection[str]],
) -> str:
    """Why a RUN of a build cannot run, with its line; "": all can, or nobody knows.

    ``runs`` is asked where one is not for the ``machine``: the platforms that the engine runs,
    natively or by an emulator; empty: it does not say.
    """
    for manifest in manifests:
        platform, step = _first(manifest, "platform"), _first(manifest, "run")
        if platform is None or step is None or platform.value == machine:
            continue
        known = runs()
        if known and platform.value not in known:
            return (
                f"{dockerfile}:{step.line}: this RUN is for {platform.value}, and the engine has no"
                f" emulator for it: it runs {', '.join(sorted(known))}\n  install one where the"
                " engine is (Debian, Ubuntu: apt-get install qemu-user-static), or name a builder"
                " on such a machine: `builder` in images.toml"
            )
    return ""


def _first(manifest: Manifest, kind: str) -> Entry | None:
    return next((entry for entry in manifest.entries if entry.kind == kind), None)
