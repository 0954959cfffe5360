"""How containers are, where they are reached, and which of them are left alone."""

from __future__ import annotations

import json

import pytest

from layers.compose.changed import settled, waves
from layers.compose.containers import (
    Container,
    Port,
    addresses,
    host_of,
    read_containers,
    to_blame,
    verdict,
)
from layers.compose.pin import Pinned, local_reference, override, project_name
from layers.compose.services import Service
from layers.graph.graph import Layer
from layers.oci.digest import Digest
from layers.plan.names import Names

HASH = "b" * 64
ROW = {
    "ID": "17a6004af2d8",
    "Service": "web",
    "State": "running",
    "Health": "healthy",
    "ExitCode": 0,
    "Image": "web:1",
    "Labels": f"a.b=c,d,com.docker.compose.config-hash={HASH},x=y",
    "Publishers": [
        {"URL": "0.0.0.0", "TargetPort": 80, "PublishedPort": 8080, "Protocol": "tcp"},
        {"URL": "::", "TargetPort": 80, "PublishedPort": 8080, "Protocol": "tcp"},
        {"URL": "", "TargetPort": 81, "PublishedPort": 0, "Protocol": "tcp"},
    ],
}
WEB = Container(
    *("web", "17a6004af2d8", "running", "healthy", 0, "web:1"),
    (Port("0.0.0.0", 8080, 80, "tcp"), Port("::", 8080, 80, "tcp")),
    HASH,
)


def one(state: str, health: str = "", status: int = 0, service: str = "web") -> Container:
    return Container(service, service, state, health, status, "image")


@pytest.mark.parametrize(
    "text", [json.dumps(ROW) + "\n", f"\n{json.dumps(ROW)}\n\n", json.dumps([ROW])]
)
def test_containers_are_read_a_line_each_or_as_an_array(text: str) -> None:
    """Compose 2.21 changed its form; a port that is not published is none."""
    assert read_containers(text) == (WEB,)


def test_no_containers_are_none() -> None:
    """Compose prints nothing, or an empty array."""
    assert read_containers("") == read_containers("[]\n") == ()


@pytest.mark.parametrize(
    ("container", "found", "word"),
    [
        (one("running"), "ready", "running"),
        (one("running", "healthy"), "ready", "healthy"),
        (one("running", "starting"), "waiting", "starting"),
        (one("running", "unhealthy"), "failed", "unhealthy"),
        (one("exited"), "ready", "done"),
        (one("exited", "", 3), "failed", "ended with 3"),
        (one("exited", "unhealthy", 137), "failed", "ended with 137"),
        (one("created"), "waiting", "created"),
        (one("restarting", "", 1), "waiting", "restarting"),
        (one("paused"), "waiting", "paused"),
        (one("dead"), "failed", "dead"),
    ],
)
def test_a_container_is_ready_waits_or_has_failed(
    container: Container, found: str, word: str
) -> None:
    """A service that ended with 0 has done what it is for."""
    assert (container.verdict, container.word) == (found, word)


def test_a_stack_is_ready_when_every_service_has_a_container_that_is() -> None:
    """One that failed decides at once."""
    assert verdict([one("running")], ["web"]) == "ready"
    assert verdict([one("running")], ["web", "db"]) == "waiting"
    assert verdict([one("running"), one("created", service="db")], ["web", "db"]) == "waiting"
    assert verdict([one("exited", "", 1), one("created", service="db")], ["web"]) == "failed"
    assert verdict([], []) == "ready"


def test_the_one_that_failed_is_to_blame_else_the_one_that_others_wait_for() -> None:
    """A container that was never started has nothing to tell."""
    slow, waits = one("running", "starting", service="db"), one("created")
    assert to_blame([slow, waits]) == (slow,)
    failed = one("exited", "", 1, service="x")
    assert to_blame([slow, failed, waits]) == (failed,)


@pytest.mark.parametrize(
    ("ports", "host", "found"),
    [
        ((Port("0.0.0.0", 80, 80, "tcp"), Port("::", 80, 80, "tcp")), "box", ["http://box:80"]),
        ((Port("127.0.0.1", 5, 80, "tcp"),), "127.0.0.1", ["http://127.0.0.1:5"]),
        ((Port("10.0.0.7", 5, 80, "tcp"),), "127.0.0.1", ["http://10.0.0.7:5"]),
        ((Port("fe80::1", 5, 80, "tcp"),), "127.0.0.1", ["http://[fe80::1]:5"]),
        ((Port("0.0.0.0", 53, 53, "udp"),), "127.0.0.1", ["udp://127.0.0.1:53"]),
        ((), "127.0.0.1", []),
    ],
)
def test_addresses_are_those_of_published_ports(
    ports: tuple[Port, ...], host: str, found: list[str]
) -> None:
    """What listens everywhere is reached at the engine's machine."""
    assert list(addresses(Container("a", "1", "running", "", 0, "", ports), host)) == found


@pytest.mark.parametrize(
    ("engine", "host"),
    [
        ("unix:///var/run/docker.sock", "127.0.0.1"),
        ("tcp://build.example.com:2376", "build.example.com"),
        ("tcp://localhost:2375", "127.0.0.1"),
        ("tcp://[fd00::1]:2375", "fd00::1"),
        ("ssh://me@box", "box"),
        ("ssh://me@box:2222/var/run/docker.sock", "box"),
        ("", "127.0.0.1"),
    ],
)
def test_the_machine_is_that_of_the_engine(engine: str, host: str) -> None:
    """Ports are published there."""
    assert host_of(engine) == host


# -- what is left alone ----------------------------------------------------------------------

DB = Service("db", "db", None)
API = Service("api", "api", None, ("db",))
WEBS = Service("web", "web", None, ("api",))
CHAIN = (API, DB, WEBS)
SAME = {"db": "1", "api": "2", "web": "3"}


def running(*names: str, state: str = "running") -> list[Container]:
    return [Container(name, name, state, "", 0, "", (), SAME[name]) for name in names]


def test_services_that_run_from_the_same_settings_are_settled() -> None:
    """Of others, one has no container, one a stopped one, one other settings."""
    assert settled(CHAIN, SAME, running("db", "api", "web")) == {"db", "api", "web"}
    assert settled(CHAIN, {**SAME, "api": "9"}, running("db", "api", "web")) == {"db", "web"}
    assert settled(CHAIN, SAME, running("db", "api")) == {"db", "api"}
    stopped = [*running("db", "web"), *running("api", state="exited")]
    assert settled(CHAIN, SAME, stopped) == {"db", "web"}
    assert settled(CHAIN, {}, running("db", "api", "web")) == frozenset()


def test_a_service_that_follows_another_is_not_settled_before_it() -> None:
    """``restart: true`` in depends_on; and so on along the chain."""
    api = Service("api", "api", None, ("db",), ("db",))
    web = Service("web", "web", None, ("api",), ("api",))
    found = settled((api, DB, web), {**SAME, "db": "9"}, running("db", "api", "web"))
    assert found == frozenset()


@pytest.mark.parametrize(
    ("still", "calls"),
    [
        ("", [()]),
        ("api db web", [()]),
        ("api web", [("db",)]),
        ("db", [("api", "web")]),
        ("db api", [("web",)]),
        ("web", [("api", "db")]),
        # api needs db and web needs api: one call would make api anew, too
        ("api", [("db",), ("web",)]),
    ],
)
def test_only_what_is_not_settled_is_asked_for(still: str, calls: list[tuple[str, ...]]) -> None:
    """Nothing named means all: then compose also looks after what no file names any more."""
    assert list(waves(CHAIN, set(still.split()))) == calls


# -- what is pinned --------------------------------------------------------------------------

KEYED = Names("shop-app:xxh3-1", "shop-app:latest", None)


def test_ours_is_named_by_key_and_digest() -> None:
    """By the key alone where the engine knows no digests."""
    digest = Digest.parse(f"sha256:{HASH}")
    assert local_reference(KEYED, digest) == f"shop-app:xxh3-1@sha256:{HASH}"
    assert local_reference(KEYED, None) == "shop-app:xxh3-1"


def test_a_registry_is_never_asked_for_ours() -> None:
    """An upstream is pulled where it is not there."""
    text = override([Pinned("web", "a@b", Layer("app")), Pinned("db", "postgres@c")])
    assert json.loads(text) == {
        "services": {
            "web": {"image": "a@b", "pull_policy": "never"},
            "db": {"image": "postgres@c"},
        }
    }


@pytest.mark.parametrize(
    ("project", "stack", "name"),
    [
        ("snowboard", "safety", "snowboard-safety"),
        ("snowboard", "snowboard", "snowboard"),
        ("my.shop", "a.b", "my-shop-a-b"),
    ],
)
def test_a_project_of_compose_is_named_after_project_and_stack(
    project: str, stack: str, name: str
) -> None:
    """Compose takes no dots."""
    assert project_name(project, stack) == name
