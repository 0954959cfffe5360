"""A tail upon a trunk."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from hashes.context.sources import Sources
from hashes.context.tree import Tree
from hashes.dockerfile.instruction import KEYWORDS
from hashes.dockerfile.parser import parse
from hashes.dockerfile.reachable import reach
from layers.assemble.configuration import Configuration
from layers.assemble.image import Assembled, assemble
from layers.assemble.listing import Entry, Listing
from layers.assemble.obstacle import Obstacle
from layers.assemble.recipe import EMPTY, Recipe, Trunk
from layers.assemble.sources import Moved
from layers.assemble.tarballs import apply
from layers.assemble.trees.unpacking import Doubts
from layers.assemble.trunk import SETTINGS, divide
from tests.unit.assemble.test_users import PASSWD

GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip"
CONFIG: dict[str, Any] = {
    "os": "linux",
    "architecture": "amd64",
    "created": "2026-01-01T00:00:00.123Z",
    "config": {"Env": ["PATH=/bin", "D=/srv"], "User": "app"},
    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "1" * 64]},
}


def trunk() -> Trunk:
    listing = Listing()
    for path in ("etc", "srv"):
        listing.put(path, Entry("dir", 0o755, 0, 0))
    listing.put("etc/passwd", Entry("file", 0o644, 0, 0), PASSWD)
    layer = {"mediaType": GZIP, "digest": "sha256:" + "2" * 64, "size": 9, "urls": ["dropped"]}
    return Trunk(CONFIG, (layer,), listing)


def recipe(text: str, args: dict[str, str] | None = None, onbuild: tuple[str, ...] = ()) -> Recipe:
    file = parse(text.encode(), "Dockerfile")
    args = args or {}
    stages = reach(file, None, args, "linux/amd64", triggers=lambda _name, _where: onbuild)
    return Recipe(file, divide(stages), args, "linux/amd64")


def made(
    context: Path, text: str, base: Trunk | None = None, **more: object
) -> Assembled | Obstacle:
    found = recipe(text, **more)  # type: ignore[arg-type]  # its own arguments
    return assemble(base or trunk(), found, Sources(Tree(str(context))))


def assembled(context: Path, text: str, base: Trunk | None = None, **more: object) -> Assembled:
    found = made(context, text, base, **more)
    assert isinstance(found, Assembled), found
    return found


def files(image: Assembled) -> dict[str, str]:
    """What an image's new layers hold, one upon the other."""
    listing = Listing()
    for each in image.layers:
        apply(listing, each.parts())
    return {
        path: f"{entry.uid}:{entry.gid}" for path, entry in listing.walk() if entry.kind == "file"
    }


def test_a_tail_is_layers_a_configuration_and_a_manifest(context: Path) -> None:
    """The manifest names the trunk's blobs as they are, whatever kind of manifest they were in."""
    image = assembled(context, "FROM b\nCOPY f /x/\nENV A=1\nCOPY g $D\n")
    manifest, config = json.loads(image.manifest), json.loads(image.configuration)
    assert files(image) == {"x/f": "0:0", "srv/g": "0:0"}
    assert (
        manifest["config"]["digest"] == f"sha256:{hashlib.sha256(image.configuration).hexdigest()}"
    )
    first, *new = manifest["layers"]
    assert first == {
        "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
        "digest": "sha256:" + "2" * 64,
        "size": 9,
    }
    assert new == [each.descriptor() for each in image.layers]
    assert config["rootfs"]["diff_ids"][1:] == [each.diff_id.text for each in image.layers]
    assert [bool(each.get("empty_layer")) for each in config["history"]] == [False, True, False]
    assert config["config"]["Env"] == ["PATH=/bin", "D=/srv", "A=1"]


def test_the_same_inputs_give_the_same_bytes(context: Path) -> None:
    one, two = (assembled(context, "FROM b\nCOPY f /x/\nWORKDIR /w\n") for _ in range(2))
    assert (one.manifest, one.configuration) == (two.manifest, two.configuration)


def test_another_base_and_an_edit_leave_the_layer_of_a_folder(context: Path) -> None:
    """What WORKDIR and COPY make is of one time: nothing is sent again."""
    text = "FROM b\nWORKDIR /w\nCOPY g /x/\nCOPY f /y/\n"
    created = "2099-03-03T00:00:00Z"
    later = dataclasses.replace(trunk(), configuration={**CONFIG, "created": created})
    first, rebased = assembled(context, text), assembled(context, text, later)
    (context / "f").write_text("edited")
    edited = assembled(context, text)
    digests = [[each.digest for each in image.layers] for image in (first, rebased, edited)]
    assert digests[0] == digests[1]
    assert digests[0][:2] == digests[2][:2]
    assert digests[0][2] != digests[2][2]
    assert json.loads(rebased.configuration)["created"] == created


def test_settings_alone_make_no_layer(context: Path) -> None:
    image = assembled(context, "FROM b\nCMD x\nWORKDIR /srv\n")
    assert image.layers == ()
    assert json.loads(image.configuration)["created"] == "2026-01-01T00:00:00Z"


def test_what_is_copied_again_as_it_was_is_in_one_layer(context: Path) -> None:
    """BuildKit sees no change; another mode is one."""
    text = "FROM b\nCOPY . /x/\nCOPY f g /x/\nCOPY --chmod=600 f /x/\n"
    image = assembled(context, text)
    assert len(image.layers) == 2
    listing = Listing()
    apply(listing, image.layers[1].parts())
    assert [path for path, _ in listing.walk()] == ["x", "x/f"]


@pytest.mark.parametrize(
    ("flags", "to", "reason"),
    [
        ("--link", "/srv/x/", ""),
        ("--link", "/", ""),
        ("--link", "/own/x", "engines differ in what --link makes of /own"),
        ("--link --chmod=600", "/own/x", ""),
        ("--link --chown=5 --chmod=600", "/own/x", ""),
        ("--link --chown=5 --chmod=$NONE", "/srv/x", "engines differ in whose"),
        ("--link=false --chown=5", "/own/x", ""),
    ],
)
def test_a_link_counts_for_something_without_a_mode_only(
    context: Path, flags: str, to: str, reason: str
) -> None:
    """And then only what all engines do alike is done."""
    base = trunk()
    base.listing.put("own", Entry("dir", 0o700, 5, 5))
    found = made(context, f"FROM b\nARG NONE=\nCOPY {flags} f {to}\n", base)
    assert reason in str(found) if reason else isinstance(found, Assembled)


def test_a_working_folder_belongs_to_the_user(context: Path) -> None:
    """The base's, by its name in the base."""
    image = assembled(context, "FROM b\nWORKDIR /w\n")
    listing = Listing()
    apply(listing, image.layers[0].parts())
    entry = listing.get("w")
    assert entry is not None
    assert (entry.uid, entry.gid) == (1000, 1001)


def test_an_image_can_stand_on_nothing(context: Path) -> None:
    image = assembled(context, "FROM scratch\nCOPY f /\n", EMPTY)
    config = json.loads(image.configuration)
    assert (config["os"], config["architecture"]) == ("linux", "amd64")
    assert config["config"]["WorkingDir"] == "/"
    assert files(image) == {"f": "0:0"}


def test_stages_and_triggers_are_gone_through_in_their_order(context: Path) -> None:
    text = "FROM b AS one\nARG X=/x\nONBUILD COPY g $X/\nFROM one\nCOPY f $X/$A\n"
    onbuild = ("ENV A=y",)
    base = Trunk(
        {**CONFIG, "config": {**CONFIG["config"], "OnBuild": onbuild}},
        trunk().layers,
        trunk().listing,
    )
    image = assembled(context, text, base, args={"A": "unused"}, onbuild=onbuild)
    assert files(image) == {"x/y": "0:0", "x/g": "0:0"}
    assert "OnBuild" not in json.loads(image.configuration)["config"]


@pytest.mark.parametrize(
    ("text", "obstacle"),
    [
        ("FROM b\nCOPY f /\nRUN x\n", "RUN in line 3: it runs a command"),
        ("FROM b\nCOPY --chown=who f /\n", "COPY in line 2: 'who' is not in the image's"),
        ("FROM b\nCOPY f /etc/passwd/x\n", "COPY in line 2: /etc/passwd is not a folder"),
        ("FROM b\nCOPY --chmod=u+x f /\n", "COPY in line 2: versions of BuildKit differ"),
        ("FROM b\nCOPY g /etc/passwd\nCOPY --chown=app f /\n", "COPY in line 3: 'app'"),
        ("FROM b\nCOPY gone /\n", "COPY in line 2: 'gone' is not in the build context"),
        ("FROM b\nARG U=http://e.org/x\nADD $U /\n", "ADD in line 3: it fetches http://e.org/x"),
        ("FROM b\nCOPY f ${D}/.\n", "COPY in line 2: versions of BuildKit differ"),
        ("# syntax=you/yours\nFROM b\nCMD x\n", "the file is read by you/yours"),
        ("FROM --platform=linux/arm64 b\nCMD x\n", "a stage is for another platform"),
    ],
)
def test_what_stands_in_the_way_is_told_with_its_line(
    context: Path, text: str, obstacle: str
) -> None:
    found = made(context, text)
    assert isinstance(found, Obstacle)
    assert str(found).startswith(obstacle)


@pytest.mark.parametrize(
    ("change", "obstacle"),
    [
        ({"architecture": "arm64", "variant": "v8"}, "the base is for linux/arm64"),
        ({"os": ""}, "the base is for"),
    ],
)
def test_a_base_for_another_machine_stands_in_the_way(
    context: Path, change: dict[str, str], obstacle: str
) -> None:
    base = trunk()
    found = made(context, "FROM b\nCMD x\n", Trunk({**CONFIG, **change}, base.layers, base.listing))
    assert isinstance(found, Obstacle)
    assert obstacle in str(found)


def test_triggers_that_the_key_does_not_know_stand_in_the_way(context: Path) -> None:
    """Nobody looked at the base before: whatever stood for them is not what it has."""
    found = made(context, "FROM b\nCMD x\n", onbuild=("COPY . /",))
    assert "other ONBUILD triggers" in str(found)


def test_a_layer_of_a_strange_kind_stands_in_the_way(context: Path) -> None:
    base = trunk()
    found = made(
        context,
        "FROM b\nCMD x\n",
        Trunk(CONFIG, ({**base.layers[0], "mediaType": "x/y"},), base.listing),
    )
    assert "kind that is not known: x/y" in str(found)


def test_a_base_of_which_engines_make_different_things_stands_in_the_way(context: Path) -> None:
    """What a layer takes away in vain is only of importance to who walks all files."""
    base = trunk()
    for doubts, told in (
        (Doubts(through=frozenset({"lib"})), "the base: a layer puts things on /lib, a link"),
        (Doubts(vain=frozenset({"lib/none"})), ""),
    ):
        listing = base.listing.copy()
        listing.doubt(doubts)
        found = made(context, "FROM b\nCMD x\n", Trunk(CONFIG, base.layers, listing))
        assert isinstance(found, Obstacle) == bool(told)
        assert not told or str(found).startswith(told)


def test_a_build_argument_for_buildkit_stands_in_the_way(context: Path) -> None:
    for found in (
        made(context, "FROM b\nCMD x\n", args={"SOURCE_DATE_EPOCH": "0"}),
        made(context, "ARG SOURCE_DATE_EPOCH=0\nFROM b\nCMD x\n"),
    ):
        assert "SOURCE_DATE_EPOCH" in str(found)


def test_a_file_that_changes_meanwhile_ends_it(context: Path) -> None:
    """No image of half old and half new files, and nothing left open."""
    tree = Tree(str(context))
    sources = Sources(tree)
    sources.everything()
    (context / "g").write_text("h")
    with pytest.raises(Moved, match="changed while the image was assembled"):
        assemble(trunk(), recipe("FROM b\nCOPY f /\nCOPY g /\n"), sources)


def test_the_trunk_s_listing_is_left_as_it_was(context: Path) -> None:
    base = trunk()
    before = list(base.listing.walk())
    assembled(context, "FROM b\nCOPY . /srv/\n", base)
    assert list(base.listing.walk()) == before


def test_every_instruction_is_a_setting_or_a_step() -> None:
    """None is forgotten."""
    assert SETTINGS | {"COPY", "ADD", "RUN", "FROM"} == KEYWORDS
    assert all(hasattr(Configuration, f"_{each.lower()}") for each in SETTINGS)
