"""Git history: what a file says on every branch and tag of the git repository."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hashes.errors import LayersError


@dataclass(frozen=True)
class Committed:
    """One version of a file."""

    ref: str
    """A branch or tag that has it, the first of them, such as ``origin/main``."""
    text: str


@dataclass(frozen=True)
class GitHistory:
    """A git repository, as far as a checkout knows it."""

    root: str
    prefix: str
    """Where the checkout's root lies in the repository: empty, or a path that ends with ``/``."""
    shallow: bool
    """True when it was cloned in part, and other branches may be unknown here."""

    def versions(self, name: str) -> tuple[Committed, ...]:
        """Each different content of the file ``name`` at HEAD, all branches, tags and stashes.

        Of remotes it knows what the last fetch brought. Raises LayersError when git fails.
        """
        listed = _git(self.root, "for-each-ref", "--format=%(refname)").decode().splitlines()
        refs = ["HEAD", *listed]
        asked = "".join(f"{ref}:{self.prefix}{name}\n" for ref in refs).encode()
        rows = _git(self.root, "cat-file", "--batch-check=%(objectname) %(objecttype)", give=asked)
        blobs: dict[str, str] = {}
        for ref, row in zip(refs, rows.decode().splitlines(), strict=True):
            identity, _, kind = row.partition(" ")
            if kind == "blob":  # "missing" where a branch has no such file
                blobs.setdefault(identity, _short(ref))
        texts = self._contents(list(blobs))
        return tuple(Committed(ref, text) for ref, text in zip(blobs.values(), texts, strict=True))

    def _contents(self, blobs: Sequence[str]) -> Iterator[str]:
        if not blobs:
            return
        asked = "".join(f"{blob}\n" for blob in blobs).encode()
        answer = _git(self.root, "cat-file", "--batch", give=asked)
        at = 0
        for _ in blobs:
            end = answer.index(b"\n", at)
            length = int(answer[at:end].split()[2])
            yield answer[end + 1 : end + 1 + length].decode(errors="replace")
            at = end + 2 + length


def history(root: str) -> GitHistory | None:
    """The git repository around ``root``; None: there is none, or no git on this machine.

    Raises LayersError when git is there and cannot read it.
    """
    try:
        told = _git(root, "rev-parse", "--is-shallow-repository", "--show-prefix").decode()
    except _NoRepository:
        return None
    shallow, _, prefix = told.partition("\n")
    return GitHistory(root, prefix.rstrip("\n"), shallow == "true")


class _NoRepository(Exception):
    pass


def _git(root: str, *words: str, give: bytes = b"") -> bytes:
    environment = {**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(
            ["git", *words],
            cwd=root,
            env=environment,
            input=give,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        raise _NoRepository from None
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.decode(errors="replace").strip()
    if words[0] == "rev-parse" and "not a git repository" in said:
        raise _NoRepository
    raise LayersError(
        f"git cannot tell what branches and tags need: git {' '.join(words[:2])}: {said}",
        hint="nothing was removed; mend the repository and run again",
    )


def _short(ref: str) -> str:
    for start in ("refs/heads/", "refs/tags/", "refs/remotes/"):
        if ref.startswith(start):
            return ref.removeprefix(start)
    return ref
