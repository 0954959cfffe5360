"""Hashes of files: the same value whatever way their bytes were read."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from hashes.algorithm import digest
from hashes.context import filehash
from hashes.context.filehash import hash_file
from hashes.errors import ContextError

CHUNK = 1000
LARGE = 2500


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces and thresholds that a test can be around of."""
    monkeypatch.setattr(filehash, "CHUNK", CHUNK)
    monkeypatch.setattr(filehash, "LARGE", LARGE)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


@pytest.mark.parametrize("algorithm", ["xxh3", "blake3"])
@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 2000, 2499, 2500, 2501, 3000, 7777])
def test_one_file_has_one_value(tmp_path: Path, size: int, algorithm: str) -> None:
    """At once, piece by piece, and with the next piece read ahead: around every border."""
    content = bytes(number * 7 % 251 for number in range(size))
    (tmp_path / "f").write_bytes(content)
    found = hash_file(os.fsencode(tmp_path / "f"), algorithm)
    assert found.value == f"{digest(algorithm, content)}:{size}"
    assert found.stable


def test_large_files_alone_are_read_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And on one core none is: the thread could only get in the way."""
    readers: list[int] = []
    readv = os.readv

    def watched(handle: int, buffers: Any) -> int:
        readers.append(threading.get_ident())
        return readv(handle, buffers)

    monkeypatch.setattr(os, "readv", watched)
    ours = threading.get_ident()
    path = tmp_path / "f"
    for size, cores, ahead in ((LARGE - 1, 2, False), (LARGE, 2, True), (LARGE, 1, False)):
        path.write_bytes(bytes(size))
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        readers.clear()
        hash_file(os.fsencode(path))
        assert readers
        assert (ours not in readers) is ahead


@pytest.mark.parametrize("size", [LARGE - 1, LARGE])
def test_a_disk_that_fails_on_the_way_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """With the file's name, from whatever thread, and no thread is left behind."""
    (tmp_path / "f").write_bytes(bytes(size))
    readv, calls = os.readv, [0]

    def failing(handle: int, buffers: Any) -> int:
        calls[0] += 1
        if calls[0] == 2:
            raise OSError(errno.EIO, "Input/output error")
        return readv(handle, buffers)

    monkeypatch.setattr(os, "readv", failing)
    before = threading.active_count()
    with pytest.raises(ContextError, match="Input/output error") as caught:
        hash_file(os.fsencode(tmp_path / "f"))
    assert caught.value.file == str(tmp_path / "f")
    assert threading.active_count() == before
