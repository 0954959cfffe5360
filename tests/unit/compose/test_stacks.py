"""Stacks of a project: read, made true, pinned, brought up and taken down."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hashes.errors import LayersError
from layers.commands import down
from layers.commands.parsing import valued
from layers.commands.up import UpCommand, bring, patience_of
from layers.compose.compose import ComposeError
from layers.compose.match import UnknownImage
from layers.compose.report import Up, as_json, as_text
from layers.compose.stacks import laid_over, pinned, prepare
from layers.config.spec import Stack
from layers.graph.graph import Layer
from layers.lock.lock import Lock
from layers.lock.pin import Pin
from layers.oci.digest import Digest
from layers.oci.reference import Reference
from layers.plan.names import LABEL_KEY
from layers.project.project import Project
from tests.fakes import MemoryRegistry
from tests.fakes_compose import MemoryClock, MemoryComposer, RefusingComposer
from tests.unit.machines import HOST, SPEC, World, begin, machine

STACKS = """\
[images.staged]
context = "staged"
tag = "demo-staged"
[stacks.shop]
compose = ["compose.yaml"]
[stacks.other]
compose = ["compose.yaml"]
[upstream]
"nginx:alpine" = "tool"
"redis:7" = "mirror.example.com/redis:7"
"""
PIN = Digest.parse("sha256:" + "c" * 64)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A checkout with a stack, whose images the engine has."""
    found = machine(tmp_path / "shop", MemoryRegistry(HOST))
    root = tmp_path / "shop"
    (root / "images.toml").write_text(SPEC + STACKS)
    (root / "staged").mkdir()
    (root / "staged" / "Dockerfile").write_text(
        "FROM scratch AS deps\nCOPY a /a\nFROM scratch\nCOPY --from=deps /a /b\n"
    )
    (root / "staged" / "a").write_text("1")
    (root / "compose.yaml").write_text("services: {}\n")
    for layer in (Layer("app"), Layer("tool"), Layer("staged"), Layer("staged", "deps")):
        names = found.run.planner.names(layer, found.project.inputs.key(layer))
        key = names.keyed.partition(":")[2]
        found.engine.build(names.keyed, f"of {layer}", {LABEL_KEY: key})
    return found


def composing(world: World, **services: Any) -> MemoryComposer:
    return MemoryComposer(MemoryClock(), services)


def stack(world: World, name: str = "shop") -> Stack:
    return world.project.spec.stacks[name]


def built(world: World, folder: str, **more: str) -> dict[str, Any]:
    return {"context": f"{world.project.root}/{folder}", **more}


def test_services_find_their_images_and_are_pinned(world: World) -> None:
    """By name, tag, stage, build or stand-in; upstreams by the lock; others stay."""
    node = Reference.parse("postgres:16")
    lock = Lock.of([Pin(node, world.project.spec.platform, PIN)])
    (Path(world.project.root) / "images.lock").write_text(lock.text())
    run = begin(Project(world.project.root), world.engine, world.registry)
    world = replace(world, run=run)
    composer = composing(
        world,
        app={"build": built(world, "app")},
        stage={"image": "demo-staged", "build": built(world, "staged", target="deps")},
        front={"image": "nginx:alpine"},
        db={"image": "postgres:16"},
        cache={"image": "redis:7"},
        free={"image": "memcached:1"},
        own={"build": built(world, "elsewhere"), "image": "postgres:16"},
    )
    found = prepare(world.run, composer, stack(world), ())
    assert {name: str(layer) for name, layer in found.layers.items()} == {
        "app": "app",
        "stage": "staged:deps",
        "front": "tool",
    }
    pins = {each.service: each.image for each in pinned(world.run, found)}
    assert sorted(pins) == ["app", "cache", "db", "front", "stage"]
    for name, repository in (("app", "app"), ("stage", "demo-staged"), ("front", "tool")):
        assert re.fullmatch(rf"{repository}:xxh3-\w{{32}}@sha256:\w{{64}}", pins[name])
        assert pins[name] in world.engine.find([pins[name]])
    assert pins["db"] == f"docker.io/library/postgres@{PIN}"
    assert pins["cache"] == "mirror.example.com/redis:7"


def test_a_stack_is_brought_up_from_the_pinned_images(world: World) -> None:
    """The file that pins them is laid over the others; a new image replaces one container."""
    composer = composing(world, app={"image": "app"}, tool={"image": "tool"})
    prepared = prepare(world.run, composer, stack(world), ())

    def again() -> Up:
        pins = pinned(world.run, prepared)
        files = laid_over(world.run, prepared, pins)
        assert files.paths[-1].endswith("/.layers/compose/demo-shop.json")
        composer.start(files, ())
        return Up("shop", files.project, composer.containers(""), pins, "127.0.0.1", 1.0)

    first = again()
    assert first.containers[0].image == first.pinned[0].image
    world.engine.build(f"app:{world.key}", "another", {LABEL_KEY: world.key})
    second = again()
    assert first.containers[0].id != second.containers[0].id
    assert first.containers[1].id == second.containers[1].id


def test_an_image_that_went_meanwhile_is_an_error(world: World) -> None:
    """Compose would look for it at Docker Hub."""
    composer = composing(world, app={"image": "app"})
    prepared = prepare(world.run, composer, stack(world), ())
    world.engine.untag(f"app:{world.key}")
    with pytest.raises(LayersError, match=rf"the engine does not have app:{world.key}"):
        pinned(world.run, prepared)


def test_files_are_there_and_compose_takes_them(world: World) -> None:
    """A file that is laid over is one of the user's line; its name is told as written."""
    composer = composing(world, app={"image": "app"})
    shop = stack(world)
    with pytest.raises(LayersError, match=r"there is no compose file 'dev\.yaml'"):
        prepare(world.run, composer, shop, ("dev.yaml",))
    (Path(world.project.root) / "dev.yaml").write_text("services: {}\n")
    files = prepare(world.run, composer, shop, ("dev.yaml",)).files
    assert [Path(path).name for path in files.paths] == ["compose.yaml", "dev.yaml"]
    with pytest.raises(ComposeError, match="'imge' not allowed"):
        prepare(world.run, RefusingComposer(MemoryClock(), {}), shop, ())
    with pytest.raises(UnknownImage, match="mean 'demo-staged'"):
        prepare(world.run, composing(world, x={"image": "demo-stagd"}), shop, ())


def test_bringing_a_stack_up_tells_each_change(world: World, monkeypatch: Any) -> None:
    """A line a change; a stack that fails is named."""
    composer = composing(world, app={"image": "app"})
    monkeypatch.setattr("layers.commands.up.time", composer.clock)
    prepared = prepare(world.run, composer, stack(world), ())
    shown = io.StringIO()
    up = bring(world.run, composer, prepared, 60, shown)
    assert shown.getvalue() == "[app] starting\n[app] healthy\n"
    assert as_text(up) == "app  healthy  http://127.0.0.1:8001\nshop is up, 3.0 s\n"
    (told,) = as_json([up])["stacks"]
    assert told["services"][0] | {"image": ""} == {
        "name": "app",
        "container": "1",
        "state": "healthy",
        "addresses": ["http://127.0.0.1:8001"],
        "image": "",
        "layer": "app",
    }
    started = bring(world.run, composer, prepared, None, shown)
    assert as_text(started).endswith("\nshop is started, 1.0 s\n")
    composer.complaint = "no"
    with pytest.raises(LayersError, match=r"^shop: no$"):
        bring(world.run, composer, prepared, 60, shown)


@pytest.mark.parametrize("program", [False, True])
def test_down_says_what_was_removed(
    world: World, monkeypatch: Any, capsys: pytest.CaptureFixture[str], program: bool
) -> None:
    """And that nothing was up, the second time."""
    composer = composing(world, app={"image": "app"})
    prepared = prepare(world.run, composer, stack(world), ())
    composer.start(prepared.files, ())
    monkeypatch.setattr(down, "open_project", lambda _root: world.project)
    monkeypatch.setattr(down, "_composer", lambda _project, _backends: composer)
    options = {"volumes": False, "as_json": program}
    for removed in (["app"], []):
        assert down._down(world.project.root, options, ("shop",)) == 0
        out = capsys.readouterr().out
        if program:
            told = {"name": "shop", "project": "demo-shop", "removed": removed}
            assert json.loads(out) == {"stacks": [told]}
        else:
            assert out == ("shop is down: app\n" if removed else "shop: nothing was up\n")
    assert composer.asked[-2:] == ["down", "down"]
    down._down(world.project.root, {"volumes": True, "as_json": False}, ("shop",))
    assert not composer.volumes


def test_down_without_an_engine_has_nothing_to_do(
    world: World, monkeypatch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """A checkout that never had one is not given one."""
    monkeypatch.setattr(down, "open_project", lambda _root: world.project)
    monkeypatch.setattr(down, "_composer", lambda _project, _backends: None)
    assert down._down(world.project.root, {"volumes": False, "as_json": False}, ()) == 0
    assert capsys.readouterr().out == "shop: nothing was up\nother: nothing was up\n"


@pytest.mark.parametrize("text", ["", "x", "0", "-1", "0.0", "1e9", "inf"])
def test_a_timeout_is_a_number_above_nothing(text: str) -> None:
    """Whoever wants none says --no-wait."""
    with pytest.raises(LayersError, match="expected a number of seconds above 0"):
        patience_of(text)
    assert patience_of("90") == 90
    assert patience_of("0.5") == 0.5


def test_options_that_take_a_word_are_known_by_both_spellings() -> None:
    """So that they may stand behind the stacks' names."""

    class Option:
        metavar = "ARG"

        def __init__(self, kind: type, short: str, long: str) -> None:
            self.type, self.short, self.long = kind, short, long

    options = [Option(int, "n", "process"), Option(bool, "a", "always"), Option(list, "", "with")]
    assert valued(options) == {"-n", "--process", "--with"}


def test_up_takes_the_options_of_a_run() -> None:
    """But its ``--json`` is one object."""
    long = [each["long"] for each in UpCommand.cmd_options]
    assert {"process", "continue", "no-wait", "timeout", "with"} <= set(long)
    assert long.count("json") == 1


def test_what_is_wrong_with_an_image_is_told_by_making_it(world: World) -> None:
    """Its service means it as ever, whatever else it says; nobody can tell whether that is so."""
    root = Path(world.project.root)
    (root / "staged" / "Dockerfile").write_text("FROM scratch\nCOYP a /a\n")
    (root / "app" / "Dockerfile").write_text("FROM demo-staged\nARG A\nCOPY a /a\n")
    world = replace(world, run=begin(Project(world.project.root), world.engine, world.registry))
    composer = composing(
        world,
        named={"image": "demo-staged", "build": built(world, "staged", target="deps")},
        placed={"build": built(world, "staged", network="host")},
        above={"build": {**built(world, "app"), "args": {"A": "1"}, "platforms": ["linux/s390x"]}},
        tool={"image": "tool"},
    )
    found = prepare(world.run, composer, stack(world), ())
    assert {name: str(layer) for name, layer in found.layers.items()} == {
        "named": "staged",
        "placed": "staged",
        "above": "app",
        "tool": "tool",
    }
