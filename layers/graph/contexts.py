"""Contexts: the files that an image can read, scanned once, unchanged ones without opening them."""

from __future__ import annotations

import json
import os
from typing import NamedTuple

from hashes.context.ignore import Ignore, read_ignore
from hashes.context.input import Input
from hashes.context.sources import Sources
from hashes.context.statcache import StatCache
from hashes.context.tree import Tree
from hashes.dockerfile import git
from hashes.stage import UNPINNED, External
from layers.config.spec import Image, Require
from layers.graph.required import problem_of
from layers.host import ca
from layers.lock.lock import Lock
from layers.runtime.files import write_whole
from layers.runtime.state import StateFolder

_NOT_SERVED = b"**/__pycache__\n**/*.egg-info\n*/build\n*/dist\n"
"""What `sdist.make_sdist` leaves out of a package's source."""


class Required(NamedTuple):
    """The required files of an image as far as they are known without reading them."""

    pinned: dict[str, str]
    """By path in the context: an identity that counts in place of the bytes."""
    problem: str = ""


class Contexts:
    """Reads contexts below a root; a fresh one sees the disk again, the stat cache stays."""

    def __init__(self, root: str, cache: StatCache, state: StateFolder) -> None:
        self.root = root
        self.cache = cache
        self.state = state

    def again(self) -> Contexts:
        """The same contexts, nothing of them looked at yet."""
        return Contexts(self.root, self.cache, self.state)

    def sources(self, image: Image, required: Required) -> Sources:
        """An image's own build context, as BuildKit would be sent it."""
        folder = os.path.join(self.root, image.context)
        return Sources(Tree(folder, self.ignore(image), self.cache, pinned=required.pinned))

    def ignore(self, image: Image) -> Ignore:
        """What of an image's own build context is not sent."""
        folder = os.path.join(self.root, image.context)
        return read_ignore(folder, os.path.join(self.root, image.dockerfile), self.ours_in(folder))

    def ours_in(self, folder: str) -> str:
        """Where in a context our own folder lies, which is never sent; "": it is not in there."""
        inside = os.path.relpath(os.path.realpath(self.state.folder), os.path.realpath(folder))
        return "" if inside == ".." or inside.startswith("../") else inside

    def named(self, image: Image, lock: Lock) -> dict[str, Sources | External]:
        """Its named contexts; each folder obeys the ignore file in its own root.

        A git address counts by its text, which holds fast where it or the lock names a commit.
        """
        found: dict[str, Sources | External] = {}
        for name, at in image.git.items():
            fast = git.commit(at)
            commit = "" if fast else lock.commit(at)
            known = f"git {git.at(at, commit) if commit else at}"
            found[name] = External(known if fast or commit else f"{UNPINNED}{known}", {})
        for name, at in image.contexts.items():
            folder = os.path.join(self.root, at)
            found[name] = Sources(Tree(folder, read_ignore(folder, None), self.cache))
        return found

    def ours_sent(self, at: str) -> str:
        """Where our own folder lies in a named context that would send it; "": it would not.

        BuildKit takes no other patterns for a named context than those in its root.
        """
        folder = os.path.join(self.root, at)
        ours = self.ours_in(folder)
        return ours if ours and not read_ignore(folder, None).matches(ours) else ""

    def served(self, folder: str) -> tuple[Input, ...]:
        """The package sources that are served to a build, as they go into its sdists."""
        ignore = Ignore.parse(_NOT_SERVED, folder)
        return Sources(Tree(os.path.join(self.root, folder), ignore, self.cache)).everything()

    def required(self, image: Image) -> Required:
        """Required files: one with a SHA-256 counts by that, here or not, so that a machine
        without the file computes the same key and finds the image in the registry.
        """
        pinned: dict[str, str] = {}
        problems = []
        folder = os.path.join(self.root, image.context)
        for require in image.require:
            path = os.path.join(folder, require.path)
            if not os.path.isfile(path):
                pinned[require.path] = f"sha256:{require.sha256 or 'missing'}"
                if not require.make:
                    problems.append(problem_of(folder, image.name, require))
            elif require.sha256 is not None:
                if self._verified(path, require):
                    pinned[require.path] = f"sha256:{require.sha256}"
                else:
                    problems.append(problem_of(folder, image.name, require))
        return Required(pinned, "\n".join(filter(None, problems)))

    def _verified(self, path: str, require: Require) -> bool:
        """Whether a file has the SHA-256 that is asked for; read once, then known by its hash."""
        folder, name = os.path.split(path)
        tree = Tree(folder, None, self.cache)
        node = tree.node(name)
        value = tree.inputs([node])[0].value if node is not None else ""
        mark = self.state.path("verified", f"{require.sha256}")
        try:
            with open(mark, encoding="utf-8") as file:
                if file.read() == value:
                    return True
        except OSError:
            pass
        if problem_of(folder, "", Require(name, require.sha256, "", ())):
            return False
        write_whole(mark, value.encode())
        return True

    def host_ca(self) -> str | None:
        """Fingerprint of the certificates that this machine trusts beyond its distribution's.

        Found anew only when one of the places that they come from changed.
        """
        seen = [[path, *_stat(path)] for path in ca.places(os.environ)]
        path = self.state.path("host-ca.json")
        try:
            with open(path, encoding="utf-8") as file:
                known = json.load(file)
            if known["seen"] == seen:
                found: str | None = known["fingerprint"]
                return found
        except (OSError, ValueError, KeyError, TypeError):
            pass
        found = ca.fingerprint(ca.extra_certificates())
        write_whole(path, json.dumps({"seen": seen, "fingerprint": found}).encode())
        return found


def _stat(path: str) -> tuple[int, int, int, int]:
    try:
        status = os.stat(path)
    except OSError:
        return (0, 0, 0, 0)
    return (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
