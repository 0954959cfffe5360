"""Images that no engine makes: sent, found again, and what happens where something is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hashes.errors import LayersError
from layers.assemble.listing import Listing
from layers.assemble.obstacle import Obstacle
from layers.assemble.tarballs import apply
from layers.build.assemble.image import assembled, send
from layers.build.execute import InputsMoved, carry_out
from layers.build.publish import publish
from layers.engine.engine import EngineDown
from layers.oci.artifact import MANIFEST_TYPE, descriptor, digest_of
from layers.oci.digest import Digest
from layers.plan.names import LABEL_KEY
from layers.plan.presence import TagMoved
from layers.project.project import Project
from layers.registry import referrers
from layers.registry.registry import RegistryError
from layers.runtime.events import Event
from tests.fakes import MemoryEngine, MemoryRegistry
from tests.fuzz.assemble.case import Member, tarball
from tests.unit.build.assembling import APP, BASE, OURS, SPEC
from tests.unit.machines import HOST, World, begin

AT = f"{HOST}/demo/base"
LAYER = tarball([Member("srv", "dir", 0o755), Member("srv/f", "file", 0o644, "base\n")])


def in_registry(registry: MemoryRegistry, key: str, layer: bytes = LAYER) -> Digest:
    """The base, as a push left it."""
    config = {
        "os": "linux",
        "architecture": "amd64",
        "config": {"Labels": {LABEL_KEY: key}},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(layer).text]},
    }
    text = json.dumps(config).encode()
    kinds = ("application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar")
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": descriptor(kinds[0], text),
        "layers": [descriptor(kinds[1], layer)],
    }
    for blob in (text, layer):
        registry.put_blob(AT, blob)
    return registry.put_manifest(AT, key, json.dumps(manifest).encode(), MANIFEST_TYPE)


@pytest.fixture
def checkout(tmp_path: Path) -> Callable[..., World]:
    """Makes cold machines around one registry that has the base."""
    registry, count = MemoryRegistry(HOST), iter(range(9))

    def made(more: str = "") -> World:
        root = tmp_path / f"machine{next(count)}"
        for name, text in (("base", "FROM scratch\nRUN x\n"), ("app", "FROM base\nCOPY a /srv/\n")):
            (root / name).mkdir(parents=True)
            (root / name / "Dockerfile").write_text(text)
        (root / "app" / "a").write_text("a\n")
        text = SPEC.replace("assemble = true\n", f"assemble = true\n{more}")
        (root / "images.toml").write_text(text)
        engine = MemoryEngine(registry)
        told: list[Event] = []
        project = Project(str(root))
        key = str(project.inputs.key(BASE))
        if not registry.heads([(AT, key)]):
            in_registry(registry, key)
        return World(
            begin(project, engine, registry, tell=told.append, wanted=[APP]), engine, registry, told
        )

    return made


def remotely(world: World) -> None:
    """Make the application, where it need not come to the engine."""
    step = world.run.planner.plan.steps[APP]
    assert step.state == "assemble"
    carry_out(world.run, step._replace(here=False))


def listing(world: World) -> list[bytes]:
    digest = world.run.planner.presence.registry[BASE]
    return list(referrers.fetch(world.registry, AT, digest, referrers.LISTING))


def test_an_image_goes_to_the_registry_and_its_base_is_listed_once(
    checkout: Callable[..., World],
) -> None:
    """Its blobs are in its own repository, and it has a record of what it was made from."""
    world = checkout()
    remotely(world)
    key = str(world.project.inputs.key(APP))
    manifest = world.registry.manifest(OURS, key)
    assert manifest is not None
    assert world.registry.missing(OURS, manifest) == ()
    assert manifest.content["layers"][0]["digest"] == digest_of(LAYER).text
    config = json.loads(world.registry.blob(OURS, Digest(manifest.content["config"]["digest"])))
    assert config["config"]["Labels"][LABEL_KEY] == key
    assert referrers.is_attached(world.registry, OURS, manifest.digest, referrers.INPUTS)

    (data,) = listing(world)
    digest = world.run.planner.presence.registry[BASE].text
    assert Listing.from_bytes(data, digest).get("srv/f") is not None
    second = checkout()
    (Path(second.project.root) / "app" / "a").write_text("b\n")
    second.registry.asked.clear()
    remotely(second)
    assert ("blob", AT, digest_of(LAYER).text) not in second.registry.asked


@pytest.mark.parametrize(
    ("more", "kind", "begins"),
    [
        ("", "+zstd", b"\x28\xb5\x2f\xfd"),
        ('compression = "zstd"\ncompression_level = 19\n', "+zstd", b"\x28\xb5\x2f\xfd"),
        ('compression = "gzip"\n', "+gzip", b"\x1f\x8b"),
        ('compression = "uncompressed"\n', "", b"srv/"),
    ],
)
def test_new_layers_are_packed_as_images_toml_says(
    checkout: Callable[..., World], more: str, kind: str, begins: bytes
) -> None:
    world = checkout(more)
    remotely(world)
    manifest = world.registry.manifest(OURS, str(world.project.inputs.key(APP)))
    assert manifest is not None
    top = manifest.content["layers"][-1]
    assert top["mediaType"] == f"application/vnd.oci.image.layer.v1.tar{kind}"
    data = world.registry.blob(OURS, Digest(top["digest"]))
    assert data.startswith(begins)
    there = Listing()
    apply(there, iter((data,)))
    assert there.get("srv/a") is not None


def test_a_publish_asks_no_engine(
    checkout: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """There may be none on a cold runner."""
    world = checkout()

    def down(*_words: object) -> None:
        raise EngineDown("no engine answers")

    monkeypatch.setattr(world.engine, "find", down)
    monkeypatch.setattr(world.engine, "about", down)
    (published,) = publish(world.run, [APP])
    assert (published.how, published.repository) == ("assembled", OURS)
    assert publish(world.run, [APP])[0].how == "there"


@pytest.mark.parametrize(
    ("content", "state"), [("of the registry", "assemble"), ("another one", "build")]
)
def test_an_engine_that_has_the_base_is_asked_whose_it_is(
    checkout: Callable[..., World], content: str, state: str
) -> None:
    """The registry is asked for a base that the engine has; of another one all would come again."""
    world = checkout()
    key = str(world.project.inputs.key(BASE))
    if content == "of the registry":
        digest = world.registry.heads([(AT, key)])[AT, key]
        held = world.engine.pull(f"{AT}@{digest}", lambda _done, _total: None)
        world.engine.tag(str(held.id), f"base:{key}")
    else:
        world.engine.build(f"base:{key}", content, {LABEL_KEY: key})
    run = world.run.wanting([BASE, APP])
    assert run.planner.plan.steps[BASE].state == "fresh"
    assert run.planner.plan.steps[APP].state == state


def test_the_same_files_give_the_same_image(checkout: Callable[[], World]) -> None:
    """A machine that is late finds what is there, and leaves it."""
    first, second = checkout(), checkout()
    ready = assembled(second.run, second.run.planner.plan.steps[APP])
    assert not isinstance(ready, Obstacle)
    remotely(first)
    before = list(first.registry.pushed)
    found = send(second.run, second.run.planner.plan.steps[APP], ready)
    key = str(first.project.inputs.key(APP))
    assert found == first.registry.heads([(OURS, key)])[OURS, key]
    assert first.registry.pushed == before


@pytest.mark.parametrize("data", [b"damaged", Listing().to_bytes("sha256:" + "9" * 64)])
def test_a_listing_that_is_damaged_or_another_s_is_read_anew(
    checkout: Callable[..., World], data: bytes
) -> None:
    world = checkout()
    key = str(world.project.inputs.key(BASE))
    digest = world.registry.heads([(AT, key)])[AT, key]
    referrers.attach(world.registry, AT, digest, referrers.LISTING, data, {})
    remotely(world)
    assert "was not used" in world.warnings()


def test_a_base_that_was_pushed_over_is_an_error(checkout: Callable[[], World]) -> None:
    """What its label says counts, as in a pull."""
    world = checkout()
    key = str(world.project.inputs.key(BASE))
    other = in_registry(world.registry, "xxh3-" + "0" * 32)
    manifest = world.registry.manifest(AT, other.text)
    assert manifest is not None
    world.registry.put_manifest(AT, key, manifest.raw, MANIFEST_TYPE)
    with pytest.raises(TagMoved, match="was made from xxh3-0000"):
        remotely(world)


def test_files_that_move_meanwhile_leave_nothing_under_the_key(
    checkout: Callable[..., World],
) -> None:
    world = checkout()
    step = world.run.planner.plan.steps[APP]
    (Path(world.project.root) / "app" / "a").write_text("moved\n")
    with pytest.raises(InputsMoved):
        carry_out(world.run, step._replace(here=False))
    assert not world.registry.heads([(OURS, str(step.key))])


def test_a_base_that_lost_a_layer_is_not_assembled_upon(checkout: Callable[[], World]) -> None:
    """It counts as absent, so that it is made anew."""
    world = checkout()
    world.registry.lose(AT, digest_of(LAYER))
    assert world.run.planner.plan.steps[APP].state == "build"


def test_a_registry_that_fails_meanwhile_is_an_obstacle(
    checkout: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it is built, which here nobody can."""
    world = checkout()
    step = world.run.planner.plan.steps[APP]

    def refuse(*_words: object) -> None:
        raise RegistryError("POST …: 500")

    monkeypatch.setattr(world.registry, "upload", refuse)
    with pytest.raises(LayersError):
        carry_out(world.run, step._replace(here=False))
    assert "could not be assembled: POST …: 500" in world.warnings()
