"""Required files: inputs that are not in git, and the words for when they are not there."""

from __future__ import annotations

import os

from layers.config.spec import Require


def problem_of(folder: str, image: str, require: Require) -> str:
    """What is wrong with a required file below ``folder``, "" when it is right."""
    path = os.path.join(folder, require.path)
    if not os.path.isfile(path):
        return f"{image}: {require.path} is missing\n  {require.message}".rstrip()
    if require.sha256 is None:
        return ""
    import hashlib

    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    if digest.hexdigest() == require.sha256:
        return ""
    return (
        f"{image}: {require.path} is another file: its SHA-256 is {digest.hexdigest()}, "
        f"expected {require.sha256}\n  {require.message}"
    ).rstrip()
