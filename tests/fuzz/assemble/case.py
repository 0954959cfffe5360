"""Cases: a base as filesystem layers, a build context and a Dockerfile."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import zstandard

CAPABILITY = bytes.fromhex("0100000200040000000000000000000000000000")
"""cap_net_bind_service=ep, as the kernel keeps it."""
BASE = "BASE"
"""Stands in a Dockerfile for the base's name."""
OTHER = "OTHER"
"""And this for that of an image that is only copied from."""
TOOLS = "fuzz-tools"
"""An image in the engine with a shell."""


class Member(NamedTuple):
    """One entry of a base's layer, or of a context."""

    path: str
    kind: str
    """``dir``, ``file``, ``link``, ``hard``, ``fifo``; in a layer ``gone`` and ``opaque``, too."""
    mode: int = 0o644
    text: str = ""
    """A file's content, or where a link leads."""
    uid: int = 0
    gid: int = 0
    capability: bool = False
    mtime: int = 1_750_000_000


@dataclass(frozen=True)
class Case:
    """What an image is made from, and what it is made on."""

    name: str
    layers: tuple[tuple[Member, ...], ...]
    packing: tuple[str, ...]
    """How each layer is compressed: ``gzip``, ``zstd`` or ``plain``."""
    config: Mapping[str, Any]
    context: tuple[Member, ...]
    lines: tuple[str, ...]
    """Of the Dockerfile, an instruction each."""
    ignore: str = ""
    other: tuple[tuple[Member, ...], ...] = ()
    """The layers of an image that is only copied from."""
    other_packing: tuple[str, ...] = ()

    @property
    def dockerfile(self) -> str:
        return "\n".join(self.lines) + "\n"

    @property
    def runs(self) -> bool:
        """Whether a step of it has to run."""
        return any(line.startswith("RUN") for line in self.lines)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)


def from_json(text: str) -> Case:
    """The inverse of `Case.to_json`."""
    value = json.loads(text)
    value["layers"] = tuple(tuple(Member(*each) for each in layer) for layer in value["layers"])
    other = value.get("other", ())
    value["other"] = tuple(tuple(Member(*each) for each in layer) for layer in other)
    value["other_packing"] = tuple(value.get("other_packing", ()))
    value["context"] = tuple(Member(*each) for each in value["context"])
    value["packing"], value["lines"] = tuple(value["packing"]), tuple(value["lines"])
    return Case(**value)


def tarball(members: Sequence[Member]) -> bytes:
    """One layer, not compressed."""
    out = io.BytesIO()
    files = {each.path: each for each in members if each.kind == "file"}
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for each in members:
            first = files.get(each.text) if each.kind == "hard" else None
            # As engines write them; and some that look otherwise than the file.
            same = zlib.crc32(each.path.encode()) % 8
            linked = first._replace(path=each.path, kind="hard", text=each.text) if first else each
            _add(archive, linked if same else each)
    return out.getvalue()


def _add(archive: tarfile.TarFile, each: Member) -> None:
    folder, _, name = each.path.rpartition("/")
    slash = f"{folder}/" if folder else ""
    special = {"gone": f"{slash}.wh.{name}", "opaque": f"{each.path}/.wh..wh..opq"}
    header = tarfile.TarInfo(special.get(each.kind, each.path))
    header.mode, header.uid, header.gid, header.mtime = each.mode, each.uid, each.gid, each.mtime
    data = b""
    if each.kind == "file":
        data = each.text.encode()
        header.size = len(data)
    elif each.kind not in special:
        kinds = {"dir": tarfile.DIRTYPE, "link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE}
        header.type = kinds.get(each.kind, tarfile.FIFOTYPE)
        header.linkname = each.text if each.kind in ("link", "hard") else ""
    if each.kind in ("file", "hard") and each.capability:
        value = CAPABILITY.decode("utf-8", "surrogateescape")
        header.pax_headers = {"SCHILY.xattr.security.capability": value}
    archive.addfile(header, io.BytesIO(data))


def packed(tar: bytes, how: str) -> bytes:
    """A layer as it travels."""
    if how == "gzip":
        return gzip.compress(tar, 1, mtime=0)
    return zstandard.compress(tar) if how == "zstd" else tar


def lay(members: Sequence[Member], root: Path, ignore: str = "") -> None:
    """Write a context."""
    root.mkdir(parents=True)
    for each in members:
        path = root / each.path
        if each.kind == "dir":
            path.mkdir()
        elif each.kind == "link":
            path.symlink_to(each.text)
        elif each.kind == "hard":
            path.hardlink_to(root / each.text)
        elif each.kind == "fifo":
            os.mkfifo(path)
        else:
            path.write_text(each.text)
            if each.capability:
                os.setxattr(path, "security.capability", CAPABILITY)
    for each in reversed(members):
        if each.kind not in ("link", "hard"):
            os.chmod(root / each.path, each.mode)
        os.utime(root / each.path, (each.mtime, each.mtime), follow_symlinks=False)
    for each in members:
        if each.capability and each.kind == "file":  # a change of the mode takes it away
            os.setxattr(root / each.path, "security.capability", CAPABILITY)
    if ignore:
        (root / ".dockerignore").write_text(ignore)
