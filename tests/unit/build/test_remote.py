"""Remote builders' results: what is looked at, when a key is set, and when it is not."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType

import pytest

from layers.build.builder import NoBuilder
from layers.build.buildx import BuildFailed
from layers.build.execute import InputsMoved, carry_out
from layers.build.remote import Kept, keep
from layers.graph.record import Record
from layers.oci.digest import Digest
from layers.plan.learned import TIMES, read
from layers.plan.names import LABEL_KEY
from layers.plan.presence import TagMoved
from layers.plan.session import Session
from layers.project.history import Begun
from layers.project.project import Project
from layers.registry import referrers
from layers.registry.registry import RegistryError
from tests.fakes import MemoryEngine, MemoryRegistry
from tests.unit.build.builders import FAILED, digest, known
from tests.unit.machines import APP, HOST, NOWHERE, REPOSITORY, World, begin, machine
from tests.unit.test_direction import runs_up

BUILDX = """\
#!{python}
import json, os, sys
words = dict(word.split("=", 1) for word in sys.argv[1:] if word.startswith("--") and "=" in word)
assert words["--builder"] == "farm" and "push-by-digest=true" in words["--output"]
exec(open({more!r}).read())
json.dump({{"containerimage.digest": {digest!r}}}, open(words["--metadata-file"], "w"))
"""


@pytest.fixture
def farm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], World]:
    """A machine whose builder pushes an image of the given label by digest, and runs some lines."""
    known(tmp_path / "config", builders="farm")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("LAYERS_BUILDER", "farm")

    def make(more: str = "") -> World:
        world = machine(tmp_path / f"machine{os.urandom(4).hex()}", MemoryRegistry(HOST))
        pushed = elsewhere(world, "one")
        (tmp_path / "more").write_text(more)
        script = tmp_path / "buildx"
        text = BUILDX.format(python=sys.executable, digest=pushed.text, more=str(tmp_path / "more"))
        script.write_text(text)
        script.chmod(0o755)
        endpoint = NOWHERE._replace(buildx=(str(script),))
        tell = world.told.append
        run = begin(world.project, world.engine, world.registry, endpoint=endpoint, tell=tell)
        return replace(world, run=run)

    return make


def elsewhere(world: World, content: str, label: str = "") -> Digest:
    """An image of the key that some other engine pushed, with no tag that counts."""
    engine = MemoryEngine(world.registry)
    engine.build(f"{REPOSITORY}:tmp", content, {LABEL_KEY: label or world.key})
    return engine.push(f"{REPOSITORY}:tmp", lambda done, total: None)


def test_a_builders_result_gets_its_key_its_record_and_a_name_here(
    farm: Callable[[str], World],
) -> None:
    """By our own client, once the inputs were read again; then it is pulled, since it is wanted."""
    world = farm("")
    assert (world.step.builder, world.step.here) == ("farm", True)
    carry_out(world.run, world.step)
    question = (REPOSITORY, world.key)
    found = world.registry.heads([question])[question]
    assert Record.first(referrers.fetch(world.registry, REPOSITORY, found, referrers.INPUTS)) == (
        world.project.record(APP)
    )
    assert world.engine.find(["app:latest"])["app:latest"].digest == found
    backends = world.run.backends
    again = Session.begin(Project(world.project.root), backends=backends).planner
    assert again.plan.idle() is False  # tool is not there
    assert again.plan.steps[APP].idle


def test_a_steps_way_through_the_folders_never_climbs(farm: Callable[[str], World]) -> None:
    """No folder calls into one that stands behind it, not by what it was handed either."""
    world = farm("")
    step = world.step
    calls: set[tuple[str, str]] = set()

    def ours(frame: FrameType | None) -> str:
        while frame is not None:
            name = str(frame.f_globals.get("__name__"))
            if name.startswith(("hashes.", "layers.")):
                return name
            frame = frame.f_back
        return ""

    def watch(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and (callee := str(frame.f_globals.get("__name__"))) == ours(frame):
            calls.add((ours(frame.f_back), callee))

    sys.setprofile(watch)
    try:
        carry_out(world.run, step)
    finally:
        sys.setprofile(None)
    assert ("layers.build.prepare", "layers.build.buildx") in calls
    assert [call for call in sorted(calls) if call[0] and runs_up(*call)] == []
    assert runs_up("layers.build.prepare", "layers.refresh.run")


def test_a_result_whose_inputs_moved_gets_no_key(farm: Callable[[str], World]) -> None:
    """What the builder pushed has no tag, and nobody finds it."""
    world = farm("")
    at = os.path.join(world.project.root, "app", "a")
    (Path(world.project.root).parent / "more").write_text(f"open({at!r}, 'a').write('x')")
    with pytest.raises(InputsMoved):
        carry_out(world.run, world.step)
    assert world.registry.heads([(REPOSITORY, world.key)]) == {}
    assert world.engine.find(["app:latest"]) == {}


def test_a_build_that_fails_leaves_no_tag(farm: Callable[[str], World]) -> None:
    """And no state."""
    world = farm("sys.exit(1)")
    with pytest.raises(BuildFailed):
        carry_out(world.run, world.step)
    assert world.registry.tags(REPOSITORY) == ("tmp",)


def test_what_the_builder_could_not_push_says_what_it_needs(farm: Callable[[str], World]) -> None:
    """The hint stands under BuildKit's own words."""
    told = FAILED.format(HOST) + "connect: connection refused"
    world = farm(f"sys.exit({told!r})")
    with pytest.raises(BuildFailed) as failed:
        carry_out(world.run, world.step)
    assert "connection refused" in failed.value.message
    assert "the builder farm has to reach the registry" in failed.value.hint


def test_a_key_that_came_meanwhile_is_not_built_again(farm: Callable[[str], World]) -> None:
    """Another process of this checkout, or another machine, was quicker."""
    world = farm("sys.exit('nobody asks the builder')")
    step = world.step
    engine = MemoryEngine(world.registry)
    engine.build(f"{REPOSITORY}:{world.key}", "two", {LABEL_KEY: world.key})
    theirs = engine.push(f"{REPOSITORY}:{world.key}", lambda done, total: None)
    carry_out(world.run, step)
    assert world.engine.find(["app:latest"])["app:latest"].digest == theirs


def test_what_was_put_first_stays(farm: Callable[[str], World]) -> None:
    """The loser's result keeps no tag, and a warning says so."""
    world = farm("")
    step, ours = world.step, elsewhere(world, "ours")
    begun = Begun("build", time.monotonic() - 312)
    theirs = keep(world.run, step, REPOSITORY, elsewhere(world, "theirs"), begun)
    assert keep(world.run, step, REPOSITORY, ours) == theirs != ours
    assert world.registry.heads([(REPOSITORY, world.key)]) == {(REPOSITORY, world.key): theirs}
    assert "adopted" in world.warnings()
    (told,) = referrers.notes(world.registry, REPOSITORY, theirs, referrers.INPUTS)
    assert [took.seconds for took in read(told[TIMES], "app")] == [312]


def test_a_builder_that_pushed_elsewhere_is_found_out(farm: Callable[[str], World]) -> None:
    """It says that it pushed, and the registry that we know has nothing."""
    world = farm("")
    with pytest.raises(RegistryError, match="another registry under that name"):
        keep(world.run, world.step, REPOSITORY, digest("nowhere"))
    assert world.registry.heads([(REPOSITORY, world.key)]) == {}


def test_a_parent_is_handed_over_by_digest_and_only_if_its_label_is_right(
    farm: Callable[[str], World],
) -> None:
    """It is never pulled, so that nobody else would look."""
    world = farm("")
    carry_out(world.run, world.step)
    (found,) = world.registry.heads([(REPOSITORY, world.key)]).values()
    assert Kept(world.run).hand_over(APP) == f"docker-image://{REPOSITORY}@{found}"
    world.run.planner.stored(APP, elsewhere(world, "evil", label="xxh3-" + "0" * 32))
    with pytest.raises(TagMoved, match=f"not from {world.key}"):
        Kept(world.run).hand_over(APP)


def test_a_parent_that_only_the_engine_has_is_pushed(farm: Callable[[str], World]) -> None:
    """Whether or not its image is pushed by itself."""
    world = farm("")
    world.built("one")
    assert world.step.state == "fresh"
    told = Kept(world.run).hand_over(APP)
    (found,) = world.registry.heads([(REPOSITORY, world.key)]).values()
    assert told == f"docker-image://{REPOSITORY}@{found}"


def test_a_builder_without_a_registry_is_told_by_the_plan(
    farm: Callable[[str], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is built."""
    monkeypatch.setenv("LAYERS_REGISTRY", "")
    world = farm("")
    assert "needs a registry" in world.step.problem
    with pytest.raises(NoBuilder, match="through a registry"):
        carry_out(world.run, world.step)


def test_what_is_on_trial_is_built_here(farm: Callable[[str], World]) -> None:
    """A refresh tries an image in the engine before anybody sees it."""
    world = farm("")
    trial = world.run.trial(world.project.lock).wanting([APP])
    assert trial.planner.plan.steps[APP].builder == ""
    assert world.step.builder == "farm"
