"""images.toml as values: what each key becomes."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest

from layers.config import json_schema
from layers.config.faults import SpecError
from layers.config.spec import Image, Require, Rootfs, Secret
from layers.oci.reference import Reference
from layers.runtime.units import parse_size
from tests.unit.config.specs import EXAMPLE, HEAD, PAGE, ROOT, TWO, spec


def test_the_example_of_the_reference_page_reads_as_values() -> None:
    """Every key that the page explains, as the program has it."""
    found = spec(EXAMPLE)
    assert (found.project, found.registry, found.platform) == ("snowboard", "engine", "linux/amd64")
    assert list(found.images) == ["base-node", "pose-service"]
    assert found.images["base-node"] == Image(
        "base-node",
        "snowboard",
        "snowboard-base-node",
        "images/snowboard/base-node",
        "images/snowboard/base-node/Dockerfile",
        push=True,
    )
    assert found.images["pose-service"] == Image(
        name="pose-service",
        stack="snowboard",
        tag="pose-service",
        context="images/snowboard/pose-service",
        dockerfile="images/snowboard/pose.Dockerfile",
        target="runtime",
        args={"TORCH_INDEX": "https://download.pytorch.org/whl/cu118"},
        push=True,
        push_stages=("deps",),
        secrets=("pip-conf",),
        contexts={"assets": "shared/assets"},
        max_size=14_000_000_000,
        refresh=True,
        probe="apt",
        smoke=(("sh", "-c", "python3 -c 'import torch'"), ("nvcc", "--version")),
        packages="images/snowboard/stand-ins",
        require=(
            Require(
                "data/basicmodel_m_lbs_10_207_0_v1.1.0.pkl",
                "4924b4e8e5f1c1d5d4d2a0b9a4b5b7a0c3b1e6f7a8d9c0b1e2f3a4b5c6d7e8f9",
                "Download it from the SMPL site and put it there.",
                ("python3", "tools/make_smpl.py"),
            ),
        ),
    )
    assert found.secrets == {"pip-conf": Secret(builtin="pip")}
    cuda = "nvidia/cuda:12.1.1-runtime-ubuntu22.04"
    assert found.upstream == {f"docker.io/{cuda}": f"mirror.example.com/{cuda}"}


def test_the_example_under_its_profile_has_other_values() -> None:
    """Args are merged, upstream images added, an image appears that only the profile has."""
    found = spec(EXAMPLE, profile="local")
    assert found.registry == "localhost:5000"
    assert found.images["pose-service"].args == {"TORCH_INDEX": ""}
    assert found.images["pose-service"].target == "runtime"
    assert found.images["sys-node"] == Image(
        name="sys-node",
        stack="system",
        tag="sys-node",
        rootfs=Rootfs(
            "bookworm", ("nodejs", "npm"), "minbase", {"PATH": "/usr/local/bin:/usr/bin:/bin"}
        ),
    )
    assert found.upstream["docker.io/library/node:18-alpine"] == "sys-node"
    assert len(found.upstream) == 2


def test_the_reference_page_explains_every_key_and_no_other() -> None:
    """A key that is added to the program without its row fails here."""
    rows = set(re.findall(r"^\| `\[*(?:….)?([a-z_0-9]+)(?:\.[A-Z]+)?\]*` \|", PAGE, re.MULTILINE))
    assert rows == _all_keys(json_schema.schema())


def _all_keys(rule: Any) -> set[str]:
    """Every key of ours in a JSON Schema."""
    if isinstance(rule, list):
        return set().union(*map(_all_keys, rule))
    if not isinstance(rule, dict):
        return set()
    own = {key for key, inner in rule.get("properties", {}).items() if inner is not False}
    return own.union(*map(_all_keys, rule.values()))


def test_defaults_are_those_of_the_page() -> None:
    """The least that an image must say."""
    found = spec(TWO)
    assert found.images["pose"] == Image("pose", "", "pose", "p", "p/Dockerfile")
    assert (found.registry, found.platform, found.profile) == (None, "linux/riscv64", None)


@pytest.mark.parametrize(
    ("table", "dockerfile"),
    [
        ('context = "a/b"', "a/b/Dockerfile"),
        ('context = "./a/./b/"', "a/b/Dockerfile"),
        ('context = "."', "Dockerfile"),
        ('context = "a/b"\ndockerfile = "docker/x.Dockerfile"', "a/b/docker/x.Dockerfile"),
        ('context = "a/b"\ndockerfile = "../c/Dockerfile"', "a/c/Dockerfile"),
        ('context = "a/b"\ndockerfile = "../../Dockerfile"', "Dockerfile"),
    ],
)
def test_a_dockerfile_is_relative_to_its_context(table: str, dockerfile: str) -> None:
    """One rule; .. leads to a Dockerfile outside."""
    assert spec(f"{HEAD}[images.a]\n{table}\n").images["a"].dockerfile == dockerfile


@pytest.mark.parametrize(
    ("in_file", "in_profile", "given", "registry"),
    [
        ("", "", None, None),
        ('"engine"', "", None, "engine"),
        ('"engine"', '"r.example.com/x"', None, "r.example.com/x"),
        ('"engine"', '"r.example.com/x"', "localhost:5000", "localhost:5000"),
        ('"engine"', "", "", None),
    ],
)
def test_the_nearest_registry_counts(
    in_file: str, in_profile: str, given: str | None, registry: str | None
) -> None:
    """Environment before profile before project; an empty one means none."""
    text = HEAD + (f"project.registry = {in_file}\n" if in_file else "")
    text += "[profiles.p]\n" + (f"registry = {in_profile}\n" if in_profile else "")
    assert spec(text, profile="p", registry=given).registry == registry


def test_a_profile_merges_maps_and_replaces_everything_else() -> None:
    """Lists such as require and push_stages are replaced as a whole."""
    found = spec(
        f"""{HEAD}
        [images.a]
        context = "a"
        args = {{ X = "1", Y = "1" }}
        contexts = {{ c = "c", d = "d" }}
        push_stages = ["one", "Two"]
        require = [ {{ path = "f", message = "m" }}, {{ path = "g", message = "m" }} ]
        [profiles.p.images.a]
        args = {{ Y = "2" }}
        contexts = {{ d = "e" }}
        push_stages = []
        require = [ {{ path = "h/../i", message = "m" }} ]
        """,
        profile="p",
    )
    image = found.images["a"]
    assert image.args == {"X": "1", "Y": "2"}
    assert image.contexts == {"c": "c", "d": "e"}
    assert image.push_stages == ()
    assert image.require == (Require("i", None, "m"),)
    assert spec(found.text).images["a"].push_stages == ("one", "two")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("14 GB", 14 * 10**9),
        ("1.5GB", 15 * 10**8),
        ("7 B", 7),
        ("2 kB", 2000),
        ("512 MiB", 512 * 2**20),
        ("1 TiB", 2**40),
    ],
)
def test_sizes_are_bytes(text: str, size: int) -> None:
    """Both families of units."""
    assert parse_size(text) == size


def test_images_are_found_by_name_and_by_tag_in_any_spelling() -> None:
    """What a FROM means."""
    found = spec(EXAMPLE)
    node = found.images["base-node"]
    for text in ("base-node", "base-node:latest", "docker.io/library/snowboard-base-node"):
        assert found.find(Reference.parse(text)) is node
    assert found.find(Reference.parse("base-node:18")) is None
    assert found.image("base-node") is node
    with pytest.raises(SpecError, match=r"no image 'base-nod' \(did you mean 'base-node'\?\)"):
        found.image("base-nod")


def test_a_rootfs_needs_only_its_suite() -> None:
    """Packages may name a version, as for apt-get."""
    found = spec(HEAD + 'images.s.rootfs = { suite = "bookworm", packages = ["npm=9.2.0~ds1-1"] }')
    assert found.images["s"].rootfs == Rootfs("bookworm", ("npm=9.2.0~ds1-1",), "apt", {})


@pytest.mark.parametrize(
    ("table", "refresh", "probe"),
    [
        ("", False, ""),
        ('probe = "apk"', True, "apk"),
        ('probe = ["sh", "-c", "date"]', True, ("sh", "-c", "date")),
        ("refresh = true", True, ""),
        ('refresh = false\nprobe = "pip"', False, "pip"),
    ],
)
def test_a_probe_makes_an_image_one_that_is_refreshed(
    table: str, refresh: bool, probe: str | tuple[str, ...]
) -> None:
    """Unless the file says otherwise."""
    image = spec(f'{HEAD}[images.a]\ncontext = "a"\n{table}\n').images["a"]
    assert (image.refresh, image.probe, image.smoke) == (refresh, probe, ())


def test_an_image_knows_its_lines() -> None:
    """For faults that show later, such as a target that the Dockerfile has not."""
    found = spec(EXAMPLE, profile="local")
    rows = EXAMPLE.split("\n")
    assert rows[(found.line("pose-service", "target") or 0) - 1] == 'target = "runtime"'
    assert rows[(found.line("pose-service", "args") or 0) - 1] == 'args = { TORCH_INDEX = "" }'
    assert rows[(found.line("base-node", "target") or 0) - 1] == "[images.base-node]"
    assert found.line("nothing") is None


def test_reading_a_good_file_loads_nothing_that_only_faults_need() -> None:
    """difflib, the schema's writer and the line scan cost a no-op run nothing."""
    code = (
        "import sys; from layers.config.load import load;"
        f"load({TWO!r}, profile=None, registry=None, platform='', exists=bool);"
        "late = {'difflib', 'jsonschema', 'layers.config.json_schema', 'layers.config.toml_lines'};"
        "print(*sorted(late & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "\n"


def test_a_build_arg_keeps_braces_that_are_its_own() -> None:
    """Formats of log lines and JSON are no placeholders."""
    args = {"FORMAT": "{date} {level}", "JSON": '{"a": {"b": 1}}', "BOTH": "{{git.commit}}"}
    text = "".join(f"args.{name} = '{value}'\n" for name, value in args.items())
    assert spec(f"{HEAD}[images.a]\ncontext = 'a'\n{text}").images["a"].args == args


def test_what_all_images_share_stands_in_the_projects_table() -> None:
    """An image's own word comes first."""
    text = f"{HEAD}project.labels.x = '1'\n[images.a]\ncontext = 'a'\nlabels.y = '2'\n"
    found = spec(text)
    assert [found.line("a", "labels", name) for name in ("x", "y")] == [3, 6]
