"""The choice of an engine: one that answers as it is, else this checkout's own."""

from __future__ import annotations

import os
from collections.abc import Mapping

from hashes.errors import LayersError
from layers.engine.engine import EngineDown, EngineError
from layers.runtime.events import Listener, Warned
from layers.setup.addresses import addresses
from layers.setup.endpoint import Endpoint, answers, running
from layers.setup.private.paths import Places

__all__ = ["Endpoint", "endpoint", "ensure", "stop"]


def endpoint(root: str, listener: Listener | None = None) -> Endpoint:
    """The engine to use now; below 2 ms when it is up: a few stats and connects, no subprocess.

    Raises EngineDown when none answers (`ensure` brings one up), and LayersError when one answers
    that cannot be used: no permission, no docker client, or too old a buildx.
    """
    places = Places.of(root)
    silent = []
    for address in addresses(os.environ):
        if address.host == f"unix://{places.socket}":
            break  # from `doit engine env`: ours, which comes back by itself
        try:
            if answers(address.host):
                from layers.setup.client import external

                return external(places.root, address, listener)
        except PermissionError:
            raise EngineError(
                f"an engine is there ({address.source}), but you may not use it: {address.host}",
                hint="be root, or a member of the socket's group (usually `docker`)",
            ) from None
        silent.append(f"{address.host} ({address.source})")
    found = running(places)
    if found is None:
        raise EngineDown(
            f"no engine answers at {', '.join(silent) or places.socket}",
            hint="`doit engine start` brings up this checkout's own",
        )
    return found


def ensure(root: str, listener: Listener, kind: Mapping[str, str] | None = None) -> Endpoint:
    """The engine to use, started when none answers; minutes the first time, then about 4 s.

    ``kind`` has the version and the store that this checkout's own is to have. Raises LayersError
    where that is impossible, with what to install, or where an engine answers that is not ours.
    """
    places = Places.of(root)
    try:
        found = endpoint(root, listener)
        if not kind:
            return found
        if not found.private:
            raise LayersError(
                f"an engine answers at {found.host}; --version and --store are about this "
                "checkout's own, which is used where no other answers",
                hint="unset DOCKER_HOST or leave the docker context (`docker context use default`)",
            )
    except EngineDown:
        pass
    from layers.setup.private import lifecycle

    chosen = next(addresses(os.environ))
    if chosen.source != "the default socket" and chosen.host != f"unix://{places.socket}":
        listener(Warned(f"{chosen.source} is {chosen.host}, where no engine answers"))
    return lifecycle.start(places, listener, kind)


def stop(root: str) -> bool:
    """End this checkout's own engine and registry; False when nothing of them was up.

    Raises LayersError when it belongs to another user.
    """
    if os.geteuid() != 0:
        raise LayersError("only root can stop a private engine")
    from layers.setup.private import lifecycle

    return lifecycle.stop(Places.of(root))
