"""Going back after a bad night: to which epoch, when, and what the next night does."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers.lock.epochs import KEPT, NEXT
from layers.refresh.candidate import effective
from layers.refresh.rollback import NoWayBack, back
from tests.refreshworld import HOST, HUB, World, outcomes

QUIET = {"base": "unchanged", "pose": "unchanged", "lone": "unchanged"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A project after two refreshes: the second one brought a new upstream and new packages."""
    found = World(tmp_path / "repo")
    found.night()
    found.upstream("debian:1", "2")
    found.waits = "2"
    found.night()
    return found


def test_a_base_goes_back_with_what_is_on_it(world: World) -> None:
    """Key, digest, pins and epoch are those of then; the shared pin stays for everybody else."""
    was = world.base("base").earlier[0]
    shared = world.lock.fixed(f"{HUB}/debian:1", "linux/amd64")
    went = world.rollback("pose", "base")
    assert [(each.image, each.old.number, each.new.number) for each in went] == [
        ("base", 2, 1), ("pose", 2, 1)
    ]  # fmt: skip
    base = world.base("base")
    assert world.key("base") == was.key
    assert (base.now.number, base.now.digest) == (1, was.digest)
    assert base.pins == was.upstream
    assert [each.number for each in base.earlier] == [2]
    assert world.lock.fixed(f"{HUB}/debian:1", "linux/amd64") == shared
    assert world.in_registry("pose") == world.base("pose").now.digest


def test_the_night_after_is_quiet_and_only_something_newer_counts(world: World) -> None:
    """Neither the upstream nor the packages that were rolled back from come again by themselves."""
    world.rollback("base", "pose")
    text = world.text
    assert outcomes(world.night()) == QUIET
    assert world.text == text
    world.waits = "3"
    report = world.night()
    assert outcomes(report)["base"] == "refreshed"
    assert world.base("base").now.number == 3
    assert world.base("base").pins == {}
    assert world.base("base").seen == {}
    assert outcomes(world.night()) == QUIET


def test_a_newer_upstream_counts_after_a_rollback(world: World) -> None:
    """The tag that was rolled back from moved on."""
    world.rollback("base", "pose")
    digest = world.upstream("debian:1", "3")
    assert outcomes(world.night())["base"] == "refreshed"
    assert world.base("base").now.upstream == {f"{HUB}/debian:1": digest}


def test_one_can_go_forward_again(world: World) -> None:
    """The epoch that was left is remembered, too."""
    text = world.text
    world.rollback("base", "pose")
    world.rollback("base", "pose", to=2)
    assert world.base("base").now.number == 2
    assert world.base("base").pins == {}
    assert {image: world.key(image) for image in ("base", "pose")} == {
        image: base.now.key for (image, _), base in world.lock.bases.items() if image != "lone"
    }
    assert world.text != text  # what lies behind epoch 1 is still marked as seen


def test_a_probe_that_cannot_be_asked_does_not_stop_a_rollback(world: World) -> None:
    """What it says the next time is taken as known."""
    world.probe_fails = True
    world.rollback("base", "pose")
    assert world.base("base").now.probe == NEXT
    assert "its probe was not asked" in world.warnings()
    world.probe_fails = False
    assert outcomes(world.night()) == QUIET
    assert world.base("base").now.probe.startswith("sha256:")
    assert outcomes(world.night()) == QUIET
    world.waits = "3"
    assert outcomes(world.night())["base"] == "refreshed"


def test_a_rollback_is_refused_where_files_changed_since(world: World) -> None:
    """Another Dockerfile gives another key: it says which line, and writes nothing."""
    text = world.text
    (world.root / "base/Dockerfile").write_text(f"FROM {HUB}/debian:1\nRUN install other\n")
    with pytest.raises(NoWayBack, match="with the files of now"):
        world.rollback("base")
    assert world.text == text


def test_a_child_cannot_go_back_alone(world: World) -> None:
    """Its key covers its parent's."""
    with pytest.raises(NoWayBack, match="with the base below it"):
        world.rollback("pose")


def test_a_rollback_of_a_parent_names_what_is_on_it(world: World) -> None:
    """So that nobody is surprised by what the next night builds."""
    (went,) = world.rollback("base")
    assert went.above == ("pose",)


@pytest.mark.parametrize("present", ["registry", "engine", "nowhere", "moved"])
def test_the_image_of_then_must_still_be_there(world: World, present: str) -> None:
    """In the registry, or at least in this engine, with the digest of then."""
    was = world.base("base").earlier[0]
    text = world.text
    if present != "registry":
        world.registry.delete_tag(f"{HOST}/demo/base", was.key)
    if present == "moved":
        other = world.registry.manifest(f"{HOST}/demo/base", str(world.base("base").now.digest))
        assert other is not None
        world.registry.put_manifest(f"{HOST}/demo/base", was.key, other.raw, other.media_type)
    if present == "nowhere":
        world.new_machine()
    if present in ("registry", "engine"):
        world.rollback("base")
        assert world.base("base").now == was._replace(probe=world.base("base").now.probe)
    else:
        with pytest.raises(NoWayBack, match="neither in" if present == "nowhere" else "and was"):
            world.rollback("base")
        assert world.text == text


@pytest.mark.parametrize(
    ("image", "to", "expected"),
    [
        ("base", 2, "is at epoch 2 already"),
        ("base", 7, "epoch 7 is not remembered\n  others: 1"),
        ("app", None, "app was never refreshed"),
        ("bse", None, r"'bse' is not an image .*did you mean 'base'"),
    ],
)
def test_a_wrong_request_says_what_there_is(
    world: World, image: str, to: int | None, expected: str
) -> None:
    """Exit status 1, and nothing is written."""
    with pytest.raises(NoWayBack, match=expected):
        world.rollback(image, to=to)


def test_there_is_nothing_before_the_first_epoch(tmp_path: Path) -> None:
    """One refresh is no history."""
    world = World(tmp_path)
    world.night()
    with pytest.raises(NoWayBack, match="nothing before it"):
        world.rollback("base")


def test_two_steps_back_mark_the_newest_that_was_seen(world: World) -> None:
    """What is at the tag now is what must not come again."""
    third = world.upstream("debian:1", "3")
    world.night()
    for _ in range(2):
        lock = world.lock
        base = lock.bases["base", "linux/amd64"]
        lock = lock.replaced_by(back(lock, base, None))
        (world.root / "images.lock").write_text(lock.text())
    assert world.base("base").now.number == 1
    assert world.base("base").seen == {f"{HUB}/debian:1": third}
    assert effective(world.lock, world.base("base")) == world.base("base").now.upstream


def test_old_epochs_are_forgotten_and_their_pins_with_them(world: World) -> None:
    """The file does not grow for ever."""
    for content in range(3, KEPT + 6):
        world.upstream("debian:1", str(content))
        world.night()
    assert len(world.base("base").earlier) == KEPT
    named = {d for e in world.base("base").earlier for d in e.upstream.values()}
    past = {pin.digest for pin in world.lock.past.values() if "debian" in str(pin.name)}
    assert past == named
