"""What build files say of an image beside its files, in buildx's many ways of saying it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from layers.adopt.sources import options
from layers.adopt.sources.targets import read_targets
from layers.config.sandbox import Sandbox


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("", 0),
        ("67108864", 64 << 20),
        ("128m", 128 << 20),
        ("1.5g", 3 << 29),
        ("64MiB", 64 << 20),
        ("2kb", 2048),
        ("much", 0),
    ],
)
def test_a_size_is_dockers(told: str, expected: int) -> None:
    """All units are of 1,024s, whatever they are called."""
    assert options.size(told) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([], ""),
        (["linux/arm64/v8"], "linux/arm64"),
        (["amd64"], "linux/amd64"),
        (["linux/amd64", "linux/arm64"], ""),
        (["local"], ""),
    ],
)
def test_one_platform_is_an_images_own(told: list[str], expected: str) -> None:
    """Of several each machine builds its own, and of ``local`` too."""
    notes: list[str] = []
    assert options.one_platform(told, notes) == expected
    assert notes == []


def test_what_no_image_can_have_is_told() -> None:
    """A network of compose's, a platform that is none, an index's annotation, an empty label."""
    notes: list[str] = []
    assert options.network("shop_net", notes) == ""
    assert options.one_platform(["a/b/c/d"], notes) == ""
    assert options.of_manifest(["index:a=b", "novalue"], notes) == {}
    assert options.labels({"a": "", "b c": "1"}, notes) == {}
    assert [note.partition(" is ")[0] for note in notes] == [
        "network shop_net",
        "platform a/b/c/d",
        "annotation index:a=b",
        "annotation novalue",
        "label a",
        "label b c",
    ]


def test_annotations_of_a_manifest_are_taken_in_all_their_forms() -> None:
    """With or without a kind, of several kinds, of one platform."""
    told = ["a=b=c", "manifest:b={x}", "index,manifest:c=d", "manifest[linux/amd64]:e=f"]
    assert options.of_manifest(told, []) == {"a": "b=c", "b": "{{x}}", "c": "d", "e": "f"}


def test_the_sandbox_is_that_of_images_toml() -> None:
    """A limit without a hard one is both."""
    found = options.sandbox({"db": "10.0.0.1"}, "1m", ["nofile=1024", "core=0:1"], "x")
    assert found == Sandbox(("db:10.0.0.1",), 1 << 20, ("core=0:1", "nofile=1024:1024"), "x")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("default", "default"),
        ("git=keys/id", "git=docker/keys/id"),
        ("git=~/.ssh/id", "git=~/.ssh/id"),
        ("git=/k", "git=/k"),
        ({"id": "default"}, "default"),
        ({"id": "git", "paths": ["../k", "b"]}, "git=k"),
    ],
)
def test_agents_and_keys_are_relative_to_the_project(
    tmp_path: Path, told: Any, expected: str
) -> None:
    """As texts and as the objects of newer versions."""
    assert options.ssh(str(tmp_path), str(tmp_path / "docker"), [told], []) == (expected,)


def test_what_bake_does_not_print_is_read_where_it_stands(tmp_path: Path) -> None:
    """Inherited as bake has it, the last one first; what has a variable only bake knows."""
    (tmp_path / "docker-bake.hcl").write_text(
        'target "a" { network = "host" }\n'
        'target "b" {\n inherits = ["a"]\n extra-hosts = { db = "10.0.0.1" }\n}\n'
        'target "c" {\n inherits = ["b", "d"]\n secret = ["id=x,src=y"]\n}\n'
        'target "d" {\n network = "none"\n ssh = ["${KEY}"]\n}\n'
    )
    found = read_targets(str(tmp_path), ["docker-bake.hcl"])
    assert found.literal("b", "network") == "host"
    assert found.literal("c", "network") == "none"
    assert found.literal("c", "extra-hosts") == {"db": "10.0.0.1"}
    assert found.literal("c", "secret") == ["id=x,src=y"]
    assert [found.literal("c", "ssh"), found.literal("nobody", "ssh")] == [None, None]
