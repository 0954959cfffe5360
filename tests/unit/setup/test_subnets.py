"""A private engine's addresses are nobody else's."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashes.errors import LayersError
from layers.setup.private.subnets import (
    bridge_subnet,
    free_pool,
    gateway,
    read_addresses,
    read_nameservers,
    read_routes,
)

networks = st.builds(
    lambda base, prefix: IPv4Network((base, prefix), strict=False),
    st.integers(0xAC000000, 0xAC3FFFFF) | st.integers(0xC0A80000, 0xC0A8FFFF),
    st.integers(11, 32),
)


@given(st.integers(0, 2**32 - 1), st.lists(networks, max_size=8))
def test_a_pool_overlaps_nothing_that_is_taken(seed: int, taken: list[IPv4Network]) -> None:
    """Whatever is in use, the pool is private, elsewhere, and away from docker0's usual range."""
    pool = free_pool(seed, taken)
    assert pool.is_private
    assert not any(pool.overlaps(other) for other in [*taken, IPv4Network("172.17.0.0/16")])
    assert bridge_subnet(pool).subnet_of(pool)
    assert gateway(pool) in bridge_subnet(pool)


def test_two_checkouts_start_their_search_apart() -> None:
    """Other seeds give other pools, so that stopped engines rarely want the same."""
    assert free_pool(1, []) != free_pool(2, [])


def test_no_free_range_is_an_error() -> None:
    """A machine that uses every private address is told so."""
    with pytest.raises(LayersError, match="no private IPv4 range"):
        free_pool(7, [IPv4Network("0.0.0.0/0")])


def test_addresses_and_routes_are_read_as_ip_prints_them() -> None:
    """Down interfaces without an address and the default route are skipped."""
    interfaces: list[dict[str, object]] = [
        {"ifname": "eth0", "addr_info": [{"local": "192.0.2.2", "prefixlen": 24}]},
        {"ifname": "down", "addr_info": []},
        {},
    ]
    routes: list[dict[str, object]] = [
        {"dst": "default", "dev": "eth0"},
        {"dst": "10.1.0.0/16", "dev": "tun0"},
        {"dst": "10.2.0.1", "dev": "tun0"},
    ]
    assert list(read_addresses(interfaces)) == [("eth0", IPv4Network("192.0.2.0/24"))]
    assert [str(network) for _, network in read_routes(routes)] == ["10.1.0.0/16", "10.2.0.1/32"]


def test_name_servers_are_taken_too() -> None:
    """A pool over the resolver's address would cut containers from it."""
    text = "# nameserver 1.1.1.1\nnameserver 10.9.8.7\nnameserver fd00::1\nsearch lan\n"
    assert list(read_nameservers(text)) == [IPv4Network("10.9.8.7")]
