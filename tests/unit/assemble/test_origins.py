"""What a COPY takes from another stage or image, out of its filesystem layers."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Sequence

import pytest

from layers.assemble.copying import Look, Writer
from layers.assemble.image import listing_of
from layers.assemble.layer import CAPABILITY, write
from layers.assemble.listing import Listing
from layers.assemble.obstacle import Blocked
from layers.assemble.origins.rootfs import Packed, Rootfs
from layers.assemble.origins.taken import Store
from layers.assemble.sources import Match
from layers.assemble.users import Owner
from layers.oci.compression import Compression
from tests.fuzz.assemble.case import CAPABILITY as BYTES
from tests.fuzz.assemble.case import Member, tarball

LOWER = [
    Member("app", "dir", 0o750, uid=7, gid=8, mtime=1000),
    Member("app/old", "file", 0o644, "lower"),
    Member("app/run", "file", 0o4755, "#!run", 7, 8, capability=True, mtime=2000),
    Member("app/twin", "hard", 0o4755, "app/run", 7, 8, capability=True),
    Member("app/link", "link", 0o777, "run"),
    Member("app/fifo", "fifo", 0o600),
    Member("lib", "link", 0o777, "/usr/lib"),
    Member("usr", "dir", 0o755),
    Member("usr/lib", "dir", 0o755),
    Member("usr/lib/a.so", "file", 0o644, "so"),
    Member("usr/lib/b.so", "link", 0o777, "a.so"),
    Member("usr/lib/gone.x", "link", 0o777, "nowhere"),
]
UPPER = [Member("app", "dir", 0o750, uid=7, gid=8), Member("app/old", "file", 0o600, "upper")]


class Read:
    """Filesystem layers that count how often each is read."""

    def __init__(self, tars: Sequence[bytes]) -> None:
        self.tars = tars
        self.numbers: list[int] = []

    def __call__(self, number: int) -> Iterator[bytes]:
        self.numbers.append(number)
        return iter((self.tars[number],))


def rootfs(*layers: Sequence[Member], **bounds: int) -> Rootfs:
    return upon([tarball(each) for each in layers], **bounds)


def upon(tars: Sequence[bytes], **bounds: int) -> Rootfs:
    listing = listing_of([iter((each,)) for each in tars])
    listing = Listing.from_bytes(listing.to_bytes("it"), "it")
    digests = tuple(f"sha256:{number}" for number in range(len(tars)))
    packed = Packed(tuple(map(len, tars)), digests, Read(tars))
    return Rootfs("other", listing, packed, Store(**bounds))


def brought(found: Rootfs, *sources: str) -> dict[str, str]:
    """What sources bring: path, kind, mode, owner and content."""
    return {
        f"{match.name}:{item.path}": " ".join(
            filter(
                None,
                (
                    f"{item.kind} {item.mode:o} {item.uid}:{item.gid}",
                    item.link or b"".join(item.read()).decode(),
                ),
            )
        )
        for match in found.bring(sources)
        for item in match.items
    }


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("/app/old", {"old:": "file 600 0:0 upper"}),
        ("app//../app/link", {"link:": "file 4755 7:8 #!run"}),
        (
            "/app/",
            {
                "app:": "dir 750 7:8",
                "app:fifo": "other 600 0:0",
                "app:link": "link 777 0:0 run",
                "app:old": "file 600 0:0 upper",
                "app:run": "file 4755 7:8 #!run",
                "app:twin": "file 4755 7:8 #!run",
            },
        ),
        ("/lib/a.so", {"a.so:": "file 644 0:0 so"}),
        ("/lib/*.so", {"a.so:": "file 644 0:0 so", "b.so:": "file 644 0:0 so"}),
        ("/usr/*/[a-b].so", {"a.so:": "file 644 0:0 so", "b.so:": "file 644 0:0 so"}),
        ("/nothing*", {}),
    ],
)
def test_a_source_names_what_it_names_in_the_root(source: str, expected: dict[str, str]) -> None:
    """The upper layer's file counts; links are followed to what is copied, and not in a folder."""
    assert brought(rootfs(LOWER, UPPER), source) == expected


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("/none", "/none is not in other"),
        ("/usr/lib/gone.x", "is not in other .it leads to /usr/lib/nowhere"),
        ("/usr/lib/g*", "/usr/lib/gone.x is not in other"),
        ("/u*", "meets the link /usr/lib/gone.x, which leads nowhere"),
        ("/none/*", "is no folder"),
        ("/app/old/*", "is no folder"),
        ("/a[", "syntax error in pattern"),
        ("/a\\*?", "a pattern with a backslash"),
    ],
)
def test_what_buildkit_refuses_or_nobody_knows_is_blocked(source: str, reason: str) -> None:
    with pytest.raises(Blocked, match=reason):
        rootfs(LOWER, UPPER).bring([source])


@pytest.mark.parametrize(
    ("marks", "told"),
    [
        ([Member("new/none", "gone")], "/new/none"),
        ([Member("app/none", "gone")], "/app/none"),
        ([Member("app/old", "gone"), Member("app", "opaque")], "/app/old"),
        ([Member("app", "opaque"), Member("app/old", "gone")], "/app/old"),
        ([Member("app/old", "gone")], ""),
        ([Member("app", "opaque")], ""),
    ],
)
def test_what_a_layer_takes_away_that_none_below_has_is_in_the_way(
    marks: list[Member], told: str
) -> None:
    """BuildKit fails at a name of nothing while it walks, and walks beyond what it copies."""
    upper = [Member("app/put", "file", 0o644), Member("new/put", "file", 0o644), *marks]
    found = rootfs(LOWER, upper)
    if told:
        for source in ("/", "/u*", "/app/run"):
            with pytest.raises(Blocked, match=f"takes {told} away, which no lower one has"):
                found.bring([source])
    else:
        assert found.bring(["/"])


def test_a_name_that_a_later_layer_gave_is_in_nobodys_way() -> None:
    """Nor one whose folder is gone."""
    vain = [Member("new/none", "gone"), Member("more/none", "gone")]
    later = [Member("new/none", "file", 0o644), Member("more", "gone")]
    assert rootfs(LOWER, vain, later).bring(["/"])


def test_only_layers_that_have_what_is_wanted_are_read() -> None:
    """Each once, for all sources of a step."""
    found = rootfs(LOWER, UPPER, [Member("other", "file", 0o644, "x")])
    found.bring(["/app/old"])
    assert isinstance(found.packed.read, Read)
    assert found.packed.read.numbers == [1]
    found.bring(["/app", "/lib/a.so"])
    assert found.packed.read.numbers == [1, 0, 1]


def test_a_link_to_a_file_that_is_not_wanted_is_read_again() -> None:
    assert brought(rootfs(LOWER), "/app/twin") == {"twin:": "file 4755 7:8 #!run"}


def members(found: Rootfs, look: Look, *sources: str) -> dict[str, tarfile.TarInfo]:
    """The tarball of a step that copies sources to /to/."""
    writer = Writer(Listing())
    writer.copy(found.bring(sources), "/to/", look)
    made = write(writer.listing, writer.written, Compression("uncompressed", None))
    with tarfile.open(fileobj=io.BytesIO(b"".join(made.parts()))) as archive:
        return {each.name: each for each in archive}


def test_a_copy_keeps_owners_times_hard_links_and_capabilities() -> None:
    """And what folders on the way are made is root's."""
    there = members(rootfs(LOWER, UPPER), Look(stamp=9), "/app")
    assert (there["to"].uid, there["to"].mode) == (0, 0o755)
    run, twin = there["to/run"], there["to/twin"]
    assert (run.uid, run.gid, run.mode, run.mtime) == (7, 8, 0o4755, 2000)
    assert run.pax_headers[CAPABILITY].encode("utf-8", "surrogateescape") == BYTES
    assert (twin.type, twin.linkname) == (tarfile.LNKTYPE, "to/run")
    assert there["to/link"].issym()


def test_chown_is_for_all_of_it() -> None:
    there = members(rootfs(LOWER, UPPER), Look(Owner(5, 60)), "/app")
    assert {(each.uid, each.gid) for each in there.values()} == {(5, 60)}


def test_hard_links_that_look_otherwise_are_blocked() -> None:
    """An engine gives the file the look of the last of them."""
    odd = [Member("f", "file", 0o644, "x", 7), Member("g", "hard", 0o644, "f")]
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for each in odd:
            header = tarfile.TarInfo(each.path)
            header.uid, header.linkname = each.uid, each.text if each.kind == "hard" else ""
            header.type = tarfile.LNKTYPE if each.kind == "hard" else tarfile.REGTYPE
            archive.addfile(header)
    with pytest.raises(Blocked, match="hard links that look otherwise"):
        upon([out.getvalue()]).bring(["/f"])


@pytest.mark.parametrize(
    "member",
    [
        Member("lib/c.so", "file", 0o644, "c"),
        Member("lib/new/c.so", "file", 0o644, "c"),
        Member("lib/a.so", "gone"),
        Member("lib", "opaque"),
    ],
)
def test_an_image_whose_layer_puts_things_through_a_link_of_another_is_blocked(
    member: Member,
) -> None:
    """On an overlay, a folder takes that link's place; elsewhere it is followed."""
    with pytest.raises(Blocked, match="a layer puts things on /lib, a link of a lower one"):
        rootfs(LOWER, [member]).bring(["/app/run"])


def test_a_layer_may_put_things_through_a_link_of_its_own() -> None:
    own = [Member("opt", "link", 0o777, "usr/lib"), Member("opt/c.so", "file", 0o644, "c")]
    assert brought(rootfs(LOWER, own), "/usr/lib/b.so") == {"b.so:": "file 644 0:0 so"}
    with pytest.raises(Blocked, match="which layer of other has /usr/lib/c"):
        rootfs(LOWER, own).bring(["/usr/lib/c.so"])


def test_a_device_is_blocked() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        header = tarfile.TarInfo("null")
        header.type = tarfile.CHRTYPE
        archive.addfile(header)
    with pytest.raises(Blocked, match="/null is a device"):
        upon([out.getvalue()]).bring(["/null"])


def test_what_is_read_and_kept_has_bounds() -> None:
    """They are told in the reason."""
    big = [Member("big", "file", 0o644, "x" * 100_000)]
    with pytest.raises(Blocked, match="no more than 0 MiB are"):
        rootfs(big, most_read=100).bring(["/big"])
    with pytest.raises(Blocked, match="have more than 0 MiB"):
        rootfs(big, most_kept=100).bring(["/big"])


def test_a_listing_without_layers_tells_where_folders_are_and_no_more() -> None:
    """One of an earlier version."""
    found = rootfs([Member("f", "file", 0o644, "x")])
    listing = Listing()
    entry = found.listing.get("f")
    assert entry is not None
    listing.put("f", entry._replace(layer=-1))
    with pytest.raises(Blocked, match="nobody knows which layer"):
        found._replace(listing=listing).bring(["/f"])


def test_exclude_starts_at_what_a_source_names() -> None:
    found: list[Match] = rootfs(LOWER, UPPER).bring(["/app"], ("old", "t*"))
    assert [item.path for item in found[0].items] == ["", "fifo", "link", "run"]
