"""Git references: the branch or tag of an address, held fast by its commit in ``images.lock``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from hashes.dockerfile import git
from hashes.errors import LayersError

KIND = "git"
"""Where an image has a platform, such a pin says this."""
_SECONDS = 120
_LOGIN = r"://[^/@\s]*:[^/@\s]*@"
COMMIT = r"^[0-9a-f]{40}(?:[0-9a-f]{24})?$"


class Commit(NamedTuple):
    """What a git address was at, where a base knows it beside the digests of its upstreams."""

    text: str

    def __str__(self) -> str:
        return self.text


class GitPin(NamedTuple):
    """A branch or tag, and the commit that it was."""

    address: str
    """``https://host/x.git#v1``, without a folder; without ``#`` it is the default branch."""
    commit: str
    locked: str = ""
    """When it was asked for, RFC 3339 in UTC; empty: not known."""


def name_of(address: str) -> str:
    """What an address is called in the lock: ``repository#ref``; "": it cannot be held fast.

    ``…?ref=v1&subdir=x`` is the ``…#v1`` of another.  One that names a commit needs nothing, and
    one with a password in it has no place in a file that is committed.
    """
    repository = re.split("[?#]", address, maxsplit=1)[0]
    if not git.is_git(address) or git.commit(address) or re.search(_LOGIN, repository):
        return ""
    ref = git.ref(address)
    if ref is None or re.search(r"\s", ref):
        return ""
    return f"{repository}#{ref}" if ref else repository


def resolve(names: Iterable[str]) -> dict[str, GitPin | LayersError]:
    """What the repositories say that each name of `name_of` is, all at once."""
    asked = sorted(set(names))
    if not asked:
        return {}
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(8, len(asked))) as pool:
        return dict(zip(asked, pool.map(_resolved, asked), strict=True))


def _resolved(name: str) -> GitPin | LayersError:
    import subprocess
    import time

    from layers.runtime import process

    repository, _, ref = name.partition("#")
    words = ["git", "ls-remote", "--", repository, *((ref, f"{ref}^{{}}") if ref else ("HEAD",))]
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -o BatchMode=yes"}
    try:
        done = process.run(words, env={**quiet, **os.environ}, apart=True, timeout=_SECONDS)
    except OSError as error:
        return LayersError(f"{name}: git: {error.strerror}", hint="apt-get install git")
    except subprocess.TimeoutExpired:
        return LayersError(f"{name}: git ls-remote said nothing for {_SECONDS} s")
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        return LayersError(f"{name}: git ls-remote: {said[-1]}", hint="\n  ".join(said[:-1]))
    commit = meant(done.stdout, ref)
    if not commit:
        hint = "a branch, a tag, or a whole commit of 40 digits"
        return LayersError(f"{name}: there is no branch or tag {ref or 'HEAD'!r}", hint=hint)
    return GitPin(name, commit, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))


def meant(told: str, ref: str) -> str:
    """The commit of a ref in what ``git ls-remote`` prints; "": there is none of that name.

    A branch goes before a tag, and a tag is the commit that it points at (gitsource of BuildKit).
    """
    found = {}
    for line in told.splitlines():
        commit, _, name = line.partition("\t")
        found[name] = commit
    for name in (f"refs/heads/{ref}", f"refs/tags/{ref}", ref or "HEAD"):
        if name in found:
            return found.get(f"{name}^{{}}", found[name])
    return ""


# -- the file --------------------------------------------------------------------------------


def shape(moment: Any) -> Any:
    """What the tables of such pins may hold."""
    from layers.config.shapes.shape import Text
    from layers.config.shapes.table import Map, Table

    rest: dict[str, Any] = {"commit": Text("", COMMIT, "40 hex digits"), "locked": moment}
    address = Text("", r"^\S+$", "an address")
    return Map("", address, Table("", rest, required=("commit",)))


def read_git(tables: Mapping[str, Any]) -> list[GitPin]:
    """The pins of the table ``git``, which has been checked."""
    return [
        GitPin(address, table["commit"], table.get("locked", ""))
        for address, table in tables.items()
        if "commit" in table
    ]


def git_table(pin: GitPin) -> dict[str, str]:
    """The table of a pin."""
    return {"commit": pin.commit, **({"locked": pin.locked} if pin.locked else {})}
