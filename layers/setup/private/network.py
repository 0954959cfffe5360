"""The network of a private engine: a bridge, and iptables rules in chains of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from ipaddress import IPv4Network

from layers.host.system import must, run, which
from layers.setup.private.paths import Places
from layers.setup.private.subnets import (
    bridge_subnet,
    free_pool,
    gateway,
    read_addresses,
    read_nameservers,
    read_routes,
)

_NEEDS_ROOT = "the machine must let root make network interfaces (in a container: --privileged)"
ALIAS = "doit-layers "
"""Begins the alias of our bridges; the checkout's path follows."""


def bring_up(places: Places, remembered: str | None, warn: Callable[[str], None]) -> IPv4Network:
    """Have bridge and rules in place, and return the pool of addresses.

    ``remembered`` is the pool of the last time; another one is chosen when someone uses it now.
    Raises LayersError when the machine forbids interfaces; ``warn`` hears of missing iptables.
    """
    taken = taken_networks(places.bridge)
    try:
        pool = IPv4Network(remembered or "")
    except ValueError:
        pool = None
    if pool is None or any(pool.overlaps(other) for other in taken):
        pool = free_pool(int(places.id, 16), taken)
    if not _bridge_is_up(places, pool):
        take_down(places.bridge, places.chain, None)
        _make_bridge(places, pool)
    _forward(pool, places.chain, warn)
    return pool


def is_up(places: Places, remembered: str | None) -> bool:
    """Whether the bridge is there with the addresses of the ``remembered`` pool."""
    try:
        return _bridge_is_up(places, IPv4Network(remembered or ""))
    except ValueError:
        return False


def take_down(bridge: str, chain: str, pool: IPv4Network | None) -> None:
    """Remove the bridge, the rules, and bridges of user networks within ``pool``."""
    doomed = [bridge]
    if pool is not None:
        doomed += [
            name
            for name, network in read_addresses(_ip("addr"))
            if name.startswith("br-") and network.subnet_of(pool)  # docker's name for them
        ]
    for name in dict.fromkeys(doomed):
        if os.path.exists(f"/sys/class/net/{name}/bridge"):
            run(["ip", "link", "delete", name])
    for iptables in _backends():
        _remove_rules(iptables, chain)


def our_bridges() -> dict[str, str]:
    """The bridges that a doit-layers made, each with its checkout's path."""
    found = {}
    for name in os.listdir("/sys/class/net"):
        try:
            with open(f"/sys/class/net/{name}/ifalias", encoding="utf-8") as file:
                alias = file.read().rstrip("\n")
        except OSError:
            continue
        if name.startswith("dl-") and alias.startswith(ALIAS):
            found[name] = alias[len(ALIAS) :]
    return found


def taken_networks(but: str) -> list[IPv4Network]:
    """Networks in use on this machine, leaving out those of the interface ``but``."""
    pairs = [*read_addresses(_ip("addr")), *read_routes(_ip("route", "show", "table", "all"))]
    taken = [network for name, network in pairs if name != but and network.prefixlen > 0]
    try:
        with open("/etc/resolv.conf", encoding="utf-8") as file:
            taken += read_nameservers(file.read())
    except OSError:
        pass
    return taken


def mtu() -> int:
    """The largest packet that leaves this machine, in bytes; containers must not send larger."""
    for route in _ip("route", "show", "default"):
        try:
            with open(f"/sys/class/net/{route.get('dev')}/mtu", encoding="ascii") as file:
                return int(file.read())
        except (OSError, ValueError):
            continue
    return 1500


def _ip(*words: str) -> list[dict[str, object]]:
    done = run(["ip", "-j", "-4", *words])
    value = json.loads(done.stdout) if done.returncode == 0 and done.stdout.strip() else []
    return [item for item in value if isinstance(item, dict)]


def _bridge_is_up(places: Places, pool: IPv4Network) -> bool:
    try:
        with open(f"/sys/class/net/{places.bridge}/flags", encoding="ascii") as file:
            up = int(file.read(), 16) & 1
    except OSError:
        return False
    held = [network for name, network in read_addresses(_ip("addr")) if name == places.bridge]
    return bool(up) and held == [bridge_subnet(pool)]


def _make_bridge(places: Places, pool: IPv4Network) -> None:
    name, why = places.bridge, "could not make the network of the private engine"
    must(["ip", "link", "add", name, "type", "bridge"], why, _NEEDS_ROOT)
    if len(os.fsencode(places.root)) + len(ALIAS) < 256:  # IFALIASZ of linux/if.h
        must(["ip", "link", "set", name, "alias", ALIAS + places.root], why)
    must(["ip", "addr", "add", f"{gateway(pool)}/24", "dev", name], why)
    must(["ip", "link", "set", name, "up"], why)


def _backends() -> list[str]:
    """The iptables programs to use: the default if it works, and the legacy tables where they
    are in use beside it, since a packet passes both."""
    if not _works("iptables"):
        return ["iptables-legacy"] if _works("iptables-legacy") else []
    if "nf_tables" in run(["iptables", "--version"]).stdout and which("iptables-legacy"):
        try:
            with open("/proc/net/ip_tables_names", encoding="ascii") as file:
                if file.read().strip():
                    return ["iptables", "iptables-legacy"]
        except OSError:  # the kernel has no legacy tables loaded
            pass
    return ["iptables"]


def _works(iptables: str) -> bool:
    return which(iptables) is not None and all(
        run([iptables, "-w", "-t", table, "-S"]).returncode == 0 for table in ("filter", "nat")
    )


def _forward(pool: IPv4Network, chain: str, warn: Callable[[str], None]) -> None:
    """Let containers out and answers in; dockerd itself runs with ``iptables: false``, because
    it would empty the chains DOCKER… that it shares with every other dockerd of the machine."""
    answers = ["-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"]
    backends = _backends()
    if not backends:
        warn("no iptables works here: the containers of builds have no network")
    path = "/proc/sys/net/ipv4/ip_forward"
    with open(path, encoding="ascii") as file:
        forwards = file.read().strip() == "1"
    for iptables in backends:
        _remove_rules(iptables, chain)
        rules = [
            ["-N", chain],
            ["-A", chain, "-s", str(pool), "-j", "ACCEPT"],
            ["-A", chain, "-d", str(pool), *answers, "-j", "ACCEPT"],
            ["-I", "FORWARD", "-j", chain],
            ["-t", "nat", "-N", chain],
            ["-t", "nat", "-A", chain, "-s", str(pool), "!", "-d", str(pool), "-j", "MASQUERADE"],
            ["-t", "nat", "-I", "POSTROUTING", "-j", chain],
        ]
        if not forwards:  # as dockerd does: this machine shall not route for its neighbours
            rules.append(["-P", "FORWARD", "DROP"])
        for rule in rules:
            must([iptables, "-w", *rule], "could not give containers a network", _NEEDS_ROOT)
    if not forwards:
        with open(path, "w", encoding="ascii") as file:
            file.write("1\n")


def _remove_rules(iptables: str, chain: str) -> None:
    for table, hook in (("filter", "FORWARD"), ("nat", "POSTROUTING")):
        command = [iptables, "-w", "-t", table]
        while run([*command, "-D", hook, "-j", chain]).returncode == 0:
            pass
        if run([*command, "-F", chain]).returncode == 0:
            run([*command, "-X", chain])
