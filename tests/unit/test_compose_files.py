"""The stacks' compose files keep to what every compose takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.stackfiles import IMAGES

FILES = sorted(path.relative_to(IMAGES).as_posix() for path in IMAGES.glob("*/compose*.yaml"))


def healthchecks(path: Path) -> Iterator[dict[str, str]]:
    """The keys below each ``healthcheck:``."""
    deep = 0
    found: dict[str, str] | None = None
    for line in path.read_text().splitlines():
        indent = len(line) - len(line.lstrip())
        name, _, value = line.strip().partition(":")
        if found is not None and indent <= deep:
            yield found
            found = None
        if found is not None:
            found[name] = value.strip()
        if name == "healthcheck":
            deep, found = indent, {}
    if found is not None:
        yield found


@pytest.mark.parametrize("name", FILES)
def test_a_start_interval_comes_with_a_start_period(name: str) -> None:
    """Compose 2.40 refuses a file where it does not."""
    with_interval = [each for each in healthchecks(IMAGES / name) if "start_interval" in each]
    assert all("start_period" in each for each in with_interval)


def test_the_checks_are_found() -> None:
    """The reader above sees them."""
    assert sum(len(list(healthchecks(IMAGES / name))) for name in FILES) >= 5
