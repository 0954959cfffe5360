"""Slots: the names under which an image's files are sent, and the memory of what was sent."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, TextIO

from layers.build.context.ledger import Ledger, Row
from layers.runtime.files import write_whole

VERSION = 1
BOOT = "/proc/sys/kernel/random/boot_id"
MOST_SLOTS = 64
AT_ONCE = 1_000
"""Lines that are read at once."""
FIRST = "nothing was sent yet"
"""Why the first transfer takes a new name; nothing to tell anybody."""


@dataclass
class Slot:
    """A folder that one build at a time holds; deleting it costs one whole transfer.

    buildx names a transfer by the base name of the context's path and follows a link there
    (tried with 0.13; build/opt.go), so a link of our own gives the transfer a name of our own,
    with every builder and without touching the user's buildx settings.
    """

    folder: str
    name: str = ""
    """What the transfer is called, and the link with it."""

    @property
    def link(self) -> str:
        """The path that is handed to buildx as the context."""
        return os.path.join(self.folder, self.name)

    def begin(self, context: str, selection: str, rows: Sequence[Row]) -> str:
        """Write down what is about to be sent; gives why that takes a new name, or "".

        Until `finish`, the memory counts for nothing: whoever finds it so was not told how the
        transfer ended.
        """
        ledger, reason = self._remembered(context, rows)
        reason = reason or ledger.doubt(selection, rows)
        if reason:
            self._renew(context)
            ledger = Ledger()
        news = [] if selection in ledger.selections else [json.dumps(selection)]
        fresh = ledger.add(selection, rows)
        if news or fresh:
            with open(self._path("rows"), "a", encoding="ascii") as file:
                file.writelines(f"{line}\n" for line in chain(news, map(json.dumps, fresh)))
        return reason

    def finish(self) -> None:
        """Everything was sent, and nothing moved meanwhile: the memory counts again."""
        os.unlink(self._path("sending"))

    def _remembered(self, context: str, now: Sequence[Row]) -> tuple[Ledger, str]:
        """The memory, or why there is none that can be trusted.  Marks it as in use.

        ``now``: what is about to be sent; a row that is as it was is not made twice.
        """
        own = {row: row for row in now}
        ledger = Ledger()
        try:
            with open(self._path("rows"), encoding="ascii") as file:
                lines = _values(file)
                head = next(lines, "")
                for line in lines:
                    if type(line) is list:
                        row = Row._make(line)
                        ledger.rows.add(own.get(row, row))
                    elif type(line) is str:
                        ledger.selections.add(line)
        except FileNotFoundError:
            return Ledger(), FIRST
        except (OSError, ValueError, TypeError):
            return Ledger(), "the memory of what was sent is damaged"
        self.name = str(head.get("name")) if isinstance(head, dict) else ""
        if not isinstance(head, dict) or head != self._head(context):
            return Ledger(), "the memory of what was sent is from elsewhere or before a restart"
        try:
            os.close(os.open(self._path("sending"), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            return Ledger(), "nobody knows how the last transfer ended"
        with contextlib.suppress(OSError):
            if os.readlink(self.link) == context:
                return ledger, ""
        return Ledger(), "the memory of what was sent is damaged"

    def _renew(self, context: str) -> None:
        """A name that nothing was ever sent under, and an empty memory for it."""
        with contextlib.suppress(OSError):
            os.unlink(self._path("rows"))
        for entry in os.scandir(self.folder):
            if entry.is_symlink():
                os.unlink(entry.path)
        with open(self._path("sending"), "w", encoding="ascii"):
            pass
        self.name = f"{os.path.basename(context)[:40]}-{os.urandom(12).hex()}"
        os.symlink(context, self.link)
        write_whole(self._path("rows"), (json.dumps(self._head(context)) + "\n").encode())

    def _head(self, context: str) -> dict[str, object]:
        """Where a memory belongs: one that was copied, moved or put back does not count.

        Nor does one from before a restart, which may have lost the last lines.
        """
        status = os.stat(self.folder)
        try:
            with open(BOOT, encoding="ascii") as file:
                boot = file.read().strip()
        except OSError:
            boot = ""
        return {
            "version": VERSION,
            "name": self.name,
            "context": context,
            "folder": [self.folder, status.st_dev, status.st_ino],
            "boot": boot,
        }

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, f".{name}")


def _values(file: TextIO) -> Iterator[Any]:
    """What each line of a file says.  Raises ValueError."""
    while lines := list(islice(file, AT_ONCE)):
        if not lines[-1].endswith("\n"):
            raise ValueError("a line that was not written to its end")
        yield from json.loads(f"[{','.join(lines)}]")


@contextlib.contextmanager
def slot(folder: str) -> Iterator[Slot]:
    """Hold the first slot below ``folder`` that no other build holds; ends with the process."""
    for number in range(MOST_SLOTS):
        place = os.path.join(folder, str(number))
        os.makedirs(place, exist_ok=True)
        with open(os.path.join(place, ".lock"), "w", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield Slot(place)
            return
    place = os.path.join(folder, f"once-{os.urandom(8).hex()}")
    os.makedirs(place)
    try:
        yield Slot(place)
    finally:
        shutil.rmtree(place, ignore_errors=True)
