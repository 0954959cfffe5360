"""The command line of a build: what buildx reads as CSV is written as CSV."""

from __future__ import annotations

import csv
import io

import pytest

from layers.build import buildx


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
