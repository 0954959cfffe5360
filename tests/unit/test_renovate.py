"""renovate.json5 finds every upstream that this repository names, and none of its own images."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from layers.config.toml import read
from layers.oci.reference import Reference
from layers.project.project import Project

json5: Any = importlib.import_module("json5")  # it has no types

ROOT = Path(__file__).resolve().parents[2]
CONFIG = json5.loads((ROOT / "renovate.json5").read_text(encoding="utf-8"))
KEYS, VALUES, ARGS = CONFIG["customManagers"]
SPEC = (ROOT / "images.toml").read_text(encoding="utf-8")


class Lenient(yaml.SafeLoader):
    """Passes over compose's own tags, such as ``!override``."""


Lenient.add_multi_constructor("!", lambda *_: None)


def found(manager: Any, text: str) -> list[str]:
    """What a manager takes for upstreams; a named group is written otherwise in JavaScript."""
    (pattern,) = manager["matchStrings"]
    assert "(?=" not in pattern, "RE2 looks neither ahead nor behind"
    assert "(?!" not in pattern, "RE2 looks neither ahead nor behind"
    rows = re.finditer(pattern.replace("(?<", "(?P<"), text)
    return [f"{row['depName']}:{row['currentValue']}" for row in rows]


def replaced() -> dict[str, str]:
    """[upstream] of this repository's images.toml and of its profiles."""
    raw = read(SPEC, "images.toml")
    tables = (raw, *raw["profiles"].values())
    return {
        name: instead for table in tables for name, instead in table.get("upstream", {}).items()
    }


def test_upstreams_that_images_toml_replaces_are_found() -> None:
    """All of them, and nothing that is no upstream."""
    assert replaced()
    assert sorted(found(KEYS, SPEC)) == sorted(replaced())
    assert sorted(found(VALUES, SPEC)) == sorted(one for one in replaced().values() if ":" in one)


def test_args_that_a_from_is_made_of_are_found() -> None:
    """By their names; an address is none."""
    assert sorted(found(ARGS, SPEC)) == sorted(
        ["python:3.10-slim", "nvidia/cuda:12.2.0-cudnn8-runtime-ubuntu22.04"]
    )
    assert 'VITE_API_URL = "http' in SPEC


@pytest.mark.parametrize(
    ("text", "keys", "values", "args"),
    [
        ('\n"node:18-alpine" = "sys-node"', ["node:18-alpine"], [], []),
        ('\n"a/b:1" = "mirror.example.com/a/b:2"', ["a/b:1"], ["mirror.example.com/a/b:2"], []),
        ('\n  "h:5000/a:1" = "i:5000/b:2"', ["h:5000/a:1"], ["i:5000/b:2"], []),
        ('upstream = { "a:1" = "b:2", "c:3" = "d" }', ["a:1", "c:3"], ["b:2"], []),
        ('profiles.p.upstream."a:1" = "b"', ["a:1"], [], []),
        ('\n"a@sha256:0" = "b"', [], [], []),
        ('args = { BASE = "a:1", BUILD_IMAGE = "b/c:2" }', [], [], ["a:1", "b/c:2"]),
        ('\nRUNTIME_BASE = "h:5000/c:2"', [], [], ["h:5000/c:2"]),
        ('\nBASE_URL = "a:1"', [], [], []),
        ('\nDATABASE = "a:1"', [], [], []),
        ('\nIMAGE = "http://h:80"', [], [], []),
        ('\nregistry = "localhost:5000"', [], [], []),
    ],
)
def test_each_pattern_finds_its_own(
    text: str, keys: list[str], values: list[str], args: list[str]
) -> None:
    """Whatever form TOML gives a table."""
    assert (found(KEYS, text), found(VALUES, text), found(ARGS, text)) == (keys, values, args)


def test_images_of_ours_are_not_looked_for_and_upstreams_are() -> None:
    """By the names that Dockerfiles and compose files give them."""
    project = Project(str(ROOT))
    edges = [
        edge
        for name, image in project.spec.images.items()
        if image.rootfs is None
        for edge in project.inputs.graph.edges[name]
    ]
    ours = {edge.text for edge in edges if edge.image is not None}
    theirs = {Reference.parse(edge.text).name for edge in edges if edge.image is None}
    rules = [each for each in CONFIG["packageRules"] if each.get("enabled") is False]
    (rule,) = [each for each in rules if "matchPackageNames" in each]
    named = set(rule["matchPackageNames"])
    for path in ROOT.glob("images/*/compose*.yaml"):
        services = yaml.load(path.read_text(encoding="utf-8"), Lenient)["services"].values()
        alone = [each["image"] for each in services if "image" in each and "build" not in each]
        texts = {one for one in alone if "$" not in one}
        ours |= {one for one in texts if project.spec.find(Reference.parse(one))}
    assert ours
    assert ours <= named <= set(project.spec.images)
    assert not {Reference.parse(each).name for each in named} & theirs
    assert theirs


def test_the_lock_follows_in_the_same_commit() -> None:
    """By a command that writes nothing else; digests stay out of Dockerfiles."""
    rules = CONFIG["packageRules"]
    (task,) = [each["postUpgradeTasks"] for each in rules if "postUpgradeTasks" in each]
    assert task["commands"] == ["doit lock --no-copy"]
    assert task["fileFilters"] == ["images.lock"]
    assert [each["pinDigests"] for each in rules if "pinDigests" in each] == [False]
