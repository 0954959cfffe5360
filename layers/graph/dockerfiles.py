"""Dockerfiles: each image's, read once, by the frontend that will read it where that matters."""

from __future__ import annotations

import os
from collections.abc import Callable

from hashes.dockerfile.frontend import NEWEST, Frontend
from hashes.dockerfile.parser import Dockerfile, load, parse
from hashes.errors import DockerfileError
from layers.config.spec import Image

Reads = Callable[[], Frontend | None]
"""Asked for what the engine in use reads; None: nobody knows."""


def unknown() -> Frontend | None:
    """There is nobody to ask."""
    return None


class Dockerfiles:
    """The Dockerfiles of one checkout.

    They are read by the newest frontend that we know. The engine in use is asked for its own only
    where that refuses a file, or where versions read it differently: it decides on what is
    refused, and on no key.
    """

    def __init__(self, root: str, frontend: Reads) -> None:
        self._root = root
        self._frontend = frontend
        self._read: dict[tuple[str, str], Dockerfile] = {}

    def read(self, image: Image) -> Dockerfile:
        """An image's Dockerfile, parsed once.  Raises DockerfileError."""
        about = _about(image)
        found = self._read.get(about)
        if found is None:
            found = self._read[about] = self._parsed(image)
        return found

    def forget(self, image: Image) -> None:
        """Read it from the disk again the next time."""
        self._read.pop(_about(image), None)

    def refusal(self, image: Image, frontend: Frontend) -> str:
        """Why a frontend does not take an image's Dockerfile; "" when it does."""
        if image.rootfs is not None or self.read(image).frontend == frontend:
            return ""
        try:
            _parse(image, self._text(image), frontend)
        except DockerfileError as error:
            return str(error)
        return ""

    def _parsed(self, image: Image) -> Dockerfile:
        text = self._text(image)
        refused: DockerfileError | None = None
        try:
            found = _parse(image, text, NEWEST)
            if found.syntax or not found.doubtful:
                return found
        except DockerfileError as error:
            refused = error
        frontend = self._frontend()
        if frontend is not None:
            return _parse(image, text, frontend)
        if refused is not None:
            raise refused
        return found

    def _text(self, image: Image) -> bytes:
        return load(os.path.join(self._root, image.dockerfile), image.dockerfile)


def _about(image: Image) -> tuple[str, str]:
    return image.dockerfile, image.args.get("BUILDKIT_SYNTAX", "")


def _parse(image: Image, text: bytes, frontend: Frontend) -> Dockerfile:
    name, syntax = _about(image)
    return parse(text, name, frontend=frontend, syntax=syntax)
