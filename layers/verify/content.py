"""Contents: settings and files of an image in full, and what differs between two of them."""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
from collections.abc import Collection, Iterable, Mapping
from typing import IO, Any, NamedTuple

from hashes.errors import LayersError
from layers.assemble.obstacle import Blocked
from layers.assemble.trees.tree import Tree, clean
from layers.assemble.trees.unpacking import Unpacking

_PART = 1 << 20
_XATTR = "SCHILY.xattr."
_KINDS = {
    tarfile.DIRTYPE: "dir",
    tarfile.SYMTYPE: "link",
    tarfile.LNKTYPE: "hard",
    tarfile.FIFOTYPE: "fifo",
    tarfile.CHRTYPE: "char",
    tarfile.BLKTYPE: "block",
}
_OF_IMAGE = ("os", "architecture", "variant", "author", "os.version", "os.features")


class File(NamedTuple):
    """What is at one path; when it was modified is left out."""

    kind: str
    """``dir``, ``file``, ``link``, ``hard`` (in a layer alone), ``fifo``, ``char``, ``block``."""
    mode: int
    owner: str = "0:0"
    size: int = 0
    sha256: str = ""
    link: str = ""
    """Where a symbolic link leads; the name that a hard link was made of."""
    device: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    """Extended ones, such as ``security.capability``."""


_FOLDER = File("dir", 0o755)
"""What a folder is that no layer names, but only what is in it."""

Entries = tuple[tuple[str, File], ...]
"""One filesystem layer: clean paths in the order of its tarball, marks among them."""


class Content(NamedTuple):
    """An image, in full."""

    settings: Mapping[str, Any]
    files: Mapping[str, File]


def entries(tarball: IO[bytes], name: str) -> Entries:
    """Read a layer, out of its compression, to its end.

    ``name`` is for the error: LayersError for what cannot be read.
    """
    import zlib

    import zstandard

    found = []
    try:
        with tarfile.open(fileobj=tarball, mode="r|", bufsize=_PART, errorlevel=2) as archive:
            while (member := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # else it keeps every one
                found.append((clean(member.name), _file(member, archive)))
        while tarball.read(_PART):
            pass
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError, EOFError) as error:
        raise LayersError(f"layer {name} cannot be read: {error}") from error
    return tuple(found)


def _file(member: tarfile.TarInfo, archive: tarfile.TarFile) -> File:
    kind = _KINDS.get(member.type, "file")
    state = hashlib.sha256()
    content = archive.extractfile(member) if kind == "file" else None
    while content is not None and (part := content.read(_PART)):
        state.update(part)
    attributes = (
        (key.removeprefix(_XATTR), value)
        for key, value in member.pax_headers.items()
        if key.startswith(_XATTR)
    )
    return File(
        kind,
        member.mode & 0o7777,
        f"{member.uid}:{member.gid}",
        member.size if kind == "file" else 0,
        state.hexdigest() if kind == "file" else "",
        clean(member.linkname) if kind == "hard" else member.linkname,
        f"{member.devmajor}:{member.devminor}" if kind in ("char", "block") else "",
        tuple(sorted(attributes)),
    )


def flatten(layers: Iterable[Entries]) -> dict[str, File]:
    """The files that layers make, one upon the other, as an engine unpacks them.

    Raises LayersError for a layer that no engine unpacks.
    """
    tree = Tree(_FOLDER)
    for layer in layers:
        unpacking = Unpacking(tree, _FOLDER)
        try:
            for name, file in layer:
                if not unpacking.marked(name):
                    path = unpacking.place(name)
                    tree.put(path, _linked(tree, unpacking, name, file))
        except Blocked as error:
            raise LayersError(f"a layer that no engine unpacks: {error}") from error
    return dict(tree.walk())


def _linked(tree: Tree[File], unpacking: Unpacking[File], name: str, file: File) -> File:
    if file.kind != "hard":
        return file
    at = unpacking.linked(name, file.link)
    found = tree.get(at)
    assert found is not None
    return found if found.link else found._replace(link=at)


def settings(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting of an image; what is empty counts as absent."""
    found = dict(configuration.get("config") or {})
    found |= {name: configuration.get(name) for name in _OF_IMAGE}
    return {name: value for name, value in found.items() if value not in (None, "", [], {}, False)}


def differences(
    built: Content, assembled: Content, only: Collection[str] | None = None
) -> list[str]:
    """What is other in an assembled image than in the one that was built; settings first.

    ``only``: the paths to look at; None: all.
    """
    told = []
    for name in sorted({*built.settings, *assembled.settings}):
        one, two = built.settings.get(name), assembled.settings.get(name)
        if one != two:
            told.append(f"{name}: built {_said(one)}, assembled {_said(two)}")
    for path in sorted({*built.files, *assembled.files}):
        if only is None or path in only:
            before, after = built.files.get(path), assembled.files.get(path)
            if before != after:
                told.append(f"/{path}: {_other(before, after)}")
    return told


def _said(value: object) -> str:
    return "nothing" if value is None else json.dumps(value, sort_keys=True)


def _other(built: File | None, assembled: File | None) -> str:
    if built is None or assembled is None:
        return "is only in the assembled image" if built is None else "is only in the built image"
    return "; ".join(
        f"{name} built {_shown(name, one)}, assembled {_shown(name, two)}"
        for name, one, two in zip(File._fields, built, assembled, strict=True)
        if one != two
    )


def _shown(name: str, value: object) -> str:
    if isinstance(value, int) and name == "mode":
        return f"{value:04o}"
    return str(value) if value not in ("", ()) else "nothing"
