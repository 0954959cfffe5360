"""The packages of a private engine: fetched beside the system's, unpacked into a folder."""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Callable, Sequence

from hashes.errors import LayersError
from layers.host import system as system_of
from layers.host.apt import AptSource, system_sources
from layers.host.apt_folder import lay_out
from layers.host.system import BY_HAND, System
from layers.runtime.files import read_json, write_json
from layers.setup.private.archives import candidates
from layers.setup.private.paths import VERSIONS, Places

_SHARED = ["docker.io", "docker-cli", "docker-buildx", "containerd", "docker-registry"]
_WANTED = {
    "debian": [*_SHARED, "tini", "tini-static", "docker-compose"],
    "ubuntu": [*_SHARED, "tini", "docker-compose-v2"],  # docker.io may hold the client there
}
"""Packages by distribution; docker-init is a link to a program of tini, or of tini-static."""

SUITES = {"26": ("trixie",), "28": ("forky", "sid")}
"""The releases of Debian whose Docker has a version; their programs run on Debian 12 and later."""

PROGRAMS = (
    "usr/bin/containerd",
    "usr/bin/containerd-shim-runc-v2",
    "usr/bin/docker",
    "usr/bin/docker-registry",
    "usr/sbin/dockerd|usr/bin/dockerd",
    "usr/libexec/docker/cli-plugins/docker-buildx|usr/lib/docker/cli-plugins/docker-buildx",
)
"""What must be there once all is unpacked; ``|`` separates the places where releases put it."""

SYSTEM_PROGRAMS = {"ip": "iproute2", "iptables": "iptables", "runc": "runc"}
"""Programs of the system itself, with their packages: those of Debian 13 need its libraries."""


def bring(places: Places, system: System, tell: Callable[[str], None]) -> None:
    """Have the engine's packages unpacked; about 100 MB are fetched the first time.

    Raises LayersError when apt cannot get them.
    """
    stamp = f"{places.packages}/complete.json"
    if read_json(stamp) and not missing(f"{places.packages}/root"):
        return
    shutil.rmtree(places.packages, ignore_errors=True)
    apt = f"{places.packages}/apt"
    faults = []
    for sources in candidates(system, system_sources(), SUITES[places.version]):
        try:
            debs = _fetch(apt, system, sources, tell)
            check_version(debs, places.version)
        except LayersError as error:
            faults.append(str(error))
            continue
        tell("unpacking the engine's packages")
        root = f"{places.packages}/root"
        for deb in debs:
            system_of.must(["dpkg", "-x", deb, root], "could not unpack a package")
        lost = missing(root)
        if not lost:
            shutil.rmtree(apt)
            write_json(stamp, {"packages": sorted(os.path.basename(deb) for deb in debs)})
            return
        faults.append(f"the packages lack {', '.join(lost)}")
    reason = "\n  ".join(faults) or "its apt settings name no archive of its own release"
    raise LayersError(
        f"could not fetch the packages of a private Docker engine:\n  {reason}", hint=BY_HAND
    )


def check_version(debs: Sequence[str], version: str) -> None:
    """Raise LayersError unless docker.io among ``debs`` (paths) is of the version asked for.

    The default is whatever the release has, as long as nobody asked for another.
    """
    for deb in debs:
        name, _, found = os.path.basename(deb).partition("_")
        if name == "docker.io" and version != VERSIONS[0] and not found.startswith(f"{version}."):
            raise LayersError(f"its Docker is {found.partition('_')[0]}, and not {version}")


def missing(root: str) -> list[str]:
    """Those of `PROGRAMS` that the unpacked ``root`` lacks."""
    return [
        choice
        for choice in PROGRAMS
        if not any(os.access(f"{root}/{path}", os.X_OK) for path in choice.split("|"))
    ]


def plugins(places: Places) -> list[str]:
    """The paths of the docker client's plugins."""
    return sorted(glob.glob(f"{glob.escape(places.packages)}/root/usr/lib*/docker/cli-plugins/*"))


def _fetch(
    apt: str, system: System, sources: Sequence[AptSource], tell: Callable[[str], None]
) -> list[str]:
    """Download the packages into ``apt``/debs; the system's own lists are left alone."""
    shutil.rmtree(apt, ignore_errors=True)
    env = lay_out(apt, sources)
    os.makedirs(f"{apt}/debs")
    where = f"{sources[0].uri} ({sources[0].suite})"
    tell(f"reading the package lists of {where}")
    why = f"the mirror {where} did not serve its lists"
    system_of.must(["apt-get", "update", "-q"], why, env=env)
    known = set(system_of.run(["apt-cache", "pkgnames"], env).stdout.split())
    wanted = [name for name in _WANTED[system.id] if name in known]
    if "docker.io" not in wanted or "docker-registry" not in wanted:
        raise LayersError(f"{where} has no docker.io and docker-registry")
    tell(f"fetching {', '.join(wanted)}")
    why = f"could not fetch packages from {where}"
    system_of.must(["apt-get", "download", "-q", *wanted], why, env=env, cwd=f"{apt}/debs")
    return sorted(glob.glob(f"{glob.escape(apt)}/debs/*.deb"))
