"""Broken twins of ``doit``: ``python -m tests.fuzz.images.twin FAULT words…`` has a fault put in.

They show that the comparison can fail.  Each changes what buildx is told, wherever that is done.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from typing import Any

_SETTINGS = ("ENV ", "LABEL ", "USER ", "CMD ", "EXPOSE ", "WORKDIR ")


def _no_setting(lines: list[str]) -> list[str]:
    """The last setting is lost."""
    for at in range(len(lines) - 1, -1, -1):
        if lines[at].startswith(_SETTINGS):
            return lines[:at] + lines[at + 1 :]
    return lines


def _parent(lines: list[str]) -> list[str]:
    """The image is its own parent: all that comes after the last FROM is lost."""
    last = max((at for at, line in enumerate(lines) if line.startswith("FROM ")), default=-1)
    return lines[: last + 1] if last >= 0 else lines


def _mode(lines: list[str]) -> list[str]:
    """Every copied file has another mode."""
    return [
        line.replace("COPY ", "COPY --chmod=0611 ", 1) if line.startswith("COPY ") else line
        for line in lines
    ]


TWINS = {"setting": _no_setting, "parent": _parent, "mode": _mode}


def main(fault: str, words: list[str]) -> int:
    """Run ``doit`` with every Dockerfile changed on its way to buildx."""
    from doit.doit_cmd import DoitMain

    from layers.config.spec import Image

    Image.may_assemble = property(lambda _image: False)  # type: ignore[method-assign, assignment]  # what needs no buildx would be right
    true = subprocess.Popen.__init__

    def broken(self: Any, args: Any, *rest: Any, **more: Any) -> None:
        if isinstance(args, list) and "build" in args:
            args = [_changed(word) if word.startswith("--file=") else word for word in args]
        true(self, args, *rest, **more)

    def _changed(word: str) -> str:
        with open(word.removeprefix("--file="), encoding="utf-8") as file:
            lines = TWINS[fault](file.read().splitlines())
        folder = tempfile.mkdtemp(prefix="fuzz-twin-")
        path = os.path.join(folder, "Dockerfile")
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        return f"--file={path}"

    subprocess.Popen.__init__ = broken  # type: ignore[method-assign]  # that is the fault
    return int(DoitMain().run(words))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
