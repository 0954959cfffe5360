"""Records of filesystem layers: upon any listing they do what the layer's tarball does."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import pytest
import zstandard
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from layers.assemble.listing import Listing
from layers.assemble.tarballs import BadTarball, apply, put, reduced
from layers.assemble.trees import record
from layers.assemble.trees.record import BadRecord, Look, Member, Recorder, members

LAYER, OTHER = (f"sha256:{digit * 64}" for digit in "12")
IMAGE = "sha256:" + "3" * 64

NAMES = st.sampled_from(
    [
        *("a", "b", "c", "passwd", "group", "ä", "\udcff", "./a/../b", "a//", "..", "", "."),
        *(".wh.a", ".wh.b", ".wh..wh..opq", ".wh..wh.plnk", ".wh.passwd", ".wh."),
    ]
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
LINKS = st.one_of(PATHS, PATHS.map(lambda path: f"/{path}"), st.just("../../a"))


class Header(NamedTuple):
    """One member as a tarball has it."""

    path: str
    type: bytes = tarfile.REGTYPE
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime: float = 0
    link: str = ""
    data: bytes = b""


TYPES = (tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE)


@st.composite
def headers(draw: st.DrawFn) -> Header:
    kind = draw(st.sampled_from(TYPES))
    return Header(
        draw(PATHS),
        kind,
        draw(st.integers(0, 0o177777)),
        draw(st.integers(0, 1 << 32)),
        draw(st.integers(0, 9)),
        draw(st.one_of(st.integers(-9, 9), st.floats(0, 2e9))),
        draw(LINKS) if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else "",
        draw(st.binary(max_size=9)) if kind == tarfile.REGTYPE else b"",
    )


Layer = Sequence[Header]
LAYERS = st.lists(headers(), max_size=8)


def packed(layer: Layer) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for each in layer:
            header = tarfile.TarInfo(each.path)
            header.type, header.mode, header.uid, header.gid = each[1:5]
            header.mtime, header.linkname, header.size = each.mtime, each.link, len(each.data)
            archive.addfile(header, io.BytesIO(each.data))
    return out.getvalue()


@st.composite
def listings(draw: st.DrawFn) -> Listing:
    """What some layers make; one that no engine unpacks is left out."""
    found = Listing()
    for number, layer in enumerate(draw(st.lists(LAYERS, max_size=3))):
        upper = found.copy()
        try:
            from_bytes(upper, layer, number)
        except BadTarball:
            continue
        found = upper
    return found


def recorded(layer: Layer) -> bytes:
    """The record of a layer, whatever it is put upon."""
    recorder = Recorder(LAYER)
    for _each in recorder.watch(reduced(iter((packed(layer),)))):
        pass
    found = recorder.to_bytes()
    assert found is not None
    return found


Replay = Callable[[Listing, Layer, int], None]


def replayed(listing: Listing, layer: Layer, number: int) -> None:
    put(listing, members(recorded(layer), LAYER), number)


def outcome(below: Listing, layer: Layer, number: int, way: Replay) -> tuple[str, bytes]:
    """The error, else the listing, of a layer that is put upon a copy of another."""
    listing = below.copy()
    try:
        way(listing, layer, number)
    except BadTarball as error:
        return str(error), b""
    return "", listing.to_bytes(IMAGE)


def from_bytes(listing: Listing, layer: Layer, number: int) -> None:
    apply(listing, iter((packed(layer),)), number)


def holds(below: Listing, layer: Layer, number: int, twin: Replay = replayed) -> bool:
    """The law: both ways give the same listing, or the same error."""
    return outcome(below, layer, number, twin) == outcome(below, layer, number, from_bytes)


@settings(max_examples=200, deadline=None)
@given(listings(), LAYERS, st.integers(-1, 9))
def test_a_record_does_upon_any_listing_what_its_layer_does(
    below: Listing, layer: Layer, number: int
) -> None:
    """Marks, links of parents, hard links, kept texts, and what no engine unpacks."""
    assert holds(below, layer, number)


def _twin(change: Callable[[list[Member]], Sequence[Member]]) -> Replay:
    return lambda listing, layer, number: put(
        listing, change(members(recorded(layer), LAYER)), number
    )


def _sorts(found: list[Member]) -> list[Member]:
    return sorted(found, key=lambda each: each.name)


def _forgets_marks(found: list[Member]) -> list[Member]:
    return [each for each in found if "/.wh." not in f"/{each.name}"]


def _copies_hard_links(found: list[Member]) -> list[Member]:
    looks = {each.name: each.look for each in found}
    return [
        each._replace(look=looks.get(each.link, Look("file"))) if each.look.kind == "hard" else each
        for each in found
    ]


def _forgets_texts(found: list[Member]) -> list[Member]:
    return [each._replace(text=None) for each in found]


def _keeps_the_last_of_a_name(found: list[Member]) -> list[Member]:
    return list({each.name: each for each in found}.values())


def _own_listing(listing: Listing, layer: Layer, number: int) -> None:
    """What the layer is upon nothing, put upon the listing."""
    own = Listing()
    from_bytes(own, layer, number)
    for path, entry in own.walk():
        if listing.get(path.rpartition("/")[0]) is not None:
            listing.put(path, entry, own.text(path))


@pytest.mark.parametrize(
    "broken",
    [
        _twin(_sorts),
        _twin(_forgets_marks),
        _twin(_copies_hard_links),
        _twin(_forgets_texts),
        _twin(_keeps_the_last_of_a_name),
        _own_listing,
    ],
)
def test_the_law_catches_a_broken_twin(broken: Replay) -> None:
    """A law that nothing can break proves nothing."""
    worlds = st.tuples(listings(), LAYERS, st.integers(-1, 9))
    try:
        find(
            worlds,
            lambda world: not holds(world[0], world[1], world[2], broken),
            settings=settings(
                max_examples=4000, deadline=None, database=None, phases=[Phase.generate]
            ),
        )
    except NoSuchExample:
        pytest.fail("the law did not see it")


def named(count: int) -> Layer:
    return [Header(f"usr/lib/pkg{n // 500}/mod_{n}.py") for n in range(count)]


@given(LAYERS)
def test_the_same_layer_gives_the_same_record(layer: Layer) -> None:
    """However it is packed, and in parts of any size."""
    recorder = Recorder(LAYER)
    parts = gzip.compress(packed(layer))
    for _each in recorder.watch(reduced(parts[at : at + 9] for at in range(0, len(parts), 9))):
        pass
    assert recorder.to_bytes() == recorded(layer)


def test_a_record_of_another_layer_is_not_used() -> None:
    with pytest.raises(BadRecord, match=f"not of {OTHER}"):
        members(recorded(named(1)), OTHER)


@given(st.data())
def test_a_damaged_record_is_found(data: st.DataObject) -> None:
    """Before anything of it is used; never half of one."""
    tarball = packed(named(5))
    whole = recorded(named(5))
    at = data.draw(st.integers(0, len(whole) - 1))
    other = bytearray(whole)
    other[at] ^= data.draw(st.integers(1, 255))
    for each in (bytes(other), whole[:at]):
        try:
            found = members(each, LAYER)
        except BadRecord:
            continue
        assert found == list(reduced(iter((tarball,))))


HEAD = {"version": 1, "layer": LAYER}
LOOK = ["file", 0o644, 0, 0, 0]


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [HEAD],
        [HEAD, [["a", LOOK]]],
        [HEAD, [["a", LOOK]], 2],
        [HEAD, [["a", LOOK]], 1, 1],
        [HEAD, [["a", 0]], 1],
        [HEAD, [["a", LOOK], ["b", -1]], 2],
        [HEAD, [["a", ["door", 0, 0, 0, 0]]], 1],
        [HEAD, [["a", ["file", "x", 0, 0, 0]]], 1],
        [HEAD, [["a/../b", LOOK]], 1],
        [HEAD, [["", LOOK, 5]], 1],
        [HEAD, [["a", LOOK, "", None]], 1],
        [HEAD, [["a", LOOK, "", "x", "y"]], 1],
        [{**HEAD, "version": 2}, 0],
        [[]],
        ["x"],
    ],
)
def test_what_is_no_record_is_not_used(lines: list[object]) -> None:
    text = "".join(f"{json.dumps(each)}\n" for each in lines).encode()
    with pytest.raises(BadRecord):
        members(zstandard.compress(text), LAYER)
    for data in (b"", b"{}", text):
        with pytest.raises(BadRecord):
            members(data, LAYER)


def test_what_grows_beyond_all_bounds_is_neither_made_nor_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = recorded(named(50))
    monkeypatch.setattr(record, "LARGEST", 900)
    with pytest.raises(BadRecord, match="too large"):
        members(whole, LAYER)
    recorder = Recorder(LAYER)
    assert len(list(recorder.watch(reduced(iter((packed(named(50)),)))))) == 50
    assert recorder.to_bytes() is None


def test_a_layer_that_cannot_be_read_has_no_record() -> None:
    def parts() -> Iterator[bytes]:
        yield gzip.compress(packed(named(50)))[:-9]

    recorder = Recorder(LAYER)
    with pytest.raises(BadTarball):
        list(recorder.watch(reduced(parts())))


def test_the_record_of_ten_thousand_names_is_some_tens_of_kilobytes() -> None:
    assert len(recorded(named(10_000))) < 50_000
