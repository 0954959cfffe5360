"""File hashes: reading files at the speed of the disk, and only files that may be read."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from hashes.algorithm import DEFAULT, digest, hasher
from hashes.context.input import xattr_value
from hashes.errors import ContextError

CHUNK = 3 * 512 * 1024
"""Bytes read at once: fewer calls count for more than a buffer that stays in the nearest cache."""

LARGE = 64 * 1024 * 1024
"""Bytes from which on one thread reads ahead while another hashes."""

WORTH = 128 * 1024
"""Bytes a file, on the average, from which on threads pay: 0.87 of one thread's speed with 64 KiB,
1.7 times with 256 KiB (bench/hashing.py)."""

ATTEMPTS = 3
"""How often a file that changes while it is read is read anew."""

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class FileHash(NamedTuple):
    """What one reading of a file gave."""

    value: str
    """"<hex>:<size>", and "+<hex>" when extended attributes count."""
    status: os.stat_result
    stable: bool
    """The file's status was the same before and after the reading."""


def signature(status: os.stat_result) -> tuple[int, ...]:
    """Give what changes when a file's bytes may have changed."""
    return (
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_ino,
        status.st_dev,
        status.st_mode,
    )


def hash_file(path: bytes, algorithm: str = DEFAULT) -> FileHash:
    """Hash a regular file; status, bytes, status.

    Errors: ContextError when it cannot be read or is no regular file any more. Links are not
    followed, and a FIFO that took the file's place does not block.
    """
    try:
        handle = os.open(path, _FLAGS)
        try:
            for _ in range(ATTEMPTS):
                before = os.fstat(handle)
                if not stat.S_ISREG(before.st_mode):
                    raise ContextError(
                        "changed into something else while it was read", file=os.fsdecode(path)
                    )
                value = _content(handle, before.st_size, algorithm)
                value += xattr_value(handle, algorithm)
                after = os.fstat(handle)
                if signature(before) == signature(after):
                    return FileHash(value, after, True)
                os.lseek(handle, 0, os.SEEK_SET)
            return FileHash(value, after, False)
        finally:
            os.close(handle)
    except OSError as error:
        raise ContextError(
            f"cannot be read: {error.strerror}",
            file=os.fsdecode(path),
            hint="make it readable, or leave it out by the ignore file",
        ) from error


def _content(handle: int, size: int, algorithm: str) -> str:
    if size < CHUNK:
        data = os.read(handle, size + 1)
        if len(data) == size:
            return f"{digest(algorithm, data)}:{size}"
        os.lseek(handle, 0, os.SEEK_SET)
    state = hasher(algorithm)()
    read = _read_ahead if size >= LARGE and (os.cpu_count() or 1) > 1 else _read
    total = read(handle, state.update)
    return f"{state.hexdigest()}:{total}"


def _read(handle: int, update: Callable[[bytes | bytearray | memoryview], object]) -> int:
    """Pass a file on, piece by piece; gives its bytes in all."""
    buffer = bytearray(CHUNK)
    total = 0
    while count := os.readv(handle, (buffer,)):
        update(buffer if count == CHUNK else memoryview(buffer)[:count])
        total += count
    return total


def _read_ahead(handle: int, update: Callable[[bytes | bytearray | memoryview], object]) -> int:
    """The same, with the next piece read meanwhile: reads and hashes let go of the interpreter."""
    from queue import SimpleQueue

    free: SimpleQueue[bytearray | None] = SimpleQueue()
    full: SimpleQueue[tuple[bytearray, int] | OSError] = SimpleQueue()

    def read() -> None:
        try:
            while (buffer := free.get()) is not None:
                count = os.readv(handle, (buffer,))
                full.put((buffer, count))
                if not count:
                    return
        except OSError as error:
            full.put(error)

    for _ in range(2):
        free.put(bytearray(CHUNK))
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    total = 0
    try:
        while True:
            piece = full.get()
            if isinstance(piece, OSError):
                raise piece
            buffer, count = piece
            if not count:
                return total
            update(buffer if count == CHUNK else memoryview(buffer)[:count])
            total += count
            free.put(buffer)
    finally:
        free.put(None)
        reader.join()  # the caller closes the file


def hash_files(
    paths: Sequence[bytes], size: int, hasher: Callable[[bytes], FileHash] = hash_file
) -> list[FileHash]:
    """Hash many files, on more threads when their bytes (``size`` in all) are worth it.

    Small files are bound by the interpreter, which only one thread has at a time.
    """
    if len(paths) < 2 or size < WORTH * len(paths) or (os.cpu_count() or 1) < 2:
        return [hasher(path) for path in paths]
    found: list[FileHash | None] = [None] * len(paths)
    failures: list[BaseException] = []
    todo = iter(range(len(paths)))

    def work() -> None:
        try:
            for i in todo:
                found[i] = hasher(paths[i])
                if failures:
                    return
        except BaseException as error:  # noqa: BLE001 - raised again by the caller's thread
            failures.append(error)

    helpers = [threading.Thread(target=work, daemon=True) for _ in range(_threads() - 1)]
    for helper in helpers:
        helper.start()
    work()
    for helper in helpers:
        helper.join()
    if failures:
        raise failures[0]
    return [one for one in found if one is not None]


def _threads() -> int:
    return min(os.cpu_count() or 1, 4)
