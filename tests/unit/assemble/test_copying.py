"""What a COPY or WORKDIR does to an image's files."""

from __future__ import annotations

import pytest

from layers.assemble.copying import Look, Writer
from layers.assemble.listing import Entry, Listing
from layers.assemble.obstacle import Blocked
from layers.assemble.sources import Item, Match
from layers.assemble.users import Owner
from tests.fuzz.assemble.case import Member
from tests.unit.assemble.test_listing import made

AT = 1_760_000_000
MADE = Entry("dir", 0o755, 0, 0, 7)


def image() -> Listing:
    """A base with folders, links and files."""
    found = Listing()
    for path, entry in {
        "d": Entry("dir", 0o700, 3, 4, 1),
        "d/f": Entry("file", 0o600, 3, 4),
        "d/sub": Entry("dir", 0o1777, 0, 0, 1),
        "f": Entry("file", 0o644, 0, 0),
        "to_d": Entry("link", 0o777, 0, 0, link="/d"),
        "to_f": Entry("link", 0o777, 0, 0, link="f"),
        "to_new": Entry("link", 0o777, 0, 0, link="new/deep"),
        "d/to_sub": Entry("link", 0o777, 0, 0, link="sub"),
        "set": Entry("dir", 0o2775, 0, 50, 1),
    }.items():
        found.put(path, entry)
    return found


FILE = Match("n", (Item("", "file", 0o640, AT, 3),))
TREE = Match(
    "t",
    (
        Item("", "dir", 0o711, AT),
        Item("l", "link", 0o777, AT, link="n"),
        Item("n", "file", 0o755, AT, 3),
        Item("sub", "dir", 0o750, AT),
        Item("sub/m", "file", 0o644, AT, 3),
    ),
)
PLAIN = Look(stamp=7)


def kinds(step: Writer) -> dict[str, str]:
    return {path: f"{one.entry.kind} {one.entry.mode:o}" for path, one in step.written.items()}


@pytest.mark.parametrize(
    ("match", "to", "written"),
    [
        (FILE, "/new", {"new": "file 640"}),
        (FILE, "/new/", {"new": "dir 755", "new/n": "file 640"}),
        (FILE, "/x/y/z", {"x": "dir 755", "x/y": "dir 755", "x/y/z": "file 640"}),
        (FILE, "/d", {"d/n": "file 640"}),
        (FILE, "/f", {"f": "file 640"}),
        (FILE, "/d/f", {"d/f": "file 640"}),
        (FILE, "/to_d", {"d/n": "file 640"}),
        (FILE, "/to_d/", {"d/n": "file 640"}),
        (FILE, "/to_d/x", {"d/x": "file 640"}),
        (FILE, "/to_f", {"f": "file 640"}),
        (FILE, "/to_new", {"new": "dir 755", "new/deep": "file 640"}),
        (FILE, "/to_new/", {"new": "dir 755", "new/deep": "dir 755", "new/deep/n": "file 640"}),
        (FILE, "/", {"n": "file 640"}),
        (
            TREE,
            "/new",
            {
                "new": "dir 755",
                "new/l": "link 777",
                "new/n": "file 755",
                "new/sub": "dir 750",
                "new/sub/m": "file 644",
            },
        ),
        (
            TREE,
            "/d",
            {"d/l": "link 777", "d/n": "file 755", "d/sub": "dir 750", "d/sub/m": "file 644"},
        ),
        (
            TREE,
            "/to_d/sub/",
            {
                "d/sub/l": "link 777",
                "d/sub/n": "file 755",
                "d/sub/sub": "dir 750",
                "d/sub/sub/m": "file 644",
            },
        ),
        (Match("to_sub", (Item("", "file", 0o640, AT),)), "/d", {"d/to_sub": "file 640"}),
    ],
)
def test_a_destination_decides_what_a_copy_means(
    match: Match, to: str, written: dict[str, str]
) -> None:
    """A folder or not, a link on the way or at the end, a slash: as BuildKit's copier has it."""
    step = Writer(image())
    step.copy([match], to, PLAIN)
    assert kinds(step) == written


@pytest.mark.parametrize(
    ("match", "to", "reason"),
    [
        (TREE, "/f", "a folder is copied onto /f"),
        (FILE, "/f/", "/f is not a folder"),
        (FILE, "/f/x", "/f is not a folder"),
        (FILE, "/to_f/x/y", "/f is not a folder"),
        (Match("sub", (Item("", "file", 0o644, AT),)), "/d", "onto /d/sub, which is a folder"),
        (Match("t", (Item("", "dir", 0o755), Item("f", "dir", 0o755))), "/d", "onto /d/f"),
        (Match("t", (Item("", "dir", 0o755), Item("to_sub", "dir", 0o755))), "/d", "/d/to_sub"),
        (FILE, "/set/new/", "setgid"),
    ],
)
def test_where_buildkit_fails_or_differs_nothing_is_done(
    match: Match, to: str, reason: str
) -> None:
    with pytest.raises(Blocked, match=reason):
        Writer(image()).copy([match], to, PLAIN)


def test_flags_say_who_owns_what_and_its_mode() -> None:
    """Folders on the way get the owner, too; those that were there stay as they are."""
    step = Writer(image())
    step.copy([TREE], "/x/y", Look(Owner(5, 6), stamp=7))
    assert {one.entry[2:4] for one in step.written.values()} == {(5, 6)}
    assert step.listing.get("x") == Entry("dir", 0o755, 5, 6, 7)
    step = Writer(image())
    step.copy([TREE], "/d", Look(Owner(5, 6), 0o600))
    assert kinds(step) == {
        "d/l": "link 777",
        "d/n": "file 600",
        "d/sub": "dir 600",
        "d/sub/m": "file 600",
    }
    assert step.listing.get("d") == Entry("dir", 0o700, 3, 4, 1)
    with pytest.raises(Blocked, match="versions of BuildKit"):
        Writer(image()).copy([FILE], "/x/", Look(chmod=0o600))
    Writer(image()).copy([FILE], "/x/", Look(chmod=0o755))


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("/w", {"w": "dir 755"}),
        ("/d", {}),
        ("/to_d/x", {"d/x": "dir 755"}),
        ("/to_new", {"new": "dir 755", "new/deep": "dir 755"}),
        ("/", {}),
    ],
)
def test_a_working_folder_is_made_where_it_is_missing(path: str, written: dict[str, str]) -> None:
    step = Writer(image())
    step.make(path, PLAIN)
    assert kinds(step) == written
    assert all(step.listing.get(each) == MADE for each in written)


def test_names_of_one_file_are_one_group_in_each_copy() -> None:
    """Two copies of one file are two files; two names in one copy are one."""
    twice = Match(
        "t",
        (
            Item("", "dir", 0o755),
            Item("a", "file", 0o644, AT, 1, inode=(1, 2)),
            Item("b", "file", 0o644, AT, 1, inode=(1, 2)),
        ),
    )
    step = Writer(Listing())
    step.copy([twice, twice], "/x", PLAIN)
    assert step.written["x/a"].group == step.written["x/b"].group != ()
    step.copy([Match("c", (twice.items[1]._replace(path=""),))], "/c", PLAIN)
    assert step.written["c"].group != step.written["x/a"].group


@pytest.mark.parametrize(
    ("match", "to", "reason"),
    [
        (FILE, "/new/", ""),
        (FILE, "/plain/new/", ""),
        (TREE, "/plain/x", ""),
        (FILE, "/plain", "/plain"),
        (FILE, "/d/", "/d"),
        (FILE, "/d/sub/x", "/d"),
        (FILE, "/to_d/", "/d/n"),
        (FILE, "/to_new/", "/new"),
        (FILE, "/f", ""),
    ],
)
def test_a_link_is_a_copy_where_all_engines_take_it_for_one(
    match: Match, to: str, reason: str
) -> None:
    """No link on the way, and folders on the way that are as a COPY onto nothing makes them."""
    base = image()
    base.put("plain", Entry("dir", 0o755, 0, 0, 1))
    step, copied = Writer(base.copy()), Writer(base)
    if reason:
        with pytest.raises(Blocked, match=f"what --link makes of {reason}$"):
            step.link([match], to, PLAIN)
        return
    step.link([match], to, PLAIN)
    copied.copy([match], to, PLAIN)
    assert step.written == copied.written
    assert dict(step.listing.walk()) == dict(copied.listing.walk())


@pytest.mark.parametrize(("mode", "blocked"), [(0o644, True), (0o600, False)])
def test_nothing_goes_over_a_file_like_it_that_has_several_names(mode: int, blocked: bool) -> None:
    """If it is as it was there, it stays linked to its other names."""
    below = made([Member("f", "file", 0o644), Member("g", "hard", 0o644, "f")])
    step = Writer(below)
    for name in ("f", "g"):
        match = Match(name, (Item("", "file", mode, AT, 1),))
        if blocked:
            with pytest.raises(Blocked, match=f"/{name} is there, and it has several names"):
                step.copy([match], "/", PLAIN)
        else:
            step.copy([match], "/", PLAIN)
            assert name in step.written


@pytest.mark.parametrize(
    ("names", "mode", "earlier", "blocked"),
    [
        (("f", "g"), 0o644, (), True),
        (("f", "g"), 0o644, ("f",), False),
        (("f", "g"), 0o600, (), False),
        (("f",), 0o644, (), False),
        (("g", "h"), 0o644, (), False),
    ],
)
def test_a_file_of_several_names_does_not_go_over_one_like_it(
    names: tuple[str, ...], mode: int, earlier: tuple[str, ...], blocked: bool
) -> None:
    """If it is as it was there, its other names are files of their own; nobody knows that here.

    What an earlier step wrote is known, as is what looks otherwise.
    """
    below = Listing()
    below.put("f", Entry("file", 0o644, 0, 0))
    items = [Item(name, "file", mode, AT, 1, inode=(1, 2)) for name in names]
    step = Writer(below, 2, earlier)
    match = Match("d", (Item("", "dir", 0o755), *items))
    if blocked:
        with pytest.raises(Blocked, match="/f is there"):
            step.copy([match], "/", PLAIN)
    else:
        step.copy([match], "/", PLAIN)
        assert set(step.written) == set(names)
