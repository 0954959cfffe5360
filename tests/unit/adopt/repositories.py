"""Small repositories of the shapes that people have, and what is proposed for them."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from layers.adopt.adopt import Adoption, adopt
from layers.adopt.proposal import Proposed
from layers.adopt.sources.programs import Programs

NO_PROGRAMS = Programs(None, None)
PLATFORM = "linux/amd64"
DOCKERFILE = "FROM debian:12\n"
STAGES = "FROM debian:12 AS dev\nFROM debian:12 AS prod\n"


def write(root: Path, files: Mapping[str, str | bytes], *, git: bool = True) -> Path:
    """A repository below ``root``; git keeps all of it but what its .gitignore names."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    if git:
        subprocess.run(["git", "init", "-q", str(root)], check=True)
        subprocess.run(["git", "-C", str(root), "add", "-A"], check=True)
    return root


def proposed(root: Path, source: str | None = None) -> Adoption:
    """What is proposed where there is neither compose nor buildx."""
    return adopt(str(root), NO_PROGRAMS, PLATFORM, source)


def images(adoption: Adoption) -> dict[str, Proposed]:
    """Its images by name."""
    return {each.name: each for each in adoption.proposal.images}


def left_out(adoption: Adoption) -> dict[str, str]:
    """Why things were left out, by what they are."""
    return {each.what: each.why for each in adoption.proposal.left_out}


def faults(adoption: Adoption) -> list[str]:
    """What could not be read, as people are told."""
    return [str(each) for each in adoption.proposal.faults]
