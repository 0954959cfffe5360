"""``doit init`` where compose, bake and workflows say what is built, by their own programs."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from pathlib import Path

import pytest

from layers.adopt.adopt import Adoption, adopt
from layers.adopt.sources.options import Options
from layers.adopt.sources.programs import Programs, find_programs
from layers.adopt.write import as_toml
from layers.config.sandbox import Sandbox
from layers.host.system import this_system
from layers.runtime.files import locked
from layers.setup.private.packages import bring
from layers.setup.private.paths import Places
from tests.e2e.lab import CHECKOUT, Lab, Workspace
from tests.unit.adopt.repositories import PLATFORM, faults, images, left_out, write

pytestmark = pytest.mark.e2e

DOCKERFILE = "FROM debian:12\n"
STAGES = "FROM debian:12 AS dev\nFROM debian:12 AS prod\n"


@pytest.fixture(scope="session")
def programs() -> Programs:
    """Compose and buildx of the private engine's packages; no engine runs for them."""
    ours = Places.of(str(CHECKOUT))
    os.makedirs(ours.engine, exist_ok=True)
    with locked(ours.lock):
        bring(ours, this_system(), print)
    found = find_programs(ours.packages)
    assert found.compose
    assert found.bake
    return found


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


BAKE = """\
variable "TAG" { default = "dev" }
group "default" { targets = ["app", "lint"] }
target "_common" { args = { MODE = "fast" } }
target "base" { context = "base" }
target "app" {
  inherits = ["_common"]
  context = "app"
  contexts = { base-image = "target:base" }
  tags = ["shop/app:${TAG}"]
}
target "lint" {
  target = "dev"
  output = ["type=cacheonly"]
}
target "matrix" {
  name = "py${replace(v, ".", "-")}"
  matrix = { v = ["3.11", "3.12"] }
  context = "py"
  args = { PY = v }
  tags = ["shop/py:${v}"]
}
"""
BAKED = {
    "docker-bake.hcl": BAKE,
    "base/Dockerfile": DOCKERFILE,
    "app/Dockerfile": "FROM base-image\nARG MODE\n",
    "py/Dockerfile": "ARG PY\nFROM python:${PY}\n",
    "Dockerfile": STAGES,
}


def test_targets_of_bake_are_images_with_their_edges(tmp_path: Path, programs: Programs) -> None:
    """Inherited values, contexts that are targets, and a matrix; a lint is no image."""
    found = adopt(str(write(tmp_path / "shop", BAKED)), programs, PLATFORM)
    known = images(found)
    assert known["app"].parents == ("base",)
    assert (dict(known["app"].args), known["app"].tag) == ({"MODE": "fast"}, "shop/app:dev")
    assert {name: dict(each.args) for name, each in known.items() if each.context == "py"} == {
        "py3-11": {"PY": "3.11"},
        "py3-12": {"PY": "3.12"},
    } or {dict(each.args)["PY"] for each in known.values() if each.context == "py"} == {
        "3.11",
        "3.12",
    }
    why = "it only fills the build cache: type=cacheonly"
    assert left_out(found)["docker-bake.hcl:11 (target lint)"] == why


HELPERS = """\
target "tool" { tags = ["shop/tool:1"] }
target "lib" {
  dockerfile = "hack/lib.Dockerfile"
  contexts = { "example.org/tool" = "target:tool" }
}
target "test" {
  target = "test"
  output = ["type=cacheonly"]
}
target "lint" {
  dockerfile = "hack/lint.Dockerfile"
  output = ["type=cacheonly"]
}
target "generate" {
  dockerfile = "hack/generate.Dockerfile"
  output = ["."]
}
target "generated" { dockerfile = "hack/generate.Dockerfile" }
"""


def test_a_dockerfile_of_a_target_without_tags_is_no_guess(
    tmp_path: Path, programs: Programs
) -> None:
    """Its context and its edges are those of its target; what gives files or checks is no image."""
    files = {
        "docker-bake.hcl": HELPERS,
        "Dockerfile": "FROM debian:12 AS test\nFROM debian:12\n",
        "hack/lib.Dockerfile": "FROM example.org/tool\nCOPY lib.c /\n",
        "hack/lint.Dockerfile": DOCKERFILE,
        "hack/generate.Dockerfile": DOCKERFILE,
        "hack/lib.c": "",
        "lib.c": "",
    }
    found = adopt(str(write(tmp_path / "shop", files)), programs, PLATFORM)
    known = images(found)
    assert {name: (each.context, each.parents) for name, each in known.items()} == {
        "lib": (".", ("tool",)),
        "tool": (".", ()),
    }
    assert all(each.said for each in known.values())
    assert [each for each in left_out(found) if each.startswith("docker-bake")] == [
        "docker-bake.hcl:14 (target generate)",
        "docker-bake.hcl:18 (target generated)",
        "docker-bake.hcl:10 (target lint)",
        "docker-bake.hcl:6 (target test)",
    ]


ALL_OF_BAKE = """\
target "app" {
  tags = ["shop/app:1"]
  shm-size = "128m"
  ulimits = ["nofile=1024:2048"]
  secret = ["id=tok,env=TOKEN", "id=f,src=there.is.none"]
  ssh = ["default", "git=keys/id"]
  labels = { "org.example.name" = "a{b}" }
  annotations = ["manifest:a=b"]
  platforms = ["linux/arm64"]
  contexts = { src = "src", g = "https://example.com/x.git#main" }
  network = "host"
  extra-hosts = { db = "10.0.0.1" }
}
target "both" {
  context = "src"
  tags = ["shop/both:1"]
  platforms = ["linux/amd64", "linux/arm64"]
}
target "upon" {
  context = "src"
  dockerfile = "upon.Dockerfile"
  tags = ["shop/upon:1"]
  contexts = { base = "target:both" }
  platforms = ["linux/arm64"]
}
"""


def test_all_that_bake_says_is_taken_over(tmp_path: Path, programs: Programs) -> None:
    """Also what it asks for and is not here: a file of a secret, an agent."""
    files = {
        "docker-bake.hcl": ALL_OF_BAKE,
        "Dockerfile": DOCKERFILE + "COPY --from=src / /s\nCOPY --from=g / /g\n",
        "src/Dockerfile": DOCKERFILE,
        "src/upon.Dockerfile": "FROM base\n",
    }
    found = adopt(str(write(tmp_path / "shop", files)), programs, PLATFORM)
    assert faults(found) == []
    app = images(found)["app"]
    assert app.sandbox == Sandbox(("db:10.0.0.1",), 128 << 20, ("nofile=1024:2048",))
    assert (app.network, app.secrets, app.options) == (
        "host",
        ("tok", "f"),
        Options(
            "linux/arm64",
            ("default", "git=keys/id"),
            {"org.example.name": "a{{b}}"},
            {"a": "b"},
        ),
    )
    assert app.contexts == {"src": "src", "g": "https://example.com/x.git#main"}
    # one platform is an image's own, unless it is made from one that has another here
    assert images(found)["both"].options.platform == images(found)["upon"].options.platform == ""
    assert [note.partition(":")[0] for note in images(found)["upon"].notes] == [
        "platform linux/arm64 is not taken over"
    ]
    assert 'shm_size = "128 MiB"' in found.files["images.toml"]


def test_overrides_of_bake_count(tmp_path: Path, programs: Programs) -> None:
    """``docker-bake.override.json`` is laid over, as bake itself does."""
    override = json.dumps({"target": {"app": {"args": {"MODE": "slow"}}}})
    files = {**BAKED, "docker-bake.override.json": override}
    found = adopt(str(write(tmp_path / "shop", files)), programs, PLATFORM)
    assert dict(images(found)["app"].args) == {"MODE": "slow"}


def test_a_bake_file_below_the_root_is_started_where_its_paths_lead(
    tmp_path: Path, programs: Programs
) -> None:
    """Some are meant for the root, some for their own folder."""
    files = {
        "docker/docker-bake.hcl": 'target "app" {\n context = "app"\n tags = ["x/app"]\n}\n',
        "deploy/docker-bake.hcl": 'target "web" {\n context = "web"\n tags = ["x/web"]\n}\n',
        "app/Dockerfile": DOCKERFILE,
        "deploy/web/Dockerfile": DOCKERFILE,
    }
    found = adopt(str(write(tmp_path / "shop", files)), programs, PLATFORM)
    assert {name: each.context for name, each in images(found).items()} == {
        "app": "app",
        "web": "deploy/web",
    }


@pytest.mark.parametrize(
    "text",
    ['target "a" {\n  context = \n}\n', 'target "a" { args = { X = nofunction() } }\n', "{", "[]"],
)
def test_a_bake_file_that_bake_refuses_is_a_sentence(
    tmp_path: Path, programs: Programs, text: str
) -> None:
    """Told with the file; the Dockerfile is proposed."""
    name = "docker-bake.json" if text[0] in "{[" else "docker-bake.hcl"
    files = {name: text, "Dockerfile": DOCKERFILE}
    found = adopt(str(write(tmp_path / "shop", files)), programs, PLATFORM)
    assert list(images(found)) == ["shop"]
    assert all(each.file == name for each in found.proposal.faults)
    assert found.proposal.faults or text == "[]"


SHARED = """\
variable "RELEASE" { default = "7" }
BASES = [{ name = "slim", base = "debian:12-slim" }, { name = "full", base = "debian:12" }]
function "tag" {
  params = [name]
  result = "shop/${name}:${RELEASE}"
}
target "common" { platforms = ["linux/amd64"] }
"""
USERS = {
    "images/base/docker-bake.hcl": """\
target "all" {
  matrix = { each = BASES }
  name = "base-${each.name}"
  context = "images/base"
  args = { BASE = each.base }
  tags = [tag("base-${each.name}")]
}
""",
    "images/base/Dockerfile": "ARG BASE\nFROM ${BASE}\n",
    "images/api/docker-bake.hcl": """\
target "api" {
  inherits = ["common"]
  context = "images/api"
  args = { BASE = "shop/base-slim:${RELEASE}" }
  tags = [tag("api")]
}
""",
    "images/api/Dockerfile": "ARG BASE\nFROM ${BASE}\n",
}


def test_what_a_bake_file_uses_is_found_in_the_file_that_declares_it(
    tmp_path: Path, programs: Programs
) -> None:
    """``docker buildx bake -f shared/all.hcl -f base/docker-bake.hcl``: variables, functions and
    targets of the nearest other file, as a matrix and its edges need them.
    """
    files = {**USERS, "images/shared/all.hcl": SHARED, "far/away/infra.hcl": SHARED}
    found = adopt(str(write(tmp_path / "shop", files)), programs, PLATFORM)
    assert faults(found) == []
    assert {name: each.parents for name, each in images(found).items()} == {
        "api": ("base-slim",),
        "base-full": (),
        "base-slim": (),
    }
    assert images(found)["api"].options.platform == "linux/amd64"


def test_a_bake_file_whose_variable_nobody_or_everybody_declares_is_a_sentence(
    tmp_path: Path, programs: Programs
) -> None:
    """It names the variable, and the files where there are two as near."""
    text = 'target "api" {\n  tags = [tag("api")]\n}\n'
    api = {"images/api/docker-bake.hcl": text, "images/api/Dockerfile": DOCKERFILE}
    alone = adopt(str(write(tmp_path / "alone", api)), programs, PLATFORM)
    assert faults(alone)[0].splitlines()[0] == (
        "images/api/docker-bake.hcl:2: no file that bake reads declares the function tag"
    )
    twice = {**api, "images/a/x.hcl": SHARED, "images/b/x.hcl": SHARED}
    found = adopt(str(write(tmp_path / "twice", twice)), programs, PLATFORM)
    assert "several files declare it: images/a/x.hcl, images/b/x.hcl" in faults(found)[0]


def test_bake_files_that_tag_one_dockerfile_otherwise_are_several_images(
    tmp_path: Path, programs: Programs
) -> None:
    """The tag alone tells them apart; a tag that both have is one image."""
    line = 'target "x" {\n args = { BASE = "%s" }\n tags = ["shop/base:%s"]\n}\n'
    files = {
        "cpu.bake.hcl": line % ("debian:12", "cpu"),
        "gpu.bake.hcl": line % ("debian:12-slim", "gpu"),
        "old.bake.hcl": line % ("debian:11", "gpu"),
        "Dockerfile": "ARG BASE\nFROM ${BASE}\n",
    }
    found = adopt(str(write(tmp_path / "shop", files)), programs, PLATFORM)
    bases = sorted(each.args["BASE"] for each in found.proposal.images)
    assert bases == ["debian:12", "debian:12-slim"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ('output = ["type=cacheonly"]', "it only fills the build cache: type=cacheonly"),
        ('output = ["out"]', "it gives files, no image"),
        ('output = ["type=tar,dest=x.tar"]', "it gives files, no image"),
    ],
)
def test_a_target_without_an_image_is_told_as_what_it_is(
    tmp_path: Path, programs: Programs, said: str, why: str
) -> None:
    """Beside the target that is one, though it is written to a folder as well."""
    files = {
        "docker-bake.hcl": f'target "no" {{\n target = "dev"\n {said}\n}}\n'
        'target "yes" {\n tags = ["x/yes"]\n output = ["type=registry", "type=oci,dest=y"]\n}\n',
        "Dockerfile": STAGES,
    }
    found = adopt(str(write(tmp_path / "shop", files)), programs, PLATFORM)
    assert list(images(found)) == ["yes"]
    assert left_out(found) == {"docker-bake.hcl:1 (target no)": why}


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
