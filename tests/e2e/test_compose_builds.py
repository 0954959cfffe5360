"""What a compose file says of builds, as the real compose tells it: so of our image, or refused."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.e2e.lab import Workspace

pytestmark = pytest.mark.e2e

DOCKERFILE = """\
ARG BASE=NAME-base
FROM ${BASE} AS runtime
ARG FLAVOUR=plain
COPY --from=src app.py /app.py
RUN --mount=type=secret,id=tok echo ${FLAVOUR} > /flavour
CMD ["cat", "/flavour"]

FROM runtime AS debug
RUN echo debug > /debug
"""
SPEC = """
[images.service]
context = "service"
tag = "NAME-service"
target = "runtime"
contexts = { src = "app" }
secrets = ["tok"]
network = "none"

[images.service.variants.plain]
tag = "NAME-plain"

[images.service.variants.sweet]
tag = "NAME-sweet"
args = { FLAVOUR = "sweet" }

[stacks.shop]
compose = ["deploy/compose.yaml"]

[secrets.tok]
file = "tok.txt"
"""
COMPOSE = """\
x-build: &build
  context: ../service
  target: runtime
  additional_contexts:
    src: ../app
  network: none
  platforms: [linux/amd64, linux/arm64]
  secrets: [tok]
  cache_from: [NAME-cache]
services:
  plain:
    build:
      <<: *build
      args:
        BASE: NAME-base:latest
        FLAVOUR: plain
  sweet:
    build:
      <<: *build
      args:
        - FLAVOUR=sweet
secrets:
  tok:
    file: ../tok.txt
"""
REFUSED = """\
services:
  plain:
    image: NAME-plain
    build:
      context: ../service
      target: runtime
      args:
        FLAVOUR: sour
      additional_contexts:
        src: ../other
      network: host
      platforms: [linux/s390x]
      secrets: [other]
      ssh: [default]
      shm_size: 64m
      extra_hosts: ["a=10.0.0.1"]
      ulimits:
        nofile: 1024
  inline:
    image: NAME-sweet
    build:
      context: ../service
      dockerfile_inline: FROM scratch
  staged:
    image: NAME-sweet
    build:
      context: ../service
      target: runtme
secrets:
  other:
    file: ../tok.txt
"""


@pytest.fixture
def shop(workspace: Workspace) -> Iterator[Workspace]:
    """The small stack with a service of two variants, and a compose file elsewhere."""
    name = workspace.name
    files = {
        "images.toml": workspace.read("images.toml") + SPEC,
        "service/Dockerfile": DOCKERFILE,
        "deploy/compose.yaml": COMPOSE,
        "tok.txt": "t\n",
    }
    workspace.write({path: text.replace("NAME", name) for path, text in files.items()})
    yield workspace
    workspace.doit("down", "shop")


def test_services_run_the_images_that_their_builds_describe(shop: Workspace) -> None:
    """Args choose the variant; one that says what the Dockerfile says anyway changes nothing."""
    told = json.loads(shop.doit("up", "--json", "shop").out)
    (stack,) = told["stacks"]
    layers = {one["name"]: one["layer"] for one in stack["services"]}
    assert layers == {"plain": "service-plain", "sweet": "service-sweet"}
    logs = {
        one["name"]: shop.lab.docker("logs", one["container"]).strip() for one in stack["services"]
    }
    assert logs == {"plain": "plain", "sweet": "sweet"}


def test_what_our_image_is_not_is_refused_before_anything_is_built(shop: Workspace) -> None:
    """Each key by service, file and line, all at once."""
    shop.write({"deploy/compose.yaml": REFUSED.replace("NAME", shop.name)})
    run = shop.doit("up", "shop", status=1)
    lines = REFUSED.splitlines()
    for service, key, text in (
        ("plain", "build.args.FLAVOUR", "FLAVOUR: sour"),
        ("plain", "build.additional_contexts.src", "src: ../other"),
        ("plain", "build.network", "network: host"),
        ("plain", "build.platforms", "platforms:"),
        ("plain", "build.secrets", "secrets: [other]"),
        ("plain", "build.ssh", "ssh:"),
        ("plain", "build.shm_size", "shm_size:"),
        ("plain", "build.extra_hosts", "extra_hosts:"),
        ("plain", "build.ulimits", "ulimits:"),
        ("inline", "build.dockerfile_inline", "dockerfile_inline:"),
        ("staged", "build.target", "target: runtme"),
    ):
        line = next(number for number, each in enumerate(lines, 1) if text in each)
        assert f"deploy/compose.yaml:{line}: service {service}: {key}: " in run.text, run.text
    assert "did you mean 'runtime'?" in run.text
    assert shop.lab.docker("images", "--quiet", f"{shop.name}-plain") == ""
    shop.edit("deploy/compose.yaml", "ssh: [default]", "ssh: [mine=/k]")
    run = shop.doit("up", "shop", status=1)
    assert "service plain: build.ssh: " in run.text
