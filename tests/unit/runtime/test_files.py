"""Text files that people write: with or without a mark, and never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from hashes.errors import LayersError
from layers.runtime.files import read_text


@pytest.mark.parametrize("content", [b"a\nb\n", b"\xef\xbb\xbfa\nb\n", b"a\r\nb\r\n", b"a\rb\r"])
def test_a_mark_and_the_kind_of_line_ends_are_no_part_of_a_text(
    tmp_path: Path, content: bytes
) -> None:
    """Editors on other systems put them there."""
    (tmp_path / "f").write_bytes(content)
    assert read_text(str(tmp_path / "f"), "f") == "a\nb\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("é".encode("utf-16"), "f:1: written in UTF-16: expected UTF-8\n  save it as UTF-8"),
        (b"\xfe\xff\0a", "f:1: written in UTF-16"),
        (b"a\n\xe9\n", "f:2: the byte 0xe9 is not UTF-8\n  save it as UTF-8"),
    ],
)
def test_what_is_not_utf_8_is_told_with_its_line(
    tmp_path: Path, content: bytes, message: str
) -> None:
    """And with what makes it UTF-8."""
    (tmp_path / "f").write_bytes(content)
    with pytest.raises(LayersError) as caught:
        read_text(str(tmp_path / "f"), "f")
    assert str(caught.value).startswith(message)


def test_a_folder_is_told_and_nothing_is_not_there(tmp_path: Path) -> None:
    """Whoever asks knows what it means that there is no file."""
    with pytest.raises(LayersError, match="f: cannot be read: Is a directory"):
        read_text(str(tmp_path), "f")
    with pytest.raises(FileNotFoundError):
        read_text(str(tmp_path / "f"), "f")
