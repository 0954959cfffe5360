"""Lines of compose files for what a service says."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers.compose.places import Places

FIRST = """\
services:
  web:
    image: a
    build:
      context: .
      args:
        - A=1
        - B
"""
SECOND = """\
services:
  web: {build: {target: t}}
"""


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        (("web", "build", "args", "A"), ("a.yaml", 7)),
        (("web", "build", "args", "B"), ("a.yaml", 8)),
        (("web", "build", "args", "C"), ("a.yaml", 6)),
        (("web", "build", "target"), ("b.yaml", 2)),
        (("web", "image"), ("a.yaml", 3)),
        (("web", "platform"), ("b.yaml", 2)),
        (("elsewhere", "build"), (None, None)),
    ],
)
def test_the_last_file_that_says_most_of_it_is_named(
    tmp_path: Path, keys: tuple[str, ...], found: tuple[str | None, int | None]
) -> None:
    """A service of a file that these include has no place."""
    for name, text in (("a.yaml", FIRST), ("b.yaml", SECOND), ("c.yaml", "services: [\n")):
        (tmp_path / name).write_text(text)
    names = ("a.yaml", "b.yaml", "c.yaml", "d.yaml")
    assert Places({name: str(tmp_path / name) for name in names}).where(keys) == found
