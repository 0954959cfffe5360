"""Variants: one table of images.toml that stands for several images."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from layers.commands.dodo import is_layer, single
from layers.config.faults import SpecError
from layers.config.load import load
from layers.config.spec import Spec
from layers.config.toml import read
from layers.config.variants import merge, spread

HEAD = 'version = 1\nproject.name = "p"\n'
POSTURA = """\
[images.base]
context = "b"

[images.postura]
stack = "pose"
context = "c"
push = true
args = { A = "table", B = "table" }

[images.postura.variants.cpu]

[images.postura.variants.gpu]
push = false
network = "host"
args = { B = "variant", C = "variant" }

[images.last]
context = "l"
"""
"""A table with two variants between two images without."""
PROFILE = POSTURA + "[profiles.p]\n"


def spec(text: str, profile: str | None = None, missing: Collection[str] = ()) -> Spec:
    """Load with everything there but ``missing``."""
    return load(
        HEAD + text,
        profile=profile,
        registry=None,
        platform="linux/amd64",
        exists=lambda path: path not in missing,
    )


def faults(text: str, **more: Any) -> list[str]:
    """The messages of all faults."""
    with pytest.raises(SpecError) as caught:
        spec(text, **more)
    return [str(fault) for fault in caught.value.faults]


def test_each_variant_is_an_image_and_the_table_is_none() -> None:
    """They stand where the table stands, in the order of the file."""
    assert list(spec(POSTURA).images) == ["base", "postura-cpu", "postura-gpu", "last"]


def test_a_variant_takes_what_the_table_says_and_changes_what_it_says_itself() -> None:
    """Args key by key, other keys as a whole; name and tag are its own."""
    cpu, gpu = spec(POSTURA).images["postura-cpu"], spec(POSTURA).images["postura-gpu"]
    assert (cpu.name, cpu.tag, cpu.context, cpu.push) == ("postura-cpu", "postura-cpu", "c", True)
    assert cpu.args == {"A": "table", "B": "table"}
    assert (gpu.stack, gpu.push, gpu.network) == ("pose", False, "host")
    assert gpu.args == {"A": "table", "B": "variant", "C": "variant"}


@pytest.mark.parametrize(
    "key", ["add_hosts", "annotations", "args", "contexts", "labels", "ulimits"]
)
def test_what_has_names_of_its_own_is_merged_by_them(key: str) -> None:
    """What a table says of all is not lost where a variant says one thing more."""
    table, change = {"a": "1", "b": "1"}, {"b": "2", "c": "2"}
    assert merge({key: table}, {key: change}) == {key: {"a": "1", "b": "2", "c": "2"}}
    assert merge({}, {key: change}) == {key: change}
    assert merge({"secrets": ["a"]}, {"secrets": ["b"]}) == {"secrets": ["b"]}


def test_labels_of_a_variant_stand_beside_those_of_the_table() -> None:
    """As its args do."""
    text = POSTURA.replace(
        'network = "host"', 'network = "host"\nlabels = { title = "gpu" }'
    ).replace("push = true", 'push = true\nlabels = { title = "any", source = "here" }')
    cpu, gpu = spec(text).images["postura-cpu"], spec(text).images["postura-gpu"]
    assert cpu.labels == {"title": "any", "source": "here"}
    assert gpu.labels == {"title": "gpu", "source": "here"}


def test_the_spec_knows_which_images_are_variants_of_what() -> None:
    """For ``doit postura``."""
    found = spec(POSTURA)
    assert found.families() == {"postura": ("postura-cpu", "postura-gpu")}
    assert found.named(["last", "postura", "postura-gpu", "none"]) == [
        *("last", "postura-cpu", "postura-gpu", "none"),
    ]
    assert found.images["base"].variant_of == ""


def test_a_table_without_variants_in_it_is_one_image() -> None:
    """An empty table of variants is the same as none."""
    assert list(spec('[images.a]\ncontext = "c"\nvariants = {}\n').images) == ["a"]


@pytest.mark.parametrize(
    ("change", "cpu", "gpu"),
    [
        ("images.postura.args = {B = 'all'}", "all", "all"),
        ("images.postura-gpu.args = {B = 'one'}", "table", "one"),
        ("images = {postura.args.B = 'all', postura-gpu.args.B = 'one'}", "all", "one"),
        ("images = {postura-gpu.args.B = 'one', postura.args.B = 'all'}", "all", "one"),
    ],
)
def test_a_profile_changes_all_variants_or_one(change: str, cpu: str, gpu: str) -> None:
    """Its change of one comes last, wherever it is written."""
    found = spec(PROFILE + change, profile="p").images
    assert list(found) == ["base", "postura-cpu", "postura-gpu", "last"]
    assert (found["postura-cpu"].args["B"], found["postura-gpu"].args["B"]) == (cpu, gpu)
    assert found["postura-gpu"].args["C"] == "variant"


def test_a_profile_that_is_not_chosen_changes_nothing() -> None:
    """The file as it stands."""
    text = PROFILE + "images.postura.args = {B = 'all'}"
    assert spec(text).images["postura-cpu"].args["B"] == "table"


def test_a_dockerfile_may_name_a_variant() -> None:
    """By image name, or by the tag that the variant has."""
    text = POSTURA.replace("variants.cpu]", 'variants.cpu]\ntag = "acme/postura:cpu"')
    from layers.oci.reference import Reference

    found = spec(text)
    assert found.find(Reference.parse("acme/postura:cpu")) == found.images["postura-cpu"]
    assert found.find(Reference.parse("postura-gpu")) == found.images["postura-gpu"]
    assert found.find(Reference.parse("postura")) is None


A = '[images.a]\ncontext = "a"\n'
FAULTS = [
    (A + "variants.x.contxt = 'b'", "5: images.a.variants.x.contxt: unknown key (did you mean"),
    (A + "variants.X = {}", "5: images.a.variants.X: expected lower-case letters and digits"),
    (A + "variants.x.variants.y = {}", "5: images.a.variants.x.variants: unknown table"),
    (A + "variants = ['x']", "5: images.a.variants: expected a table, found an array"),
    (A + "[images.a.variants.x]\nargs.Y = 1", "6: images.a.variants.x.args.Y: expected a string"),
    (
        A + "[images.a.variants.x.rootfs]\nsuite = 's'",
        "5: images.a.variants.x: expected exactly one of 'context', 'rootfs', found 'context'",
    ),
    (
        "[images.a.rootfs]\nsuite = 's'\n[images.a.variants.x]\nnetwork = 'host'",
        "6: images.a.variants.x.network: has no meaning beside 'rootfs'",
    ),
    (
        A + "[images.a.variants.x]\n[images.a-x]\ncontext = 'b'",
        "5: images.a.variants.x: its image 'a-x' is there already: a-x",
    ),
    (
        A + "variants.b-c = {}\n[images.a-b]\ncontext = 'b'\n[images.a-b.variants.c]",
        "8: images.a-b.variants.c: its image 'a-b-c' is there already: a.variants.b-c",
    ),
    (
        "[images.reset]\ncontext = 'a'\n[images.reset.variants.dep]",
        "5: images.reset.variants.dep: 'reset-dep' is a command of doit",
    ),
    (
        A + "tag = 't'\n[images.a.variants.x]\n[images.a.variants.y]",
        "5: images.a.tag: 't' is the tag of 'a-x' too",
    ),
    (
        A + "[images.a.variants.x]\n[images.a.variants.y]\ntag = 'a-x'",
        "7: images.a.variants.y.tag: 'a-x' is the tag of 'a-x' too",
    ),
    (
        A + "[images.a.variants.x]\nsecrets = ['s']",
        "6: images.a.variants.x.secrets: unknown secret",
    ),
    (
        A + "[[images.a.variants.x.require]]\npath = '../f'\nmessage = 'm'",
        "6: images.a.variants.x.require[0].path: '../f' is no file inside",
    ),
    (
        A + "variants.x = {}\n[profiles.p.images.a-y]\ntarget = 't'",
        "6: profiles.p.images.a-y: no image 'a-y' (did you mean 'a-x'?)",
    ),
    (A + "variants.x = {}\n[profiles.p.images.a.variants.x]", "profiles.p.images.a.variants: unk"),
]


@pytest.mark.parametrize(("text", "expected"), FAULTS)
def test_a_fault_is_told_at_the_variant(text: str, expected: str) -> None:
    """One fault, one message, with the line where it can be mended."""
    (message,) = faults(text)
    assert message.startswith("images.toml:")
    assert expected in message


@pytest.mark.parametrize(
    ("text", "missing", "expected"),
    [
        ("", "c", "8: images.postura.context: there is no folder 'c'"),
        ("images.postura.context = 'x'", "x", "profiles.p.images.postura.context: there is no"),
        ("images.postura-gpu.context = 'x'", "x", "profiles.p.images.postura-gpu.context: there"),
        ("images.postura.dockerfile = 'x'", "c/x", "profiles.p.images.postura.dockerfile: there"),
    ],
)
def test_what_is_not_on_the_disk_is_told_where_the_value_stands(
    text: str, missing: str, expected: str
) -> None:
    """A path of the table is one fault with one text, however many variants take it."""
    images = spec(PROFILE + text, profile="p", missing={missing}).images
    (message,) = {str(image.fault) for image in images.values() if image.fault}
    assert expected in message


def test_lines_of_a_variant_are_its_own_then_those_of_the_table() -> None:
    """For whoever tells where an image's value comes from."""
    text = HEAD + POSTURA
    found = spec(POSTURA)
    rows = text.splitlines()
    assert rows[(found.line("postura-gpu") or 0) - 1] == "[images.postura.variants.gpu]"
    assert rows[(found.line("postura-gpu", "push") or 0) - 1] == "push = false"
    assert rows[(found.line("postura-cpu", "push") or 0) - 1] == "push = true"
    assert rows[(found.line("base") or 0) - 1] == "[images.base]"


def test_spreading_leaves_its_input_as_it_is() -> None:
    """Values go in, values come out."""
    data = read(POSTURA, "f")["images"]
    spread(data, [{"postura": {"args": {"B": "x"}}}])
    assert data == read(POSTURA, "f")["images"]


@dataclass
class Task:
    """As much of a doit task as the selection looks at."""

    meta: dict[str, Any] | None = None
    task_dep: list[str] = field(default_factory=list)


TASKS = {
    **{name: Task({"layer": name}) for name in ("base", "postura-cpu", "postura-gpu")},
    "postura": Task({"variants": ["postura-cpu", "postura-gpu"]}),
    "lint": Task(),
}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("postura", "postura-cpu postura-gpu"),
        ("postura-gpu postura", "postura-gpu postura-cpu"),
        ("base lint", "base lint"),
        ("none", "none"),
    ],
)
def test_a_table_of_variants_means_all_of_them(asked: str, found: str) -> None:
    """``doit postura``, ``doit list postura``; each image once."""
    assert single(asked.split(), TASKS) == found.split()
    assert not is_layer(TASKS["postura"])


def test_the_page_shows_a_table_that_reads() -> None:
    """Its example of variants gives the two images that it names."""
    page = (Path(__file__).parents[3] / "docs" / "images-toml.md").read_text(encoding="utf-8")
    example = page.split(".variants.VARIANT]\n\n```toml\n")[1].split("```")[0]
    assert list(spec(example).images) == ["postura-cpu", "postura-gpu"]


def test_doit_knows_the_variants_and_the_table_that_has_them(tmp_path: Path) -> None:
    """Each is a task, and so is the table; a word that is near it is suggested."""
    (tmp_path / "images.toml").write_text(HEAD + POSTURA)
    (tmp_path / "dodo.py").write_text("from layers.tasks import DOIT_CONFIG, task_layers\n")
    for name in ("b", "c", "l"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text("FROM scratch AS files\nCOPY . /\n")

    def doit(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "doit", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    names = doit("list", "-q").stdout.split()
    assert names == ["base", "last", "postura", "postura-cpu", "postura-gpu"]
    missing = doit("postur")
    assert (missing.returncode, "did you mean 'postura'?" in missing.stderr) == (1, True)
