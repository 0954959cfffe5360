"""The fuzzer's worlds: as drawn by a seed, as values, on disk; and how they shrink."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest

from tests.fuzz.draw import draw_world
from tests.fuzz.keys import answer
from tests.fuzz.mutate import MUTATIONS, mutate
from tests.fuzz.shrink import shrink
from tests.fuzz.world import RECORDED, Item, World, from_json, put, to_json

SEEDS = range(40)


def pair(seed: int) -> tuple[World, World]:
    """A world and a mutation of it."""
    rng = Random(f"unit:{seed}")
    world = draw_world(rng)
    mutant = mutate(world, rng)
    assert mutant is not None
    return world, mutant[1]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seed_draws_the_same_world_again(seed: int) -> None:
    """So that a seed in a report is all that one needs."""
    assert pair(seed) == pair(seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_mutation_changes_something(seed: int) -> None:
    """A mutation that leaves all as it was would be counted for nothing."""
    before, after = pair(seed)
    assert before != after
    assert before.whole
    assert after.whole


def test_every_kind_of_mutation_is_drawn() -> None:
    """None of them is dead."""
    found = set()
    for seed in range(400):
        rng = Random(f"kinds:{seed}")
        mutant = mutate(draw_world(rng), rng)
        assert mutant is not None
        found.update(mutant[0].split("+"))
    assert found == {name for name, _ in MUTATIONS}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_world_survives_json(seed: int) -> None:
    """What is kept in a file is the world itself."""
    for world in pair(seed):
        assert from_json(to_json(world)) == world


@pytest.mark.parametrize("seed", SEEDS)
def test_an_edit_in_place_gives_the_same_tree_as_a_fresh_copy(seed: int, tmp_path: Path) -> None:
    """The stat cache is tried on folders that are edited, the engine gets fresh ones."""
    before, after = pair(seed)
    put(before, str(tmp_path / "edited"), RECORDED)
    edited = put(after, str(tmp_path / "edited"), RECORDED)
    fresh = put(after, str(tmp_path / "fresh"), RECORDED)
    assert listing(edited.context) == listing(fresh.context)
    one, two = answer(after, edited), answer(after, fresh)
    assert (one.key, bool(one.refused)) == (two.key, bool(two.refused))


def listing(root: str) -> dict[str, tuple[object, ...]]:
    """Everything below a folder with mode, size, time, link text and bytes."""
    found: dict[str, tuple[object, ...]] = {}
    for folder, names, files in os.walk(root):
        for name in (*names, *files):
            path = os.path.join(folder, name)
            status = os.lstat(path)
            text = os.readlink(path) if os.path.islink(path) else ""
            content = b""
            if os.path.isfile(path) and not text:
                content = Path(path).read_bytes()
            where = os.path.relpath(path, root)
            found[where] = (oct(status.st_mode), status.st_mtime, text, content)
    return found


def test_shrinking_leaves_what_matters() -> None:
    """Chunks and files that the disagreement does not need are gone."""
    items = {name: Item("file", text=name) for name in "abcdefgh"}
    before = World(("FROM base", "RUN 1", "RUN 2", "RUN 3", "RUN 4", "COPY a /"), items)
    after = before.with_item("a", Item("file", text="other"))

    def holds(one: World, two: World) -> bool:
        return "COPY a /" in one.chunks and one.context.get("a") != two.context.get("a")

    small, other = shrink((before, after), holds)
    assert small.chunks == other.chunks == ("COPY a /",)
    assert set(small.context) == set(other.context) == {"a"}
