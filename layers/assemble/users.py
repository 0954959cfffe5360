"""Users: who owns what a COPY or WORKDIR makes, by BuildKit's reading of names.

client/llb/fileop.go (WithUser) and solver/llbsolver/ops/user_linux.go.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from layers.assemble.listing import Listing
from layers.assemble.obstacle import Blocked

_NUMBER = re.compile(r"\+?[0-9]{1,10}\Z")
_MOST = (1 << 31) - 1


class Owner(NamedTuple):
    """A user and a group by their numbers."""

    uid: int
    gid: int


NOBODY_SAID = Owner(0, 0)


def owner(listing: Listing, text: str) -> Owner:
    """The owner that ``user[:group]`` means in an image.

    A number alone is both user and group; a name alone has the group of its line in /etc/passwd.
    Raises Blocked for a name that is not found: BuildKit takes root for it.
    """
    user, colon, group = text.partition(":")
    found = NOBODY_SAID
    number = _number(user)
    if number is not None:
        found = Owner(number, number)
    elif user:
        uid, gid = _line(listing, "passwd", user, 4)[2:4]
        found = Owner(_field(uid, user), _field(gid, user))
    if colon and group:
        number = _number(group)
        gid = str(number) if number is not None else _line(listing, "group", group, 3)[2]
        found = found._replace(gid=_field(gid, group))
    elif colon:
        found = found._replace(gid=0)
    return found


def _number(text: str) -> int | None:
    if text == "root":
        return 0
    if not _NUMBER.match(text):
        if re.match(r"[+-]?[0-9]", text):
            raise Blocked(f"{text!r} is not clearly a user's number or name")
        return None
    return _field(text, text)


def _field(text: str, name: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > _MOST:
        raise Blocked(f"the number of {name!r} in the image is {text!r}")
    return int(text)


def _line(listing: Listing, file: str, name: str, fields: int) -> list[str]:
    """The first line of /etc/passwd or /etc/group with a name."""
    path = listing.resolve(f"etc/{file}")
    text = listing.text(path)
    if text is None:
        raise Blocked(f"{name!r}: the image has no /etc/{file} that is known")
    for line in text.split("\n"):
        parts = line.strip().split(":")
        if parts[0] == name and len(parts) >= fields:
            return parts
    raise Blocked(f"{name!r} is not in the image's /etc/{file}")
