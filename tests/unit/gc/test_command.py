"""`doit gc` on a project in memory: who is asked, and what follows where nobody answers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hashes.errors import LayersError
from layers.commands.gc import _bytes, _scope
from layers.engine.engine import EngineDown
from layers.engine.store import Container, Store, Stored
from layers.gc.scan import CleanUp, Scan, Scope
from layers.project.project import Project
from tests.fakes import MemoryEngine, MemoryRegistry
from tests.fakes_store import MemoryStore
from tests.unit.gc.shop import HOST, KEYS, digest, put_image
from tests.unit.machines import FixedBackends

SPEC = f"""\
version = 1
[project]
name = "shop"
registry = "{HOST}"
[images.app]
context = "app"
tag = "shop-app"
push = true
[profiles.gpu.images.app]
args = {{ GPU = "1" }}
"""


@pytest.fixture
def registry() -> MemoryRegistry:
    """Five versions of one image."""
    found = MemoryRegistry(HOST)
    for number in range(5):
        put_image(found, number)
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout outside of git."""
    (tmp_path / "images.toml").write_text(SPEC)
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text("FROM scratch\nARG GPU\nCOPY a /a$GPU\n")
    (tmp_path / "app" / "a").write_text("a")
    return tmp_path


@pytest.fixture
def survey(root: Path, registry: MemoryRegistry) -> Callable[..., CleanUp]:
    """Looks around, with a store or without an engine."""

    def look(scope: Scope, store: Store | None = None) -> CleanUp:
        project = Project(str(root))

        def engine() -> Store:
            if store is None:
                raise EngineDown("no engine answers")
            return store

        backends = FixedBackends(project, MemoryEngine(registry), registry)
        return Scan(project, backends, engine, scope).clean_up()

    return look


def going(found: CleanUp) -> list[str]:
    """Keys of what goes."""
    return [each.found.key for each in found.sweep.goes]


def present(root: Path, profile: str | None) -> str:
    """The key of the image now."""
    return str(Project(str(root), profile=profile).inputs.image("app").own.key())


def test_a_runner_without_an_engine_cleans_the_registry(survey: Callable[..., CleanUp]) -> None:
    """And says that containers are not known; engine and registry together need an engine."""
    found = survey(Scope(local=False, keep=3))
    assert sorted(going(found)) == KEYS[:2]
    assert any("containers" in note for note in found.notes)
    with pytest.raises(EngineDown):
        survey(Scope())


def test_what_a_container_was_made_from_stays_in_the_registry_too(
    survey: Callable[..., CleanUp],
) -> None:
    """By the label that the container has from its image."""
    store = MemoryStore()
    store.made.append(Container("web", digest(77), {"io.doit-layers.key": KEYS[0]}))
    assert going(survey(Scope(keep=3), store)) == [KEYS[1]]


@pytest.mark.parametrize("profile", [None, "gpu"])
def test_every_profile_of_the_checkout_counts(
    survey: Callable[..., CleanUp], root: Path, profile: str | None
) -> None:
    """Whichever of them the command is run under."""
    store = MemoryStore()
    key = present(root, profile)
    for number, each in enumerate((key, KEYS[1], KEYS[2])):
        labels = {"io.doit-layers.key": each, "io.doit-layers.layer": "app"}
        names = (f"shop-app:{each}",)
        store.add(Stored(digest(number), names, (), labels, float(number)))
    assert going(survey(Scope(remote=False, keep=1), store)) == [KEYS[1]]


def test_records_stay_as_long_as_a_registry_may_have_their_keys(
    survey: Callable[..., CleanUp], root: Path, registry: MemoryRegistry
) -> None:
    """A registry that is down, or was not asked, has who knows what."""
    path = root / ".layers" / "manifests" / f"{KEYS[8]}.json"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    store = MemoryStore()
    assert [each.path for each in survey(Scope(), store).files] == [f"manifests/{KEYS[8]}.json"]
    assert survey(Scope(remote=False), store).files == ()
    registry.down = True
    down = survey(Scope(), store)
    assert down.files == ()
    assert any("was left alone" in note for note in down.notes)
    assert not down.whole


def test_the_build_cache_is_touched_on_demand_alone(survey: Callable[..., CleanUp]) -> None:
    """It makes the next builds fast."""
    store = MemoryStore()
    store.unused = 100
    assert survey(Scope(remote=False), store).cache == 0
    assert survey(Scope(remote=False, cache=30), store).cache == 70
    assert survey(Scope(remote=False, cache=300), store).cache == 0


def test_locks_of_branches_count(survey: Callable[..., CleanUp], root: Path) -> None:
    """What is committed somewhere is needed."""
    (root / "images.lock").write_text(f"version = 1\n# {KEYS[0]}\n")
    for words in (["init", "--quiet"], ["add", "images.lock"]):
        subprocess.run(["git", *words], cwd=root, check=True)
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", *who, "commit", "--quiet", "-m", "m"], cwd=root, check=True)
    (root / "images.lock").unlink()
    found = survey(Scope(local=False, keep=3))
    assert going(found) == [KEYS[1]]
    assert not any("git" in note for note in found.notes)


@pytest.mark.parametrize("label", [True, False])
def test_all_that_an_image_with_an_error_may_need_stays(
    survey: Callable[..., CleanUp], root: Path, label: bool
) -> None:
    """Nobody can tell its present key, nor that of what is made from it; others are cleaned up."""
    with (root / "images.toml").open("a") as file:
        file.write('[images.child]\ncontext = "child"\n[images.other]\ncontext = "other"\n')
    for name, base in (("child", "app"), ("other", "scratch")):
        (root / name).mkdir()
        (root / name / "Dockerfile").write_text(f"FROM {base}\nENV A=1\n")
    (root / "app" / "Dockerfile").write_text("FRUM scratch\n")
    store = MemoryStore()
    for number, name in enumerate(["shop-app", "child", "other", "shop-app", "child", "other"]):
        labels = {"io.doit-layers.key": KEYS[number]}
        if label:
            labels["io.doit-layers.layer"] = name.removeprefix("shop-")
        store.add(Stored(digest(number), (f"{name}:{KEYS[number]}",), (), labels, float(number)))
    found = survey(Scope(remote=False, keep=1), store)
    assert going(found) == [KEYS[2]]
    assert not found.whole
    told = "\n".join(found.notes)
    assert "all of app stays, since it has an error: app/Dockerfile:1: " in told
    assert "all of child stays, since it has an error: child is made from app" in told
    whole = survey(Scope(local=False, keep=1))
    assert going(whole) == []


def test_a_surveys_json_is_json(survey: Callable[..., CleanUp]) -> None:
    """Whatever was found."""
    from layers.gc.report import as_json

    told = json.loads(json.dumps(as_json(survey(Scope(local=False)), None)))
    assert {each["platform"] for each in told["goes"]} == {"linux/amd64"}


OPTIONS = {"local": False, "remote": False, "keep": "3", "build_cache": ""}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, Scope()),
        ({"local": True}, Scope(remote=False)),
        ({"remote": True}, Scope(local=False)),
        ({"local": True, "remote": True}, Scope()),
        ({"keep": "12"}, Scope(keep=12)),
        ({"build_cache": "0"}, Scope(cache=0)),
    ],
)
def test_options_say_what_is_cleaned(options: dict[str, object], expected: Scope) -> None:
    """Both sides, if none is named."""
    assert _scope({**OPTIONS, **options}) == expected


@pytest.mark.parametrize("text", ["0", "-1", "x", "", "3.5", "1" * 9])
def test_a_number_that_keeps_nothing_is_refused(text: str) -> None:
    """A base that was just pushed must live until its lock is committed."""
    with pytest.raises(LayersError, match="at least 1"):
        _scope({**OPTIONS, "keep": text})


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", 0), ("10 GB", 10**10), ("1.5g", 15 * 10**8), ("2KiB", 2048), ("7 B", 7)],
)
def test_a_size_is_read_as_people_write_it(text: str, expected: int) -> None:
    """In thousands, or in 1,024s with an i."""
    assert _bytes(text) == expected


@pytest.mark.parametrize("text", ["x", "-1", "1 PB", "1 2"])
def test_what_is_no_size_is_refused(text: str) -> None:
    """With an example."""
    with pytest.raises(LayersError, match="10 GB"):
        _bytes(text)
