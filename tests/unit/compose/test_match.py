"""Which image of ours a service of a compose file runs."""

from __future__ import annotations

from typing import Any

import pytest

from layers.compose.known import Candidate, Known
from layers.compose.match import UnknownImage, Unlike, match
from layers.compose.services import Build, Service, read_services
from layers.config.sandbox import Sandbox
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
        (service(context="/p/app", dockerfile="/p/app/other"), None),
        (service(context="/p/none"), None),
        (service(context="https://example.com/x.git"), None),
        # the image is not the Dockerfile's last stage
        (service(context="/p/e"), None),
        (service(context="/p/e", target="mid"), "early"),
        # both
        (service("shop-app", "/p/app", "deps"), "app:deps"),
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
        Service("a", "", Build("/p/a", "", None)),
        Service("b", "x", Build("/p/b", "/p/c.Dockerfile", "t"), ("a", "c"), ("c",)),
        Service("c", "", Build("/p/c", "/p/c/Dockerfile", None)),
    )
    assert read_services({}) == ()


# -- what else a build says ----------------------------------------------------------------------

FULL = Candidate(
    "full",
    "/p/full",
    "/p/full/Dockerfile",
    ("base", "runtime"),
    1,
    ("base",),
    args={"VERSION": "3", "API_TOKEN": "t0"},
    contexts={"src": "/p/src"},
    network="none",
    secrets={"pip": "", "tok": "file:/p/tok", "key": "env:KEY"},
    platform="linux/amd64",
    late=("REVISION",),
    sandbox=Sandbox(("db:10.0.0.1",), 128),
    ssh={"default": "", "git": "/p/k"},
)
TWINS = tuple(
    Candidate(f"twin-{one}", "/p/twin", "/p/twin/Dockerfile", ("",), 0, (), args=args)
    for one, args in (("plain", {}), ("a", {"BASE": "a"}), ("b", {"BASE": "b"}))
)
ALL = Known(
    (APP, FULL, SYSTEM, *TWINS),
    {
        Reference.parse(name).normal: Layer(name.partition(":")[0], stage)
        for name, stage in (("app", None), ("full", None), ("full:base", "base"), ("sys", None))
    },
    lambda _name: False,
    lambda _layer, args: dict(args) == {"DEFAULT": "as the Dockerfile has it"},
    {"other": Layer("app")},
)


def full(image: str = "", platform: str = "", **more: Any) -> Service:
    target = more.pop("target", None)
    context = more.pop("context", "/p/full")
    dockerfile = more.pop("dockerfile", "/p/full/Dockerfile")
    build = Build(context, dockerfile, target, **more)
    return Service("web", image, build, platform=platform)


@pytest.mark.parametrize(
    "asked",
    [
        full(),
        full("full", target="Runtime"),
        full(sandbox=Sandbox(("db:10.0.0.1",))),
        full(sandbox=Sandbox(shm_size=128)),
        full(ssh={"default": "", "git": "/p/k"}),
        full(args={"VERSION": "3"}),
        full(args={"REVISION": "of this commit"}),
        full(args={"DEFAULT": "as the Dockerfile has it", "VERSION": "3"}),
        full(contexts={"src": "/p/./src"}),
        full(contexts={"app": "docker-image://app"}),
        full(contexts={"app": "service:other"}),
        full(contexts={"alpine:3": "docker-image://docker.io/library/alpine:3"}),
        full(network="none"),
        full(platforms=("linux/arm64", "linux/x86_64")),
        full(platform="amd64"),
        full(secrets={"pip": "file:/home/me/pip.conf", "tok": "file:/p/tok", "key": "env:KEY"}),
        full(secrets={"tok": ""}),
    ],
)
def test_what_a_build_says_is_so_of_our_image(asked: Service) -> None:
    """What it leaves out is as images.toml has it."""
    assert match(asked, ALL) == Layer("full")


@pytest.mark.parametrize(
    ("asked", "key", "words"),
    [
        (full(args={"VERSION": "4"}), "args.VERSION", "it is '4'; image full has '3'"),
        (full(args={"MORE": "1"}), "args.MORE", "it is '1'; image full does not set it"),
        (full(args={"API_TOKEN": "t1"}), "args.API_TOKEN", "its value is not that of image full"),
        (full(contexts={"src": "/p/x"}), "additional_contexts.src", "of image full it is /p/src"),
        (full(contexts={"x": "/p/x"}), "additional_contexts.x", "not a context in images.toml"),
        (
            full(contexts={"base": "docker-image://app"}),
            "additional_contexts.base",
            "it is docker-image://app",
        ),
        (full(contexts={"full": "service:other"}), "additional_contexts.full", "service:other"),
        (
            full(contexts={"x": "https://a/b.git"}),
            "additional_contexts.x",
            'contexts.x = "https',
        ),
        (full(network="host"), "network", "it is 'host', of image full 'none'"),
        (full(network="shop_net"), "network", "BuildKit, which is in no network of doc"),
        (full(platforms=("linux/arm64",)), "platforms", "linux/arm64: image full is for"),
        (full(platforms=("arm64",)), "platforms", 'write platform = "linux/arm64" into [images.f'),
        (full(secrets={"toc": ""}), "secrets", "no secret of image full (did you mean 'tok'?)"),
        (full(secrets={"tok": "file:/x"}), "secrets", "'tok' is file:/x, in images.toml file:/p"),
        (full(secrets={"key": "file:/x"}), "secrets", "in images.toml env:KEY"),
        (full(ssh={"key": ""}), "ssh", 'write ssh = ["key"] into [images.full]'),
        (full(others=("someday",)), "someday", "write image: full instead of build"),
        (full(ssh={"git": "/p/other"}), "ssh", "'git': it is /p/other; image full has /p/k"),
        (full(sandbox=Sandbox(shm_size=64)), "shm_size", "it is 64; image full has 128"),
        (full(sandbox=Sandbox(("a:1.2.3.4",))), "extra_hosts", '{ "a" = "1.2.3.4" }'),
        (full(sandbox=Sandbox(ulimits=("core=0:1",))), "ulimits", '{ "core" = "0:1" }'),
        (full(others=("labels",)), "labels", "write LABEL into the Dockerfile"),
        # the image is named, and the build is another's
        (full("app"), "context", "it is /p/full; image: names app of images.toml"),
        (full("full", dockerfile="/p/full/b"), "dockerfile", "which is built from /p/full/Docker"),
        (full("full", dockerfile=""), "dockerfile_inline", "which is built from /p/full/Dockerf"),
        (full("full", target="runtim"), "target", "did you mean 'runtime'?"),
        (full("full:base"), "target", "write target: base"),
        (full("sys"), "", "made from packages and has no Dockerfile"),
        # not named, and the stage is not there
        (full(target="nosuch"), "target", "'nosuch' is no stage of /p/full/Dockerfile"),
    ],
)
def test_what_a_build_says_beside_is_refused_by_name(asked: Service, key: str, words: str) -> None:
    """Where our image is not so: service, key, what was expected, and what to do."""
    with pytest.raises(Unlike) as caught:
        match(asked, ALL, lambda keys: ("compose.yaml", len(keys)))
    text = str(caught.value)
    dotted = f"build.{key}" if key else "build"
    line = 1 + len(dotted.split("."))
    assert text.startswith(f"compose.yaml:{line}: service web: {dotted}: ")
    assert words in text
    assert len(text.splitlines()) == 2
    assert "t0" not in text
    assert "t1" not in text


def test_everything_that_differs_is_told_at_once() -> None:
    """One line and one remedy each."""
    asked = full(platform="linux/arm64", args={"VERSION": "4"}, others=("one", "two"))
    with pytest.raises(Unlike) as caught:
        match(asked, ALL)
    keys = [each.message.split(": ")[1] for each in caught.value.faults]
    assert keys == ["build.args.VERSION", "platform", "build.one", "build.two"]


def test_a_service_without_a_build_has_a_platform_too() -> None:
    """Compose would refuse the image that it is handed."""
    with pytest.raises(Unlike, match="platform: it is 'linux/arm64', image full is for linux/am"):
        match(Service("web", "full", None, platform="linux/arm64"), ALL)
    assert match(Service("web", "full", None, platform="linux/amd64"), ALL) == Layer("full")


@pytest.mark.parametrize(
    ("args", "found"), [({}, "twin-plain"), ({"BASE": "a"}, "twin-a"), ({"BASE": "b"}, "twin-b")]
)
def test_args_say_which_image_of_one_dockerfile(args: dict[str, str], found: str) -> None:
    """The one that has just these."""
    build = Build("/p/twin", "/p/twin/Dockerfile", None, args=args)
    assert match(Service("web", "", build), ALL) == Layer(found)
    with pytest.raises(Unlike, match=r"build\.args\.BASE: it is 'c'"):
        match(Service("web", "", Build("/p/twin", "/p/twin/Dockerfile", None, {"BASE": "c"})), ALL)


def test_what_says_how_it_is_built_is_not_compared() -> None:
    """Caches and further tags change no image; what nobody knows yet might."""
    told = {
        "context": "/p",
        "args": {"A": 1, "NONE": None},
        "secrets": [{"source": "s", "target": "id"}, {"source": "e"}, {"source": "x"}],
        "cache_from": ["a"],
        "tags": ["b:1"],
        "no_cache": True,
        "privileged": False,
        "isolation": "default",
        "shm_size": "268435456",
        "extra_hosts": ["b=::1", "a=1.2.3.4"],
        "ulimits": {"nproc": 7, "nofile": {"soft": 1, "hard": 2}},
        "someday": 1,
        "x-note": "n",
    }
    secrets = {"s": {"file": "/p/./s"}, "e": {"environment": "E"}}
    config = {"services": {"a": {"build": told, "platform": "linux/arm64"}}, "secrets": secrets}
    (service,) = read_services(config)
    assert service.platform == "linux/arm64"
    assert service.build is not None
    assert service.build.args == {"A": "1"}
    assert service.build.secrets == {"id": "file:/p/s", "e": "env:E", "x": ""}
    assert service.build.sandbox == Sandbox(
        ("a:1.2.3.4", "b:::1"), 268435456, ("nofile=1:2", "nproc=7:7")
    )
    assert service.build.others == ("someday",)
