"""Carrying out a step without building: pulls, pushes, names, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from layers.build.execute import carry_out, push, pushed_steps
from layers.build.push.claim import claim_tag
from layers.build.push.push import deliver
from layers.engine.engine import EngineError
from layers.engine.errors import UnknownReference
from layers.graph.graph import Layer
from layers.graph.record import Record
from layers.lock.lock import Lock
from layers.oci.digest import Digest
from layers.plan.names import LABEL_KEY
from layers.plan.presence import TagMoved
from layers.registry import referrers
from layers.registry.registry import RegistryRefused
from tests.fakes import MemoryRegistry
from tests.unit.machines import APP, HOST, REPOSITORY, World, machine


@pytest.fixture
def checkout(tmp_path: Path) -> Callable[[], World]:
    """Makes checkouts of one repository on machines of their own, with one registry."""
    registry = MemoryRegistry(HOST)
    count = iter(range(100))
    return lambda: machine(tmp_path / f"machine{next(count)}", registry)


def test_an_image_in_the_registry_is_pulled_by_digest_and_named(
    checkout: Callable[[], World],
) -> None:
    """The plain name and the keyed one point at what the registry has."""
    first, second = checkout(), checkout()
    first.built("one")
    push(first.run, first.step)
    assert second.step.state == "pull"
    carry_out(second.run, second.step)
    (digest,) = {digest for _, _, digest in second.keyed()}
    found = second.engine.find([f"app:{second.key}", "app:latest"])
    assert {image.digest for image in found.values()} == {digest}
    assert len(found) == 2


def test_row_33_the_loser_of_a_race_adopts_the_winners_image(
    checkout: Callable[[], World],
) -> None:
    """Two machines build one key with different results: the first tag stays, both use it."""
    winner, loser = checkout(), checkout()
    winner.built("one")
    loser.built("two")
    push(winner.run, winner.step)
    push(loser.run, loser.step)
    ((_, tag, digest),) = loser.keyed()
    assert tag == loser.key
    found = loser.engine.find([f"app:{loser.key}", "app:latest"])
    assert {image.digest for image in found.values()} == {digest}
    assert loser.run.planner.presence.engine[APP] == digest  # what a child is built from
    assert "adopted" in loser.warnings()


def test_what_is_there_already_is_not_pushed_again(checkout: Callable[[], World]) -> None:
    """The same digest under the same key: nothing to do."""
    world = checkout()
    world.built("one")
    push(world.run, world.step)
    push(world.run, world.step)
    assert len(world.keyed()) == 1
    assert world.warnings() == ""


@pytest.mark.parametrize("fault", ["down", "401 UNAUTHORIZED", "403 DENIED", "500", "429"])
def test_row_34_no_answer_is_not_not_there(checkout: Callable[[], World], fault: str) -> None:
    """Only a 404 means absent: any other answer is told, and the push is owed, not made."""
    world = checkout()
    world.built("one")
    step = world.step
    world.registry.down = fault == "down"
    world.registry.trouble = "" if fault == "down" else fault
    push(world.run, step)
    assert world.registry.pushed == []
    assert "not pushed" in world.warnings()
    world.registry.down, world.registry.trouble = False, ""
    pushed_steps(world.run, (APP,), world.project.state.unpushed())
    assert [tag for _, tag, _ in world.keyed()] == [world.key]
    assert world.project.state.unpushed() == frozenset()


def test_an_image_that_was_not_made_from_its_key_is_refused(
    checkout: Callable[[], World],
) -> None:
    """Somebody pushed over a keyed tag: both are named, nothing gets a name here."""
    first, second = checkout(), checkout()
    first.engine.build(f"app:{first.key}", "evil", {LABEL_KEY: "xxh3-" + "0" * 32})
    first.engine.tag(f"app:{first.key}", f"{HOST}/demo/app:{first.key}")
    first.engine.push(f"{HOST}/demo/app:{first.key}", lambda done, total: None)
    with pytest.raises(TagMoved, match=f"not from {second.key}"):
        carry_out(second.run, second.step)
    assert second.engine.find([f"app:{second.key}", "app:latest"]) == {}


def test_a_name_put_on_another_image_is_no_proof(checkout: Callable[[], World]) -> None:
    """The label tells what an image was made from; a tag can be put on anything."""
    world = checkout()
    world.engine.build(f"app:{world.key}", "other", {LABEL_KEY: "xxh3-" + "0" * 32})
    assert world.step.state == "build"


def layer_of(world: World) -> Digest:
    """The filesystem layer of what is behind the key in the registry."""
    manifest = world.registry.manifest(REPOSITORY, world.key)
    assert manifest is not None
    return Digest.parse(manifest.content["layers"][0]["digest"])


def test_a_push_leaves_no_claim_and_attaches_what_the_image_was_made_from(
    checkout: Callable[[], World],
) -> None:
    """The key is the only tag; the record comes back from the registry as it went."""
    world = checkout()
    world.built("one")
    push(world.run, world.step)
    assert world.registry.tags(REPOSITORY) == (world.key,)
    ((_, _, digest),) = world.keyed()
    assert Record.first(
        referrers.fetch(world.registry, REPOSITORY, digest, referrers.INPUTS)
    ) == world.project.record(APP)


def test_an_image_of_which_parts_are_lost_counts_as_absent_and_is_replaced(
    checkout: Callable[[], World],
) -> None:
    """Tag present is not image present; only such an image is ever written over, and it is told."""
    first, second = checkout(), checkout()
    first.built("one")
    push(first.run, first.step)
    lost = layer_of(first)
    first.registry.lose(REPOSITORY, lost)
    step = second.step
    assert step.state == "build"
    assert f"the registry has this key, but not all of it: {lost} is missing" in step.reasons
    second.built("two")
    push(second.run, step)
    old, new = (digest for _, _, digest in second.keyed())
    assert second.registry.heads([(REPOSITORY, second.key)]) == {(REPOSITORY, second.key): new}
    assert f"broken in the registry ({old}); replaced by {new}" in second.warnings()


def test_a_broken_image_that_should_be_adopted_is_replaced(
    checkout: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Built here before the registry was asked: the pull shows that parts are lost."""
    first, second = checkout(), checkout()
    second.built("two")
    assert second.step.state == "fresh"
    first.built("one")
    push(first.run, first.step)
    first.registry.lose(REPOSITORY, layer_of(first))

    def fail(reference: str, _progress: object) -> None:
        raise UnknownReference(f"cannot pull {reference}: not found")

    monkeypatch.setattr(second.engine, "pull", fail)
    push(second.run, second.step)
    old, new = (digest for _, _, digest in second.keyed())
    assert f"broken in the registry ({old}); replaced by {new}" in second.warnings()


def test_a_registry_that_does_not_tell_what_it_lacks_is_believed(
    checkout: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error is not "missing": the plan says pull, and a warning says what is not known."""
    first, second = checkout(), checkout()
    first.built("one")
    push(first.run, first.step)

    def refuse(*_: object) -> None:
        raise RegistryRefused("HEAD: 403")

    monkeypatch.setattr(second.registry, "missing", refuse)
    assert second.step.state == "pull"
    assert "403" in second.warnings()


def test_a_tag_that_moved_since_it_was_locked_is_refused(
    checkout: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both digests are named, when it would be pulled and when it would be adopted."""
    first, second = checkout(), checkout()
    first.built("one")
    push(first.run, first.step)
    ((_, _, found),) = first.keyed()
    locked = Digest("sha256:" + "1" * 64)
    monkeypatch.setattr(Lock, "expected", lambda _self, key: locked if key == first.key else None)
    with pytest.raises(TagMoved, match=f"{found}, but images.lock has {locked}"):
        second.run.planner.plan  # noqa: B018 - it is made when it is asked for
    second.built("two")
    with pytest.raises(TagMoved, match=str(locked)):
        deliver(second.run, second.step)


def test_without_the_right_to_claim_the_push_decides(
    checkout: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registry may refuse manifests that hold no image: then it is pushed to without a claim."""
    world = checkout()
    world.built("one")
    put = world.registry.put_manifest

    def choosy(repository: str, reference: str, content: bytes, kind: str) -> Digest:
        if "artifactType" in json.loads(content):
            raise RegistryRefused("PUT: 405 (UNSUPPORTED)")
        return put(repository, reference, content, kind)

    monkeypatch.setattr(world.registry, "put_manifest", choosy)
    push(world.run, world.step)
    assert world.registry.tags(REPOSITORY) == (world.key,)
    assert world.project.state.unpushed() == frozenset()
    assert "the record was not stored" in world.warnings()


def test_where_tags_never_move_the_second_push_is_refused_and_adopts(
    checkout: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both saw the key absent and the claim was no help: the registry's refusal is the answer."""
    winner, loser = checkout(), checkout()
    winner.built("one")
    loser.built("two")

    def refused(name: str, progress: object) -> Digest:
        winner.engine.tag(f"app:{winner.key}", name)
        winner.engine.push(name, lambda done, total: None)
        raise EngineError(f"cannot push {name}: tag is immutable")

    monkeypatch.setattr(loser.engine, "push", refused)
    push(loser.run, loser.step)
    ((_, _, digest),) = loser.keyed()
    assert loser.engine.find(["app:latest"])["app:latest"].digest == digest
    assert "adopted" in loser.warnings()


def test_a_registry_that_deletes_nothing_keeps_the_claim_and_works(
    checkout: Callable[[], World],
) -> None:
    """Nobody is told; the next push of another machine adopts, as always."""
    first, second = checkout(), checkout()
    first.registry.deletes = False
    first.built("one")
    second.built("two")
    push(first.run, first.step)
    push(second.run, second.step)
    assert first.registry.tags(REPOSITORY) == (claim_tag(first.key), first.key)
    assert len(second.keyed()) == 1
    assert first.warnings() == ""


def test_a_failed_push_is_an_error_for_whoever_delivers(checkout: Callable[[], World]) -> None:
    """`doit` goes on with a warning; `doit publish` must not."""
    world = checkout()
    with pytest.raises(EngineError, match="not in the engine any more"):
        deliver(world.run, world.run.planner.plan.steps[Layer("app")])
