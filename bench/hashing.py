"""Hashing: how fast files are hashed that no run has seen yet, beside reading them."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

from bench.harness import median, ratio
from bench.stack import WORK
from bench.table import Row
from hashes.context import filehash

LARGE = 1_000_000_000
"""Bytes of the large file."""
MANY = 2_000
SIZES = (4_096, 16_384, 65_536, 262_144)
"""Bytes a file, where there are many."""


def run(rounds: int) -> list[Row]:
    """Hash one large file, and many files with and without threads; the page cache is warm."""
    return [_large(rounds), *(_many(size, rounds) for size in SIZES)]


def _large(rounds: int) -> Row:
    path = _file(WORK / "large", LARGE)
    size = 1024 * 1024
    reading, hashing = _in_turns(
        lambda: _read(path, size), lambda: filehash.hash_file(path), rounds
    )
    found = ratio(reading, hashing)  # of speeds, so the other way round
    return Row(
        "hashing a file, as speed",
        "reading it and throwing it away",
        f"1 file, {LARGE / 1e9:.0f} GB",
        str(found),
        "≥ 0.8",
        found.median >= 0.8,
        f"{LARGE / median(hashing) / 1e9:.1f} GB/s, {LARGE / median(reading) / 1e9:.1f} GB/s",
    )


def _many(size: int, rounds: int) -> Row:
    count = min(MANY, 200_000_000 // size)
    folder = WORK / f"many-{size}"
    paths = [_file(folder / f"{number}", size) for number in range(count)]
    serial, threads = _in_turns(
        lambda: [filehash.hash_file(path) for path in paths],
        lambda: filehash.hash_files(paths, size * count),
        rounds,
    )
    found = ratio(serial, threads)
    one = size >= filehash.WORTH
    return Row(
        "hashing many files, as speed",
        "one after another on one core",
        f"{count:,} files of {size // 1024} KiB",
        str(found),
        "≥ 1.5" if one else "≥ 0.9 (one thread is used)",
        found.median >= (1.5 if one else 0.9),
        f"{size * count / median(threads) / 1e9:.2f} GB/s",
    )


def _in_turns(
    first: Callable[[], object], second: Callable[[], object], rounds: int
) -> tuple[list[float], list[float]]:
    first()
    second()
    found: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for work, seconds in zip((first, second), found, strict=True):
            begin = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - begin)
    return found


def _read(path: bytes, size: int) -> None:
    handle = os.open(path, os.O_RDONLY)
    buffer = bytearray(size)
    while os.readv(handle, (buffer,)):
        pass
    os.close(handle)


def _file(path: Path, size: int) -> bytes:
    if not path.exists() or path.stat().st_size != size:
        path.parent.mkdir(parents=True, exist_ok=True)
        source = random.Random(str(path))
        with path.open("wb") as file:
            for start in range(0, size, 1 << 20):
                file.write(source.randbytes(min(1 << 20, size - start)))
    return os.fsencode(path)
