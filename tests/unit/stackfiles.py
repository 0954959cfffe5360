"""Reads the files of a stack below images/: Dockerfiles by stage, pins of requirements."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import dockerfile

IMAGES = Path(__file__).parents[2] / "images"
MANDATORY = (
    *("node_modules", "__pycache__", ".git", ".gitignore", ".env", "*.log", "data", "*.pkl"),
    *(".venv", "venv", "dist", "build"),
)
"""What every .dockerignore of the seeds holds."""


class Step(NamedTuple):
    """One instruction."""

    stage: str
    command: str
    text: str


def read(path: str) -> str:
    """A file below images/."""
    return (IMAGES / path).read_text(encoding="utf-8")


def steps(folder: str) -> list[Step]:
    """Every instruction of a Dockerfile, with its stage's name, ``FROM`` as the stage's first."""
    result, stage = [], ""
    for item in dockerfile.parse_file(str(IMAGES / folder / "Dockerfile")):
        if item.cmd.upper() == "FROM":
            stage = item.value[2] if len(item.value) == 3 else ""
        result.append(Step(stage, item.cmd.upper(), item.original))
    return result


def texts(folder: str, stage: str, command: str) -> list[str]:
    """What an image's stage says with one command."""
    return [s.text for s in steps(folder) if (s.stage, s.command) == (stage, command)]


def parents(folder: str) -> dict[str, str]:
    """The stages of an image in their order, with what each is made from."""
    words = [step.text.split() for step in steps(folder) if step.command == "FROM"]
    return {each[3]: each[1] for each in words}


def installed(text: str) -> list[str]:
    """The packages that a RUN installs with apt-get."""
    found = re.findall(r"apt-get install -y --no-install-recommends\s+([^;]*)", text)
    return sorted(word for part in found for word in part.replace("\\\n", " ").split())


def pins(path: str) -> Mapping[str, str]:
    """The ``name==version`` lines of a requirements file."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", read(path), re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}


def unhashed(path: str) -> list[str]:
    """Lines of a lock that are no pin with at least one SHA-256."""
    text = re.sub(r"\s*\\\n\s*", " ", read(path))
    form = re.compile(r"[a-z0-9-]+==[^\s;]+( ; [^-]+)?( --hash=sha256:[0-9a-f]{64})+")
    return [line for line in text.splitlines() if line.strip() and not form.fullmatch(line.strip())]
