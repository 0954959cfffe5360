"""What differs between a built image and an assembled one; and what a lazier look would miss."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from typing import Any

import pytest

from hashes.errors import LayersError
from layers.verify.content import Content, File, differences, entries, flatten, settings

CONFIG = {
    "os": "linux",
    "architecture": "amd64",
    "config": {"Env": ["A=1", "B=2"], "Cmd": ["x"], "User": "", "Labels": {"a": "b"}},
}
FOLDER: dict[str, Any] = {"type": tarfile.DIRTYPE, "mode": 0o755}
USUAL: dict[str, dict[str, Any]] = {
    "srv": FOLDER,
    "srv/a": {"mode": 0o644, "data": b"one\n"},
    "srv/l": {"type": tarfile.SYMTYPE, "linkname": "a", "mode": 0o777},
}
CAPABLE = {"pax_headers": {"SCHILY.xattr.security.capability": "\x01\x02"}}


def layer(members: Mapping[str, Mapping[str, Any]]) -> io.BytesIO:
    """A tarball of members by name, with what is special about each."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, more in members.items():
            member = tarfile.TarInfo(name)
            fields = dict(more)
            data = fields.pop("data", b"")
            member.size = len(data)
            for field, value in fields.items():
                setattr(member, field, value)
            archive.addfile(member, io.BytesIO(data))
    return io.BytesIO(buffer.getvalue())


def image(*layers: Mapping[str, Mapping[str, Any]], **config: Any) -> Content:
    """An image of these layers; ``config``: settings that are other than usual."""
    inner = {**CONFIG["config"], **config}  # type: ignore[dict-item]
    return Content(
        settings({**CONFIG, "config": inner}),
        flatten(entries(layer(each), "layer") for each in layers or (USUAL,)),
    )


def but(name: str, **more: Any) -> dict[str, dict[str, Any]]:
    """The usual files, one of them other."""
    return {**USUAL, name: {**USUAL.get(name, {}), **more}}


OTHER = [
    ("mode", image(but("srv/a", mode=0o4644)), "/srv/a: mode built 0644, assembled 4644"),
    ("owner", image(but("srv/a", uid=5)), "/srv/a: owner built 0:0, assembled 5:0"),
    ("sha256", image(but("srv/a", data=b"two\n")), "/srv/a: sha256 built "),
    ("size", image(but("srv/a", data=b"")), "/srv/a: size built 4, assembled 0"),
    ("kind", image(but("srv/l", type=tarfile.FIFOTYPE)), "/srv/l: kind built link, assembled fifo"),
    ("link", image(but("srv/l", linkname="/a")), "/srv/l: link built a, assembled /a"),
    ("attributes", image(but("srv/a", **CAPABLE)), "/srv/a: attributes built nothing, assembled"),
]


@pytest.mark.parametrize(("field", "found", "said"), OTHER, ids=[each[0] for each in OTHER])
def test_each_thing_about_a_file_counts(field: str, found: Content, said: str) -> None:
    """A broken twin, which does not look at that one thing, finds no difference but this."""
    (told,) = differences(image(), found)
    assert told.startswith(said)
    if field in ("mode", "owner", "link", "attributes"):
        assert differences(blind(image(), field), blind(found, field)) == []


def blind(content: Content, field: str) -> Content:
    """What a comparison sees that does not look at one thing about files."""
    default: Any = {"mode": 0, "owner": "", "link": "", "attributes": ()}[field]
    files = {path: file._replace(**{field: default}) for path, file in content.files.items()}
    return Content(content.settings, files)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"Env": ["B=2", "A=1"]}, 'Env: built ["A=1", "B=2"], assembled ["B=2", "A=1"]'),
        ({"Cmd": None}, 'Cmd: built ["x"], assembled nothing'),
        ({"Labels": {"a": "c"}}, 'Labels: built {"a": "b"}, assembled {"a": "c"}'),
        ({"StopSignal": "9"}, 'StopSignal: built nothing, assembled "9"'),
    ],
)
def test_each_setting_counts(config: dict[str, Any], said: str) -> None:
    """A broken twin that looks at files alone finds nothing."""
    found = image(**config)
    assert differences(image(), found) == [said]
    assert differences(Content({}, image().files), Content({}, found.files)) == []


def test_what_is_empty_is_as_if_it_were_absent() -> None:
    assert differences(image(User=""), image(Volumes=None, OnBuild=[])) == []


def test_layers_are_put_upon_one_another_as_an_engine_does_it() -> None:
    """What a mark took away is gone; a link of a folder is followed; times do not count."""
    lower = {**USUAL, "lib": {"type": tarfile.SYMTYPE, "linkname": "srv", "mode": 0o777}}
    upper = {"srv/.wh.a": {}, "lib/b": {"data": b"b", "mode": 0o600, "mtime": 9}}
    found = image(lower, upper).files
    assert sorted(found) == ["lib", "srv", "srv/b", "srv/l"]
    flat = {**lower, "srv/b": upper["lib/b"]}
    del flat["srv/a"]
    assert found == image(flat).files


def test_a_hard_link_is_not_a_copy() -> None:
    linked = {**USUAL, "srv/h": {"type": tarfile.LNKTYPE, "linkname": "srv/a", "mode": 0o644}}
    copied = {**USUAL, "srv/h": USUAL["srv/a"]}
    assert image(linked).files["srv/h"] == image().files["srv/a"]._replace(link="srv/a")
    assert differences(image(linked), image(copied)) == [
        "/srv/h: link built srv/a, assembled nothing"
    ]


def test_a_file_that_is_only_in_one_of_them_is_told_and_what_nobody_asks_for_is_not() -> None:
    less = {name: each for name, each in USUAL.items() if name != "srv/a"}
    assert differences(image(), image(less)) == ["/srv/a: is only in the built image"]
    assert differences(image(less), image()) == ["/srv/a: is only in the assembled image"]
    assert differences(image(less), image(), only={"srv/l"}) == []


def test_a_layer_that_is_cut_off_is_an_error() -> None:
    with pytest.raises(LayersError, match="layer x cannot be read"):
        entries(io.BytesIO(layer(USUAL).getvalue()[:1026]), "x")


def test_a_folder_that_no_layer_names_is_there() -> None:
    assert image({"a/b": {"data": b"x"}}).files["a"] == File("dir", 0o755)
