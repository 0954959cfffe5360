"""What an engine sends of a container is read however it is cut into pieces."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from layers.engine.containers import KEPT
from layers.engine.streams import demultiplex, regular_files


def frame(stream: int, content: bytes) -> bytes:
    """One frame, as the Engine API describes it."""
    return bytes([stream, 0, 0, 0]) + len(content).to_bytes(4, "big") + content


def pieces(content: bytes, size: int) -> Iterator[bytes]:
    """The bytes in chunks of at most ``size``."""
    return (content[at : at + size] for at in range(0, len(content), size))


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.text())), st.integers(1, 20))
def test_each_stream_comes_whole_wherever_the_chunks_end(
    frames: list[tuple[int, str]], size: int
) -> None:
    """Frames cut in the middle of a header or of a letter make no difference."""
    sent = b"".join(frame(stream, text.encode()) for stream, text in frames)
    expected = tuple("".join(text for one, text in frames if one == stream) for stream in (1, 2))
    assert demultiplex(pieces(sent, size)) == expected


def test_the_end_of_much_output_is_kept() -> None:
    """A failure's reason stands in the last lines."""
    sent = [frame(1, b"first"), frame(1, b"x" * KEPT), frame(2, b"e"), frame(1, b"last")]
    output, errors = demultiplex(sent)
    assert (len(output), output[-5:], errors) == (KEPT, "xlast", "e")


def test_bytes_that_are_no_text_are_shown() -> None:
    """Output need not be UTF-8."""
    assert demultiplex([frame(1, b"a\xffb")]) == ("a\ufffdb", "")


@given(st.integers(1, 5000))
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
