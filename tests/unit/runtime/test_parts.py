"""What an engine sends of a container is read however it is cut into pieces."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from layers.runtime.parts import regular_files


def pieces(content: bytes, size: int) -> Iterator[bytes]:
    """The bytes in chunks of at most ``size``."""
    return (content[at : at + size] for at in range(0, len(content), size))


@given(st.integers(1, 5000))
@settings(deadline=None)
def test_wanted_files_come_out_of_a_stream(size: int) -> None:
    """By absolute paths, without links and folders, whatever the size of the chunks."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        folder, link = tarfile.TarInfo("lib"), tarfile.TarInfo("lib/link")
        folder.type, link.type, link.linkname = tarfile.DIRTYPE, tarfile.SYMTYPE, "one"
        archive.addfile(folder)
        archive.addfile(link)
        for name, content in {"lib/one": b"1" * 3000, "lib/two": b""}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))

    def read(suffix: str) -> dict[str, bytes]:
        found = regular_files(pieces(buffer.getvalue(), size), lambda p: p.endswith(suffix), "/usr")
        return dict(found)

    assert read("") == {"/usr/lib/one": b"1" * 3000, "/usr/lib/two": b""}
    assert read("/two") == {"/usr/lib/two": b""}
