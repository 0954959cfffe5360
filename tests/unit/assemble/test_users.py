"""Who owns what, by names and numbers."""

from __future__ import annotations

import pytest

from layers.assemble.listing import Entry, Listing
from layers.assemble.obstacle import Blocked
from layers.assemble.users import owner

PASSWD = (
    "root:x:0:0::/:\n# a comment\napp:x:1000:1001:,,,:/:/bin/sh\nnobad:x:many:1:::\napp:x:7:7:::\n"
)
GROUP = "root:x:0:\nstaff:x:50:app\n"
FILE = Entry("file", 0o644, 0, 0)


def image() -> Listing:
    """With /etc/group behind a link."""
    found = Listing()
    found.put("etc", Entry("dir", 0o755, 0, 0))
    found.put("etc/passwd", FILE, PASSWD)
    found.put("etc/group", Entry("link", 0o777, 0, 0, link="real/group"))
    found.put("etc/real", Entry("dir", 0o755, 0, 0))
    found.put("etc/real/group", FILE, GROUP)
    return found


@pytest.mark.parametrize(
    ("text", "uid", "gid"),
    [
        ("1000", 1000, 1000),
        ("1000:5", 1000, 5),
        ("root", 0, 0),
        ("0", 0, 0),
        ("app", 1000, 1001),
        ("app:staff", 1000, 50),
        ("app:7", 1000, 7),
        ("5:staff", 5, 50),
        ("5:root", 5, 0),
        (":staff", 0, 50),
        ("app:", 1000, 0),
    ],
)
def test_users_are_read_as_buildkit_reads_them(text: str, uid: int, gid: int) -> None:
    assert owner(image(), text) == (uid, gid)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("who", "'who' is not in the image's /etc/passwd"),
        ("app:who", "'who' is not in the image's /etc/group"),
        ("nobad", "'many'"),
        ("-1", "not clearly"),
        ("1_000", "not clearly"),
        ("99999999999", "not clearly"),
        ("4294967295", "the number"),
    ],
)
def test_who_is_not_known_is_left_to_the_engine(text: str, reason: str) -> None:
    with pytest.raises(Blocked, match=reason):
        owner(image(), text)


def test_without_the_files_only_numbers_are_known() -> None:
    assert owner(Listing(), "3:4") == (3, 4)
    with pytest.raises(Blocked, match="no /etc/passwd that is known"):
        owner(Listing(), "app")
