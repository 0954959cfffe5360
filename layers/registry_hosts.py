"""Hosts of registries: which of them are this machine."""

from __future__ import annotations


def is_loopback(host: str) -> bool:
    """Whether ``host[:port]`` is this machine itself: such registries speak http, as in Docker."""
    name = host.partition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    numbers = name.split(".")
    return name in ("localhost", "::1") or (
        numbers[0] == "127" and len(numbers) == 4 and all(one.isdecimal() for one in numbers)
    )
