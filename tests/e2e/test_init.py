"""``doit init`` where compose and workflows say what is built, by their own programs."""

from __future__ import annotations

import subprocess
import uuid
from pathlib import Path

import pytest

from layers.adopt.adopt import Adoption, adopt
from layers.adopt.sources.programs import Programs
from layers.adopt.write import as_toml
from layers.config.sandbox import Sandbox
from tests.e2e.lab import Lab, Workspace
from tests.unit.adopt.repositories import (
    DOCKERFILE,
    PLATFORM,
    STAGES,
    faults,
    images,
    left_out,
    write,
)

pytestmark = pytest.mark.e2e


def test_overrides_profiles_and_variables_are_composes_own(
    tmp_path: Path, programs: Programs
) -> None:
    """The override counts, services of profiles too, ``.env`` and defaults have their values."""
    files = {
        ".env": "PY=3.12\n",
        "compose.yaml": """\
services:
  api:
    build:
      context: api
      args: {PY: '${PY}', MODE: '${MODE:-fast}', TOKEN: '${TOKEN}'}
    image: shop/api:${TAG:-1}
  tools: {build: {context: tools}, profiles: [debug]}
  db: {image: 'postgres:16'}
""",
        "compose.override.yaml": "services: {api: {build: {target: dev}}}\n",
        "api/Dockerfile": STAGES,
        "tools/Dockerfile": DOCKERFILE,
    }
    found = adopt(str(write(tmp_path / "shop", files)), programs, PLATFORM)
    api = images(found)["api"]
    assert (api.target, dict(api.args), api.tag) == (
        "dev",
        {"PY": "3.12", "MODE": "fast"},
        "shop/api:1",
    )
    assert api.said == ("compose.override.yaml:1 (service api)",)
    assert images(found)["tools"].context == "tools"
    (stack,) = found.proposal.stacks
    assert (stack.name, stack.files) == ("shop", ("compose.yaml", "compose.override.yaml"))


def test_extends_and_include_are_followed_and_are_no_stacks(
    tmp_path: Path, programs: Programs
) -> None:
    """What another file takes in is a part of that one."""
    files = {
        "compose.yaml": "include: [web/compose.yaml]\n"
        "services: {api: {extends: {file: common.compose.yaml, service: base}}}\n",
        "common.compose.yaml": "services: {base: {build: {context: api, target: prod}}}\n",
        "web/compose.yaml": "services: {web: {build: .}}\n",
        "api/Dockerfile": STAGES,
        "web/Dockerfile": DOCKERFILE,
    }
    found = adopt(str(write(tmp_path / "shop", files)), programs, PLATFORM)
    assert {name: each.context for name, each in images(found).items()} == {
        "api": "api",
        "web": "web",
    }
    assert [each.files for each in found.proposal.stacks] == [("compose.yaml",)]


def test_a_file_that_is_a_part_is_laid_over_the_main_one(
    tmp_path: Path, programs: Programs
) -> None:
    """``compose.prod.yaml`` with another target is a second stack, and a second image."""
    files = {
        "compose.yaml": "services: {api: {build: {context: ., target: dev}}}\n",
        "compose.prod.yaml": "services: {api: {build: {target: prod}, depends_on: [db]},"
        " db: {image: 'postgres:16'}}\n",
        "compose.ports.yaml": "services: {api: {ports: ['80:80']}}\n",
        "compose.other.yaml": "services: {nobody: {ports: ['80:80']}}\n",
        "Dockerfile": STAGES,
    }
    found = adopt(str(write(tmp_path / "shop", files)), programs, PLATFORM)
    assert {name: each.target for name, each in images(found).items()} == {
        "api-dev": "dev",
        "api-prod": "prod",
    }
    assert {each.name: each.files for each in found.proposal.stacks} == {
        "shop": ("compose.yaml",),
        "ports": ("compose.yaml", "compose.ports.yaml"),
        "prod": ("compose.yaml", "compose.prod.yaml"),
    }
    assert left_out(found)["compose.other.yaml"].startswith("a part of something else")


def test_what_is_not_there_keeps_nothing_from_being_read(
    tmp_path: Path, programs: Programs
) -> None:
    """A variable that must be set, an env file that git ignores, and an example of ``.env``."""
    files = {
        "a/compose.yaml": "services: {a: {build: ., env_file: .env.secret, ports: ['${PORT:?}:80'],"
        " image: 'shop/a:${TAG:?say which}'}}\n",
        "b/compose.yaml": "services: {b: {build: {context: '${WHERE:?}'}}}\n",
        "c/compose.yaml": "services: {c: {build: {context: '${SRC}'}}}\n",
        "c/.env.example": "SRC=./src\n",
        "a/Dockerfile": DOCKERFILE,
        "b/Dockerfile": DOCKERFILE,
        "c/src/Dockerfile": DOCKERFILE,
    }
    found = adopt(str(write(tmp_path / "shop", files)), programs, PLATFORM)
    assert {name: (each.context, bool(each.said)) for name, each in images(found).items()} == {
        "a": ("a", True),
        "b": ("b", False),
        "c": ("c/src", True),
    }
    assert faults(found) == []


def test_secrets_networks_and_contexts_of_compose(tmp_path: Path, programs: Programs) -> None:
    """What images.toml knows is taken over; what it does not is told in a comment."""
    files = {
        "compose.yaml": """\
services:
  api:
    build:
      context: api
      secrets: [token, key]
      network: host
      additional_contexts: {assets: ./assets}
      shm_size: 1g
      extra_hosts: ["db=10.0.0.1"]
      ulimits: {nofile: {soft: 1024, hard: 2048}}
      labels: {org.example.name: shop, org.example.price: $$1}
      privileged: true
secrets:
  token: {environment: TOKEN}
  key: {file: ./key.pem}
""",
        "api/Dockerfile": "FROM debian:12\nCOPY --from=assets a /\n",
        "assets/a": "",
        "key.pem": "",
    }
    found = adopt(str(write(tmp_path / "shop", files)), programs, PLATFORM)
    api = images(found)["api"]
    assert (api.secrets, api.network, dict(api.contexts)) == (
        ("token", "key"),
        "host",
        {"assets": "assets"},
    )
    assert found.proposal.secrets == {"token": {"env": "TOKEN"}, "key": {"file": "key.pem"}}
    assert api.sandbox == Sandbox(("db:10.0.0.1",), 1 << 30, ("nofile=1024:2048",))
    assert "build.privileged is not taken over" in api.notes
    toml = as_toml(found.proposal)
    assert 'add_hosts = { db = "10.0.0.1" }' in toml
    assert 'shm_size = "1 GiB"' in toml
    assert 'ulimits = { nofile = "1024:2048" }' in toml
    assert 'labels."org.example.name" = "shop"' in toml
    assert 'labels."org.example.price" = "$1"' in toml


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("services:\n  a:\n    build: .\n    image: [1]\n", 4),
        ("services:\n  a:\n    biuld: .\n", 2),
        ("services:\n  a: {build: .}\ninclude: [./compose.yaml]\n", None),
        ("services:\n  a: {extends: {service: b}}\n  b: {extends: {service: a}}\n", None),
        ("services: 3\n", None),
    ],
)
def test_a_compose_file_that_compose_refuses_is_a_sentence(
    tmp_path: Path, programs: Programs, text: str, line: int | None
) -> None:
    """Wrong keys, cycles of includes and of extends: told, and the Dockerfile is proposed."""
    files = {"compose.yaml": text, "Dockerfile": DOCKERFILE}
    found = adopt(str(write(tmp_path / "shop", files)), programs, PLATFORM)
    assert list(images(found)) == ["shop"]
    told = [each for each in found.proposal.faults if each.file == "compose.yaml"]
    assert len(told) == 1
    if line is not None:
        assert told[0].line == line


def test_compose_bake_and_a_workflow_that_mean_one_image_are_one(
    tmp_path: Path, programs: Programs
) -> None:
    """The first counts; what the others say otherwise is a comment."""
    files = {
        "compose.yaml": "services: {api: {build: {context: ., args: {MODE: dev}}}}\n",
        "docker-bake.hcl": 'target "default" {\n args = { MODE = "prod" }\n'
        ' tags = ["x/api:1"]\n}\n',
        ".github/workflows/a.yml": "jobs:\n  a:\n    steps:\n"
        "      - uses: docker/build-push-action@v6\n        with: {build-args: MODE=prod}\n",
        "Dockerfile": "FROM debian:12\nARG MODE\n",
    }
    found = adopt(str(write(tmp_path / "shop", files)), programs, PLATFORM)
    (image,) = images(found).values()
    assert (dict(image.args), image.tag) == ({"MODE": "dev"}, "x/api:1")
    assert any("MODE='prod'" in note for note in image.notes)


def _again(root: Path, programs: Programs) -> Adoption:
    return adopt(str(root), programs, PLATFORM)


def test_a_new_service_is_what_has_come_since(tmp_path: Path, programs: Programs) -> None:
    """Its image and its stack; nothing else."""
    files = {
        "compose.yaml": "services: {api: {build: api}}\n",
        "api/Dockerfile": DOCKERFILE,
    }
    root = write(tmp_path / "shop", files)
    _again(root, programs).write(append=True)
    assert not _again(root, programs).files
    new = "services: {web: {build: {context: ., secrets: [t]}}}\nsecrets: {t: {environment: T}}\n"
    write(root, {"web/compose.yaml": new, "web/Dockerfile": DOCKERFILE})
    found = _again(root, programs)
    assert list(images(found)) == ["web"]
    assert [each.name for each in found.proposal.stacks] == ["web"]
    found.write(append=True)
    assert not _again(root, programs).files
    assert (root / "images.toml").read_text().count("[secrets.t]") == 1


def test_a_project_from_compose_and_bake_builds(lab: Lab, upstream: str, tmp_path: Path) -> None:
    """From nothing to images in the engine: init, list, and a build of what it proposes."""
    name = f"t{uuid.uuid4().hex[:8]}"
    workspace = Workspace(lab, tmp_path / name, name)
    files = {
        "compose.yaml": f"services: {{api: {{build: {{context: api}}, image: '{name}/api:1'}}}}\n",
        "docker-bake.hcl": f'target "{name}-base" {{\n  context = "base"\n'
        f'  tags = ["{name}/base:1"]\n}}\n',
        "base/Dockerfile": f"FROM {upstream}\nRUN echo base > /base\n",
        "api/Dockerfile": f"FROM {name}/base:1\nCOPY api.txt /\n",
        "api/api.txt": "one\n",
    }
    write(workspace.root, files)
    workspace.doit("init")
    assert workspace.states() == {f"{name}-base": "build", "api": "build"}
    workspace.doit()
    assert set(workspace.states().values()) == {"fresh"}
    assert lab.docker("run", "--rm", f"{name}/api:1", "cat", "/base", "/api.txt") == "base\none"
    subprocess.run(["git", "-C", str(workspace.root), "check-ignore", "-q", ".layers/"], check=True)
