"""Memory: what a file takes up while an image is assembled with it."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

from hashes.context.sources import Sources
from hashes.context.statcache import StatCache
from hashes.context.tree import Tree
from layers.assemble.copying import Look, Writer
from layers.assemble.layer import write
from layers.assemble.listing import Listing
from layers.assemble.sources import matches

FILES = 3_000


def test_a_file_takes_up_little_beside_what_is_known_of_it(tmp_path: Path) -> None:
    """Neither its status nor its header in the tarball is held, nor what would read it."""
    for number in range(FILES):
        folder = tmp_path / f"folder{number // 50:02}"
        folder.mkdir(exist_ok=True)
        (folder / f"file{number % 50:02}").write_text(f"{number}")
    cache = StatCache(None, str(tmp_path))
    Sources(Tree(str(tmp_path), None, cache)).everything()
    tracemalloc.start()
    try:
        step = Writer(Listing())
        step.copy(matches(Sources(Tree(str(tmp_path), None, cache)), "."), "/srv", Look())
        write(step.listing, step.written).file.close()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak / FILES < 1_300
