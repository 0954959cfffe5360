"""Layers in memory, as tarballs that an engine or a registry would give."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence

import zstandard

from layers.sizes.contents import contents
from layers.sizes.measure import Measured, Read, measure

Files = Mapping[str, "bytes | str | None"]
"""By path: content, or where a link leads (``->x`` symbolic, ``=>x`` hard); None is a folder."""


def tarball(files: Files) -> bytes:
    """A tar of these files in this order."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            if content is None:
                member.type = tarfile.DIRTYPE
                tar.addfile(member)
            elif isinstance(content, str):
                member.type = tarfile.SYMTYPE if content.startswith("->") else tarfile.LNKTYPE
                member.linkname = content[2:]
                tar.addfile(member)
            else:
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def packed(content: bytes, how: str) -> bytes:
    """The same as ``how`` packs it: ``gzip``, ``zstd`` or not at all."""
    if how == "gzip":
        return gzip.compress(content)
    return zstandard.ZstdCompressor().compress(content) if how == "zstd" else content


def saved(layers: Sequence[Files], how: str = "", steps: Sequence[str] = ()) -> bytes:
    """What ``docker image save`` gives: an OCI layout with a manifest.json, blobs by digest."""
    blobs: dict[str, bytes] = {}

    def blob(content: bytes) -> str:
        name = f"blobs/sha256/{hashlib.sha256(content).hexdigest()}"
        blobs[name] = content
        return name

    names = [blob(packed(tarball(files), how)) for files in layers]
    history = [{"created_by": step} for step in steps or ["COPY . . # buildkit"] * len(layers)]
    config = blob(json.dumps({"history": history}).encode())
    listing = json.dumps([{"Config": config, "RepoTags": None, "Layers": names}]).encode()
    return tarball({**dict(sorted(blobs.items())), "manifest.json": listing})


def measured(*layers: Files) -> Measured:
    """An image of these layers, measured."""
    read = [
        Read(100, f"COPY {at}", contents(io.BytesIO(tarball(files)), "x"))
        for at, files in enumerate(layers, 1)
    ]
    return measure(read)
