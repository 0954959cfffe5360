"""What an image holds: settings and files, read from blobs without starting anything."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import zstandard

Read = Callable[[str], bytes]
"""A blob's bytes by its ``sha256:…``."""
_ACCEPT = ", ".join(
    f"application/vnd.{kind}"
    for kind in (
        "oci.image.manifest.v1+json",
        "docker.distribution.manifest.v2+json",
        "oci.image.index.v1+json",
        "docker.distribution.manifest.list.v2+json",
    )
)
_OPAQUE = ".wh..wh..opq"
_GONE = ".wh."


class File(NamedTuple):
    """One entry of a file system; when it was modified is left out."""

    kind: str
    mode: int
    owner: str
    size: int
    sha256: str
    link: str
    """Where a symbolic link leads; the first name of what is linked hard."""
    device: str
    xattrs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Content:
    """An image, in full."""

    settings: Mapping[str, Any]
    files: Mapping[str, File]


class Contents:
    """Reads images; what a filesystem layer holds is read once."""

    def __init__(self) -> None:
        self._layers: dict[str, list[tuple[str, File]]] = {}

    def read(self, digest: str, read: Read) -> Content:
        """The image whose manifest has that digest."""
        manifest = json.loads(read(digest))
        if "manifests" in manifest:
            raise ValueError(f"{digest} is an index: {manifest}")
        config = json.loads(read(manifest["config"]["digest"]))
        layers = [self._layer(each["digest"], read) for each in manifest["layers"] or ()]
        return Content(settings(config), flatten(layers))

    def _layer(self, digest: str, read: Read) -> list[tuple[str, File]]:
        found = self._layers.get(digest)
        if found is None:
            if len(self._layers) > 2000:
                self._layers.clear()
            found = self._layers[digest] = list(entries(unpacked(read(digest))))
        return found


def settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting; labels of ours are left out, and so is what tells the time."""
    inner = dict(config.get("config") or {})
    labels = inner.pop("Labels", None) or {}
    inner["Labels"] = {
        key: value for key, value in labels.items() if not key.startswith("io.doit-layers.")
    }
    for name in ("os", "architecture", "variant", "author", "os.version"):
        inner[name] = config.get(name)
    steps = (str(each.get("created_by")) for each in config.get("history") or ())
    assembled = any(each.endswith("# assembled") for each in steps)
    if not assembled:  # else it has the time of the newest file in it
        inner["created before 2024"] = str(config.get("created") or "9") < "2024"
    return {name: value for name, value in inner.items() if value not in (None, "", [], {}, False)}


def unpacked(data: bytes) -> bytes:
    """A filesystem layer as a plain tar."""
    if data[:2] == b"\x1f\x8b":
        return zlib.decompress(data, 31)
    if data[:4] == b"\x28\xb5\x2f\xfd":
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)) as stream:
            return stream.read()
    return data


_KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.DIRTYPE: "dir",
    tarfile.SYMTYPE: "link",
    tarfile.LNKTYPE: "hard",
    tarfile.FIFOTYPE: "fifo",
    tarfile.CHRTYPE: "char",
    tarfile.BLKTYPE: "block",
}


def entries(tar: bytes) -> Iterable[tuple[str, File]]:
    """Path and entry, in the order of the archive; whiteouts are entries of their own names."""
    with tarfile.open(fileobj=io.BytesIO(tar), errorlevel=2) as archive:
        for member in archive:
            kind = _KINDS[member.type]
            content = archive.extractfile(member) if kind == "file" else None
            data = content.read() if content is not None else b""
            xattrs = tuple(
                sorted(
                    (key.removeprefix("SCHILY.xattr."), value)
                    for key, value in member.pax_headers.items()
                    if key.startswith("SCHILY.xattr.")
                )
            )
            yield (
                _clean(member.name),
                File(
                    kind,
                    member.mode,
                    f"{member.uid}:{member.gid}",
                    len(data),
                    hashlib.sha256(data).hexdigest()[:16] if kind == "file" else "",
                    _clean(member.linkname) if kind == "hard" else member.linkname,
                    f"{member.devmajor}:{member.devminor}" if kind in ("char", "block") else "",
                    xattrs,
                ),
            )


def _clean(path: str) -> str:
    return "/" + "/".join(part for part in path.split("/") if part not in ("", "."))


def flatten(layers: Iterable[Iterable[tuple[str, File]]]) -> dict[str, File]:
    """The file system that layers make, one upon the other."""
    found: dict[str, File] = {}
    for layer in layers:
        added: dict[str, File] = {}
        for path, file in layer:
            folder, _, name = path.rpartition("/")
            if name == _OPAQUE:
                _drop(found, folder, itself=False)
            elif name.startswith(_GONE):
                _drop(found, f"{folder}/{name.removeprefix(_GONE)}", itself=True)
            else:
                if file.kind == "hard":
                    target = added.get(file.link) or found.get(file.link)
                    if target is not None:
                        file = target._replace(link=target.link or file.link)
                added[path] = file
        for path, file in added.items():
            before = found.get(path)
            if before is not None and before.kind == "dir" and file.kind != "dir":
                _drop(found, path, itself=True)
            found[path] = file
    return found


def _drop(found: dict[str, File], path: str, *, itself: bool) -> None:
    for each in [each for each in found if each.startswith(path + "/")]:
        del found[each]
    if itself:
        found.pop(path, None)


def from_store(folder: str) -> Read:
    """Blobs of an engine with the containerd image store, on this machine; ``folder``: its data."""
    blobs = os.path.join(
        folder, "containerd/daemon/io.containerd.content.v1.content/blobs", "sha256"
    )

    def read(digest: str) -> bytes:
        with open(os.path.join(blobs, digest.removeprefix("sha256:")), "rb") as file:
            return file.read()

    return read


def from_registry(host: str, repository: str) -> Read:
    """Blobs of a registry on loopback."""

    def read(digest: str) -> bytes:
        for kind in ("blobs", "manifests"):
            request = urllib.request.Request(
                f"http://{host}/v2/{repository}/{kind}/{digest}", headers={"Accept": _ACCEPT}
            )
            try:
                with _OPENER.open(request, timeout=60) as answer:
                    return bytes(answer.read())
            except urllib.error.HTTPError as error:
                if error.code != 404 or kind == "manifests":
                    raise
        raise AssertionError

    return read


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def differences(expected: Content, found: Content) -> list[str]:
    """What is other in an image than in the one that plain builds gave; settings first."""
    told = []
    for name in sorted({*expected.settings, *found.settings}):
        one, two = expected.settings.get(name), found.settings.get(name)
        if one != two:
            told.append(f"setting {name}: {json.dumps(two)}, expected {json.dumps(one)}")
    for path in sorted({*expected.files, *found.files}):
        before, after = expected.files.get(path), found.files.get(path)
        if before == after:
            continue
        if before is None or after is None:
            told.append(f"file {path}: {'missing' if after is None else 'too much'}")
        else:
            other = ", ".join(
                f"{name} {two!r}, expected {one!r}"
                for name, one, two in zip(File._fields, before, after, strict=True)
                if one != two
            )
            told.append(f"file {path}: {other}")
    return told
