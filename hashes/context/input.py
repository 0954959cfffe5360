"""Inputs: what BuildKit sees of one file, directory or link of a build context."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from operator import itemgetter
from typing import NamedTuple

from hashes.algorithm import DEFAULT, hasher

LINK_MODE = 0o777
"""What a link counts as; on Linux it never has another mode."""


class Input(NamedTuple):
    """One path that a build reads, with everything of it that counts and nothing else.

    Counts: type, mode bits, bytes, link text, some extended attributes. Does not: times, owner,
    inode, number of hard links (BUILDKIT.md, section 2).
    """

    path: str
    """Relative to the context, as the source spells it; bytes that are not UTF-8 as surrogates."""
    kind: str
    """"file", "dir", "link", "other" (device, FIFO, socket) or "absent" (no match)"""
    mode: int
    """Permission bits with setuid, setgid and sticky; 0 when absent."""
    value: str
    """File: hash and size, or a pinned identity; link: its text; dir: ""; other: what it is.

    Extended attributes, where there are any, follow as "+" and their hash.
    """

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:  # noqa: ARG002 - DirEntry's
        return self.kind == "dir"

    def is_symlink(self) -> bool:
        return self.kind == "link"


def ordered(inputs: Iterable[Input]) -> tuple[Input, ...]:
    """Sort by the raw bytes of the path, whatever the locale."""
    found = list(inputs)
    try:
        "".join(map(itemgetter(0), found)).encode()
    except UnicodeEncodeError:  # code points sort as UTF-8 does, save for the surrogates
        found.sort(key=lambda item: (item[0].encode("utf-8", "surrogateescape"), item[1:]))
    else:
        found.sort()
    return tuple(found)


def walk_order(path: str) -> bytes:
    """What paths are sorted by in the order of a walk: a folder, then what is in it, by name."""
    return path.encode("utf-8", "surrogateescape").replace(b"/", b"\0")


def frame(inputs: Iterable[Input]) -> bytes:
    """Write inputs so that no two lists look alike: each field behind its length."""
    parts: list[bytes] = []
    for path, kind, mode, value in inputs:
        name, content = (
            path.encode("utf-8", "surrogateescape"),
            value.encode("utf-8", "surrogateescape"),
        )
        parts.append(
            b"%d:%b%d:%b%d,%d:%b"
            % (len(name), name, len(kind), kind.encode(), mode, len(content), content)
        )
    return b"".join(parts)


def other_value(status: os.stat_result) -> str:
    """Say what a device, FIFO or socket is, without opening it.

    A socket is sent, and arrives as an empty file of its mode (docker 26.1.5, tried).
    """
    names = {
        stat.S_IFIFO: "fifo",
        stat.S_IFSOCK: "socket",
        stat.S_IFCHR: "char",
        stat.S_IFBLK: "block",
    }
    kind = names.get(stat.S_IFMT(status.st_mode), "unknown")
    if kind not in ("char", "block"):
        return kind
    return f"{kind}:{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"


def xattr_value(target: int | bytes, algorithm: str = DEFAULT) -> str:
    """Hash the extended attributes that count, as "+<hex>"; "" when there are none.

    BuildKit drops system.*, com.apple.* and, but for security.capability, security.*
    (cache/contenthash/tarsum.go).
    """
    if not hasattr(os, "listxattr"):
        return ""
    follow = isinstance(target, int)
    try:
        names = os.listxattr(target, follow_symlinks=follow)
        if not names:
            return ""
        state = hasher(algorithm)()
        counted = False
        for name in sorted(names):
            if name != "security.capability" and name.startswith(
                ("security.", "system.", "com.apple.")
            ):
                continue
            counted = True
            for part in (
                name.encode("utf-8", "surrogateescape"),
                os.getxattr(target, name, follow_symlinks=follow),
            ):
                state.update(len(part).to_bytes(8, "little"))
                state.update(part)
    except OSError:  # a file system without them, or one that vanished between two calls
        return ""
    return "+" + state.hexdigest() if counted else ""
