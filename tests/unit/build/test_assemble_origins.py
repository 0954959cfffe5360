"""Tails that take from other stages and images: which trunk they stand on, and what is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import zstandard

from hashes.errors import LayersError
from layers.assemble.listing import Listing
from layers.assemble.tarballs import apply
from layers.build.assemble import origins
from layers.build.assemble.trunk import leave_listing, leave_trunk
from layers.build.execute import carry_out
from layers.graph.graph import Layer
from layers.oci.artifact import MANIFEST_TYPE, descriptor, digest_of
from layers.oci.digest import Digest
from layers.plan.names import LABEL_KEY, LABEL_LAYER, LABEL_PROJECT
from layers.plan.origins import ways as plan_ways
from layers.plan.origins.ways import ways
from layers.plan.tails import trunk_of
from layers.project.project import Project
from layers.registry import referrers
from layers.runtime.events import Event
from tests.fakes import MemoryEngine, MemoryRegistry
from tests.fuzz.assemble.case import Member, tarball
from tests.unit.build.assembling import APP, BASE, KINDS, OURS, SPEC
from tests.unit.machines import HOST, World, begin

BUILD = Layer("app", "build")
KEPT = 'push_stages = ["build"]\n'
FILE = """\
FROM base AS build
RUN x
COPY a /app/
FROM base
COPY list /
COPY --from=build /app /srv/
CMD run
"""
PARENTS = "# syntax=docker/dockerfile:1\n" + FILE.replace("COPY list /", "COPY --parents list /")
BASE_LAYER = tarball([Member("srv", "dir", 0o755), Member("srv/f", "file", 0o644, "base\n")])
RUN = tarball([Member("app", "dir", 0o750, uid=5), Member("app/made", "file", 0o755, "made", 5)])
CODE = tarball([Member("app", "dir", 0o750, uid=5), Member("app/a", "file", 0o644, "a\n")])
LIST = tarball([Member("list", "file", 0o644, "list\n")])
COPIED = tarball([Member("srv/made", "file", 0o755, "made", 5), Member("srv/a", "file", 0o644)])
STEPS = {
    "base": [],
    "build": ["RUN x", "COPY a /app/"],
    "app": ["COPY list /", "COPY /app /srv/ # buildkit", "CMD run"],
}
LAYERS = {
    "base": [BASE_LAYER],
    "build": [BASE_LAYER, RUN, CODE],
    "app": [BASE_LAYER, LIST, COPIED],
}


def put(world: World, layer: Layer) -> Digest:
    """An image or a kept stage as BuildKit builds it and an engine pushes it."""
    what = layer.stage or layer.image
    layers, key = LAYERS[what], str(world.project.inputs.key(layer))
    told: list[dict[str, object]] = [{"created_by": "a base", "created": "2026-01-01T00:00:00Z"}]
    for step in STEPS[what]:
        empty = {"empty_layer": True} if step.startswith("CMD") else {}
        told.append({"created_by": step, "created": "2026-01-02T00:00:00Z", **empty})
    env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    own = {"Cmd": ["/bin/sh", "-c", "run"]} if what == "app" else {}
    labels = {LABEL_KEY: key, LABEL_LAYER: str(layer), LABEL_PROJECT: "demo"}
    text = json.dumps(
        {
            "os": "linux",
            "architecture": "amd64",
            "config": {"Labels": labels, "Env": env, **own},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(each).text for each in layers]},
            "history": told,
        }
    ).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": descriptor(KINDS[0], text),
        "layers": [descriptor(KINDS[1], each) for each in layers],
    }
    names = world.run.planner.names_now(layer)
    for blob in (text, *layers):
        world.registry.put_blob(str(names.remote), blob)
    raw = json.dumps(manifest).encode()
    return world.registry.put_manifest(str(names.remote), names.tag, raw, MANIFEST_TYPE)


@pytest.fixture
def checkout(tmp_path: Path) -> Callable[..., World]:
    """Makes cold machines around one registry."""
    registry, count = MemoryRegistry(HOST), iter(range(9))

    def made(more: str = KEPT, dockerfile: str = FILE, **files: str) -> World:
        root = tmp_path / f"machine{next(count)}"
        for name, text in (("base", "FROM scratch\nRUN x\n"), ("app", dockerfile)):
            (root / name).mkdir(parents=True)
            (root / name / "Dockerfile").write_text(text)
        for name in ("a", "list"):
            (root / "app" / name).write_text(files.get(name, f"{name}\n"))
        (root / "images.toml").write_text(SPEC + more)
        project, told = Project(str(root)), list[Event]()
        engine = MemoryEngine(registry)
        run = begin(project, engine, registry, tell=told.append, wanted=[APP])
        return World(run, engine, registry, told)

    return made


def built(world: World, layers: Sequence[Layer] = (BASE, BUILD, APP)) -> None:
    """As if this machine had built and pushed all of it."""
    for layer in layers:
        digest = put(world, layer)
        step = world.run.wanting([layer]).planner.plan.steps[layer]
        if layer != BASE:
            leave_trunk(world.run, step, digest)
        leave_listing(world.run, step, digest)


def made(world: World) -> tuple[list[str], Listing]:
    """The application as it was assembled: its layers, and what the new ones hold."""
    manifest = world.registry.manifest(OURS, str(world.project.inputs.key(APP)))
    assert manifest is not None
    digests = [each["digest"] for each in manifest.content["layers"]]
    listing = Listing()
    known = {digest_of(each).text for each in (BASE_LAYER, LIST, COPIED)}
    for each in digests:
        if each not in known:
            apply(listing, iter((world.registry.blob(OURS, Digest(each)),)))
    return digests, listing


def remotely(world: World) -> None:
    run = world.run.wanting([APP], remain=True)
    step = run.planner.plan.steps[APP]
    assert step.state == "assemble", step.reasons
    carry_out(run, step)


def test_an_edit_of_a_stage_that_is_copied_from_is_assembled(
    checkout: Callable[..., World],
) -> None:
    """Upon the base; the stage is put together in memory upon what its last RUN left."""
    built(checkout())
    world = checkout(a="edited\n")
    step = world.run.planner.plan.steps[APP]
    assert "upon base, where nothing has to run, with files of build" in step.reasons
    world.registry.asked.clear()
    remotely(world)
    digests, listing = made(world)
    assert digests[0] == digest_of(BASE_LAYER).text
    assert digest_of(COPIED).text not in digests
    edited, kept = listing.get("srv/a"), listing.get("srv/made")
    assert edited is not None
    assert kept is not None
    assert (kept.mode, kept.uid, edited.uid) == (0o755, 5, 0)
    read = [blob for verb, _, blob in world.registry.asked if verb == "blob"]
    assert read.count(digest_of(RUN).text) == 1
    assert digest_of(BASE_LAYER).text not in read
    assert digest_of(CODE).text not in read


def test_an_edit_that_comes_after_it_stands_on_the_longer_trunk(
    checkout: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is read of the stage then."""
    file = FILE.replace("COPY list /\n", "").replace("CMD", "COPY list /\nCMD")
    monkeypatch.setitem(STEPS, "app", ["COPY /app /srv/", "COPY list /", "CMD run"])
    monkeypatch.setitem(LAYERS, "app", [BASE_LAYER, COPIED, LIST])
    built(checkout(dockerfile=file))
    world = checkout(dockerfile=file, list="edited\n")
    told = "upon its steps up to COPY --from=build in line 5, after which nothing has to run"
    assert told in world.run.planner.plan.steps[APP].reasons
    remotely(world)
    assert made(world)[0][:2] == [digest_of(BASE_LAYER).text, digest_of(COPIED).text]


def test_a_stage_that_the_registry_has_is_read_as_it_is(checkout: Callable[..., World]) -> None:
    """As after a build that was not pushed to its end."""
    world = checkout()
    built(world, [BASE, BUILD])
    remotely(world)
    listing = made(world)[1]
    assert [bool(listing.get(path)) for path in ("srv/a", "srv/made", "list")] == [True] * 3


@pytest.mark.parametrize(
    ("dockerfile", "more", "told"),
    [
        (
            FILE,
            "",
            "COPY --from=build in line 6: stage build runs things (RUN in line 2) and is in no"
            " registry: add it to push_stages",
        ),
        (
            FILE.replace("--from=build", "--from=0").replace(" AS build", ""),
            "",
            "COPY --from=0 in line 6: it takes from the stage in line 1, which has no name",
        ),
        (PARENTS, KEPT, "its steps up to COPY --parents in line 6 are not in the registry"),
    ],
)
def test_what_stands_in_the_way_is_named(
    checkout: Callable[..., World], dockerfile: str, more: str, told: str
) -> None:
    built(checkout(), [BASE])
    world = checkout(more, dockerfile, a="edited\n")
    step = world.run.planner.plan.steps[APP]
    assert step.state == "build"
    assert any(told in each for each in step.reasons), step.reasons


def test_a_stage_that_lost_a_layer_is_not_taken_from(checkout: Callable[..., World]) -> None:
    """What it stands on counts as absent then."""
    built(checkout())
    world = checkout(a="edited\n")
    world.registry.lose(OURS, digest_of(RUN))
    step = world.run.planner.plan.steps[APP]
    assert step.state == "build"
    told = "the steps of stage build up to RUN in line 2 are not in the registry"
    assert f"not assembled: COPY --from=build in line 6: {told}" in step.reasons


def test_a_listing_of_an_earlier_version_is_made_anew_where_files_are_taken(
    checkout: Callable[..., World],
) -> None:
    """It does not tell which layer has a file; the next finds the new one."""
    built(checkout())
    world = checkout(a="edited\n")
    inputs = world.project.inputs
    (tail,) = (each for each in ways(inputs, BUILD) if each.inside)
    key = trunk_of(inputs, BUILD, tail).manifest.key()
    there = world.registry.heads([(OURS, str(key))])[OURS, str(key)]
    (data,) = referrers.fetch(world.registry, OURS, there, referrers.LISTING)
    for each in world.registry.referrers(OURS, there) or ():
        if each["artifactType"] == referrers.LISTING.plain:
            world.registry.delete(OURS, Digest(each["digest"]))
    value = json.loads(zstandard.decompress(data))
    value["version"], value["looks"] = 1, [look[:4] for look in value["looks"]]
    old = zstandard.compress(json.dumps(value).encode())
    referrers.attach(world.registry, OURS, there, referrers.LISTING, old, {})
    assert not Listing.from_bytes(old, there.text).numbered
    remotely(world)
    assert made(world)[1].get("srv/made") is not None
    world.registry.asked.clear()
    remotely(checkout(a="again\n"))
    read = [blob for verb, _, blob in world.registry.asked if verb == "blob"]
    assert digest_of(BASE_LAYER).text not in read


def test_a_stage_without_steps_that_run_needs_no_registry(checkout: Callable[..., World]) -> None:
    """It is put together in memory upon its base, or upon nothing; and so are those below it."""
    file = (
        "FROM scratch AS files\nCOPY --chown=7 a /in/\n"
        "FROM base AS more\nCOPY --from=files /in /in/\nWORKDIR /made\n"
        "FROM base\nCOPY --from=more /in/* /made /srv/\n"
    )
    world = checkout("", file)
    built(world, [BASE])
    remotely(world)
    entry = made(world)[1].get("srv/a")
    assert entry is not None
    assert entry.uid == 7


def test_what_is_too_much_to_read_is_built(
    checkout: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    built(checkout())
    world = checkout(a="edited\n")
    monkeypatch.setattr(origins, "Store", lambda: origins_store(10))
    with pytest.raises(LayersError):  # no engine builds it here
        carry_out(world.run, world.step._replace(here=False))
    assert "COPY --from=build in line 6" in world.warnings()
    assert "would have to be read" in world.warnings()


def test_the_plan_says_what_sizes_tell_is_too_much_to_read(
    checkout: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no filesystem layer of a kept stage is small enough; nobody is asked more for that."""
    built(checkout())
    for most, state in ((len(BASE_LAYER) - 1, "build"), (len(BASE_LAYER), "assemble")):
        monkeypatch.setattr(plan_ways, "MOST_READ", most)
        world = checkout(list="edited\n")
        world.registry.asked.clear()
        step = world.step
        assert step.state == state
        asked = world.registry.asked.copy()
        assert not [verb for verb, *_ in asked if verb in ("blob", "referrers")]
        told = any("of app:build would have to be read at least" in each for each in step.reasons)
        assert told is (state == "build")


def origins_store(most: int) -> object:
    from layers.assemble.origins.taken import Store

    return Store(most_read=most)


def test_every_trunk_is_left_and_kept_by_a_clean_up(checkout: Callable[..., World]) -> None:
    """One after each step that takes from elsewhere; the base and the stage are listed."""
    from layers.plan.origins.whole import stood_upon, trunk_keys

    world = checkout()
    built(world)
    inputs = world.project.inputs
    tails = [tail for tail in ways(inputs, BUILD) if tail.inside]
    keys = {trunk_of(inputs, BUILD, tail).manifest.key() for tail in tails}
    keys |= {
        trunk_of(inputs, APP, tail).manifest.key() for tail in ways(inputs, APP) if tail.inside
    }
    assert set(trunk_keys(inputs, "app")) == keys
    assert all(world.registry.heads([(OURS, str(key))]) for key in keys)
    assert stood_upon(inputs) == {BASE, BUILD}
    digest = world.registry.heads([(OURS, str(inputs.key(BUILD)))])[OURS, str(inputs.key(BUILD))]
    assert list(referrers.fetch(world.registry, OURS, digest, referrers.LISTING))
