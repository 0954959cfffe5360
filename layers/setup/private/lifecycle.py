"""Life cycle: an engine and a registry of this checkout alone, brought up and ended."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Mapping
from ipaddress import IPv4Network

from layers.host import system
from layers.runtime.events import Finished, Listener, Output, Started, Step, Warned
from layers.runtime.files import forget, locked, read_json, write_json
from layers.setup.endpoint import Endpoint, private_endpoint, running
from layers.setup.private import client_config, daemon, network, packages, registry
from layers.setup.private.leftovers import end_engine, reclaim, unmount
from layers.setup.private.paths import Places
from layers.setup.private.room import room_is_told

MACHINE_LOCK = "/run/doit-layers.lock"
"""Held while addresses, ports and leftovers of the whole machine are looked at."""

_NAME = "engine"
_STEPS = ("system programs", "packages", "network", "dockerd", "registry")


def start(places: Places, listener: Listener, kind: Mapping[str, str] | None = None) -> Endpoint:
    """Bring engine and registry up, each only if it is not; safe to call from many processes.

    ``kind`` has the version and the store asked for; what it leaves open is as it was the last
    time. An engine of another kind is ended first. Raises LayersError where that is impossible.
    """
    here = system.this_system()
    os.makedirs(places.engine, exist_ok=True)

    def tell(line: str) -> None:
        listener(Output(_NAME, line))

    def step(number: int) -> None:
        listener(Step(_NAME, number, len(_STEPS), _STEPS[number - 1]))

    def warn(message: str) -> None:
        listener(Warned(message))

    with locked(places.lock, lambda: tell("waiting: another process starts or stops it")):
        places = places.having({**read_json(places.settings), **(kind or {})})
        found = running(places)
        other = found is not None and places != places.having(read_json(places.running))
        if found is not None and not other:
            return found
        begun = time.monotonic()
        reason = "no engine answers; this checkout's own is started"
        if other:
            reason = f"Docker {places.version} with the {places.store} image store is asked for"
        listener(Started(_NAME, "prepare", reason))
        ok = False
        try:
            step(1)
            for package in system.install(packages.SYSTEM_PROGRAMS):
                tell(f"installed {package}")
            with room_is_told(places):
                step(2)
                packages.bring(places, here, tell)
                client_config.write(places, packages.plugins(places), os.environ)
                with locked(MACHINE_LOCK):
                    result = _bring_up(places, step, tell, warn)
            ok = True
        finally:
            seconds = time.monotonic() - begun
            listener(Finished(_NAME, "prepare", ok, seconds, result.host if ok else ""))
        return result


def stop(places: Places) -> bool:
    """End engine and registry and wait until they are gone; False when nothing was up."""
    if not os.path.isdir(places.engine):
        return False
    with locked(places.lock), locked(MACHINE_LOCK):
        forget(places.running)
        was_up = end_engine(places)
        forget(places.socket)
    return was_up


def _bring_up(
    places: Places,
    step: Callable[[int], None],
    tell: Callable[[str], None],
    warn: Callable[[str], None],
) -> Endpoint:
    for root in reclaim():
        tell(f"ended the engine that {root}, now gone, left behind")
        unmount(places.all_data)  # mounts of a checkout that was moved here came along
    forget(places.running)
    if places != places.having(read_json(places.owner)):
        end_engine(places)
    os.makedirs(places.run, mode=0o711, exist_ok=True)
    settings = {**read_json(places.settings), **places.kind}
    remembered = settings.get("pool") if isinstance(settings.get("pool"), str) else None

    step(3)
    engine = daemon.up(places) if network.is_up(places, remembered) else None
    if engine is None:
        daemon.mount_cgroups()
        pool = network.bring_up(places, remembered, warn)
        settings["pool"] = str(pool)
        if settings.get("snapshotter") not in ("overlayfs", "native"):
            settings["snapshotter"] = daemon.snapshotter(places)
        write_json(places.settings, settings)
        owner = {"root": places.root, "pool": settings["pool"], **places.kind}
        write_json(places.owner, owner)
        step(4)
        engine = daemon.start(places, IPv4Network(settings["pool"]), settings["snapshotter"])

    step(5)
    port = settings.get("port") if isinstance(settings.get("port"), int) else None
    server = registry.up(places, port)
    if server is None or port is None:
        port = registry.choose_port(places, port)
        if not isinstance(settings.get("secret"), str):
            settings["secret"] = secrets.token_hex(16)
        settings["port"] = port
        write_json(places.settings, settings)
        server = registry.start(places, port, settings["secret"])

    write_json(
        places.running,
        {
            "root": places.root,
            "port": port,
            "dockerd": engine.dump(),
            "registry": server.dump(),
            **places.kind,
        },
    )
    return private_endpoint(places, port)
