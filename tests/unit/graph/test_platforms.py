"""Platforms: two configurations that give two images have two keys, and parents agree."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import NamedTuple

import pytest

from hashes.manifest import Manifest
from layers.graph.stages import made_for
from layers.project.project import Project
from tests.unit.memory import last

HEAD = 'version = 1\n[project]\nname = "shop"\n'
PLATFORMS = ("linux/amd64", "linux/arm64")
HEADS = ("", "--platform=$BUILDPLATFORM ", "--platform=$TARGETPLATFORM ", "--platform=linux/arm64 ")
BASES = ("debian:12", "scratch")
BODIES = (
    "COPY a.txt /a\n",
    "COPY --from=tool:1 /a /a\n",
    "ARG BUILDARCH\nLABEL a=$BUILDARCH\n",
    "ARG TARGETARCH\nLABEL a=$TARGETARCH\n",
)


class Case(NamedTuple):
    """A Dockerfile on a machine, for a platform."""

    machine: str
    wanted: str
    head: str
    base: str
    body: str

    def dockerfile(self) -> str:
        return f"FROM {self.head}{self.base}\n{self.body}"

    def image(self) -> tuple[str, ...]:
        """What BuildKit makes of it, as was seen on docker 26.1.5, written down apart from keys."""
        stage = {
            "--platform=$BUILDPLATFORM ": self.machine,
            "--platform=linux/arm64 ": "linux/arm64",
        }.get(self.head, self.wanted)
        told = self.wanted != self.machine
        base = f"{self.base} for {stage}" if self.base != "scratch" else ""
        of_base = stage if self.base != "scratch" else self.wanted
        says = self.wanted if told else of_base
        files = self.body.partition("LABEL")[2] or self.body
        files = files.replace("$BUILDARCH", self.machine).replace("$TARGETARCH", self.wanted)
        return base, says, files + (self.wanted if "--from" in files else "")


CASES = [Case(*each) for each in itertools.product(PLATFORMS, PLATFORMS, HEADS, BASES, BODIES)]


def manifest(case: Case) -> Manifest:
    found = last(case.dockerfile(), platform=case.wanted, build_platform=case.machine)
    return found.manifest


def shared(manifests: list[Manifest]) -> list[tuple[Case, Case]]:
    """Pairs with one key that are two images."""
    first: dict[str, Case] = {}
    found = []
    for case, each in zip(CASES, manifests, strict=True):
        other = first.setdefault(str(each.key()), case)
        if other.image() != case.image():
            found.append((other, case))
    return found


def test_two_images_never_share_a_key_whatever_machine_builds_for_whatever_platform() -> None:
    """Machine and platform, each with FROM --platform of every kind."""
    assert shared([manifest(case) for case in CASES]) == []


@pytest.mark.parametrize(
    "without", [("platform", "copied"), ("config", "PLATFORM")], ids=["copied", "configuration"]
)
def test_the_law_finds_a_key_that_says_too_little(without: tuple[str, str]) -> None:
    """A broken twin: keys without one of the two entries that are there for it."""
    poorer = [
        each._replace(entries=tuple(e for e in each.entries if (e.kind, e.name) != without))
        for each in map(manifest, CASES)
    ]
    assert shared(poorer)


def test_the_platform_of_its_machine_costs_no_key_anything(tmp_path: Path) -> None:
    """Written or not, and in whatever spelling."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text("FROM scratch\nARG TARGETARCH\n")
    machine = Project(str(_project(tmp_path, ""))).spec.machine
    keys = set()
    for line in ("", f'platform = "{machine}"\n'):
        inputs = Project(str(_project(tmp_path, line))).inputs
        keys.add(str(inputs.image("app").own.key()))
    assert len(keys) == 1


def _project(root: Path, line: str) -> Path:
    (root / "images.toml").write_text(f'{HEAD}[images.app]\ncontext = "app"\n{line}')
    return root


def test_an_image_has_a_platform_of_its_own(tmp_path: Path) -> None:
    """It is in the key, and others keep theirs."""
    toml = "".join(f'[images.{name}]\ncontext = "app"\nPLATFORM\n' for name in ("app", "other"))
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text(
        "FROM scratch\nARG TARGETARCH\nLABEL a=$TARGETARCH\n"
    )
    keys = []
    for line in ("", 'platform = "linux/s390x"', 'platform = "linux/riscv64"'):
        (tmp_path / "images.toml").write_text(
            HEAD + toml.replace("PLATFORM", line, 1).replace("PLATFORM", "")
        )
        inputs = Project(str(tmp_path)).inputs
        keys.append({name: str(inputs.image(name).own.key()) for name in ("app", "other")})
    assert len({each["app"] for each in keys}) == 3
    assert len({each["other"] for each in keys}) == 1


S390X, ARM = 'platform = "linux/s390x"\n', 'platform = "linux/arm64"\n'


@pytest.mark.parametrize(
    ("base", "app", "dockerfile", "line"),
    [
        (S390X, S390X, "FROM base\n", 0),
        (S390X, ARM, "FROM scratch\nFROM base\n", 2),
        (S390X, ARM, "FROM scratch\nCOPY --from=base /a /a\n", 2),
        (S390X, ARM, "FROM scratch\nRUN --mount=from=base,target=/m true\n", 2),
        (S390X, ARM, "FROM --platform=linux/s390x base AS x\nFROM scratch\nCOPY --from=x / /\n", 0),
        (S390X, S390X, "FROM --platform=linux/arm64 base\n", 1),
    ],
)
def test_a_parent_of_another_platform_is_told_with_file_and_line(
    tmp_path: Path, base: str, app: str, dockerfile: str, line: int
) -> None:
    """BuildKit takes it as it is, and the child is for the parent's platform without a word."""
    for name, text in (("base", "FROM scratch\n"), ("app", dockerfile)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text(text)
    (tmp_path / "images.toml").write_text(
        f'{HEAD}[images.base]\ncontext = "base"\n{base}[images.app]\ncontext = "app"\n{app}'
    )
    fault = Project(str(tmp_path)).inputs.fault("app")
    assert (fault is None) == (line == 0)
    if fault is not None:
        assert (fault.file, fault.line) == ("app/Dockerfile", line)
        assert "base is taken for linux/arm64, and the image base is for linux/s390x" in str(fault)


def test_an_empty_base_is_for_what_is_asked_whatever_its_stage_says() -> None:
    """Docker 26.1.5: ``FROM --platform=linux/arm64 scratch`` is no image for arm64."""
    from hashes import parse
    from hashes.dockerfile.reachable import reach

    for base, expected in (("scratch", "linux/amd64"), ("debian:12", "linux/arm64")):
        text = f"FROM --platform=linux/arm64 {base} AS one\nFROM one\n"
        *_, target = reach(parse(text.encode(), "Dockerfile"), None, {}, "linux/amd64")
        assert made_for(target, "linux/amd64", "linux/amd64") == expected
        assert made_for(target, "linux/amd64", "linux/arm64") == "linux/amd64"
