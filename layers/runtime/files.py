"""State files: small JSON objects that may be missing or damaged, and the locks beside them."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from hashes.errors import LayersError


def read_json(path: str) -> dict[str, Any]:
    """The object in the file; empty when the file is missing, damaged, or no object."""
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def read_any(path: str) -> str:
    """A text file that is not ours, as far as it is UTF-8; empty where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def read_text(path: str, name: str) -> str:
    """A text file that people write; a byte order mark of UTF-8 is no part of it.

    Raises LayersError under the ``name`` that people know it by for a folder, for UTF-16 and for
    bytes that are no text; FileNotFoundError.
    """
    try:
        with open(path, "rb") as file:
            content = file.read()
    except FileNotFoundError:
        raise
    except OSError as error:
        hint = "a file is expected there" if isinstance(error, IsADirectoryError) else ""
        raise LayersError(f"cannot be read: {error.strerror}", file=name, hint=hint) from error
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        hint = "save it as UTF-8, e.g. iconv -f UTF-16 -t UTF-8"
        raise LayersError("written in UTF-16: expected UTF-8", file=name, line=1, hint=hint)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise LayersError(
            f"the byte 0x{content[error.start]:02x} is not UTF-8",
            file=name,
            line=line,
            hint="save it as UTF-8, e.g. iconv -f ISO-8859-1 -t UTF-8",
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")  # as open() reads lines


def write_json(path: str, value: Mapping[str, Any]) -> None:
    """Replace the file as a whole: a reader sees the old object or the new one."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True) + "\n")


def write_text(path: str, text: str) -> None:
    """Replace the file as a whole."""
    beside = f"{path}.{os.getpid()}.new"
    with open(beside, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(beside, path)


def forget(path: str) -> None:
    """Remove a file that may not be there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


@contextmanager
def locked(path: str, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock file ``path``; ``waiting`` is called once when another process has it.

    The kernel drops the lock with its holder, so a kill leaves nothing behind.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        pass
    return True


def write_whole(path: str, content: bytes) -> None:
    """Write a file so that readers see all of it or none, and two writers do no harm."""
    folder, name = os.path.split(path)
    os.makedirs(folder, exist_ok=True)
    for each in os.listdir(folder):  # what a killed process left: it may lie in a context
        of, _, number = each.removesuffix(".part").rpartition(".")[0].rpartition(".")
        if each.endswith(".part") and of == name and not _alive(number):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(folder, each))
    part = f"{path}.{os.getpid()}.{os.urandom(4).hex()}.part"
    try:
        with open(part, "wb") as file:
            file.write(content)
        os.replace(part, path)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(part)
