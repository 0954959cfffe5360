"""Trunks inside of a stage: what a build leaves, and what an edit is put upon."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from layers.assemble.listing import Entry, Listing
from layers.assemble.obstacle import Obstacle
from layers.build.assemble.base import Place, known, listing
from layers.build.assemble.trunk import leave_listing, leave_trunk
from layers.build.execute import carry_out
from layers.engine.engine import EngineDown
from layers.oci.artifact import MANIFEST_TYPE, descriptor, digest_of
from layers.oci.digest import Digest
from layers.plan.names import LABEL_KEY, LABEL_LAYER, LABEL_PROJECT
from layers.plan.tails import Trunk, tail_of, trunk_of
from layers.project.project import Project
from layers.registry import referrers
from layers.registry.registry import Manifest, RegistryError
from layers.runtime.events import Event, Output, Warned
from tests.fakes import MemoryEngine, MemoryRegistry
from tests.fuzz.assemble.case import Member, tarball
from tests.unit.build.assembling import APP, BASE, KINDS, OURS, SPEC
from tests.unit.machines import HOST, World, begin

FILE = "FROM base\nENV A=1\nCOPY list /\nRUN x\nCOPY a /srv/\nCMD run\n"
LAYERS = [
    tarball([Member("srv", "dir", 0o755), Member("srv/f", "file", 0o644, "base\n")]),
    tarball([Member("list", "file", 0o644, "list\n")]),
    tarball([Member("bin", "dir", 0o755), Member("bin/x", "file", 0o755, "installed\n")]),
    tarball([Member("srv", "dir", 0o755), Member("srv/a", "file", 0o644, "a\n")]),
]
STEPS = (
    *("ENV A=1", "COPY list / # buildkit", "RUN |1 V=2 /bin/sh -c x # buildkit"),
    *("COPY a /srv/ # buildkit", 'CMD ["/bin/sh" "-c" "run"]'),
)
BELOW: dict[str, object] = {"created_by": "a base", "created": "2026-01-01T00:00:00Z"}


def put(registry: MemoryRegistry, name: str, key: str, count: int, **more: object) -> Digest:
    """The base or the application as BuildKit builds and an engine pushes it."""
    layers = LAYERS[:count]
    time = "2026-01-02T00:00:00Z"
    history: list[dict[str, object]] = [{"created_by": each, "created": time} for each in STEPS]
    told: list[dict[str, object]] = [BELOW]
    if name == "app":
        empty = [{**each, "empty_layer": True} for each in history]
        told = [BELOW, empty[0], history[1], history[2], history[3], empty[4]]
    labels = {LABEL_KEY: key, LABEL_LAYER: name, LABEL_PROJECT: "demo"}
    env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    own = {"Env": [*env, "A=1"], "Cmd": ["/bin/sh", "-c", "run"], "ArgsEscaped": True}
    config = {
        "os": "linux",
        "architecture": "amd64",
        "config": {"Labels": labels, "Env": env, **(own if name == "app" else {}), **more},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(each).text for each in layers]},
        "history": told,
    }
    text = json.dumps(config).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": descriptor(KINDS[0], text),
        "layers": [descriptor(KINDS[1], each) for each in layers],
    }
    for blob in (text, *layers):
        registry.put_blob(f"{HOST}/demo/{name}", blob)
    raw = json.dumps(manifest).encode()
    return registry.put_manifest(f"{HOST}/demo/{name}", key, raw, MANIFEST_TYPE)


@pytest.fixture
def checkout(tmp_path: Path) -> Callable[..., World]:
    """Makes cold machines around one registry that has the base."""
    registry, count = MemoryRegistry(HOST), iter(range(9))

    def made(dockerfile: str = FILE) -> World:
        root = tmp_path / f"machine{next(count)}"
        for name, text in (("base", "FROM scratch\nRUN x\n"), ("app", dockerfile)):
            (root / name).mkdir(parents=True)
            (root / name / "Dockerfile").write_text(text)
        for name in ("a", "list"):
            (root / "app" / name).write_text(f"{name}\n")
        (root / "images.toml").write_text(SPEC)
        project, told = Project(str(root)), list[Event]()
        key = str(project.inputs.key(BASE))
        if not registry.heads([(f"{HOST}/demo/base", key)]):
            put(registry, "base", key, 1)
        engine = MemoryEngine(registry)
        run = begin(project, engine, registry, tell=told.append, wanted=[APP])
        return World(run, engine, registry, told)

    return made


def trunk(world: World) -> Trunk:
    inputs = world.project.inputs
    return trunk_of(inputs, APP, tail_of(inputs, APP))


def left(world: World) -> Manifest | None:
    """What the registry has under the trunk's key."""
    return world.registry.manifest(OURS, str(trunk(world).manifest.key()))


def built(world: World, **more: object) -> None:
    """As if this machine had built and pushed the application."""
    digest = put(world.registry, "app", world.key, 4, **more)
    leave_trunk(world.run, world.step, digest)


def edited(world: World, name: str = "a") -> World:
    (Path(world.project.root) / "app" / name).write_text("edited\n")
    return world


def told(world: World) -> str:
    texts = [each.line for each in world.told if isinstance(each, Output)]
    return "\n".join([*texts, *(each.message for each in world.told if isinstance(each, Warned))])


def test_a_build_leaves_its_trunk_and_sends_no_layer_twice(checkout: Callable[..., World]) -> None:
    """The first three layers, under the key of a Dockerfile that ends there, with a listing."""
    world = checkout()
    digest = put(world.registry, "app", world.key, 4)
    world.registry.sent.clear()
    leave_trunk(world.run, world.step, digest)
    there = left(world)
    assert there is not None
    assert [each["digest"] for each in there.content["layers"]] == [
        digest_of(each).text for each in LAYERS[:3]
    ]
    layers = {digest_of(each) for each in LAYERS}
    assert not layers & {blob for _, blob in world.registry.sent}
    config = json.loads(world.registry.blob(OURS, Digest(there.content["config"]["digest"])))
    assert config["config"]["Labels"][LABEL_KEY] == str(trunk(world).manifest.key())
    assert "Cmd" not in config["config"]
    (data,) = referrers.fetch(world.registry, OURS, there.digest, referrers.LISTING)
    listing = Listing.from_bytes(data, there.digest.text)
    assert [bool(listing.get(path)) for path in ("srv/f", "list", "bin/x", "srv/a")] == [
        *(True, True, True, False)
    ]
    assert referrers.is_attached(world.registry, OURS, there.digest, referrers.INPUTS)
    short = checkout("FROM base\nENV A=1\nCOPY list /\nRUN x\n")
    assert str(trunk(world).manifest.key()) == short.key


def test_a_cold_machine_puts_an_edit_upon_it(
    checkout: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads no layer, and asks no engine."""
    built(checkout())
    world = edited(checkout())

    def down(*_words: object) -> None:
        raise EngineDown("no engine answers")

    monkeypatch.setattr(world.engine, "find", down)
    run = world.run.wanting([APP], remain=True)
    step = run.planner.plan.steps[APP]
    assert step.state == "assemble"
    assert "upon its steps up to RUN in line 4, after which nothing has to run" in step.reasons
    world.registry.asked.clear()
    carry_out(run, step)
    read = {reference for verb, _, reference in world.registry.asked if verb == "blob"}
    assert not read & {digest_of(each).text for each in LAYERS}
    manifest = world.registry.manifest(OURS, world.key)
    assert manifest is not None
    *below, top = manifest.content["layers"]
    assert [each["digest"] for each in below] == [digest_of(each).text for each in LAYERS[:3]]
    assert top["digest"] != digest_of(LAYERS[3]).text
    config = json.loads(world.registry.blob(OURS, Digest(manifest.content["config"]["digest"])))
    assert config["config"]["Cmd"] == ["/bin/sh", "-c", "run"]
    assert config["config"]["Labels"][LABEL_KEY] == world.key


def test_an_edit_below_the_trunk_s_end_is_built(checkout: Callable[..., World]) -> None:
    built(checkout())
    step = edited(checkout(), "list").step
    assert step.state == "build"
    assert "not assembled: its steps up to RUN in line 4 are not in the registry" in step.reasons


def test_what_is_left_already_is_left_alone(checkout: Callable[..., World]) -> None:
    built(checkout())
    world = edited(checkout())
    there, digest = left(world), put(world.registry, "app", world.key, 4)
    world.registry.sent.clear()
    leave_trunk(world.run, world.step, digest)
    assert left(world) == there
    assert world.registry.sent == []


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"User": "who"}, "its User is 'who'"),
        ({"Env": ["A=2"]}, "its Env is"),
        ({"Labels": {LABEL_KEY: "another"}}, "was made from another, not from"),
    ],
)
def test_an_image_that_is_something_else_leaves_none(
    checkout: Callable[..., World], more: dict[str, object], reason: str
) -> None:
    world = checkout()
    built(world, **more)
    assert left(world) is None
    assert "the next edit waits for the base, since" in told(world)
    assert reason in told(world)


def test_a_trunk_that_lost_a_layer_is_not_used_and_is_left_anew(
    checkout: Callable[..., World],
) -> None:
    world = checkout()
    built(world)
    world.registry.lose(OURS, digest_of(LAYERS[2]))
    late = edited(checkout())
    assert late.step.state == "build"
    built(late)
    assert edited(checkout(), "a").run.planner.plan.steps[APP].state == "pull"
    assert "was broken in the registry" not in told(late) or left(late) is not None
    third = edited(checkout())
    (Path(third.project.root) / "app" / "a").write_text("third\n")
    assert third.step.state == "assemble"


def test_an_overwritten_trunk_is_an_error(checkout: Callable[..., World]) -> None:
    """Its label speaks of another key."""
    world = checkout()
    built(world)
    theirs = world.registry.manifest(OURS, world.key)
    assert theirs is not None
    key = str(trunk(world).manifest.key())
    world.registry.put_manifest(OURS, key, theirs.raw, MANIFEST_TYPE)
    late = edited(checkout())
    with pytest.raises(Exception, match="was made from") as caught:
        carry_out(late.run, late.step._replace(here=False))
    assert type(caught.value).__name__ == "TagMoved"
    assert not late.registry.heads([(OURS, late.key)])


@pytest.mark.parametrize("data", [b"damaged", Listing().to_bytes("sha256:" + "9" * 64)])
def test_a_trunk_whose_listing_is_damaged_or_another_s_is_listed_anew(
    checkout: Callable[..., World], data: bytes
) -> None:
    built(checkout())
    world = edited(checkout())
    there = left(world)
    assert there is not None
    (entry,) = [
        each
        for each in world.registry.referrers(OURS, there.digest) or ()
        if each["artifactType"] == referrers.LISTING.plain
    ]
    world.registry.delete(OURS, Digest(entry["digest"]))
    referrers.attach(world.registry, OURS, there.digest, referrers.LISTING, data, {})
    carry_out(world.run, world.step._replace(here=False))
    assert "was not used" in world.warnings()
    assert world.registry.heads([(OURS, world.key)])
    texts = list(referrers.fetch(world.registry, OURS, there.digest, referrers.LISTING))
    assert len(texts) == 2  # the next finds one that is right


def test_an_upload_that_is_cut_off_leaves_no_trunk_and_the_image_is_true(
    checkout: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next build leaves it."""
    world = checkout()
    digest = put(world.registry, "app", world.key, 4)

    def refuse(*_words: object) -> None:
        raise RegistryError("PUT …: 500")

    with monkeypatch.context() as cut:
        cut.setattr(world.registry, "put_manifest", refuse)
        leave_trunk(world.run, world.step, digest)
    assert re.search("the next edit waits for the base, since .*PUT …: 500", told(world))
    assert left(world) is None
    leave_trunk(world.run, world.step, digest)
    assert left(world) is not None


def test_a_base_that_only_the_engine_has_leaves_no_trunk(checkout: Callable[..., World]) -> None:
    world = checkout()
    key = str(world.project.inputs.key(BASE))
    digest = world.registry.heads([(f"{HOST}/demo/base", key)])[f"{HOST}/demo/base", key]
    world.registry.delete(f"{HOST}/demo/base", digest)
    built(world)
    assert "since base is not in the registry" in told(world)


def test_a_base_that_goes_to_no_registry_is_told_with_what_would_help(
    checkout: Callable[..., World],
) -> None:
    world = checkout()
    key = str(world.project.inputs.key(BASE))
    digest = world.registry.heads([(f"{HOST}/demo/base", key)])[f"{HOST}/demo/base", key]
    world.registry.delete(f"{HOST}/demo/base", digest)
    spec = Path(world.project.root) / "images.toml"
    spec.write_text(spec.read_text().replace('"base"\npush = true', '"base"'))
    run = begin(Project(world.project.root), world.engine, world.registry, wanted=[APP])
    told = "base, on which it stands, goes to no registry: push is not set for base"
    assert f"not assembled: {told}" in run.planner.plan.steps[APP].reasons


def test_a_base_is_listed_as_soon_as_it_is_pushed_where_others_are_put_upon_it_as_it_is(
    checkout: Callable[..., World],
) -> None:
    world = checkout("FROM base\nCOPY a /srv/\n")
    key = world.project.inputs.key(BASE)
    repository = f"{HOST}/demo/base"
    digest = world.registry.heads([(repository, str(key))])[repository, str(key)]
    leave_listing(world.run, world.run.planner.plan.steps[BASE], digest)
    (data,) = referrers.fetch(world.registry, repository, digest, referrers.LISTING)
    assert Listing.from_bytes(data, digest.text).get("srv/f") is not None


def test_a_base_is_not_listed_for_those_that_have_steps_of_their_own_below(
    checkout: Callable[..., World],
) -> None:
    world = checkout()
    key = world.project.inputs.key(BASE)
    repository = f"{HOST}/demo/base"
    digest = world.registry.heads([(repository, str(key))])[repository, str(key)]
    leave_listing(world.run, world.run.planner.plan.steps[BASE], digest)
    assert not list(referrers.fetch(world.registry, repository, digest, referrers.LISTING))


def test_of_several_that_stand_on_a_base_one_reads_it(
    checkout: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others wait, and take the listing that it leaves."""
    world = checkout("FROM base\nCOPY a /srv/\n")
    key = world.project.inputs.key(BASE)
    repository = f"{HOST}/demo/base"
    digest = world.registry.heads([(repository, str(key))])[repository, str(key)]
    place = Place(repository, digest, True, key)
    image = known(world.run, place)
    assert not isinstance(image, Obstacle)
    read = world.registry.parts

    def slow(*which: Any) -> Iterator[bytes]:
        time.sleep(0.1)
        return read(*which)

    monkeypatch.setattr(world.registry, "parts", slow)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: listing(world.run, world.step, place, image), range(4)))
    texts = {each.to_bytes("") for each in found if isinstance(each, Listing)}
    assert len(found) == 4
    assert len(texts) == 1
    assert told(world).count("listing what is in") == 1


def test_of_an_image_that_begins_with_a_listed_one_only_the_rest_is_read(
    checkout: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kept stage has all layers of the base below it."""
    world = checkout()
    base_key = world.project.inputs.key(BASE)
    below = f"{HOST}/demo/base"
    digest = world.registry.heads([(below, str(base_key))])[below, str(base_key)]
    place = Place(below, digest, True, base_key)
    image = known(world.run, place)
    assert not isinstance(image, Obstacle)
    listing(world.run, world.run.planner.plan.steps[BASE], place, image)
    app = put(world.registry, "app", world.key, 4)
    own = known(world.run, Place(OURS, app, True, world.project.inputs.key(APP)))
    assert not isinstance(own, Obstacle)
    read, came = world.registry.parts, list[str]()

    def noted(repository: str, digest: Digest, size: int) -> Iterator[bytes]:
        came.append(digest.text)
        return read(repository, digest, size)

    monkeypatch.setattr(world.registry, "parts", noted)
    found = listing(world.run, world.step, Place(OURS, app, True, world.step.key), own)
    assert isinstance(found, Listing)
    assert found.get("srv/f") == Entry("file", 0o644, 0, 0, layer=0)
    assert found.get("srv/a") == Entry("file", 0o644, 0, 0, layer=3)
    assert came == [each["digest"] for each in own.layers[1:]]
