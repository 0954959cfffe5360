"""``doit init`` where bake says what is built, by bake itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from layers.adopt.adopt import adopt
from layers.adopt.sources.options import Options
from layers.adopt.sources.programs import Programs
from layers.config.sandbox import Sandbox
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
