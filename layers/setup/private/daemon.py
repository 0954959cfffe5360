"""The daemon: a dockerd that shares nothing with any other on the machine."""

from __future__ import annotations

import os
import shutil
import tempfile
from ipaddress import IPv4Network
from typing import Any

from layers.host.system import run, which
from layers.runtime.files import forget, write_json
from layers.setup.private.network import mtu
from layers.setup.private.paths import Places
from layers.setup.private.processes import Process, end, serving
from layers.setup.private.server import await_ready, ready, size, spawn

_DRIVERS = {"overlayfs": "overlay2", "native": "vfs"}
"""The classic store's word for each snapshotter of containerd's."""

_PATIENCE = 60.0
"""Seconds that a start may take; on a busy machine with much data it is 3 to 10."""


def up(places: Places) -> Process | None:
    """The dockerd of these places if it answers."""
    found = serving(places.run).get("dockerd", [])
    return found[0] if found and ready(places.socket, "/_ping", timeout=10.0) else None


def start(places: Places, pool: IPv4Network, snapshotter: str) -> Process:
    """Start dockerd and wait until it answers.

    Raises LayersError with its last words when it does not come up.
    """
    end(serving(places.run).get("dockerd", []), patience=20.0)  # one that hangs
    for path in (places.socket, f"{places.run}/dockerd.pid"):
        forget(path)
    write_json(f"{places.engine}/daemon.json", configuration(places, pool, snapshotter))
    program = which_of(f"{places.packages}/root", "dockerd")
    since = size(places.log)
    process = spawn(
        [
            *(program, "--config-file", f"{places.engine}/daemon.json"),
            *("--data-root", places.data, "--exec-root", f"{places.run}/exec"),
            *("--pidfile", f"{places.run}/dockerd.pid", "--host", f"unix://{places.socket}"),
        ],
        places.log,
        {**os.environ, "PATH": places.search_path + ":/usr/sbin:/sbin"},
    )
    await_ready(process, places.socket, "/_ping", places.log, since, _PATIENCE)
    return Process.of(process.pid) or process


def configuration(places: Places, pool: IPv4Network, snapshotter: str) -> dict[str, Any]:
    """The contents of daemon.json."""
    return {
        "bridge": places.bridge,
        "default-address-pools": [{"base": str(pool), "size": 26}],
        "group": "root",
        "features": {"containerd-snapshotter": places.store == "containerd"},
        "ip-forward": False,  # see network: the rules are ours
        "ip6tables": False,
        "iptables": False,
        "mtu": mtu(),
        "storage-driver": snapshotter if places.store == "containerd" else _DRIVERS[snapshotter],
    }


def which_of(root: str, program: str) -> str:
    """The path of a program in the unpacked ``root``."""
    paths = (f"{root}/usr/{folder}/{program}" for folder in ("sbin", "bin"))
    return next(filter(os.path.exists, paths), program)


def snapshotter(places: Places) -> str:
    """How the data root can hold images: ``overlayfs``, or ``native`` (copies) where the file
    system refuses overlays, as one that is an overlay itself does."""
    os.makedirs(places.data, mode=0o710, exist_ok=True)
    trial = tempfile.mkdtemp(dir=places.data)
    try:
        for name in ("lower", "upper", "work", "merged"):
            os.mkdir(f"{trial}/{name}")
        layers = f"lowerdir={trial}/lower,upperdir={trial}/upper,workdir={trial}/work"
        mounted = run(["mount", "-t", "overlay", "overlay", "-o", layers, f"{trial}/merged"])
        if mounted.returncode == 0:
            run(["umount", f"{trial}/merged"])
        return "overlayfs" if mounted.returncode == 0 else "native"
    finally:
        shutil.rmtree(trial, ignore_errors=True)


def mount_cgroups() -> None:
    """Mount the control groups on a machine that has none mounted; a failure shows in dockerd."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        if any(" - cgroup" in line for line in file):
            return
    if which("mount"):
        run(["mount", "-t", "cgroup2", "cgroup2", "/sys/fs/cgroup"])
