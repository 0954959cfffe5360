"""A process that has ``doit`` and all of ``layers`` imported, and forks for each command.

Start-up is half of what a small run costs.  Each command still is a process of its own, with its
own environment, folder and end; what a variable does to the interpreter itself is not seen.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pkgutil
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from typing import Any, TextIO


class Servers:
    """As many of these processes as are asked at once."""

    def __init__(self, python: str, environ: Mapping[str, str]) -> None:
        self._start = [python, "-m", "tests.fuzz.images.server"]
        self._environ = dict(environ)
        self._idle: queue.LifoQueue[subprocess.Popen[str]] = queue.LifoQueue()
        self._all: list[subprocess.Popen[str]] = []
        self._lock = threading.Lock()

    def run(
        self, words: Sequence[str], folder: str, environ: Mapping[str, str], twin: str
    ) -> tuple[int, str, str]:
        """Run a command: status, output and errors."""
        try:
            process = self._idle.get_nowait()
        except queue.Empty:
            process = self._another()
        with tempfile.TemporaryDirectory(prefix="fuzz-out-") as place:
            told = [f"{place}/out", f"{place}/err"]
            request = {"words": [*words], "cwd": folder, "env": dict(environ), "twin": twin}
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps({**request, "to": told}) + "\n")
            process.stdin.flush()
            status = int(process.stdout.readline())
            self._idle.put(process)
            texts = []
            for path in told:
                with open(path, encoding="utf-8", errors="replace") as file:
                    texts.append(file.read())
        return status, texts[0], texts[1]

    def close(self) -> None:
        """End them all."""
        for process in self._all:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()

    def _another(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            self._start,
            cwd="/",  # else this checkout's modules would come before those that are tried
            env=self._environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        with self._lock:
            self._all.append(process)
        return process


def import_all() -> None:
    """Import every module of ``layers``, so that no command has to."""
    for package in ("layers", "hashes"):
        found = importlib.import_module(package)
        for module in pkgutil.walk_packages(found.__path__, f"{package}."):
            if not module.name.endswith("__main__"):
                with contextlib.suppress(ImportError):  # an extra that is not installed
                    importlib.import_module(module.name)
    for name in ("doit.doit_cmd", "doit.cmd_run", "docker", "requests", "rich.table", "tomli"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def serve(requests: TextIO, answers: TextIO) -> dict[str, Any] | None:
    """Answer until the end; in a child, the answer is the request that it is to carry out."""
    for line in iter(requests.readline, ""):
        pid = os.fork()
        if pid == 0:
            request: dict[str, Any] = json.loads(line)
            return request
        _, status = os.waitpid(pid, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")
        answers.flush()
    return None


def carry_out(request: Mapping[str, Any]) -> int:
    """Become that command."""
    for number, path in ((1, request["to"][0]), (2, request["to"][1])):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    words = list(request["words"])
    sys.argv = ["doit", *words]
    sys.path[0] = request["cwd"]
    if request["twin"]:
        from tests.fuzz.images import twin

        return twin.main(request["twin"], words)
    from doit.doit_cmd import DoitMain

    return int(DoitMain().run(words))


def main() -> int:
    """Serve on standard input and output."""
    import_all()
    request = serve(sys.stdin, sys.stdout)
    return carry_out(request) if request is not None else 0


if __name__ == "__main__":
    sys.exit(main())
