"""What reaches a build from outside of images.toml: nothing of the caller's."""

from __future__ import annotations

import json

import pytest

from tests.e2e.lab import Workspace
from tests.e2e.test_names import HEAD, Make, contents, make, plain

__all__ = ["make"]

pytestmark = pytest.mark.e2e


def config(work: Workspace, image: str) -> dict[str, object]:
    """An image's configuration and its history."""
    found = json.loads(work.lab.docker("image", "inspect", f"{work.name}-{image}:latest"))[0]
    return {"created": found["Created"], "os": found["Os"], "arch": found["Architecture"]}


def test_nothing_of_the_callers_shell_reaches_the_image(make: Make) -> None:
    """Not the moment, not a proxy with its password, not a source policy."""
    work = make(
        {
            "images.toml": HEAD + '[images.app]\ncontext = "app"\ntag = "NAME-app"\n',
            "app/Dockerfile": "ARG http_proxy\nFROM UPSTREAM\nARG http_proxy\n"
            "ENV proxy=$http_proxy\nRUN env > /env\n",
        }
    )
    expected = contents(work.lab, plain(work, "app"))
    work.doit(
        http_proxy="http://me:secret@127.0.0.1:1",
        SOURCE_DATE_EPOCH="1",
        EXPERIMENTAL_BUILDKIT_SOURCE_POLICY="/nowhere",
        DOCKER_DEFAULT_PLATFORM="linux/s390x",
    )
    assert contents(work.lab, f"{work.name}-app:latest") == expected
    assert "1970" not in str(config(work, "app")["created"])


def test_the_moment_of_an_image_is_a_setting_and_part_of_its_key(make: Make) -> None:
    """Two machines give two equal configurations."""
    text = HEAD + '[images.app]\ncontext = "app"\ntag = "NAME-app"\n'
    text += "source_date_epoch = 1000000000\n"
    work = make({"images.toml": text, "app/Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"})
    work.doit()
    assert str(config(work, "app")["created"]).startswith("2001-09-09T01:46:40")
    assert work.states() == {"app": "fresh"}
    work.edit("images.toml", "1000000000", "1000000001")
    assert work.states() == {"app": "build"}


def test_a_platform_that_a_dockerfile_says_is_that_of_the_image(make: Make) -> None:
    """As plain builds have it; and the build platform is this machine's."""
    work = make(
        {
            "images.toml": HEAD + '[images.app]\ncontext = "app"\ntag = "NAME-app"\n',
            "arm/Dockerfile": "FROM scratch\nCOPY Dockerfile /arm\n",
            "app/Dockerfile": "FROM --platform=linux/arm64 REGISTRY/NAME-arm\nARG BUILDPLATFORM\n"
            "LABEL build=$BUILDPLATFORM\nCOPY Dockerfile /\n",
        }
    )
    work.edit("app/Dockerfile", "REGISTRY", work.lab.registry)
    arm = f"{work.lab.registry}/{work.name}-arm"
    words = ("--platform=linux/arm64", "--provenance=false", f"--tag={arm}", str(work.root / "arm"))
    work.lab.docker("buildx", "build", *words)
    work.lab.docker("push", arm)
    work.doit()
    plain(work, "app")
    assert config(work, "app")["arch"] == config(work, "plain")["arch"] == "arm64"
    assert work.states() == {"app": "fresh"}
    form = "{{.Config.Labels}}"
    labels = work.lab.docker("image", "inspect", f"{work.name}-app", "--format", form)
    assert "build:linux/a" in labels
