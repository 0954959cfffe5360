"""Images of which nobody said whether to assemble them: it is done where it costs little."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hashes.errors import LayersError
from layers.build.assemble import base as bases
from layers.build.assemble import trunk as trunks
from layers.build.assemble.trunk import leave_listing
from layers.build.execute import carry_out
from layers.plan import assembling
from layers.project.project import Project
from layers.registry import referrers
from layers.runtime.events import Warned
from tests.unit.build.assembling import APP, BASE, SPEC
from tests.unit.build.test_trunk import FILE, LAYERS, built, edited, left, told
from tests.unit.build.test_trunk import checkout as checkout
from tests.unit.machines import HOST, World, begin

Checkout = Callable[..., World]
COPIES = "FROM base\nCOPY a /srv/\nCMD run\n"


def said(world: World, word: str) -> World:
    """The same machine, with another word about assembling in images.toml."""
    spec = Path(world.project.root, "images.toml")
    spec.write_text(SPEC.replace("assemble = true\n", word))
    run = begin(
        Project(str(spec.parent)),
        world.engine,
        world.registry,
        tell=world.told.append,
        wanted=[APP],
    )
    return World(run, world.engine, world.registry, world.told)


def small(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Let that many bytes be what may be read."""
    for module in (bases, trunks, assembling):
        monkeypatch.setattr(module, "MOST_READ", most)


@pytest.mark.parametrize("dockerfile", [FILE, COPIES])
def test_an_edit_is_put_upon_what_is_there(checkout: Checkout, dockerfile: str) -> None:
    """As if it were asked for; and never where it is turned off."""
    built(said(checkout(dockerfile), ""))
    world = edited(said(checkout(dockerfile), ""))
    assert world.step.state == "assemble"
    carry_out(world.run, world.step._replace(here=False))
    assert world.registry.heads([(f"{HOST}/demo/app", world.key)])
    off = said(checkout(dockerfile), "assemble = false\n")
    Path(off.project.root, "app", "a").write_text("another\n")
    assert off.step.state == "build"
    assert not [each for each in off.step.reasons if "assembled" in each]


def test_what_is_large_is_read_for_nobody_who_did_not_ask(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No trunk is left then, and no word is said of that."""
    own = sum(map(len, LAYERS[1:3]))
    for most, leaves in ((own - 1, False), (own, True)):
        small(monkeypatch, most)
        world = said(checkout(), "")
        built(world)
        assert (left(world) is not None) is leaves
        assert "waits for the base" not in told(world)


def test_the_plan_knows_which_base_nobody_lists(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless another image that stands on it asks for that: then it is listed for all."""
    small(monkeypatch, len(LAYERS[0]) - 1)
    world = edited(said(checkout(COPIES), ""))
    assert world.step.state == "build"
    assert not [each for each in world.step.reasons if "assembled" in each]
    other = "[images.other]\ncontext = 'app'\npush = true\nassemble = true\n"
    for more, state, listed in (("", "build", False), (other, "assemble", True)):
        world = checkout(COPIES)
        spec = Path(world.project.root, "images.toml")
        spec.write_text(SPEC.replace("assemble = true\n", "") + more)
        project = Project(str(spec.parent))
        run = begin(project, world.engine, world.registry, tell=world.told.append)
        edited(world)
        assert run.planner.plan.steps[APP].state == state
        repository, key = f"{HOST}/demo/base", str(project.inputs.key(BASE))
        digest = world.registry.heads([(repository, key)])[repository, key]
        leave_listing(run, run.planner.plan.steps[BASE], digest)
        found = list(referrers.fetch(world.registry, repository, digest, referrers.LISTING))
        assert bool(found) is listed


def test_of_what_stands_in_the_way_only_lines_are_told_and_only_of_an_edit(
    checkout: Checkout,
) -> None:
    """Somebody who never heard of assembling has no use for the rest."""
    first = said(checkout(), "")
    assert first.step.state == "build"
    assert not [each for each in first.step.reasons if "assembled" in each]
    late = said(checkout("FROM base\nCOPY a /srv/\nRUN x\n"), "")
    assert not [each for each in late.step.reasons if "assembled" in each]


def test_what_shows_late_is_no_warning(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    """BuildKit builds it, as ever."""
    world = edited(said(checkout(COPIES), ""))
    step = world.step
    assert step.state == "assemble"
    small(monkeypatch, 1)
    with pytest.raises(LayersError):  # no engine builds it here
        carry_out(world.run, step._replace(here=False))
    assert "built, since it could not be assembled: " in told(world)
    assert "without assemble = true no more than 0 MiB are" in told(world)
    assert not [each for each in world.told if isinstance(each, Warned)]
