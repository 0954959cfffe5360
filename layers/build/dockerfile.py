"""The Dockerfile that is sent: with the names that are handed over, and our own folder left out."""

from __future__ import annotations

import os
from collections.abc import Sequence

from hashes.context.ignore import ignore_file, left_out
from hashes.dockerfile.rewrite import Use, rewrite
from layers.config.spec import Image
from layers.project.project import Project


def sent(project: Project, image: Image, names: Sequence[tuple[Use, str]], folder: str) -> str:
    """The path of the file that BuildKit is to read; written to ``folder`` where it must differ.

    Its name stays, since BuildKit's messages have it. An ignore file beside it goes along:
    BuildKit looks for ``NAME.dockerignore`` beside the Dockerfile that it is told of.
    """
    path = os.path.join(project.root, image.dockerfile)
    context = os.path.join(project.root, image.context)
    ours = project.inputs.contexts.ours_in(context)
    if not names and not ours:
        return path
    with open(path, "rb") as file:
        source = file.read()
    ignored = ignore_file(context, path)
    own = f"{path}.dockerignore"
    text = _read(ignored) if ignored is not None and (ours or os.path.lexists(own)) else b""
    found = os.path.join(folder, "sent", os.path.basename(path))
    os.makedirs(os.path.dirname(found), exist_ok=True)
    escape = project.inputs.dockerfile(image).escape
    _write(found, rewrite(source, names, escape, image.dockerfile))
    if ours or (ignored is not None and os.path.lexists(own)):
        _write(f"{found}.dockerignore", left_out(text, ours) if ours else text)
    return found


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _write(path: str, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)
