"""Filesystem layers that were read once are not read again, whichever image has them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from layers.assemble.image import listing_of
from layers.assemble.listing import Listing
from layers.assemble.obstacle import Blocked, Obstacle
from layers.assemble.trees.record import members
from layers.build.assemble import records
from layers.build.assemble.base import Place, known, listing, read_ahead, upstream_place
from layers.build.assemble.records import Reading, others
from layers.graph.graph import Layer
from layers.oci.artifact import MANIFEST_TYPE, descriptor, digest_of
from layers.oci.digest import Digest
from layers.plan.names import LABEL_KEY
from layers.project.project import Project
from layers.registry import layer_records, referrers
from layers.registry.layer_records import Shelf
from layers.registry.registry import RegistryError
from layers.runtime.events import Event
from tests.fakes import MemoryEngine, MemoryRegistry
from tests.fuzz.assemble.case import Member, tarball
from tests.unit.build.assembling import KINDS
from tests.unit.machines import HOST, World, begin

LOWER = tarball([Member("srv", "dir", 0o755), Member("srv/f", "file", 0o644, "lower\n")])
OLD = tarball([Member("srv/f", "gone"), Member("old", "file", 0o644, "old\n")])
NEW = tarball([Member("srv/f", "gone"), Member("new", "file", 0o644, "new\n")])
BASE, OTHER = Layer("base"), Layer("other")
SPEC = f"""\
version = 1
[project]
name = "demo"
registry = "{HOST}"
assemble = true
[images.base]
context = "base"
push = true
[images.other]
context = "other"
push = true
[images.alone]
context = "alone"
push = true
[images.here]
context = "other"
"""


@pytest.fixture(autouse=True)
def _large(monkeypatch: pytest.MonkeyPatch) -> None:
    """The layers of these tests are worth a record."""
    monkeypatch.setattr(records, "SMALL", 1)


@pytest.fixture
def registry() -> MemoryRegistry:
    return MemoryRegistry(HOST)


@pytest.fixture
def machine(tmp_path: Path, registry: MemoryRegistry) -> Callable[..., World]:
    """Makes cold machines around one registry."""
    count = iter(range(9))

    def made(more: str = "") -> World:
        root = tmp_path / f"machine{next(count)}"
        files = (("base", "debian:12"), ("other", "debian:12"), ("alone", "alpine:3"))
        for name, upstream in files:
            (root / name).mkdir(parents=True)
            (root / name / "Dockerfile").write_text(f"FROM {upstream}\nRUN x\n")
        (root / "images.toml").write_text(
            SPEC.replace("assemble = true\n", f"{more}assemble = true\n")
        )
        told = list[Event]()
        engine = MemoryEngine(registry)
        run = begin(Project(str(root)), engine, registry, tell=told.append, wanted=[BASE])
        return World(run, engine, registry, told)

    return made


def put(world: World, layer: Layer, layers: Sequence[bytes]) -> Place:
    """An image as a build pushes it."""
    names, key = world.run.planner.names_now(layer), world.project.inputs.key(layer)
    labels = {LABEL_KEY: str(key)}
    config = json.dumps({"config": {"Labels": labels}, "n": len(layers)}).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": descriptor(KINDS[0], config),
        "layers": [descriptor(KINDS[1], each) for each in layers],
    }
    for blob in (config, *layers):
        world.registry.put_blob(str(names.remote), blob)
    raw = json.dumps(manifest).encode()
    digest = world.registry.put_manifest(str(names.remote), names.tag, raw, MANIFEST_TYPE)
    return Place(str(names.remote), digest, True, key, names.prefix)


def listed(world: World, layer: Layer, layers: Sequence[bytes]) -> tuple[Listing, set[Digest]]:
    """Push an image and list it; which of its layers were read for that."""
    place = put(world, layer, layers)
    image = known(world.run, place)
    assert not isinstance(image, Obstacle)
    names = world.run.planner.names_now(layer)
    step = world.run.planner.plan.steps[BASE]._replace(layer=layer, key=place.key, names=names)
    world.registry.asked.clear()
    found = listing(world.run, step, place, image)
    assert isinstance(found, Listing)
    asked = {what for verb, _, what in world.registry.asked if verb == "blob"}
    return found, {digest_of(each) for each in layers if digest_of(each).text in asked}


def same(found: Listing, layers: Sequence[bytes]) -> bool:
    """Whether it is what reading all layers gives."""
    plain = listing_of([iter((each,)) for each in layers])
    return found.to_bytes("") == plain.to_bytes("")


def test_of_a_base_that_is_built_anew_only_the_new_layer_is_read(
    machine: Callable[..., World],
) -> None:
    """By whatever machine."""
    found, read = listed(machine(), BASE, [LOWER, OLD])
    assert same(found, [LOWER, OLD])
    assert read == {digest_of(LOWER), digest_of(OLD)}
    found, read = listed(machine(), BASE, [LOWER, NEW])
    assert same(found, [LOWER, NEW])
    assert read == {digest_of(NEW)}
    found, read = listed(machine(), BASE, [NEW, LOWER])
    assert same(found, [NEW, LOWER])
    assert read == set()


@pytest.mark.parametrize(
    "more", ["", 'repository = "all:{image}.{tag}"\n'], ids=["a repository each", "one for all"]
)
def test_of_two_bases_on_one_upstream_its_layers_are_read_once(
    machine: Callable[..., World], more: str
) -> None:
    listed(machine(more), BASE, [LOWER, OLD])
    found, read = listed(machine(more), OTHER, [LOWER, NEW])
    assert same(found, [LOWER, NEW])
    assert read == {digest_of(NEW)}
    _found, read = listed(machine(more), Layer("alone"), [LOWER])
    assert read == {digest_of(LOWER)}


def test_those_are_asked_that_begin_with_the_same(machine: Callable[..., World]) -> None:
    """And that go to the registry."""
    world = machine()
    shelves = tuple(Shelf(f"{HOST}/demo/{name}") for name in ("base", "other"))
    assert others(world.run, BASE) == others(world.run, OTHER) == shelves
    assert others(world.run, Layer("here", "build")) == shelves
    assert others(world.run, Layer("alone")) == (Shelf(f"{HOST}/demo/alone"),)


def test_an_image_that_is_listed_costs_no_further_request(machine: Callable[..., World]) -> None:
    listed(machine(), BASE, [LOWER, OLD])
    world = machine()
    found, read = listed(world, BASE, [LOWER, OLD])
    assert same(found, [LOWER, OLD])
    assert read == set()
    assert [verb for verb, _, _ in world.registry.asked] == ["referrers", "manifest", "blob"]


def test_a_small_layer_is_read_and_neither_asked_for_nor_recorded(
    machine: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "SMALL", len(LOWER) + 1)
    world = machine()
    for layers in ([LOWER, OLD], [LOWER, NEW]):
        _found, read = listed(world, BASE, layers)
        assert digest_of(LOWER) in read
        assert not [verb for verb, _, _ in world.registry.asked if verb == "head"]
    assert not [tag for _, tag, _ in world.registry.pushed if tag.startswith("layer-")]


def shelf_of(world: World) -> Shelf:
    names = world.run.planner.names_now(BASE)
    return Shelf(str(names.remote), names.prefix)


@pytest.mark.parametrize("damage", ["damaged", "another's", "no record"])
def test_a_record_that_is_of_no_use_is_told_and_made_anew(
    machine: Callable[..., World], damage: str
) -> None:
    world = machine()
    listed(world, BASE, [LOWER, OLD])
    shelf, lower = shelf_of(world), digest_of(LOWER)
    if damage == "no record":
        image = world.registry.manifest(shelf.repository, str(world.project.inputs.key(BASE)))
        assert image is not None
        world.registry.put_manifest(shelf.repository, shelf.tag(lower), image.raw, MANIFEST_TYPE)
    else:
        (one,) = layer_records.which(world.registry, (shelf,), (digest_of(OLD),)).values()
        theirs = layer_records.fetch(world.registry, one)
        assert theirs is not None
        data = theirs if damage == "another's" else theirs[:-3]
        layer_records.store(world.registry, shelf, lower, data)
    again = machine()
    found, read = listed(again, BASE, [LOWER, NEW])
    assert same(found, [LOWER, NEW])
    assert read == {lower, digest_of(NEW)}
    assert f"a record of {shelf.repository}@{lower} was not used: " in again.warnings()
    (kept,) = layer_records.which(world.registry, (shelf,), (lower,)).values()
    assert members(layer_records.fetch(world.registry, kept) or b"", lower.text)


def test_a_record_that_cannot_be_stored_costs_one_warning(
    machine: Callable[..., World], registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the others are not tried."""
    world, put_manifest = machine(), registry.put_manifest

    def refuse(repository: str, reference: str, content: bytes, media_type: str) -> Digest:
        if reference.startswith("layer-"):
            raise RegistryError("PUT …: 500")
        return put_manifest(repository, reference, content, media_type)

    monkeypatch.setattr(registry, "put_manifest", refuse)
    found, _read = listed(world, BASE, [LOWER, OLD])
    assert same(found, [LOWER, OLD])
    assert world.warnings().count("are not recorded, and are read again: PUT …: 500") == 1
    (data,) = referrers.fetch(
        registry,
        shelf_of(world).repository,
        put(world, BASE, [LOWER, OLD]).digest,
        referrers.LISTING,
    )
    assert data


def test_a_registry_that_does_not_tell_what_it_has_is_read_from(
    machine: Callable[..., World], registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that answers 401 for a repository that is not there."""
    listed(machine(), BASE, [LOWER, OLD])
    heads = registry.heads

    def refuse(references: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Digest]:
        if any("layer-" in tag for _, tag in references):
            raise RegistryError("HEAD …: 401")
        return heads(references)

    monkeypatch.setattr(registry, "heads", refuse)
    found, read = listed(machine(), BASE, [LOWER, NEW])
    assert same(found, [LOWER, NEW])
    assert digest_of(LOWER) in read


def test_two_machines_record_a_layer_in_the_same_bytes(
    machine: Callable[..., World], registry: MemoryRegistry
) -> None:
    listed(machine(), BASE, [LOWER])
    listed(machine(), Layer("alone"), [LOWER])
    shelves = (Shelf(f"{HOST}/demo/{name}") for name in ("base", "alone"))
    kept = [layer_records.which(registry, (each,), (digest_of(LOWER),)) for each in shelves]
    one, two = (layer_records.fetch(registry, each[digest_of(LOWER)]) for each in kept)
    assert one == two is not None


def test_a_layer_that_breaks_off_is_not_recorded(
    machine: Callable[..., World], registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though its tarball came to its end: the last part is held back until all is right."""
    world = machine()

    def broken(*_words: object) -> Iterator[bytes]:
        yield LOWER
        raise RegistryError("GET …: the blob has another digest")

    monkeypatch.setattr(registry, "parts", broken)
    with pytest.raises(RegistryError):
        listed(world, BASE, [LOWER])
    assert layer_records.which(registry, (shelf_of(world),), (digest_of(LOWER),)) == {}


def test_what_is_only_copied_from_may_have_as_much_as_has_to_be_read(
    machine: Callable[..., World],
) -> None:
    """What is recorded does not count, unless it turns out to be of no use."""
    listed(machine(), BASE, [LOWER, OLD])
    world = machine()
    place = put(world, BASE, [LOWER, NEW])
    image = known(world.run, place)
    assert not isinstance(image, Obstacle)
    spent: list[int] = []

    def budget(size: int, what: str) -> None:
        spent.append(size)
        if sum(spent) > len(NEW):
            raise Blocked(what)

    step = world.run.planner.plan.steps[BASE]
    layer_records.store(world.registry, shelf_of(world), digest_of(LOWER), b"damaged")
    with pytest.raises(Blocked, match="a layer of"):
        read_ahead(world.run, step, place, image, budget)
    assert spent == [len(NEW), len(LOWER)]
    spent.clear()
    Reading(world.run, step, place.repository, place.shelf, image.layers[:1]).put(Listing())
    assert same(read_ahead(world.run, step, place, image, budget), [LOWER, NEW])
    assert spent == [len(NEW)]


@pytest.mark.parametrize(
    ("more", "text", "at", "shelf"),
    [
        ("", "debian:12", "demo/upstream/library/debian", ""),
        ("", "debian:12", "demo/upstream/library/alpine", None),
        ("", "debian:12", "elsewhere/debian", None),
        (
            'repository = "{project}/all:{image}.{tag}"\n',
            "debian:12",
            "demo/all",
            "upstream__library__debian.",
        ),
        ('repository = "all:{image}.{tag}"\n', "debian:12", "all", None),
    ],
)
def test_records_of_a_copy_of_an_upstream_are_beside_it(
    machine: Callable[..., World], more: str, text: str, at: str, shelf: str | None
) -> None:
    """Where it is known to be ours, and which tags are its own."""
    place = upstream_place(machine(more).run, text, f"{HOST}/{at}@sha256:{'1' * 64}")
    assert not isinstance(place, Obstacle)
    assert place.shelf == (None if shelf is None else Shelf(f"{HOST}/{at}", shelf))


def test_an_image_of_others_is_read_and_nothing_is_left_there(
    machine: Callable[..., World], registry: MemoryRegistry
) -> None:
    world = machine()
    place = put(world, BASE, [LOWER])._replace(ours=False)
    image = known(world.run, place._replace(key=None))
    assert not isinstance(image, Obstacle)
    tags = registry.tags(place.repository)
    step = world.run.planner.plan.steps[BASE]
    assert same(read_ahead(world.run, step, place, image, lambda *_: None), [LOWER])
    assert registry.tags(place.repository) == tags
