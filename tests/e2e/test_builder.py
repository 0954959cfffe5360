"""Remote builders: a second engine with a socket and a store of its own builds for the first."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from layers.graph.record import Record
from layers.oci.credentials import NoCredentials
from layers.registry import referrers
from layers.registry.client import HttpRegistry
from tests.e2e import conftest
from tests.e2e.lab import Lab, Workspace, lab_folder

SECOND = "second"
FAR = "far"


@pytest.fixture(scope="module")
def second(lab: Lab, kind: dict[str, str]) -> Iterator[Lab]:
    """An engine beside the lab's, known to the lab's client as a docker context."""
    with conftest.started(lab_folder(SECOND), kind) as engine:
        lab.docker("context", "rm", "--force", SECOND, check=False)
        lab.docker("context", "create", SECOND, "--docker", f"host={engine.endpoint.host}")
        yield engine
        lab.docker("context", "rm", "--force", SECOND)


@pytest.fixture(scope="module")
def far(lab: Lab, second: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The second engine's BuildKit as a builder of buildx's driver `remote`: gRPC on a socket."""
    path = str(tmp_path_factory.mktemp("far") / "buildkit.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    engine = second.endpoint.host.removeprefix("unix://")
    threading.Thread(target=_accept, args=(listener, engine), daemon=True).start()
    lab.docker("buildx", "rm", FAR, check=False)
    lab.docker("buildx", "create", "--name", FAR, "--driver", "remote", f"unix://{path}")
    yield FAR
    lab.docker("buildx", "rm", FAR)
    listener.close()


def _accept(listener: socket.socket, engine: str) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(client, engine), daemon=True).start()


def _serve(client: socket.socket, engine: str) -> None:
    """Dockerd speaks BuildKit's gRPC behind an upgrade of `POST /grpc`, as buildkitd does alone."""
    with client, socket.socket(socket.AF_UNIX) as server:
        server.connect(engine)
        server.sendall(
            b"POST /grpc HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
        )
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += server.recv(1)
        back = threading.Thread(target=_copy, args=(server, client), daemon=True)
        back.start()
        _copy(client, server)
        back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def registry() -> HttpRegistry:
    return HttpRegistry(NoCredentials(), insecure=lambda _host: False)


def keys(workspace: Workspace, image: str) -> list[str]:
    """The keys of an image in the registry, where nothing else is but their records."""
    found = registry().tags(f"{workspace.lab.registry}/{workspace.name}/{image}")
    assert not [tag for tag in found if not tag.startswith(("xxh3-", "sha256-"))]
    return [tag for tag in found if tag.startswith("xxh3-")]


def did(engine: Lab, words: str) -> bool:
    """Whether a step with these words is in an engine's build cache."""
    return words in engine.docker("buildx", "du", "--verbose")


@pytest.mark.parametrize("driver", [SECOND, FAR])
def test_a_builder_builds_and_only_what_is_wanted_comes_here(
    driver: str, workspace: Workspace, lab: Lab, second: Lab, far: str
) -> None:
    """Base and stage stay in the registry; an edit runs the steps of the child, over there."""
    if driver == FAR and second.classic:
        pytest.skip("the BuildKit of an engine with the classic store has no exporter of images")
    workspace.doit("app", LAYERS_BUILDER=driver)
    assert lab.docker("run", "--rm", f"{workspace.tag('app')}:latest") == "print(1)"
    assert workspace.image("base") == ""
    assert did(second, f"echo system of {workspace.name}")
    assert not did(lab, f"echo system of {workspace.name}")
    assert [len(keys(workspace, each)) for each in ("base", "app")] == [1, 2]  # and app:deps
    assert second.docker("images", "--quiet", f"{lab.registry}/{workspace.name}/*") == ""

    repository = f"{lab.registry}/{workspace.name}/base"
    digest = registry().heads([(repository, keys(workspace, "base")[0])]).popitem()[1]
    record = Record.first(referrers.fetch(registry(), repository, digest, referrers.INPUTS))
    assert record is not None
    assert str(record.own.key()) == keys(workspace, "base")[0]

    workspace.doit("app", LAYERS_BUILDER=driver)
    assert workspace.ran() == {}
    workspace.edit("app/app.py", "1", "2")
    workspace.doit("app", LAYERS_BUILDER=driver)
    ran = workspace.ran()
    assert set(ran) == {"app"}
    assert not [step for step in ran["app"] if "requirements" in step]
    assert lab.docker("run", "--rm", f"{workspace.tag('app')}:latest") == "print(2)"
    assert workspace.image("base") == ""


@pytest.mark.parametrize("how", ["use", "variable"])
def test_a_builder_in_use_is_no_builder_that_was_asked_for(
    how: str, workspace: Workspace, lab: Lab, second: Lab, far: str
) -> None:
    """`docker buildx create --use`, as CI's set-up does it, and BUILDX_BUILDER change nothing."""
    if how == "use":
        lab.docker("buildx", "use", far)
    try:
        workspace.doit("app", BUILDX_BUILDER=far if how == "variable" else "")
    finally:
        lab.docker("buildx", "use", "default")
    assert lab.docker("run", "--rm", f"{workspace.tag('app')}:latest") == "print(1)"
    assert did(lab, f"echo system of {workspace.name}")
    assert not did(second, f"echo system of {workspace.name}")


def test_what_is_published_comes_nowhere_near_this_engine(
    workspace: Workspace, lab: Lab, second: Lab
) -> None:
    """A publish asks for it in the registry; the second one finds it there."""
    told = workspace.doit("publish", "app", LAYERS_BUILDER=SECOND)
    assert "built and pushed" in told.text
    assert workspace.image("app") == workspace.image("base") == ""
    assert "there" in workspace.doit("publish", "app", LAYERS_BUILDER=SECOND).text
    workspace.doit("app")
    assert workspace.ran() == {}
    assert lab.docker("run", "--rm", f"{workspace.tag('app')}:latest") == "print(1)"


def test_a_parent_that_only_this_engine_has_is_pushed_first(
    workspace: Workspace, lab: Lab, second: Lab
) -> None:
    """One image has a builder; what it starts from was built here and goes nowhere by itself."""
    workspace.edit("images.toml", 'base"\npush = true', 'base"')
    workspace.edit("images.toml", "[images.app]\n", f'[images.app]\nbuilder = "{SECOND}"\n')
    workspace.doit("base")
    assert keys(workspace, "base") == []
    workspace.doit("app")
    assert len(keys(workspace, "base")) == 1
    assert set(workspace.ran()) == {"app", "app:deps"}
    assert lab.docker("run", "--rm", f"{workspace.tag('app')}:latest") == "print(1)"


def test_a_step_that_fails_leaves_nothing(workspace: Workspace, lab: Lab, second: Lab) -> None:
    """No tag, no image, and the report names the step."""
    workspace.edit("base/Dockerfile", "COPY base.txt", "RUN no-such-program\nCOPY base.txt")
    told = workspace.doit("base", status=1, LAYERS_BUILDER=SECOND)
    assert "RUN no-such-program" in told.text
    assert keys(workspace, "base") == []


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"LAYERS_BUILDER": "secnod"}, "'secnod' (did you mean 'second'?)"),
        ({"LAYERS_BUILDER": "second", "LAYERS_REGISTRY": ""}, "through a registry"),
        ({"LAYERS_BUILDER": "no such"}, "'no such' is no builder's name"),
    ],
)
def test_what_cannot_be_is_told(
    environment: dict[str, str], said: str, workspace: Workspace, second: Lab
) -> None:
    """Status 1, and what to do."""
    assert said in workspace.doit("base", status=1, **environment).text


def test_a_registry_that_is_down_is_an_error_before_anything_is_built(
    workspace: Workspace, second: Lab
) -> None:
    """The result would have no way to come here; a build by the engine here owes its push only."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        dead = f"127.0.0.1:{nobody.getsockname()[1]}"
        told = workspace.doit("other", status=1, LAYERS_BUILDER=SECOND, LAYERS_REGISTRY=dead)
    assert f"is the registry {dead} up" in told.text or dead in told.text
    assert workspace.ran() == {}
