"""Gathering: a report tells what this checkout, its engine and its lock know."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers.engine.store import Stored
from layers.graph.graph import Layer
from layers.htmlreport.findings import Findings, Package, Part, Weight
from layers.htmlreport.gather import gather
from layers.oci.digest import Digest
from layers.plan.names import LABEL_KEY, LABEL_LAYER, LABEL_PROJECT
from layers.project.history import Took
from layers.project.project import Project
from layers.sizes.growth import Brief, remember
from tests.fakes import MemoryEngine, MemoryRegistry
from tests.fakes_containers import MemoryContainers, MemoryImage
from tests.fakes_store import MemoryStore
from tests.unit.machines import FixedBackends, begin

NOW = 1767225600.0
DIGEST = "sha256:" + "1" * 64
SPEC = """\
version = 1
[project]
name = "shop"
platform = "linux/amd64"
[images.base]
context = "base"
[images.api]
context = "api"
push_stages = ["deps"]
max_size = "100 MB"
"""
LOCK = f"""\
version = 1
[upstream."debian:12"."linux/amd64"]
digest = "{DIGEST}"
locked = "2025-06-01T00:00:00Z"
[base.base."linux/amd64"]
epoch = 2
refreshed = "2025-12-01T00:00:00Z"
key = "xxh3-{"2" * 32}"
digest = "{DIGEST}"
size = 7000000
"""
API = "FROM base AS deps\nRUN a\nFROM deps\nCOPY api.py /\n"


class Shop:
    """A checkout with an engine in memory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "images.toml").write_text(SPEC)
        (root / "images.lock").write_text(LOCK)
        for name, text in (("base", "FROM debian:12\nRUN b\n"), ("api", API)):
            (root / name).mkdir()
            (root / name / "Dockerfile").write_text(text)
        (root / "api" / "api.py").write_text("1\n")
        self.engine = MemoryEngine(MemoryRegistry())
        self.store = MemoryStore()
        self.containers = MemoryContainers()

    def build(self, name: str, size: int, created: float, **labels: str) -> str:
        """Make a layer at its present key, as a build does that took a minute; the key."""
        project = Project(str(self.root))
        layer = Layer.parse(name)
        key = str(project.inputs.key(layer))
        project.records.remember(project.inputs.key(layer), project.record(layer))
        project.history.record(name, "build", key, 60.0, True)
        keyed = f"{layer.image}:{key}"
        found = {LABEL_KEY: key, LABEL_LAYER: name, LABEL_PROJECT: "shop"} | labels
        self.engine.build(keyed, key, found)
        self.engine.tag(keyed, f"{layer.image}:latest")
        digest = Digest.parse(f"sha256:{len(self.store.held):064x}")
        self.store.add(Stored(digest, (keyed,), labels=found, created=created, size=size))
        history = (("RUN |1 A=secret /bin/sh -c b # buildkit", size - 5), ("COPY x", 5))
        self.containers.images[keyed] = MemoryImage(history=history)
        return key

    def report(self) -> Findings:
        """What a new process gathers."""
        project = Project(str(self.root))
        run = begin(project, self.engine, MemoryRegistry())
        backends = run.backends
        assert isinstance(backends, FixedBackends)
        vars(backends).update(store=self.store, containers=self.containers)
        return gather(run, NOW)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_a_checkout_that_built_nothing_has_a_page_all_the_same(shop: Shop) -> None:
    """States as `doit list` has them, and ages out of the lock."""
    found = shop.report()
    assert [(each.name, each.state) for each in found.layers] == [
        ("base", "build"),
        ("api:deps", "build"),
        ("api", "build"),
    ]
    assert found.summary == "3 to build (never built here)"
    assert [(each.name, each.what, each.users) for each in found.ages] == [
        ("debian:12", "upstream", ("base",)),
        ("base", "refreshed base", ("api",)),
    ]
    assert {each.old for each in found.reasons} == {None}
    assert [(each.layer, each.weights[0].size) for each in found.growths] == [("base", 7000000)]


def test_sizes_are_kept_when_their_images_are_gone(shop: Shop) -> None:
    """By filesystem layer, without values of build args; newest last."""
    first = shop.build("api", 90_000_005, NOW - 9 * 86400)
    assert shop.report().growths[-1].layer == "api"
    (shop.root / "api" / "api.py").write_text("2\n")
    second = shop.build("api", 95_000_005, NOW - 2 * 86400)
    shop.store.remove(f"api:{first}")
    found = shop.report().growths[-1]
    assert [each.key for each in found.weights] == [first, second]
    assert [each.size for each in found.weights] == [90_000_005, 95_000_005]
    assert found.weights[0].parts == (Part("RUN b", 90_000_000), Part("COPY x", 5))
    assert found.budget == 100_000_000


def test_what_was_measured_is_told_by_package(shop: Shop) -> None:
    """Largest first; all else is the engine's word, so that keys can be compared."""
    key = shop.build("api", 1_005, NOW)
    told = Brief(key, 900, None, (("RUN b", 880), ("COPY x", 20)), {"pip a": 5, "dpkg b": 60})
    remember(Project(str(shop.root)).state, "api", told)
    weight = shop.report().growths[-1].weights[0]
    assert weight.size == 1_005
    assert weight.parts == (Part("RUN b", 1_000), Part("COPY x", 5))
    assert weight.packages == (Package("dpkg b", 60), Package("pip a", 5))


def test_what_is_in_the_registry_alone_is_told_once_it_was_measured(shop: Shop) -> None:
    """As of now, since nobody here made it; the key before is remembered."""
    key = str(Project(str(shop.root)).inputs.key(Layer("api")))
    told = Brief(key, 900, 300, (("RUN b", 880), ("WORKDIR /", 0), ("COPY x", 20)), {"pip a": 5})
    remember(Project(str(shop.root)).state, "api", told)
    (weight,) = shop.report().growths[-1].weights
    parts = (Part("RUN b", 880), Part("COPY x", 20))
    assert weight == Weight(key, NOW, 900, parts, (Package("pip a", 5),))
    assert shop.report().growths[-1].weights == (weight,)


def test_an_image_of_another_project_is_not_counted(shop: Shop) -> None:
    """Whatever its layer is called."""
    shop.build("api", 5_000, NOW, **{LABEL_PROJECT: "other"})
    assert [each.layer for each in shop.report().growths] == ["base"]


def test_each_key_is_explained_against_the_one_before(shop: Shop) -> None:
    """By what `doit why` tells; before the next build against the image that is there."""
    first = shop.build("api", 10, NOW)
    (shop.root / "api" / "api.py").write_text("2\n")
    waiting = next(each for each in shop.report().reasons if each.layer == "api")
    assert (waiting.old, waiting.since) == (first, None)
    assert waiting.causes == (("api", "api/api.py changed"),)
    second = shop.build("api", 10, NOW)
    done = next(each for each in shop.report().reasons if each.layer == "api")
    assert (done.old, done.new, done.causes) == (first, second, waiting.causes)
    assert done.since is not None


def test_what_a_key_was_made_from_may_be_lost(shop: Shop) -> None:
    """Then that is told, and nothing is made up."""
    first = shop.build("api", 10, NOW)
    (shop.root / "api" / "api.py").write_text("2\n")
    (shop.root / ".layers" / "manifests" / f"{first}.json").unlink()
    lost = next(each for each in shop.report().reasons if each.layer == "api")
    assert lost.causes == ()
    assert lost.note == f"what {first} was made from is not kept here"


def test_without_an_engine_what_is_kept_is_told(shop: Shop) -> None:
    """And a note says why there is no more."""
    shop.build("api", 10, NOW)
    assert shop.report().notes == ()
    shop.store.down = True
    found = shop.report()
    assert found.growths[-1].layer == "api"
    assert "the engine was not asked: no Docker engine answers" in found.notes[0]


def test_what_another_machine_did_is_no_key_before(shop: Shop) -> None:
    """Its time is told, and nothing is explained against it."""
    key = shop.build("api", 10, NOW)
    Project(str(shop.root)).history.learn([Took("api", "build", 5, 9.0)])
    found = shop.report()
    assert ("api", "", 9.0) in [(each.layer, each.key, each.seconds) for each in found.works]
    reason = next(each for each in found.reasons if each.layer == "api")
    assert (reason.new, reason.old) == (key, None)


def test_works_are_those_of_the_history(shop: Shop) -> None:
    """Whatever their layer."""
    shop.build("base", 10, NOW)
    shop.build("api", 10, NOW)
    assert sorted((each.layer, each.action, each.seconds) for each in shop.report().works) == [
        ("api", "build", 60.0),
        ("base", "build", 60.0),
    ]
