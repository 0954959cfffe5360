"""``doit report``: where the page goes, and what is told of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """One image, and no engine."""
    (tmp_path / "images.toml").write_text(
        'version = 1\n[project]\nname = "shop"\n[images.app]\ncontext = "app"\n'
    )
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text("FROM scratch\n")
    return tmp_path


def doit(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"DOCKER_HOST": "unix:///nowhere", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "doit", "report", *words]
    return subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )


def test_without_a_name_it_lies_below_layers(shop: Path) -> None:
    """The place and the sum are told; without an engine there is a page all the same."""
    done = doit(shop)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ".layers/report.html: 1 to build (never built here)\n"
    text = (shop / ".layers" / "report.html").read_text()
    assert text.startswith("<!DOCTYPE html>\n")
    assert "<h1>Images of shop</h1>" in text
    assert "the engine was not asked" in text


def test_it_goes_where_one_wants_it(shop: Path) -> None:
    """A file, or standard output with nothing else."""
    assert doit(shop, "-o", "it.html").stdout.startswith("it.html: ")
    assert (shop / "it.html").is_file()
    assert doit(shop, "--output", "-").stdout.startswith("<!DOCTYPE html>\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("app",), "report takes no 'app'"),
        (("-o", "no/where.html"), "no/where.html cannot be written: No such file or directory"),
    ],
)
def test_mistakes_are_told_in_a_sentence(shop: Path, words: tuple[str, ...], told: str) -> None:
    """Status 1."""
    done = doit(shop, *words)
    assert done.returncode == 1
    assert told in done.stderr
