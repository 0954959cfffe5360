"""What a name in a Dockerfile means: images are those of plain builds, whatever the names."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.lab import Lab, Workspace

pytestmark = pytest.mark.e2e

Make = Callable[[dict[str, str]], Workspace]


@pytest.fixture
def make(lab: Lab, upstream: str, tmp_path: Path) -> Make:
    """A repository of these files, NAME and UPSTREAM filled in."""

    def made(files: dict[str, str]) -> Workspace:
        found = Workspace(lab, tmp_path / "repo", f"n{uuid.uuid4().hex[:8]}")
        texts = {"dodo.py": "from layers.tasks import DOIT_CONFIG, task_layers\n", **files}
        found.write(
            {
                path: text.replace("NAME", found.name).replace("UPSTREAM", upstream)
                for path, text in texts.items()
            }
        )
        return found

    return made


def plain(work: Workspace, folder: str, *words: str, tag: str = "plain") -> str:
    """What ``docker buildx build`` makes of a folder."""
    name = f"{work.name}-{tag}"
    work.lab.docker("buildx", "build", "--tag", name, *words, str(work.root / folder))
    return name


def contents(lab: Lab, image: str) -> dict[str, Any]:
    """Every file of an image outside of /bin, and its settings."""
    container = lab.docker("create", image, "x")
    try:
        environment = {**os.environ, **lab.endpoint.environment}
        raw = subprocess.run(
            [lab.endpoint.cli, "export", container],
            env=environment,
            capture_output=True,
            check=True,
        ).stdout
    finally:
        lab.docker("rm", container)
    found: dict[str, Any] = {}
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        for member in archive:
            if not member.name.startswith(("bin/", "dev", "etc", "proc", "sys", ".dockerenv")):
                file = archive.extractfile(member) if member.isfile() else None
                found[member.name] = (member.mode, file.read() if file else member.linkname)
    config = json.loads(lab.docker("image", "inspect", image))[0]
    settings = {k: v for k, v in config["Config"].items() if k not in ("Labels", "Image")}
    return {**found, "config": settings, "architecture": config["Architecture"]}


HEAD = 'version = 1\n[project]\nname = "NAME"\n'


@pytest.mark.parametrize("written", ["base", "Base", "BASE"])
def test_a_stage_may_be_called_as_the_image_that_it_begins_with(make: Make, written: str) -> None:
    """The commonest head of public files: nothing of the stage is lost."""
    work = make(
        {
            "images.toml": HEAD + '[images.NAME-base]\ncontext = "base"\n'
            '[images.app]\ncontext = "app"\ntag = "NAME-app"\n',
            "base/Dockerfile": "FROM UPSTREAM\nRUN echo base > /base\n",
            "app/Dockerfile": f"FROM NAME-base AS NAME-{written}\nRUN echo stage > /stage\n"
            "ENV A=1\nFROM NAME-base AS last\nCOPY --from=NAME-base /stage /copied\n"
            "COPY --from=0 /base /zero\n"
            "RUN --mount=from=NAME-base,target=/m cp /m/stage /mounted\n",
        }
    )
    work.doit()
    ours = contents(work.lab, f"{work.name}-app:latest")
    assert ours == contents(work.lab, plain(work, "app"))
    assert ours["copied"][1] == ours["mounted"][1] == b"stage\n"
    target = contents(work.lab, plain(work, "app", "--target", f"{work.name}-base"))
    work.doit(f"app:{work.name}-{written.lower()}")
    stage = work.lab.docker("images", "--format", "{{.Repository}}:{{.Tag}}", f"{work.name}-app")
    (kept,) = [each for each in stage.split() if each.lower().endswith("-base")]
    assert contents(work.lab, kept) == target


def test_a_kept_stage_is_taken_under_every_spelling(make: Make) -> None:
    """By name in any case and by number; what lies below it is not needed, nor built."""
    work = make(
        {
            "images.toml": HEAD + '[images.app]\ncontext = "."\ntag = "NAME-app"\n'
            'push = true\npush_stages = ["Deps", "more"]\n',
            "Dockerfile": "FROM UPSTREAM AS first\nRUN echo first > /first\n"
            "FROM first AS Deps\nRUN echo deps > /deps\n"
            "FROM deps AS more\nRUN echo more > /more\n"
            "FROM UPSTREAM\nCOPY --from=DEPS /deps /1\nCOPY --from=1 /first /2\n"
            "RUN --mount=from=dEPS,target=/m cp /m/deps /3\nCOPY --from=more /more /4\n"
            "COPY code /code\n",
            "code": "1\n",
            ".dockerignore": "*\n!code\n",
        }
    )
    work.doit()
    work.edit("code", "1", "2")
    work.lab.empty()
    work.doit()
    assert [layer for layer in work.ran() if ":" in layer] == []
    assert contents(work.lab, f"{work.name}-app:latest") == contents(work.lab, plain(work, "."))


def test_two_stages_of_one_name_are_two(make: Make) -> None:
    """The last one has the name; doit knows one task of it."""
    work = make(
        {
            "images.toml": HEAD + '[images.app]\ncontext = "app"\ntag = "NAME-app"\n',
            "app/Dockerfile": "FROM UPSTREAM AS one\nRUN echo 1 > /a\nFROM one AS One\n"
            "RUN echo 2 > /b\nFROM one\nCOPY --from=0 /a /c\n",
        }
    )
    work.doit()
    assert contents(work.lab, f"{work.name}-app:latest") == contents(work.lab, plain(work, "app"))


def test_a_stage_that_is_called_like_a_tag_leaves_the_image_its_name(make: Make) -> None:
    """``app:latest`` is the image."""
    work = make(
        {
            "images.toml": HEAD + '[images.app]\ncontext = "app"\ntag = "NAME-app"\n'
            'push_stages = ["latest"]\n',
            "app/Dockerfile": "FROM UPSTREAM AS latest\nRUN echo 1 > /a\n"
            "FROM latest AS final\nRUN echo 2 > /b\n",
        }
    )
    work.doit()
    work.doit("app:latest")
    assert "b" in contents(work.lab, f"{work.name}-app:latest")
    assert work.states() == {"app": "fresh"}


def test_the_whole_repository_may_be_the_context(make: Make) -> None:
    """``COPY . .`` from the root, the commonest layout: our own folder is no part of it."""
    work = make(
        {
            "images.toml": HEAD + '[images.app]\ncontext = "."\ntag = "NAME-app"\n',
            "Dockerfile": "FROM UPSTREAM\nCOPY . /all\n",
            "code": "1\n",
        }
    )
    expected = contents(work.lab, plain(work, "."))
    work.doit()
    ours = contents(work.lab, f"{work.name}-app:latest")
    assert ours == {name: what for name, what in expected.items() if "__pycache__" not in name} | {
        name: what for name, what in ours.items() if "__pycache__" in name
    }
    assert not [name for name in ours if ".layers" in name]
    assert work.states() == {"app": "fresh"}
    work.doit()
    assert work.ran() == {}


def test_the_users_patterns_mean_what_they_meant(make: Make) -> None:
    """Beside the Dockerfile or in the root, the last line of ours changes none of theirs."""
    files = {
        "images.toml": HEAD + '[images.app]\ncontext = "."\ntag = "NAME-app"\n'
        'dockerfile = "docker/app.Dockerfile"\n',
        "docker/app.Dockerfile": "FROM UPSTREAM\nCOPY . /all\n",
        "docker/app.Dockerfile.dockerignore": "*\n!code*\ncode2\n!.layers",
        ".dockerignore": "code\n",
        "code": "1\n",
        "code2": "2\n",
    }
    work = make(files)
    work.doit()
    file = ["--file", str(work.root / "docker/app.Dockerfile")]
    ours = contents(work.lab, f"{work.name}-app:latest")
    assert sorted(name for name in ours if name.startswith("all/")) == ["all/code"]
    (work.root / "docker/app.Dockerfile.dockerignore").write_text("*\n!code*\ncode2\n")
    assert ours == contents(work.lab, plain(work, ".", *file))


def test_an_image_may_be_called_as_the_upstream_that_it_is_made_from(
    make: Make, lab: Lab, upstream: str
) -> None:
    """In its own file the name is the upstream; elsewhere a name that may be either is refused."""
    work = make(
        {
            "images.toml": HEAD + '[images.proxy]\ncontext = "proxy"\ntag = "UPSTREAM"\n'
            '[images.app]\ncontext = "app"\ntag = "NAME-app"\n'
            '[images.other]\ncontext = "other"\ntag = "NAME-other"\n',
            "proxy/Dockerfile": "FROM UPSTREAM\nRUN echo proxy > /proxy\n",
            "app/Dockerfile": "FROM UPSTREAM\nRUN echo app > /app\n",
            "other/Dockerfile": "FROM scratch\nCOPY Dockerfile /\n",
        }
    )
    del lab, upstream
    run = work.doit("list", status=None)
    assert "may mean the image proxy of images.toml, or the upstream" in run.text
    assert "app/Dockerfile:1" in run.text


@pytest.mark.parametrize("kept", ["deps", "build"])
def test_a_kept_stage_gives_its_labels_to_nobody_that_only_copies_from_it(
    make: Make, kept: str
) -> None:
    """Frontends before 1.24 let labels through to later stages with the same base.

    moby/buildkit#6712: they keep them in one map.  A plain build of the same file without the
    label that is not the image's own gives the same image on every engine.
    """
    head = "FROM scratch AS deps\nLABEL a=deps\nCOPY f /1\nFROM deps AS build\n"
    tail = "COPY f /2\nFROM deps\nCOPY --from=build /2 /3\n"
    work = make(
        {
            "images.toml": HEAD + '[images.app]\ncontext = "app"\ntag = "NAME-app"\n'
            f'push_stages = ["{kept}"]\n',
            "app/Dockerfile": f"{head}LABEL a=build b=build\n{tail}",
            "without/Dockerfile": head + tail,
            "app/f": "f\n",
            "without/f": "f\n",
        }
    )
    work.doit()
    name = f"{work.name}-app:latest"
    labels = {"a": "deps"}
    assert labels_of(work.lab, plain(work, "without")) == labels
    assert labels_of(work.lab, name) == labels
    assert labels_of(work.lab, plain(work, "app")) in (labels, {"a": "build", "b": "build"})


def labels_of(lab: Lab, image: str) -> dict[str, str]:
    """An image's labels, but for ours."""
    found = json.loads(lab.docker("image", "inspect", "--format", "{{json .Config.Labels}}", image))
    return {name: value for name, value in found.items() if not name.startswith("io.doit-layers.")}
