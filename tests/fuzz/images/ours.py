"""Our side: ``doit``, started as a user starts it."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fuzz.images.engines import Engine
from tests.fuzz.images.server import Servers

CHECKOUT = str(Path(__file__).resolve().parents[3])
_COMPILED = os.path.join(tempfile.gettempdir(), "fuzz-images-compiled")
_INTERPRETERS = ("LANG", "LC_", "PYTHON")
"""What the interpreter reads when it starts."""
_SERVERS: dict[str, Servers] = {}
_LOCK = threading.Lock()
_ANSI = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
_PLACE = re.compile(r"[\w./-]*(?:images\.toml|images\.lock|[Dd]ockerfile)(?::\d+|: line \d+)")


@dataclass(frozen=True)
class Ran:
    """How one command ended."""

    status: int
    out: str
    err: str
    built: bool
    """Whether a build was begun."""

    @property
    def text(self) -> str:
        """Everything it said."""
        return _ANSI.sub("", self.out + self.err)

    @property
    def refused(self) -> bool:
        """Whether it may have ended as a user's mistake: no build that was begun failed.

        What does not need the image that is refused is built all the same; `Doit.refuses` tells
        whether an image is refused at all.
        """
        return self.status == 1 and not (self.built and "the build failed" in self.text)

    @property
    def located(self) -> bool:
        """Whether it names a file and a line."""
        return bool(_PLACE.search(self.text))


@dataclass
class Doit:
    """Starts it in a checkout."""

    engine: Engine
    registry: str
    twin: str = ""
    """A fault to put into it: see `tests.fuzz.images.twin`."""
    checkout: str = CHECKOUT
    """Whose ``doit`` it is; one that has a .venv brings its own interpreter."""
    environ: Mapping[str, str] = field(default_factory=dict)

    def run(self, root: str, *words: str) -> Ran:
        """Run a command to its end."""
        logs = os.path.join(root, ".layers", "logs")
        shutil.rmtree(logs, ignore_errors=True)
        environ = {
            **self.engine.environ(),
            "LAYERS_REGISTRY": self.registry,
            # A folder of compiled code beside dodo.py would be in images that copy it all.
            "PYTHONPYCACHEPREFIX": _COMPILED,
            "PYTHONPATH": os.pathsep.join(dict.fromkeys((_modules(self.checkout), CHECKOUT))),
            **self.environ,
        }
        if any(name.startswith(_INTERPRETERS) for name in self.environ):
            status, out, err = self._alone(root, words, environ)
        else:
            status, out, err = self._server(environ).run(words, root, environ, self.twin)
        built = bool(glob.glob(os.path.join(glob.escape(logs), "*", "build.rawjson")))
        return Ran(status, out, err, built)

    def refuses(self, root: str) -> bool:
        """Whether something is wrong with the files alone: ``doit list`` says so, and builds none.

        A push, a pull or an engine that failed is no refusal.
        """
        listed = self.run(root, "list", "--json")
        if listed.status == 1:
            return not listed.out.strip()  # no image at all can be told of
        return any(each["state"] == "error" for each in json.loads(listed.out)["layers"])

    def keys(self, root: str) -> dict[tuple[str, str], str]:
        """The keys of stages, by image and stage."""
        told = json.loads(self.run(root, "keys", "--json").out)["images"]
        return {
            (image, stage): key
            for image, each in told.items()
            for stage, key in each["stages"].items()
        }

    def _alone(
        self, root: str, words: Sequence[str], environ: Mapping[str, str]
    ) -> tuple[int, str, str]:
        module = ["tests.fuzz.images.twin", self.twin] if self.twin else ["doit"]
        done = subprocess.run(
            [self._python(), "-m", *module, *words],
            cwd=root,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=600,
        )
        return done.returncode, done.stdout, done.stderr

    def _server(self, environ: Mapping[str, str]) -> Servers:
        with _LOCK:
            if self.checkout not in _SERVERS:
                _SERVERS[self.checkout] = Servers(self._python(), environ)
            return _SERVERS[self.checkout]

    def _python(self) -> str:
        own = os.path.join(self.checkout, ".venv", "bin", "python")
        return own if self.checkout != CHECKOUT and os.path.exists(own) else sys.executable

    def published(self, ran: Ran) -> dict[str, tuple[str, str]]:
        """Image → repository and digest, as ``doit publish --json`` tells them."""
        told: Any = json.loads(ran.out)
        return {
            each["name"]: (each["repository"].partition("/")[2], each["digest"])
            for each in told["images"]
        }


def _modules(checkout: str) -> str:
    """A folder that has a checkout's modules and not its tests, which would hide these here."""
    if checkout == CHECKOUT:
        return checkout
    folder = os.path.join(tempfile.gettempdir(), f"fuzz-images-{checkout.replace('/', '-')}")
    os.makedirs(folder, exist_ok=True)
    for name in ("layers", "hashes", "doit_layers.egg-info"):
        with contextlib.suppress(FileExistsError):
            os.symlink(os.path.join(checkout, name), os.path.join(folder, name))
    return folder


def close() -> None:
    """End the processes that wait for commands."""
    with _LOCK:
        for servers in _SERVERS.values():
            servers.close()
        _SERVERS.clear()
