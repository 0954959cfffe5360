"""Looking at the engine, and removing from it: on the real client's stand-in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from layers.engine.store import Container, Stored
from layers.gc.engine_images import look_in_engine
from layers.gc.ownership import FOREIGN
from layers.gc.remove import Removal, Remover
from layers.gc.roots import Roots
from layers.gc.sweep import make_sweep
from layers.plan.names import LABEL_PROJECT
from layers.runtime.state import StateFolder
from tests.fakes import MemoryRegistry
from tests.fakes_store import MemoryStore
from tests.unit.gc.shop import HOST, KEYS, NOW, OWNED, REPOSITORY, digest


def stored(number: int, *names: str, key: bool = True) -> Stored:
    """An image in the engine, the younger the higher its number."""
    labels = {"io.doit-layers.key": KEYS[number], "io.doit-layers.layer": "app"} if key else {}
    return Stored(digest(number), names, (), labels, float(number))


@pytest.fixture
def store() -> MemoryStore:
    """Versions 1 to 3 of ours, something of others, and something without a name."""
    found = MemoryStore()
    found.add(stored(1, f"shop-app:{KEYS[1]}", f"{REPOSITORY}@{digest(1)}"), base=9, one=1)
    found.add(stored(2, f"shop-app:{KEYS[2]}"), base=9, two=2)
    found.add(stored(3, f"shop-app:{KEYS[3]}", "shop-app:latest"), base=9, three=3)
    found.add(stored(4, f"other-app:{KEYS[4]}"), base=9)
    found.add(stored(5), five=5)
    found.add(stored(6, "node:18", key=False))
    return found


def clean_engine(
    store: MemoryStore, state: StateFolder, roots: Roots | None = None
) -> list[Removal]:
    """Look, judge and remove; this checkout made key 5 once."""
    found = look_in_engine(store, OWNED, lambda key: key == KEYS[5])
    sweep = make_sweep(found, roots or Roots(), keep=1, now=NOW)
    remover = Remover(lambda: store, lambda: MemoryRegistry(HOST), state)
    return [remover.remove(each) for each in sweep.goes]


def test_old_images_and_those_without_a_name_leave_the_engine(
    store: MemoryStore, state: StateFolder
) -> None:
    """With the name that they were pulled by; others' images stay."""
    outcomes = clean_engine(store, state)
    assert {each.going.found.key: each.going.size for each in outcomes} == {
        KEYS[1]: 1,
        KEYS[2]: 2,
        KEYS[5]: 5,
    }
    assert sorted(store.held) == [digest(3), digest(4), digest(6)]
    assert clean_engine(store, state) == []


def test_a_nameless_image_of_a_key_that_was_never_made_here_stays(
    store: MemoryStore, state: StateFolder
) -> None:
    """Another checkout may be about to name it."""
    found = look_in_engine(store, OWNED, lambda key: False)
    assert [each.doubt for each in found if each.digest == digest(5)] == [FOREIGN]


@pytest.mark.parametrize(
    ("project", "names", "ours"),
    [
        ("shop", (f"shop-app:{KEYS[7]}",), True),
        ("other", (f"shop-app:{KEYS[7]}",), False),
        ("other", ("shop-app:latest", f"{REPOSITORY}@{digest(7)}"), False),
        ("shop", ("somebody:1",), False),
        ("shop", (), True),
        ("other", (), False),
        (None, (f"shop-app:{KEYS[7]}",), True),
        (None, (), True),
    ],
)
def test_an_image_with_another_projects_label_is_not_ours(
    project: str | None, names: tuple[str, ...], ours: bool
) -> None:
    """Whatever it is called; one without the label goes by its names, as ever."""
    store = MemoryStore()
    label = {} if project is None else {LABEL_PROJECT: project}
    store.add(replace(stored(7, *names), labels={**stored(7).labels, **label}))
    (found,) = look_in_engine(store, OWNED, lambda key: key == KEYS[7])
    assert found.doubt == ("" if ours else FOREIGN)
    if not ours:
        assert found.names == ()


def test_a_container_that_appears_meanwhile_saves_its_image(
    store: MemoryStore, state: StateFolder
) -> None:
    """It is looked for right before."""
    found = look_in_engine(store, OWNED, lambda key: False)
    sweep = make_sweep(found, Roots(), keep=1, now=NOW)
    store.made.append(Container("web", digest(1)))
    remover = Remover(lambda: store, lambda: MemoryRegistry(HOST), state)
    told = {each.found.key: remover.remove(each).skipped for each in sweep.goes}
    assert told[KEYS[1]] == "a container was made from it meanwhile"
    assert set(store.held[digest(1)].names) == {f"shop-app:{KEYS[1]}", f"{REPOSITORY}@{digest(1)}"}


def test_an_image_that_was_named_meanwhile_stays(store: MemoryStore, state: StateFolder) -> None:
    """A run went back to that version."""
    found = look_in_engine(store, OWNED, lambda key: False)
    sweep = make_sweep(found, Roots(), keep=1, now=NOW)
    store.add(stored(2, f"shop-app:{KEYS[2]}", "shop-app:latest"))
    remover = Remover(lambda: store, lambda: MemoryRegistry(HOST), state)
    told = {each.found.key: remover.remove(each).skipped for each in sweep.goes}
    assert told[KEYS[2]] == "it has another name now"
