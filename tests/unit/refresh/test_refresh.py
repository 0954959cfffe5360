"""A refresh, night after night: what is built, what is written, what stays as it was."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashes.errors import LayersError
from layers.lock.lock import Lock
from layers.plan.plan import Step
from layers.plan.session import Session
from layers.refresh.rollback import NoWayBack
from layers.refresh.run import refresh
from tests.refreshworld import HOST, HUB, BuildBroke, World, of, outcomes

QUIET = {"base": "unchanged", "pose": "unchanged", "lone": "unchanged"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A project whose bases were refreshed once."""
    found = World(tmp_path / "repo")
    found.night()
    return found


def test_the_first_night_builds_every_base_and_pins_every_upstream(tmp_path: Path) -> None:
    """Parents first; the registry then has each under the key that the lock names."""
    world = World(tmp_path)
    report = world.night()
    assert outcomes(report) == dict.fromkeys(("base", "pose", "lone"), "refreshed")
    assert of(report, "base").reasons == ("it was never refreshed",)
    assert sorted(world.built) == ["base", "lone", "pose"]
    assert world.built.index("base") < world.built.index("pose")
    for image in ("base", "pose", "lone"):
        now = world.base(image).now
        assert (now.number, now.key, now.digest) == (1, world.key(image), world.in_registry(image))
    assert {str(pin.name) for pin in world.lock.pins.values()} == {
        f"{HUB}/debian:1", f"{HUB}/alpine:3", f"{HUB}/tool:1"
    }  # fmt: skip
    assert not report.failed


def test_what_will_likely_be_built_is_told_before_the_first_build(world: World) -> None:
    """With all that is built upon it; nothing in a quiet night, and nothing of a dry run."""
    heard: list[tuple[list[str], int]] = []

    def night(*, dry_run: bool = False) -> None:
        world.nights += 1
        world.built.clear()
        refresh(
            world.run(),
            world.tools(),
            dry_run=dry_run,
            ahead=lambda due, _below: heard.append((list(due), len(world.built))),
        )

    night()
    world.upstream("debian:1", "2")
    night(dry_run=True)
    night()
    assert heard == [([], 0), (["base", "pose"], 0)]
    assert world.built == ["base", "pose"]


def test_a_quiet_night_builds_nothing_and_leaves_the_lock_to_the_letter(world: World) -> None:
    """Also on a runner that has nothing; only the image with a probe is pulled."""
    text = world.text
    assert outcomes(world.night()) == QUIET
    world.new_machine()
    assert outcomes(world.night()) == QUIET
    assert (world.built, world.text) == ([], text)
    assert [name for verb, name in world.engine.asked if verb == "pull"] == [
        f"{HOST}/demo/base@{world.base('base').now.digest}"
    ]


def test_another_architecture_in_the_index_is_no_reason(world: World) -> None:
    """The index digest changed, our platform's did not."""
    text = world.text
    world.upstream("debian:1", "1", other="2")
    assert outcomes(world.night()) == QUIET
    assert world.text == text


def test_a_base_of_another_platform_follows_that_ones_manifest(tmp_path: Path) -> None:
    """It is its own in the lock, and what the tag has for us is no reason."""
    world = World(tmp_path)
    spec = tmp_path / "images.toml"
    text = spec.read_text()
    spec.write_text(text.replace('"lone"\n', '"lone"\nplatform = "linux/arm64"\n'))
    assert outcomes(world.night())["lone"] == "refreshed"
    known = world.lock.bases["lone", "linux/arm64"].now
    assert (known.key, list(known.upstream)) == (world.key("lone"), [f"{HUB}/alpine:3"])
    world.upstream("alpine:3", "2")
    assert outcomes(world.night()) == QUIET
    world.upstream("alpine:3", "2", other="2")
    assert outcomes(world.night()) == {**QUIET, "lone": "refreshed"}


def test_an_upstream_that_moved_rebuilds_its_base_and_what_is_on_it(world: World) -> None:
    """And nothing beside that; the report says who must rebuild."""
    before = world.base("base").now
    digest = world.upstream("debian:1", "2")
    report = world.night()
    assert outcomes(report) == {"base": "refreshed", "pose": "refreshed", "lone": "unchanged"}
    assert world.built == ["base", "pose"]
    assert of(report, "base").reasons[0].startswith(f"{HUB}/debian:1 moved: sha256:")
    assert of(report, "pose").reasons == ("base below it was refreshed",)
    assert of(report, "base").rebuild == ("pose", "app")
    assert world.base("base").now.number == 2
    assert world.base("base").earlier == (before,)
    pin = world.lock.find(f"{HUB}/debian:1", "linux/amd64")
    assert pin is not None
    assert pin.digest == digest
    assert [each.new for each in report.upstreams] == [str(digest)]
    assert outcomes(world.night()) == QUIET


def test_old_tags_stay(world: World) -> None:
    """Whoever is at an older commit still finds its image."""
    old = world.base("base").now
    world.upstream("debian:1", "2")
    world.night()
    question = (f"{HOST}/demo/base", old.key)
    assert world.registry.heads([question])[question] == old.digest


def test_packages_that_wait_are_a_reason(world: World) -> None:
    """The probe tells of them from inside the present image; the report names them."""
    world.waits = "2"
    report = world.night()
    assert outcomes(report) == {"base": "refreshed", "pose": "refreshed", "lone": "unchanged"}
    assert of(report, "base").reasons == ("its probe says something else",)
    (change,) = of(report, "base").packages
    assert (change.manager, change.name, change.old, change.new) == ("dpkg", "thing", "1", "2")
    assert outcomes(world.night()) == QUIET


def test_an_upstream_of_no_base_is_pinned_anew_at_once(world: World) -> None:
    """Nothing has to be proved for it; no base is touched."""
    digest = world.upstream("tool:1", "2")
    assert outcomes(world.night()) == QUIET
    pin = world.lock.find(f"{HUB}/tool:1", "linux/amd64")
    assert pin is not None
    assert pin.digest == digest


def test_the_same_content_changes_no_key_above_and_is_not_tried_again(tmp_path: Path) -> None:
    """An upstream that brought nothing: epoch and pin stay, the new digest is noted as seen."""
    world = World(tmp_path, reproducible=True)
    world.night()
    keys = {image: world.key(image) for image in ("base", "pose", "app")}
    names = world.keyed_names()
    digest = world.upstream("debian:1", "2")
    report = world.night()
    assert outcomes(report) == {"base": "same content", "pose": "unchanged", "lone": "unchanged"}
    assert world.built == ["base"]
    assert {image: world.key(image) for image in keys} == keys
    assert world.base("base").seen == {f"{HUB}/debian:1": digest}
    assert world.keyed_names() == names
    text = world.text
    assert outcomes(world.night()) == QUIET
    assert (world.built, world.text) == ([], text)


def test_a_probe_that_brings_nothing_new_is_noted(tmp_path: Path) -> None:
    """What waits cannot be had, such as a package that is held back: one try, not one a night."""
    world = World(tmp_path, reproducible=True)
    world.night()
    before = world.base("base")
    world.waits = "2"
    assert outcomes(world.night())["base"] == "same content"
    after = world.base("base")
    assert (after.now.number, after.now.key) == (1, before.now.key)
    assert outcomes(world.night()) == QUIET


def test_bases_on_one_upstream_move_together_or_keep_what_they_have(tmp_path: Path) -> None:
    """One came out the same and stays at the old digest, the other takes the new one."""
    world = World(tmp_path)
    (world.root / "lone/Dockerfile").write_text(f"FROM {HUB}/debian:1\nRUN install\n")
    world.night()
    old = world.base("lone").now
    digest = world.upstream("debian:1", "2")
    world.same = {"lone"}
    report = world.night()
    assert outcomes(report) == {"base": "refreshed", "pose": "refreshed", "lone": "same content"}
    assert world.base("lone").now == old
    assert world.key("lone") == old.key
    assert world.base("lone").seen == {f"{HUB}/debian:1": digest}
    assert world.base("base").pins == {}
    assert outcomes(world.night()) == QUIET
    third = world.upstream("debian:1", "3")
    world.same = set()
    assert outcomes(world.night())["lone"] == "refreshed"
    assert world.base("lone").pins == {}
    assert world.base("lone").now.upstream == {f"{HUB}/debian:1": third}


@pytest.mark.parametrize("trouble", ["build", "smoke", "size", "probe", "registry", "killed"])
def test_a_failed_refresh_leaves_lock_and_names_as_they_were(world: World, trouble: str) -> None:
    """Whatever fails: exit status 1 with the reason, and the next good night converges."""
    text, names = world.text, world.keyed_names()
    pushed = [each for each in world.registry.pushed if "xxh3-" in each[1]]
    world.upstream("debian:1", "2")
    good = (world.root / "images.toml").read_text()
    reason = ""
    if trouble == "build":
        world.broken, reason = "base", "the build failed"
    elif trouble == "smoke":
        world.smoke_fails, reason = True, "'smoke' ended with status 1\n  | it does not run"
    elif trouble == "size":
        (world.root / "images.toml").write_text(
            good.replace('[["smoke"]]\n', '[["smoke"]]\nmax_size = "999 B"\n')
        )
        reason = "the new image takes 1.0 kB, max_size is 999 B"
    elif trouble == "probe":
        world.probe_fails, reason = True, "'probe' ended with status 100\n  | no network"
    elif trouble == "registry":
        world.registry.read_only, reason = True, "demo/base"
    if trouble == "killed":
        world.killed_at = "deliver"
        with pytest.raises(BuildBroke):
            world.night()
    else:
        report = world.night()
        assert report.failed
        assert of(report, "base").outcome == "failed"
        assert reason in of(report, "base").failure
        assert of(report, "lone").outcome == "unchanged"
        assert world.keyed_names() == names
    assert world.text == text
    assert [each for each in world.registry.pushed if "xxh3-" in each[1]] == pushed
    world.broken, world.smoke_fails, world.probe_fails, world.killed_at = "", False, False, ""
    world.registry.read_only = False
    (world.root / "images.toml").write_text(good)
    assert outcomes(world.night())["base"] == "refreshed"
    assert world.base("base").now.digest == world.in_registry("base")
    assert outcomes(world.night()) == QUIET


def test_what_is_built_on_a_failure_is_not_taken_over_either(world: World) -> None:
    """A group succeeds or fails as one."""
    text = world.text
    world.upstream("debian:1", "2")
    world.broken = "pose"
    report = world.night()
    assert outcomes(report) == {"base": "failed", "pose": "failed", "lone": "unchanged"}
    assert of(report, "base").failure == "not taken over, since pose failed"
    assert world.text == text


def test_groups_fail_apart(world: World) -> None:
    """One base's trouble does not hold up another's refresh."""
    world.upstream("debian:1", "2")
    world.upstream("alpine:3", "2")
    world.broken = "base"
    report = world.night()
    assert outcomes(report) == {"base": "failed", "pose": "unchanged", "lone": "refreshed"}
    assert (world.base("base").now.number, world.base("lone").now.number) == (1, 2)


def test_a_registry_that_does_not_answer_is_a_failure_and_never_a_rebuild(world: World) -> None:
    """No answer is not "not there"."""
    text = world.text
    world.registry.down = True
    report = world.night()
    assert report.failed
    assert outcomes(report) == {"base": "failed", "pose": "unchanged", "lone": "failed"}
    assert (world.built, world.text) == ([], text)


def test_an_upstream_tag_that_is_gone_is_told_and_stops_nothing(world: World) -> None:
    """The pin stays, and builds take the copy in our registry."""
    world.registry.delete_tag(f"{HUB}/debian", "1")
    world.waits = "2"
    report = world.night()
    (gone,) = report.gone
    assert gone.name == f"{HUB}/debian:1"
    assert gone.mirror.startswith(f"{HOST}/demo/upstream/")
    assert outcomes(report)["base"] == "refreshed"
    assert not report.failed


def test_a_tag_that_a_killed_run_left_is_not_taken_for_tonights(world: World) -> None:
    """Its epoch is skipped: what is in it is of another night."""
    world.upstream("debian:1", "2")
    text = world.text
    world.night()
    (world.root / "images.lock").write_text(text)  # pushed, and killed before the lock was written
    report = world.night()
    assert outcomes(report)["base"] == "refreshed"
    assert world.base("base").now.number == 3


def test_a_base_that_grew_is_told_of(world: World) -> None:
    """From a tenth on."""
    world.waits, world.bulk = "2", 200
    report = world.night()
    assert of(report, "base").warnings == ("20% larger than before",)
    assert (of(report, "base").old_size, of(report, "base").new_size) == (1000, 1200)


def test_a_dry_run_tells_and_does_nothing(world: World) -> None:
    """Neither builds nor writes, copies of upstreams included."""
    text, pushed = world.text, list(world.registry.pushed)
    world.upstream("debian:1", "2")
    pushed = list(world.registry.pushed)
    report = world.night(dry_run=True)
    assert outcomes(report) == {"base": "due", "pose": "due", "lone": "unchanged"}
    assert (world.built, world.text, world.registry.pushed) == ([], text, pushed)


def test_names_choose_bases_with_what_is_on_them(world: World) -> None:
    """Others are not looked at; who shares the upstream stays at what it was built from."""
    world.upstream("debian:1", "2")
    world.upstream("alpine:3", "2")
    report = world.night("lone")
    assert outcomes(report) == {"lone": "refreshed"}
    assert world.built == ["lone"]
    with pytest.raises(LayersError, match="app is not looked after"):
        world.night("app")
    with pytest.raises(LayersError, match=r"'bas' is not an image .*did you mean 'base'"):
        world.night("bas")


def test_a_lock_that_somebody_else_wrote_is_not_written_over(world: World) -> None:
    """Two writers: the second one says so and leaves the file."""
    world.upstream("debian:1", "2")
    make = world._make

    def meanwhile(run: Session, step: Step) -> None:
        (world.root / "images.lock").write_text(world.text + "\n# mine\n")
        make(run, step)

    world._make = meanwhile  # type: ignore[method-assign]  # somebody else, while it builds
    report = world.night()
    assert report.failed
    assert "was changed by something else" in of(report, "base").failure
    assert world.text.endswith("# mine\n")


_EVENTS = st.sampled_from(
    ["debian", "alpine", "tool", "packages", "same", "broken", "back", "none"]
)


@settings(max_examples=10, deadline=None)
@given(st.lists(_EVENTS, max_size=6))
def test_whatever_came_before_a_night_without_news_changes_nothing(events: list[str]) -> None:
    """The law of the quiet night: the lock's text is the same, and so is every key in it."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "repo")
        world.night()
        for number, event in enumerate(events, 2):
            world.reproducible, world.broken = event == "same", "pose" if event == "broken" else ""
            if event in ("debian", "same", "broken"):
                world.upstream("debian:1", str(number))
            elif event in ("alpine", "tool"):
                world.upstream("alpine:3" if event == "alpine" else "tool:1", str(number))
            elif event == "packages":
                world.waits = str(number)
            if event == "back" and world.base("base").earlier:
                with contextlib.suppress(NoWayBack):
                    world.rollback("base", "pose")
            else:
                world.night()
        world.reproducible, world.broken = False, ""
        world.night()  # what failed is made up for
        text = world.text
        assert outcomes(world.night()) == QUIET
        assert (world.built, world.text) == ([], text)
        assert Lock.parse(text).text() == text
        for image in ("base", "pose", "lone"):
            assert world.base(image).now.key == world.key(image)
            assert world.base(image).now.digest == world.in_registry(image)
