"""The wheel is all that a user needs: a whole small project is run from it, without this checkout.

The wheel is made from the sdist.  Pythons that GitHub's runner brings, and those that the variable
WHEEL_PYTHONS names, get an environment of their own that pip fills; where there are none, this
Python runs the wheel beside the libraries that the tests have.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import uuid4

import pytest

from layers.check.catalogue import RULES
from layers.pages.page import TOPICS
from tests.e2e.lab import CHECKOUT, Lab

pytestmark = pytest.mark.e2e

VERSION = "7.8.9"
SOURCES = ("pyproject.toml", "README.md", "hashes", "layers", "docs")
TOOLS = Path(os.environ.get("RUNNER_TOOL_CACHE", "/opt/hostedtoolcache")) / "Python"
OTHERS = [
    *map(str, sorted(TOOLS.glob("3.1[0-4].*/x64/bin/python3"))),
    *os.environ.get("WHEEL_PYTHONS", "").split(),
]


def call(*words: str, cwd: Path, env: Mapping[str, str]) -> str:
    """What a program says that succeeds."""
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist of these files, whose tag says `VERSION`."""
    folder = tmp_path_factory.mktemp("sources")
    leave = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in SOURCES:
        if (CHECKOUT / name).is_dir():
            shutil.copytree(CHECKOUT / name, folder / name, symlinks=True, ignore=leave)
        else:
            shutil.copy(CHECKOUT / name, folder)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    hook = "from setuptools import build_meta; build_meta.build_sdist('dist')"
    tagged = {**clean, "SETUPTOOLS_SCM_PRETEND_VERSION": VERSION}
    call(sys.executable, "-c", hook, cwd=folder, env=tagged)
    (found,) = (folder / "dist").iterdir()
    return found


@pytest.fixture(scope="module")
def wheel(sdist: Path) -> Path:
    """The wheel of the sdist."""
    folder = sdist.parent.parent
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    options = ("--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", "wheels")
    call(sys.executable, "-m", "pip", "wheel", *options, str(sdist), cwd=folder, env=clean)
    (found,) = (folder / "wheels").iterdir()
    return found


def borrowed(wheel: Path, at: Path) -> Path:
    """An environment with the wheel unpacked, and this one's libraries behind it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", at], check=True)
    (site,) = at.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # A folder that a .pth file names is searched; the .pth files in it, this checkout's, are not.
    libraries = [each for each in sys.path if each.endswith("-packages")]
    (site / "libraries.pth").write_text("".join(f"{each}\n" for each in libraries))
    return at / "bin" / "python"


def filled(wheel: Path, at: Path, python: str) -> Path:
    """An environment that pip fills."""
    subprocess.run([python, "-m", "venv", at], check=True)
    pip = [str(at / "bin" / "python"), "-m", "pip", "install", "--quiet", str(wheel)]
    subprocess.run(pip, check=True, capture_output=True)
    return at / "bin" / "python"


@pytest.fixture(params=OTHERS or [""])
def python(request: pytest.FixtureRequest, wheel: Path, tmp_path: Path) -> Path:
    """A Python that has the wheel."""
    at = tmp_path / "environment"
    return filled(wheel, at, request.param) if request.param else borrowed(wheel, at)


@pytest.fixture
def shop(lab: Lab, tmp_path: Path) -> Iterator[Path]:
    """A repository with two Dockerfiles of names that no other test has."""
    root = tmp_path / "shop"
    name = f"w{uuid4().hex[:6]}"
    for image, text in ((f"{name}-base", "FROM scratch\n"), (f"{name}-api", f"FROM {name}-base\n")):
        (root / image).mkdir(parents=True)
        (root / image / "Dockerfile").write_text(f"{text}COPY file /{image}\n")
        (root / image / "file").write_text(image)
    yield root
    for image in lab.docker("images", "--quiet", "--filter", f"reference={name}-*").split():
        lab.docker("image", "rm", "--force", image, check=False)


def test_the_wheel_holds_every_page(wheel: Path) -> None:
    """Byte for byte those of the docs, and the schema."""
    with zipfile.ZipFile(wheel) as archive:
        for name in (*(file for file, _ in TOPICS.values()), *(f"rules/{r}.md" for r in RULES)):
            assert archive.read(f"layers/pages/{name}") == (CHECKOUT / "docs" / name).read_bytes()
        templates = [f"layers/htmlreport/templates/report.{kind}" for kind in ("html", "css")]
        for same in ("layers/config/images.schema.json", *templates):
            assert archive.read(same) == (CHECKOUT / same).read_bytes()
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert tops == {"hashes", "layers", f"doit_layers-{VERSION}.dist-info"}


@pytest.mark.parametrize("other", OTHERS)
def test_the_sdist_installs_the_same_files(
    other: str, sdist: Path, wheel: Path, tmp_path: Path
) -> None:
    """Built by that Python with what pip fetches for it; only tags of the tools may differ."""
    python = filled(sdist, tmp_path / "environment", other)
    (site,) = (tmp_path / "environment").glob("lib/python*/site-packages")
    assert python.exists()
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if ".dist-info/" not in name:
                assert (site / name).read_bytes() == archive.read(name)


def test_a_project_is_run_from_the_wheel_alone(python: Path, shop: Path, lab: Lab) -> None:
    """Set up, listed, built, explained and checked; pages and completion are there."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("LAYERS_", "PYTHON"))}
    env = {**clean, **lab.endpoint.environment, "LAYERS_REGISTRY": ""}

    def doit(*words: str) -> str:
        return call(str(python), "-m", "doit", *words, cwd=shop, env=env)

    def states() -> list[str]:
        return [each["state"] for each in json.loads(doit("list", "--json"))["layers"]]

    where = "import hashes, layers; print(hashes.__file__, layers.__file__)"
    for path in call(str(python), "-c", where, cwd=shop, env=env).split():
        assert Path(path).is_relative_to(python.parent.parent)
    assert "written: images.toml, dodo.py" in doit("init")
    assert states() == ["build", "build"]
    assert "2 to build" in doit("list")
    doit()
    assert states() == ["fresh", "fresh"]
    assert "up to date" in doit()
    base, api = json.loads(doit("keys", "--json"))["images"]
    assert lab.docker("image", "inspect", "--format={{len .RootFS.Layers}}", f"{api}:latest") == "2"
    (shop / base / "file").write_text("changed")
    assert "changed" in doit("why", api)
    assert "0 errors" in doit("check")
    assert f"{api} " in doit("graph")
    assert doit("report").startswith(".layers/report.html: 2 to build")
    assert "# images.toml" in doit("help", "images.toml")
    assert "# apt-asks" in doit("help", "rule", "apt-asks")
    assert "complete -F _doit doit" in doit("completion", "bash")
    assert json.loads(doit("engine", "--json"))["doit-layers"] == VERSION
