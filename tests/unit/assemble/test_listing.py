"""What is at each path of an image, from its filesystem layers."""

from __future__ import annotations

import gzip
import io
import tarfile
import tracemalloc
from collections.abc import Iterator

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from layers.assemble.image import listing_of
from layers.assemble.listing import BadListing, Entry, Listing
from layers.assemble.obstacle import Blocked
from layers.assemble.tarballs import BadTarball, apply
from layers.assemble.trees.tree import MOST_LINKS
from tests.fuzz.assemble.case import Member, tarball

FILE = Entry("file", 0o644, 0, 0)
FOLDER = Entry("dir", 0o755, 0, 0)
IMAGE = "sha256:" + "1" * 64


def link(text: str) -> Entry:
    return Entry("link", 0o777, 0, 0, link=text)


def made(*layers: list[Member]) -> Listing:
    """The listing of layers that are written as tarballs."""
    return listing_of([iter((tarball(each),)) for each in layers])


def paths(listing: Listing) -> dict[str, str]:
    return {path: entry.kind for path, entry in listing.walk()}


def folder(path: str, mode: int = 0o755) -> Member:
    return Member(path, "dir", mode)


def file(path: str, text: str = "x", mode: int = 0o644) -> Member:
    return Member(path, "file", mode, text)


LOWER = [folder("a"), file("a/f"), folder("a/b"), file("a/b/g"), Member("l", "link", 0o777, "a")]


@pytest.mark.parametrize(
    ("upper", "gone", "new"),
    [
        ([Member("a/f", "gone")], {"a/f"}, {}),
        ([Member("a", "gone")], {"a", "a/f", "a/b", "a/b/g"}, {}),
        (
            [Member("a", "gone"), folder("a"), file("a/new")],
            {"a/f", "a/b", "a/b/g"},
            {"a/new": "file"},
        ),
        ([Member("a", "opaque")], {"a/f", "a/b", "a/b/g"}, {}),
        ([file("a/new"), Member("a", "opaque")], {"a/f", "a/b", "a/b/g"}, {"a/new": "file"}),
        ([folder("a/b"), Member("a", "opaque")], {"a/f", "a/b/g"}, {}),
        ([file("a")], {"a/f", "a/b", "a/b/g"}, {"a": "file"}),
        ([folder("l"), file("l/x")], set(), {"l": "dir", "l/x": "file"}),
        ([file("l/x")], set(), {"a/x": "file"}),
        ([Member("l/f", "gone")], {"a/f"}, {}),
        ([Member("new/f", "gone")], set(), {"new": "dir"}),
        ([folder("a", 0o700)], set(), {}),
        ([file("new/deep/x")], set(), {"new": "dir", "new/deep": "dir", "new/deep/x": "file"}),
        ([file("h"), Member("i", "hard", text="h")], set(), {"h": "file", "i": "file"}),
        ([Member(".wh..wh.plnk", "dir")], set(), {}),
        ([Member("p", "fifo")], set(), {"p": "other"}),
        ([file("./a/../q")], set(), {"q": "file"}),
    ],
)
def test_a_layer_is_put_upon_those_below(
    upper: list[Member], gone: set[str], new: dict[str, str]
) -> None:
    """Whiteouts, opaque folders, links of parents, what takes another's place: as engines do it."""
    before = paths(made(LOWER))
    after = {path: kind for path, kind in before.items() if path not in gone} | new
    assert paths(made(LOWER, upper)) == after


def test_a_folder_keeps_what_is_in_it_and_takes_the_upper_mode() -> None:
    assert made(LOWER, [folder("a", 0o1777)]).get("a") == Entry("dir", 0o1777, 0, 0, 1_750_000_000)


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, zstandard.compress], ids=["plain", "gzip", "zstd"]
)
def test_layers_are_read_however_they_are_packed(pack: object) -> None:
    """In parts of any size."""
    assert callable(pack)
    data = pack(tarball(LOWER))
    listing = Listing()
    apply(listing, iter([data[at : at + 7] for at in range(0, len(data), 7)]))
    assert paths(listing) == paths(made(LOWER))


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-9], lambda data: b"x" * 900, lambda data: b""]
)
def test_a_damaged_layer_is_an_error(damage: object) -> None:
    assert callable(damage)
    with pytest.raises(BadTarball, match="not a filesystem layer"):
        apply(Listing(), iter((damage(gzip.compress(tarball(LOWER))),)))


@pytest.mark.parametrize("name", [".wh.", "a/.wh.", ".wh..", "a/.wh..."])
def test_a_mark_of_no_name_is_an_error(name: str) -> None:
    """No engine unpacks it (containerd, archive/tar.go, validateWhiteout)."""
    with pytest.raises(BadTarball, match="takes no name away"):
        made(LOWER, [file(name)])


def test_a_large_layer_takes_no_memory_but_for_its_names() -> None:
    """64 MiB of content are read through, not held."""

    def parts() -> Iterator[bytes]:
        header = tarfile.TarInfo("big")
        header.size = 64 << 20
        yield header.tobuf()
        for _ in range(64):
            yield bytes(1 << 20)
        yield bytes(1024)

    tracemalloc.start()
    listing = Listing()
    apply(listing, parts())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert paths(listing) == {"big": "file"}
    assert peak < 8 << 20


def tree(**entries: Entry) -> Listing:
    found = Listing()
    for name, entry in entries.items():
        found.put(name.replace("__", "/"), entry)
    return found


@pytest.mark.parametrize(
    ("path", "leads"),
    [
        ("", ""),
        ("a", "a"),
        ("a/x/y", "a/x/y"),
        ("to_a/x", "a/x"),
        ("up", "a"),
        ("a/top/a", "a"),
        ("far/f", "nowhere/f"),
        ("chain/b", "a/b"),
        ("over", "a"),
    ],
)
def test_links_are_followed_inside_of_the_image(path: str, leads: str) -> None:
    """Each link on the way, the last one, too; what is not there leads to itself."""
    listing = tree(
        a=FOLDER,
        a__b=FOLDER,
        a__top=link("/"),
        to_a=link("a"),
        up=link("../../../a"),
        far=link("/nowhere"),
        chain=link("to_a"),
        over=link("a/../to_a/."),
    )
    assert listing.resolve(path) == leads


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("loop", "circle"),
        ("loop/x", "circle"),
        ("f/x", "/f is not a folder"),
        ("to_f/x", "not a folder"),
    ],
)
def test_what_leads_nowhere_is_left_to_the_engine(path: str, reason: str) -> None:
    listing = tree(loop=link("loop"), f=FILE, to_f=link("f"))
    with pytest.raises(Blocked, match=reason):
        listing.resolve(path)
    assert MOST_LINKS == 255


NAME = st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=4).filter(
    lambda name: name not in (".", "..")
)
ENTRY = st.one_of(
    st.builds(
        lambda mode, uid: Entry("file", mode, uid, uid), st.integers(0, 0o7777), st.integers(0, 9)
    ),
    st.builds(lambda text: link(text), NAME),
    st.builds(
        lambda mode, at: Entry("dir", mode, 0, 5, at), st.integers(0, 0o7777), st.integers(0, 9)
    ),
)


@st.composite
def listings(draw: st.DrawFn) -> Listing:
    found = Listing()
    folders = [""]
    for _ in range(draw(st.integers(0, 12))):
        at = draw(st.sampled_from(folders))
        name = draw(st.one_of(NAME, st.sampled_from(("passwd", "f", "g"))))
        path = f"{at}/{name}" if at else name
        entry = draw(ENTRY)
        found.put(path, entry, "root:x:0\n" if entry.kind == "file" and name == "passwd" else None)
        folders = ["", *(each for each, one in found.walk() if one.kind == "dir")]
    return found


@given(listings())
def test_a_listing_comes_back_as_it_was_written(listing: Listing) -> None:
    """Names of any signs, modes, owners, links, times of folders, kept texts."""
    again = Listing.from_bytes(listing.to_bytes(IMAGE), IMAGE)
    assert list(again.walk()) == list(listing.walk())
    assert [again.text(path) for path, _ in again.walk()] == [
        listing.text(path) for path, _ in listing.walk()
    ]
    assert again.to_bytes(IMAGE) == listing.to_bytes(IMAGE)


@given(listings(), NAME)
def test_a_copy_is_another_listing(listing: Listing, name: str) -> None:
    """What is done to one is not done to the other."""
    before = list(listing.walk())
    other = listing.copy()
    other.put(f"{name}!", FILE)
    for path, _ in before:
        other.remove(path)
    assert list(listing.walk()) == before


@given(st.data())
def test_damage_and_other_images_are_found(data: st.DataObject) -> None:
    """Never a listing that is half of one, and never another image's."""
    whole = made(LOWER).to_bytes(IMAGE)
    at = data.draw(st.integers(0, len(whole) - 1))
    other = bytearray(whole)
    other[at] ^= data.draw(st.integers(1, 255))
    for each in (bytes(other), whole[:at]):
        try:
            found = Listing.from_bytes(each, IMAGE)
        except BadListing:
            continue
        assert paths(found) == paths(made(LOWER))
    with pytest.raises(BadListing, match="not of sha256:2"):
        Listing.from_bytes(whole, "sha256:2")


def test_a_hundred_thousand_names_are_some_hundred_kilobytes() -> None:
    """As a large image has them: names of modules, in folders of folders."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for number in range(100_000):
            at = f"usr/lib/python3/pkg{number // 500}/sub{number // 50}/mod_{number}.py"
            archive.addfile(tarfile.TarInfo(at))
    listing = listing_of([iter((out.getvalue(),))])
    assert len(listing.to_bytes(IMAGE)) < 500_000
