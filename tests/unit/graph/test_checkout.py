"""What git has not brought: told before a build, with what to type, and nobody else pays."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from layers.graph.checkout import Lack, hollow, pull
from layers.graph.graph import Layer
from layers.plan.names import LABEL_KEY
from layers.project.project import Project
from layers.runtime.events import Warned
from tests.fakes import MemoryRegistry
from tests.unit.machines import HOST, World, begin, machine

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "5" * 64 + "\nsize 12345\n"
MODULES = '[submodule "lib"]\n\tpath = app/vendor/lib\n\turl = ../lib\n'
TOML = """\
version = 1
[project]
name = "demo"
[images.app]
context = "app"
contexts.more = "more"
"""


def project(root: Path, dockerfile: str, files: dict[str, str]) -> Project:
    """A git repository with these files."""
    every = {"images.toml": TOML, "app/Dockerfile": dockerfile, "more/x": "x", **files}
    for path, text in every.items():
        at = root / path
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_text(text)
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    return Project(str(root))


def lacks(found: Project) -> tuple[tuple[Lack, ...], tuple[Lack, ...], tuple[Lack, ...]]:
    """Pointers, submodules that are named, and those below a folder that is."""
    image, inputs = found.spec.images["app"], found.inputs
    manifests = inputs.image("app").built(None, ())
    checkout = inputs.checkout
    return checkout.pointers(image, manifests), *checkout.submodules(image, manifests)


@pytest.mark.parametrize(
    ("text", "there"),
    [
        pytest.param(POINTER, True, id="a pointer"),
        pytest.param(POINTER.replace("/v1", "/v2"), True, id="of another version"),
        pytest.param("x" * len(POINTER), False, id="of its size"),
        pytest.param(POINTER + "x" * 100, False, id="too long for one"),
        pytest.param("\n" + POINTER[:-1], False, id="that does not begin so"),
    ],
)
def test_a_pointer_is_known_by_its_size_and_how_it_begins(
    tmp_path: Path, text: str, there: bool
) -> None:
    """And told with the instruction that copies it."""
    found = project(tmp_path, "FROM scratch\nCOPY a /a\n", {"app/a": text})
    assert lacks(found)[0] == ((Lack("app/a", 2),) if there else ())


def test_pointers_are_found_in_every_stage_and_context(tmp_path: Path) -> None:
    """Below folders, behind wildcards and bind mounts; what no step reads is not looked at."""
    dockerfile = (
        "FROM scratch AS data\nCOPY data /data\nFROM busybox\nCOPY --from=data /data /d\n"
        "COPY --from=more *.bin /\nRUN --mount=type=bind,source=bound,target=/b cat /b/f\n"
    )
    files = ("app/data/f", "more/m.bin", "app/bound/f", "app/nobody")
    found = project(tmp_path, dockerfile, dict.fromkeys(files, POINTER))
    assert lacks(found)[0] == (
        Lack("app/data/f", 2),
        Lack("more/m.bin", 5),
        Lack("app/bound/f", 6),
    )


@pytest.mark.parametrize(
    ("copies", "named", "within"),
    [
        ("COPY vendor/lib /l", True, False),
        ("COPY ./vendor/lib/ /l", True, False),
        ("ADD vendor/lib /l", True, False),
        ("RUN --mount=type=bind,source=vendor/lib,target=/l true", True, False),
        ("COPY . /l", False, True),
        ("COPY vendor /l", False, True),
        ("COPY a /l", False, False),
    ],
)
def test_an_empty_submodule_is_told_from_one_that_a_step_names(
    tmp_path: Path, copies: str, named: bool, within: bool
) -> None:
    """Who copies a folder around it may do without."""
    files = {"app/a": "a", ".gitmodules": MODULES}
    (tmp_path / "app" / "vendor" / "lib").mkdir(parents=True)
    there = (Lack("app/vendor/lib", 2),)
    found = project(tmp_path, f"FROM busybox\n{copies}\n", files)
    assert lacks(found)[1:] == (there if named else (), there if within else ())


def test_an_empty_folder_is_a_submodule_only_if_git_says_so(tmp_path: Path) -> None:
    """And a submodule that holds a file is there."""
    (tmp_path / "app" / "vendor" / "lib").mkdir(parents=True)
    found = project(tmp_path, "FROM scratch\nCOPY vendor/lib /l\n", {})
    assert lacks(found)[1:] == ((), ())
    files = {".gitmodules": MODULES, "app/vendor/lib/f": "f"}
    assert lacks(project(tmp_path, "FROM scratch\nCOPY vendor/lib /l\n", files))[1:] == ((), ())


def test_a_project_may_be_a_folder_of_the_repository(tmp_path: Path) -> None:
    """Paths are told as the project has them, and typed there."""
    found = project(tmp_path / "deep", "FROM scratch\nCOPY vendor/lib /l\n", {})
    (tmp_path / "deep" / "app" / "vendor" / "lib").mkdir(parents=True)
    (tmp_path / "deep" / ".git").rename(tmp_path / ".git")
    (tmp_path / ".gitmodules").write_text(MODULES.replace("app/", "deep/app/"))
    assert lacks(found)[1] == (Lack("app/vendor/lib", 2),)


def test_a_path_in_an_empty_submodule_says_what_to_type(tmp_path: Path) -> None:
    """Rather than that the file is missing alone."""
    (tmp_path / "app" / "vendor" / "lib").mkdir(parents=True)
    found = project(tmp_path, "FROM scratch\nCOPY vendor/lib/src /l\n", {".gitmodules": MODULES})
    fault = found.inputs.fault("app")
    assert str(fault) == (
        "app/Dockerfile:2: COPY: 'vendor/lib/src' is not in the build context:"
        " app/vendor/lib is a git submodule that is not checked out\n"
        "  git submodule update --init --recursive app/vendor/lib"
    )


def test_what_to_type_names_one_file_and_not_a_hundred() -> None:
    """All of them come with one command."""
    one, two = Lack("a b.bin", 2), Lack("c", 3)
    assert (hollow([one]), pull([one])) == (
        "a b.bin is a Git LFS pointer, not the file",
        'git lfs pull --include "a b.bin"',
    )
    assert (hollow([one, two]), pull([one, two])) == (
        "a b.bin and 1 more are Git LFS pointers, not the files",
        "git lfs pull",
    )


# -- before a build ----------------------------------------------------------------------------


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A machine whose image copies a pointer and names a submodule that is not there."""
    found = machine(tmp_path, MemoryRegistry(HOST))
    root = Path(found.project.root)
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    (root / "app" / "a").write_text(POINTER)
    (root / ".gitmodules").write_text(MODULES)
    (root / "app" / "vendor" / "lib").mkdir(parents=True)
    (root / "app" / "Dockerfile").write_text("FROM scratch\nCOPY a /a\nCOPY vendor/lib /l\n")
    run = begin(Project(str(root)), found.engine, found.registry, tell=found.told.append)
    return World(run, found.engine, found.registry, found.told)


def test_what_cannot_be_built_is_told_before_anything_starts(world: World) -> None:
    """The other images are made."""
    plan = world.run.planner.plan
    assert plan.stuck() == {
        Layer("app"): "app/Dockerfile:3: app/vendor/lib is a git submodule that is not checked out"
        "\n  git submodule update --init --recursive app/vendor/lib"
    }
    (warning,) = [event for event in world.told if isinstance(event, Warned)]
    assert warning == Warned(
        "app/Dockerfile:2: app/a is a Git LFS pointer, not the file"
        '\n  git lfs pull --include "app/a"',
        "app",
    )


def test_an_image_that_is_there_is_not_looked_at(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a file is opened nor git asked."""
    for name in ("app", "tool", "local"):
        key = str(world.project.inputs.key(Layer(name)))
        world.engine.build(f"{name}:{key}", name, {LABEL_KEY: key})
        world.engine.tag(f"{name}:{key}", f"{name}:latest")

    def forbidden(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("layers.graph.checkout.Checkout.pointers", forbidden)
    monkeypatch.setattr("layers.graph.checkout.Checkout.submodules", forbidden)
    assert world.run.planner.plan.idle()
    assert world.warnings() == ""
