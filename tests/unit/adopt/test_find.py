"""Which files of a repository say how images are built."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers.adopt.find import find, only
from tests.unit.adopt.repositories import write

DOCKERFILE = "FROM debian:12\n"


@pytest.mark.parametrize(
    "name",
    [
        "Dockerfile",
        "api.Dockerfile",
        "Dockerfile.gpu",
        "Dockerfile-arm64",
        "Dockerfile_amd",
        "Containerfile",
        "dockerfile",
        "a/b/Containerfile.dev",
    ],
)
def test_every_usual_name_of_a_dockerfile_is_found(tmp_path: Path, name: str) -> None:
    """People call Dockerfiles by several names."""
    assert find(str(write(tmp_path, {name: DOCKERFILE}))).dockerfiles == (name,)


@pytest.mark.parametrize(
    "name",
    [
        "Dockerfile.dockerignore",
        "Dockerfile.md",
        "dockerfile.py",
        "api.Dockerfile.dockerignore",
        "Dockerfiles",
        "docker-file",
        "Dockerfile~",
        "Dockerfile.sh",
    ],
)
def test_what_is_only_named_like_one_is_none(tmp_path: Path, name: str) -> None:
    """Ignore files, notes and scripts beside a Dockerfile are no Dockerfiles."""
    assert find(str(write(tmp_path, {name: DOCKERFILE}))).dockerfiles == ()


def test_templates_and_what_others_wrote_are_left_out_by_name(tmp_path: Path) -> None:
    """A template is no Dockerfile yet, and vendor/ is somebody else's."""
    found = find(
        str(write(tmp_path, {"Dockerfile.j2": "", "vendor/x/Dockerfile": "", "Dockerfile": ""}))
    )
    assert found.dockerfiles == ("Dockerfile",)
    assert {each.what for each in found.left_out} == {"Dockerfile.j2", "vendor/x/Dockerfile"}


def test_tests_and_examples_are_left_out_beside_others(tmp_path: Path) -> None:
    """Where there is something else, nobody means the Dockerfiles of the tests."""
    root = write(tmp_path, {"Dockerfile": "", "tests/Dockerfile": "", "examples/a/Dockerfile": ""})
    found = find(str(root))
    assert found.dockerfiles == ("Dockerfile",)
    assert [each.why for each in found.left_out] == [
        "it lies below examples/",
        "it lies below tests/",
    ]


@pytest.mark.parametrize(
    "folder", [".examples", "Tests", "_tests", "parser/testfiles-negative", "fixtures_old/a"]
)
def test_folders_of_tests_have_many_names(tmp_path: Path, folder: str) -> None:
    """A dot before it hides it from nobody who builds images."""
    root = write(tmp_path, {"Dockerfile": "", f"{folder}/Dockerfile": "", "contest/Dockerfile": ""})
    assert find(str(root)).dockerfiles == ("Dockerfile", "contest/Dockerfile")


def test_a_repository_of_examples_has_all_of_them(tmp_path: Path) -> None:
    """Where there is nothing else, they are what is meant."""
    root = write(tmp_path, {"examples/a/Dockerfile": "", "examples/b/Dockerfile": ""})
    assert find(str(root)).dockerfiles == ("examples/a/Dockerfile", "examples/b/Dockerfile")


def test_what_git_ignores_is_not_looked_at(tmp_path: Path) -> None:
    """A build folder has copies of Dockerfiles."""
    root = write(tmp_path, {".gitignore": "out/\n", "out/Dockerfile": "", "a/Dockerfile": ""})
    assert find(str(root)).dockerfiles == ("a/Dockerfile",)


def test_without_git_the_folder_is_walked(tmp_path: Path) -> None:
    """A folder that was unpacked has no history."""
    files = {"a/Dockerfile": "", "node_modules/x/Dockerfile": "", "compose.yaml": ""}
    found = find(str(write(tmp_path, files, git=False)))
    assert (found.git, found.dockerfiles, found.compose) == (
        False,
        ("a/Dockerfile",),
        ("compose.yaml",),
    )


def test_compose_bake_and_workflows_are_told_apart(tmp_path: Path) -> None:
    """Each kind has its own reader."""
    names = ["compose.yaml", "docker-compose.prod.yml", "dev-compose.yml", "docker-bake.hcl"]
    names += ["docker-bake.override.json", ".github/workflows/ci.yml", "action.yml", "main.tf"]
    found = find(str(write(tmp_path, dict.fromkeys(names, ""))))
    assert found.compose == ("compose.yaml", "dev-compose.yml", "docker-compose.prod.yml")
    assert found.bake == ("docker-bake.hcl", "docker-bake.override.json")
    assert found.workflows == (".github/workflows/ci.yml",)


def test_one_file_alone_may_have_any_name(tmp_path: Path) -> None:
    """``--from stack.yml`` is a compose file, since nothing else is read from YAML by name."""
    found = find(str(write(tmp_path, {"stack.yml": "", "Dockerfile": ""})))
    assert only(found, "stack.yml").compose == ("stack.yml",)
    assert only(found, "targets.hcl").bake == ("targets.hcl",)
    assert only(found, "Dockerfile").dockerfiles == ("Dockerfile",)
    assert only(found, ".github/workflows/a.yml").workflows == (".github/workflows/a.yml",)
