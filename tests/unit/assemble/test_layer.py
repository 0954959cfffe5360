"""The tarball of a step."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from layers.assemble import layer
from layers.assemble.copying import Look, Writer
from layers.assemble.layer import NewLayer, write
from layers.assemble.listing import Entry, Listing
from layers.assemble.sources import Item, Match, Moved
from layers.assemble.tarballs import apply

AT = 1_760_000_000


def content(text: bytes) -> Item:
    return Item("", "file", 0o644, AT, len(text), read=lambda: iter((text[:2], text[2:])))


def step() -> Writer:
    """A tree, copied into a folder of a base."""
    listing = Listing()
    listing.put("deep", Entry("dir", 0o711, 3, 4, 5))
    listing.put("deep/er", Entry("dir", 0o1777, 0, 0, 6))
    found = Writer(listing)
    one = content(b"hello")
    tree = Match(
        "t",
        (
            Item("", "dir", 0o755, AT),
            Item("b", "dir", 0o700, AT),
            one._replace(path="b/f", mode=0o4755, inode=(1, 2)),
            Item("l", "link", 0o777, AT, link="to/ün\udcff"),
            Item("p", "other", 0o600, AT),
            one._replace(path="z", mode=0o4755, inode=(1, 2)),
            one._replace(path="ö\udcff"),
        ),
    )
    found.copy([tree], "/deep/er", Look(stamp=7))
    found.copy([Match("g", (content(b"x"),))], "/new/", Look(stamp=7))
    return found


def unpacked(made: NewLayer) -> bytes:
    data = b"".join(made.parts())
    assert made.digest.text == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert made.size == len(data)
    with zstandard.ZstdDecompressor().stream_reader(data) as stream:
        tar = stream.read()
    assert made.diff_id.text == f"sha256:{hashlib.sha256(tar).hexdigest()}"
    return tar


def test_a_layer_has_the_folders_on_the_way_and_all_in_the_order_of_a_walk() -> None:
    found = step()
    made = write(found.listing, found.written)
    with tarfile.open(fileobj=io.BytesIO(unpacked(made))) as tar:
        members = tar.getmembers()
        told = [(each.name, oct(each.mode), each.uid, each.gid, each.mtime) for each in members]
        assert tar.extractfile("deep/er/b/f").read() == b"hello"  # type: ignore[union-attr]  # a file
    assert told == [
        ("deep", "0o711", 3, 4, 5),
        ("deep/er", "0o1777", 0, 0, 6),
        ("deep/er/b", "0o700", 0, 0, AT),
        ("deep/er/b/f", "0o4755", 0, 0, AT),
        ("deep/er/l", "0o777", 0, 0, AT),
        ("deep/er/p", "0o600", 0, 0, AT),
        ("deep/er/z", "0o4755", 0, 0, AT),
        ("deep/er/ö\udcff", "0o644", 0, 0, AT),
        ("new", "0o755", 0, 0, 7),
        ("new/g", "0o644", 0, 0, AT),
    ]
    by_name = {each.name: each for each in members}
    assert by_name["deep/er/z"].islnk()
    assert by_name["deep/er/z"].linkname == "deep/er/b/f"
    assert by_name["deep/er/l"].linkname == "to/ün\udcff"
    assert all(each.uname == each.gname == "" for each in members)


def test_the_same_step_gives_the_same_bytes() -> None:
    """On every machine: no clock, no name of a user, no order of a dictionary."""
    first, second = step(), step()
    turned = dict(reversed(second.written.items()))
    one, two = write(first.listing, first.written), write(second.listing, turned)
    assert (one.digest, one.diff_id) == (two.digest, two.diff_id)
    # Written once and looked at: a change of this is a change of every layer.
    assert one.diff_id.text[7:19] == "b8bf64263593"


def test_a_layer_upon_its_base_is_what_the_step_left() -> None:
    """The listing that a step changed, and that of base and layer, are one."""
    found = step()
    base = Listing()
    base.put("deep", Entry("dir", 0o711, 3, 4, 5))
    base.put("deep/er", Entry("dir", 0o1777, 0, 0, 6))
    apply(base, write(found.listing, found.written).parts())
    assert list(base.walk()) == list(found.listing.walk())


@pytest.mark.parametrize("text", [b"hell", b"hello!", b""])
def test_a_file_of_another_size_is_found(text: bytes) -> None:
    found = Writer(Listing())
    item = content(b"hello")._replace(read=lambda: iter((text,)))
    found.copy([Match("f", (item,))], "/f", Look())
    with pytest.raises((Moved, OSError)):
        write(found.listing, found.written)


@given(
    st.sets(
        st.lists(st.sampled_from(["a", "a-", "b", "ü", "\udcff"]), min_size=1, max_size=4).map(
            "/".join
        )
    )
)
def test_the_order_of_a_walk_is_by_the_bytes_of_names(paths: set[str]) -> None:
    """Each path once, and each folder before what is in it."""
    every = {path.rsplit("/", up)[0] for path in paths for up in range(path.count("/") + 1)}
    found = list(layer._with_parents(paths))
    assert found == sorted(every, key=lambda path: os.fsencode(path).split(b"/"))
