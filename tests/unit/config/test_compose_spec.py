"""Stacks in images.toml: what they are, which ones are meant, and those of this checkout."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import tomli

from hashes.errors import LayersError
from layers.compose.stacks import chosen
from layers.config.faults import SpecError
from layers.config.load import load
from layers.config.spec import Spec, Stack
from layers.oci.reference import Reference

ROOT = Path(__file__).parents[3]
HEAD = 'version = 1\nproject.name = "snow"\n'
A = '[images.a]\ncontext = "a"\n'


def read(text: str, profile: str | None = None, missing: tuple[str, ...] = ()) -> Spec:
    return load(
        text,
        profile=profile,
        registry=None,
        platform="linux/amd64",
        exists=lambda path: path not in missing,
    )


def test_a_stack_is_a_list_of_files() -> None:
    """A profile has others in their place, and stacks of its own."""
    text = (
        f'{HEAD}{A}[stacks.s]\ncompose = ["x/../a.yaml"]\n[stacks.t]\ncompose = ["t.yaml"]\n'
        '[profiles.p.stacks.s]\ncompose = ["a.yaml", "b.yaml"]\n'
        '[profiles.p.stacks.u]\ncompose = ["u.yaml"]\n'
    )
    assert read(text).stacks == {"s": Stack("s", ("a.yaml",)), "t": Stack("t", ("t.yaml",))}
    assert read(text, "p").stacks == {
        "s": Stack("s", ("a.yaml", "b.yaml")),
        "t": Stack("t", ("t.yaml",)),
        "u": Stack("u", ("u.yaml",)),
    }
    assert read(HEAD + A).stacks == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[stacks.s]\n", "5: stacks.s: 'compose' is missing"),
        ("[stacks.s]\ncompose = []\n", "6: stacks.s.compose: expected at least one element"),
        ('[stacks.s]\ncompose = "a"\n', "6: stacks.s.compose: expected an array, found the string"),
        ('[stacks.s]\ncompse = ["a"]\n', "(did you mean 'compose'?)"),
        ('[stacks.S]\ncompose = ["a"]\n', "5: stacks.S: expected lower-case"),
        ('[stacks.s]\ncompose = ["../a"]\n', "6: stacks.s.compose[0]: '../a' leads out"),
    ],
)
def test_faults_of_a_stack_are_told_with_their_line(text: str, message: str) -> None:
    """As all faults of the file are."""
    with pytest.raises(SpecError) as caught:
        read(HEAD + A + text, "p" if "profiles" in text else None, missing=("no",))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[stacks.s]\ncompose = ["a", "no"]\n', "stacks.s.compose[1]: there is no compose file"),
        (
            '[profiles.p.stacks.s]\ncompose = ["no"]\n',
            "6: profiles.p.stacks.s.compose[0]: there is no compose file 'no'",
        ),
    ],
)
def test_a_file_that_is_not_there_is_a_fault_of_its_stack_alone(text: str, message: str) -> None:
    """Nobody needs it to build images."""
    found = read(HEAD + A + text, "p" if "profiles" in text else None, missing=("no",))
    assert message in str(found.stacks["s"].fault)


def test_stacks_are_all_or_those_that_are_named() -> None:
    """In the order asked for, each once."""
    spec = read(f'{HEAD}{A}[stacks.s]\ncompose = ["a"]\n[stacks.t]\ncompose = ["t"]\n')
    assert [one.name for one in chosen(spec, ())] == ["s", "t"]
    assert [one.name for one in chosen(spec, ("t", "s", "t"))] == ["t", "s"]


def test_an_unknown_stack_is_told_with_the_nearest() -> None:
    """And a project without stacks says how to have one."""
    spec = read(f'{HEAD}{A}[stacks.snowboard]\ncompose = ["a"]\n')
    with pytest.raises(LayersError) as caught:
        chosen(spec, ("snowbord",))
    assert str(caught.value) == (
        "'snowbord' is not a stack of images.toml (did you mean 'snowboard'?)\n"
        "  stacks here: snowboard"
    )
    with pytest.raises(LayersError, match=r"images\.toml has no stacks"):
        chosen(read(HEAD + A), ())


# -- the stacks of this checkout -------------------------------------------------------------


def test_every_stack_names_images_of_images_toml_and_no_other() -> None:
    """And no two of them publish the same port."""
    spec = load(
        (ROOT / "images.toml").read_text(),
        profile="local",
        registry=None,
        platform="linux/amd64",
        exists=lambda path: (ROOT / path).exists(),
    )
    assert sorted(spec.stacks) == ["postura", "safety", "snowboard"]
    ports: list[str] = []
    for each in spec.stacks.values():
        text = (ROOT / each.compose[0]).read_text()
        images = re.findall(r"(?m)^    image: (\S+)$", text)
        assert images
        for image in images:
            assert spec.find(Reference.parse(image)) is not None, image
        ports += re.findall(r':-(\d+)\}:\d+"', text)
    assert len(set(ports)) == len(ports) == 6


def test_compose_names_the_tags_of_images_toml_and_publishes_on_loopback() -> None:
    """Each port has a variable; the pose service alone wants a GPU, and keeps its models."""
    images = tomli.loads((ROOT / "images.toml").read_text())["images"]
    text = (ROOT / "images" / "snowboard" / "compose.yaml").read_text()
    parts = re.split(r"(?m)^  (?=[a-z-]+:$)", text.partition("\nservices:\n")[2])
    services = {part.partition(":")[0]: part for part in parts if part}
    assert sorted(services) == ["backend-api", "frontend", "pose-service"]
    for name, part in services.items():
        assert f"image: {images[name]['tag']}\n" in part
        assert f"context: ./{name}\n" in part
        (port,) = re.findall(r'"(127\.0\.0\.1:\$\{SNOWBOARD_[A-Z]+_PORT:-(\d+)\}:(\d+))"', part)
        assert port[1] == port[2]
        assert ("capabilities: [gpu]" in part) == (name == "pose-service")
    assert "model_cache:/app/cache" in services["pose-service"]
