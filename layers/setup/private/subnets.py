"""Subnets: address ranges for a private engine that nobody here uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network

from hashes.errors import LayersError

POOL_PREFIX = 21
"""A pool holds the bridge's /24 and small networks that users make."""

_RANGES = (IPv4Network("172.16.0.0/12"), IPv4Network("192.168.0.0/16"), IPv4Network("10.0.0.0/8"))
_DOCKERS = IPv4Network("172.17.0.0/16")  # another engine's docker0 may come up later


def free_pool(seed: int, taken: Iterable[IPv4Network]) -> IPv4Network:
    """A private /21 that overlaps nothing in ``taken``; ``seed`` says where the search starts.

    Raises LayersError when all private ranges are taken.
    """
    avoided = [_DOCKERS, *taken]
    for private in _RANGES:
        count = 1 << (POOL_PREFIX - private.prefixlen)
        for step in range(count):
            first = int(private.network_address) + (seed + step) % count * (1 << 32 - POOL_PREFIX)
            pool = IPv4Network((first, POOL_PREFIX))
            if not any(pool.overlaps(other) for other in avoided):
                return pool
    raise LayersError("no private IPv4 range is free for the engine's containers")


def bridge_subnet(pool: IPv4Network) -> IPv4Network:
    """The part of a pool that the bridge has."""
    return next(pool.subnets(new_prefix=24))


def gateway(pool: IPv4Network) -> IPv4Address:
    """The bridge's own address."""
    return bridge_subnet(pool)[1]


def read_addresses(interfaces: Iterable[dict[str, object]]) -> Iterator[tuple[str, IPv4Network]]:
    """Interface and network of each address in what ``ip -j -4 addr`` prints."""
    for interface in interfaces:
        infos = interface.get("addr_info")
        for info in infos if isinstance(infos, list) else []:
            if info.get("local"):
                network = IPv4Network((info["local"], info.get("prefixlen", 32)), strict=False)
                yield str(interface.get("ifname")), network


def read_routes(routes: Iterable[dict[str, object]]) -> Iterator[tuple[str, IPv4Network]]:
    """Interface and destination of each route in ``ip -j -4 route``, without the default one."""
    for route in routes:
        try:
            yield str(route.get("dev")), IPv4Network(str(route.get("dst")))
        except ValueError:
            continue


def read_nameservers(text: str) -> Iterator[IPv4Network]:
    """The name servers of a resolv.conf, each as a network of one address."""
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver":
            try:
                yield IPv4Network(words[1])
            except ValueError:
                continue
