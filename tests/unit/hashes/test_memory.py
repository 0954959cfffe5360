"""Memory: what a file of a context takes up while its key is made, and afterwards."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from hashes.context.sources import Sources
from hashes.context.statcache import StatCache
from hashes.context.tree import AT_ONCE, Tree
from hashes.manifest import Entry, Manifest

FILES = 8 * AT_ONCE


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("context")
    for number in range(FILES):
        folder = root / f"folder{number // 50:02}"
        folder.mkdir(exist_ok=True)
        (folder / f"file{number % 50:02}").write_text(f"{number}")
    return root


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """Bytes a file that some work leaves behind while its result lives, and at its worst."""
    tracemalloc.start()
    try:
        result = work()
        after, peak = tracemalloc.get_traced_memory()
        del result
    finally:
        tracemalloc.stop()
    return after / FILES, peak / FILES


def test_a_file_takes_up_its_input_and_its_name(context: Path) -> None:
    """Read or known already: its status, three times as large, is let go of on the way."""
    cache = StatCache(None, str(context))
    for _ in range(2):
        sources = Sources(Tree(str(context), None, cache))
        after, peak = measured(sources.everything)
        assert after < 800
        assert peak < 900


def test_a_key_is_made_of_few_entries_at_once() -> None:
    """One text of them all would be several times what the framed bytes are."""
    numbers = range(FILES)
    entries = tuple(Entry("file", f"folder/{each:060}", f"644 {each:034}") for each in numbers)
    _, peak = measured(Manifest(entries).key)
    assert peak < 1.6 * len("4:67:38:file" + 67 * "n" + 38 * "v")
