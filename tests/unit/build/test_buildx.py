"""The command line of a build: what buildx reads as CSV is written as CSV."""

from __future__ import annotations

import csv
import io

import pytest

from layers.build import buildx
from layers.build.buildx import named


@pytest.mark.parametrize("path", ["/a", "/a b", "/a,b", '/a "b"', "/a=b,src=c", "/a\nb", '/"', "/"])
def test_a_secrets_path_is_one_field(path: str) -> None:
    """Whatever the checkout's path is; plain paths stay as they are."""
    words = buildx.argv(
        buildx.BuildCall("app", "/c", "/c/Dockerfile", None, "linux/amd64", secrets={"s": path}),
        "/m",
    )
    (value,) = [word for word in words if word.startswith("--secret=")]
    text = value.removeprefix("--secret=")
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["id=s", f"src={path}"]]
    assert ('"' in text) == bool(set(path) & set(',"\n'))


def test_a_failure_speaks_of_images_by_their_own_names() -> None:
    """Not of those that they are handed over by; a name of the user's stays."""
    contexts = {
        "doit-layers-start-1": "docker-image://debian@sha256:1",
        "doit-layers-start-10": "docker-image://node@sha256:2",
        "base": "docker-image://base:key",
    }
    text = "FROM doit-layers-start-10\nFROM doit-layers-start-1\nFROM base"
    assert named(text, contexts) == "FROM node@sha256:2\nFROM debian@sha256:1\nFROM base"
