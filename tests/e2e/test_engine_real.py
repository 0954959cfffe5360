"""The real engine keeps the engine's contract, with the real registry beside it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from layers.engine.client import Client
from layers.engine.docker import DockerEngine
from layers.engine.http import request
from layers.oci.credentials import NoCredentials
from layers.registry.client import HttpRegistry
from tests.contracts import EngineContract, EngineWorld
from tests.e2e.lab import Lab

pytestmark = pytest.mark.e2e


@pytest.fixture
def world(lab: Lab, engine_host: str, registry_host: str, tmp_path: Path) -> Iterator[EngineWorld]:
    """The engine, with a repository of its own that is emptied afterwards."""
    environment = {**os.environ, **lab.endpoint.environment}
    engine = DockerEngine(Client(engine_host, environment))
    names = []

    def build(name: str, content: str, labels: Mapping[str, str], attested: bool) -> None:
        names.append(name)
        (tmp_path / "f").write_text(content)
        (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY f /f\n")
        options = [f"--label={key}={value}" for key, value in labels.items()]
        options.append(f"--provenance={str(attested).lower()}")
        lab.docker("buildx", "build", "--load", "--tag", name, *options, str(tmp_path))

    repository = f"{registry_host}/contract-{uuid.uuid4().hex[:12]}"
    yield EngineWorld(
        engine,
        DockerEngine(Client(f"unix://{tmp_path}/none.sock", environment)),
        HttpRegistry(NoCredentials(), lambda host: False),
        repository,
        build,
        sends_parts=int(engine.about().version.partition(".")[0]) >= 28,
    )
    for image in engine.find([*names, f"{repository}-b:b", f"{repository}:b"]).values():
        for name in image.names:
            engine.untag(name)


class TestDockerEngine(EngineContract):
    """See `EngineContract`."""

    def test_it_says_its_version(self, world: EngineWorld) -> None:
        """As `docker version` does."""
        assert isinstance(world.engine, DockerEngine)
        about = world.engine.about()
        assert about.product == "Docker"
        assert about.version[:1].isdigit()

    def test_many_names_come_in_order(self, world: EngineWorld) -> None:
        """Several connections and requests sent ahead mix nothing up."""
        tags = [f"{world.repository}:t{n}" for n in range(5)]
        for n, name in enumerate(tags):
            world.build(name, f"content {n}", {"n": str(n)}, False)
        asked = [tags[n % 5] if n % 3 else f"{world.repository}:no{n}" for n in range(600)]
        found = world.engine.find(asked)
        assert {name: image.labels["n"] for name, image in found.items()} == {
            name: str(n) for n, name in enumerate(tags)
        }

    def test_a_lost_connection_is_made_anew(self, world: EngineWorld) -> None:
        """The next question does not notice that the engine closed what we kept."""
        name = f"{world.repository}:t"
        world.build(name, "one", {}, False)
        before = world.engine.find([name])
        assert isinstance(world.engine, DockerEngine)
        for connection in world.engine._wire._kept:
            connection.send(request("GET", "/_ping", {"Connection": "close"}))
            connection.reply()
        assert world.engine.find([name]) == before

    def test_ssh_reaches_the_engine(
        self, world: EngineWorld, lab: Lab, engine_host: str, tmp_path: Path
    ) -> None:
        """Through `docker system dial-stdio` at the other end, as docker's CLI does it."""
        name = f"{world.repository}:t"
        world.build(name, "one", {}, False)
        shell = tmp_path / "bin" / "ssh"
        shell.parent.mkdir()
        shell.write_text(
            '#!/bin/sh\necho "$@" >"$0.asked"\n'
            'while [ "$1" != docker ]; do shift; done\nexec "$@"\n'
        )
        shell.chmod(0o755)
        environment = {**os.environ, **lab.endpoint.environment}
        environment["PATH"] = f"{shell.parent}:{environment['PATH']}"
        path = engine_host.removeprefix("unix://")
        engine = DockerEngine(Client(f"ssh://me@there:2222{path}", environment))
        assert engine.find([name]) == world.engine.find([name])
        asked = (tmp_path / "bin" / "ssh.asked").read_text()
        assert "-p 2222 -l me -- there docker" in asked
        engine.tag(name, f"{world.repository}:b")
        assert f"{world.repository}:b" in world.engine.find([name])[name].names
