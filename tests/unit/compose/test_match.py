"""Which image of ours a service of a compose file runs."""

from __future__ import annotations

from typing import Any

import pytest

from layers.compose.match import Candidate, Known, UnknownImage, match
from layers.compose.services import Build, Service, read_services
from layers.graph.graph import Layer
from layers.oci.reference import Reference

APP = Candidate("app", "/p/app", "/p/app/Dockerfile", ("deps", "", "runtime"), 2, ("deps",))
EARLY = Candidate("early", "/p/e", "/p/e/Dockerfile", ("base", "mid", "last"), 1, ("base",))
CPU = Candidate("pose-cpu", "/p/pose", "/p/pose/Dockerfile", ("all",), 0, ())
GPU = Candidate("pose-gpu", "/p/pose", "/p/pose/Dockerfile", ("all",), 0, ())
SYSTEM = Candidate("sys", "", "", (), 0, ())
NAMES = {
    "app": Layer("app"),
    "shop-app": Layer("app"),
    "shop-app:deps": Layer("app", "deps"),
    "early": Layer("early"),
    "pose-cpu": Layer("pose-cpu"),
    "pose-gpu": Layer("pose-gpu"),
    "nginx:alpine": Layer("sys"),
}
KNOWN = Known(
    (APP, EARLY, CPU, GPU, SYSTEM),
    {Reference.parse(name).normal: layer for name, layer in NAMES.items()},
    lambda name: name == "erly",
)


def service(image: str = "", context: str = "", target: str | None = None, **more: Any) -> Service:
    dockerfile = more.get("dockerfile", f"{context}/Dockerfile")
    return Service("web", image, Build(context, dockerfile, target) if context else None)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        # by name
        (service("app"), "app"),
        (service("docker.io/library/shop-app:latest"), "app"),
        (service("shop-app:deps"), "app:deps"),
        (service("nginx:alpine"), "sys"),
        (service("shop-app:v1"), None),
        (service("postgres:16"), None),
        (service("other.example.com/app"), None),
        (service(), None),
        # by build
        (service(context="/p/app"), "app"),
        (service(context="/p/app/."), "app"),
        (service(context="/p/app", target="Runtime"), "app"),
        (service(context="/p/app", target="2"), "app"),
        (service(context="/p/app", target="deps"), "app:deps"),
        (service(context="/p/app", target="0"), "app:deps"),
        (service(context="/p/app", target="1"), None),
        (service(context="/p/app", target="nosuch"), None),
        (service(context="/p/app", dockerfile="/p/app/other"), None),
        (service(context="/p/none"), None),
        (service(context="https://example.com/x.git"), None),
        # the image is not the Dockerfile's last stage
        (service(context="/p/e"), None),
        (service(context="/p/e", target="mid"), "early"),
        # both
        (service("shop-app", "/p/app", "deps"), "app:deps"),
        (service("shop-app", "/p/none"), "app"),
        (service("pose-gpu", "/p/pose"), "pose-gpu"),
        (service("whatever:1", "/p/app"), "app"),
    ],
)
def test_a_service_means_what_its_name_and_its_build_say(asked: Service, found: str | None) -> None:
    """A build says more than a name, and a name which of several."""
    layer = match(asked, KNOWN)
    assert (str(layer) if layer else None) == found


def test_a_build_of_two_images_needs_a_name() -> None:
    """Variants are made from one Dockerfile."""
    with pytest.raises(UnknownImage) as caught:
        match(service(context="/p/pose"), KNOWN)
    assert str(caught.value) == (
        "service web: its build is that of pose-cpu and pose-gpu\n"
        "  write which one beside it, for instance image: pose-cpu"
    )


def test_a_slip_is_not_looked_for_at_docker_hub() -> None:
    """A bare name near one of ours is an error; with a tag, or in the lock, it is an upstream."""
    with pytest.raises(UnknownImage, match=r"'shop-ap' is not an image .* mean 'shop-app'"):
        match(service("shop-ap"), KNOWN)
    assert match(service("shop-ap:1"), KNOWN) is None
    assert match(service("erly"), KNOWN) is None


def test_what_is_no_reference_names_the_service() -> None:
    """Compose itself lets it pass."""
    with pytest.raises(UnknownImage, match="service web: reference 'A:::b'"):
        match(service("A:::b"), KNOWN)


def test_services_are_read_from_what_compose_tells() -> None:
    """Paths are absolute there; a Dockerfile is relative to its context."""
    config = {
        "services": {
            "b": {
                "image": "x",
                "build": {"context": "/p/b", "dockerfile": "../c.Dockerfile", "target": "t"},
                "depends_on": {
                    "a": {"condition": "service_healthy"},
                    "c": {"condition": "service_started", "restart": True},
                },
            },
            "a": {"build": {"context": "/p/a", "dockerfile_inline": "FROM x"}, "image": None},
            "c": {"build": {"context": "/p/c"}},
        }
    }
    assert read_services(config) == (
        Service("a", "", None),
        Service("b", "x", Build("/p/b", "/p/c.Dockerfile", "t"), ("a", "c"), ("c",)),
        Service("c", "", Build("/p/c", "/p/c/Dockerfile", None)),
    )
    assert read_services({}) == ()
