"""Leftovers: what the engine of a vanished checkout still holds, and how any engine is ended."""

from __future__ import annotations

import glob
import os
import shutil
from ipaddress import IPv4Network

from layers.host.system import run
from layers.runtime.files import read_json
from layers.setup.private import network
from layers.setup.private.paths import RUN_PREFIX, Places
from layers.setup.private.processes import end, serving, with_children


def end_engine(places: Places) -> bool:
    """End the engine and the registry of ``places`` with all they hold; False if none ran.

    Only processes whose own command line names its run folder, mounts below its folders, its
    bridge and its chain are touched.
    """
    found = serving(places.run)
    end(found.get("dockerd", []), patience=30.0)  # it ends containers and containerd itself
    end(found.get("docker-registry", []), patience=5.0)
    rest = [process for group in serving(places.run).values() for process in group]
    end(with_children(rest), patience=2.0)
    unmount([places.run, *places.all_data])
    for data in places.all_data:
        _unbind(data)
    pool = read_json(places.owner).get("pool") or read_json(places.settings).get("pool")
    network.take_down(places.bridge, places.chain, _network(pool))
    shutil.rmtree(places.run, ignore_errors=True)
    return bool(found)


def reclaim() -> list[str]:
    """End the engines of checkouts that are no longer there; returns their paths.

    A checkout counts as gone when the path that its run folder (or its bridge) states holds no
    settings of an engine, and the statement is really its own: the name is made of that path.
    """
    stated: dict[str, object] = {}
    for folder in glob.glob(f"{RUN_PREFIX}*/"):
        stated[folder.rstrip("/")] = read_json(f"{folder}owner.json").get("root")
    for bridge, path in network.our_bridges().items():
        stated.setdefault(RUN_PREFIX + bridge.removeprefix("dl-"), path)
    gone = []
    for run_folder, root in stated.items():
        if not isinstance(root, str):
            continue
        places = Places.of(root)
        ours = places.run == run_folder and places.root == root
        if ours and not os.path.exists(places.settings):
            end_engine(places)
            gone.append(root)
    return gone


def unmount(folders: list[str]) -> None:
    """Detach everything that is mounted below ``folders``, innermost first."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        points = [_unescape(line.split()[4]) for line in file]
    for point in reversed(points):
        if any(point.startswith(f"{folder}/") for folder in folders):
            # The kernel says "//deleted" after a mount point whose folder has been removed.
            run(["umount", "--lazy", point.removesuffix("//deleted")])


def _unbind(data: str) -> None:
    """Undo dockerd's mount of its data root onto itself, which outlives a dockerd that was killed
    and then restarted; a disk that the user mounted there (its root is no such path) stays."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        mounts = [line.split()[3:5] for line in file]
    for inside, point in mounts:
        source = _unescape(inside).removesuffix("//deleted")
        onto_itself = data.endswith(source) or source.endswith(
            f"/.layers/engine/{os.path.basename(data)}"
        )
        if _unescape(point).removesuffix("//deleted") == data and source != "/" and onto_itself:
            run(["umount", "--lazy", data])


def _unescape(text: str) -> str:
    """The path behind proc(5)'s octal escapes."""
    for char in (" ", "\t", "\n", "\\"):
        text = text.replace(f"\\{ord(char):03o}", char)
    return text


def _network(text: object) -> IPv4Network | None:
    try:
        return IPv4Network(str(text))
    except ValueError:
        return None
