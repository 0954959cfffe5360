"""The pure half of the fuzzer of images: reading, comparing, drawing, keeping."""

from __future__ import annotations

import io
import os
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fuzz.images import crosstalk
from tests.fuzz.images.content import Content, differences, entries, flatten, settings
from tests.fuzz.images.draw import KINDS, draw
from tests.fuzz.images.lay import lay, spec
from tests.fuzz.images.plain import lost, unmoved
from tests.fuzz.images.play import DIFFERS, Verdict
from tests.fuzz.images.project import (
    Case,
    Edit,
    Image,
    Item,
    Names,
    Project,
    filled,
    from_json,
    to_json,
)
from tests.fuzz.images.shrink import shrink
from tests.fuzz.images.twin import TWINS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NAMES = Names("u1234567", "127.0.0.1:5000", {"files": "sha256:" + "a" * 64})


def layer(**members: str | tuple[str, str]) -> bytes:
    """A tar; a pair is a folder, or a kind of link and where it leads."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, value in members.items():
            info = tarfile.TarInfo(name.replace("__", "/"))
            if isinstance(value, tuple):
                kinds = {"hard": tarfile.LNKTYPE, "soft": tarfile.SYMTYPE, "dir": tarfile.DIRTYPE}
                info.type = kinds[value[0]]
                info.linkname = value[1]
            else:
                info.size = len(value)
            tar.addfile(info, io.BytesIO(value.encode() if isinstance(value, str) else b""))
    return packed.getvalue()


def tree(*layers: bytes) -> list[str]:
    """The paths of a file system made of these."""
    return sorted(flatten(entries(each) for each in layers))


def test_a_later_layer_takes_away_and_replaces() -> None:
    """Whiteouts hide what lies below, and only that; an opaque folder hides all of it."""
    below = layer(a="1", d__x="1", d__y="1")
    assert tree(below, layer(**{".wh.a": ""})) == ["/d/x", "/d/y"]
    assert tree(below, layer(**{"d__.wh..wh..opq": "", "d__z": "1"})) == ["/a", "/d/z"]
    assert tree(below, layer(**{".wh.d": "", "d__new": "1"})) == ["/a", "/d/new"]
    assert tree(layer(d=("dir", ""), d__x="1"), layer(d="now a file")) == ["/d"]


def test_a_hard_link_has_the_content_of_what_it_is_linked_to() -> None:
    """And tells with what."""
    found = flatten([entries(layer(a="text", b=("hard", "a")))])
    assert found["/b"].sha256 == found["/a"].sha256
    assert found["/b"].link == "/a"


def test_every_difference_is_told() -> None:
    """A setting, a file that is missing or too much, and what is other in one."""
    file = flatten([entries(layer(a="1"))])["/a"]
    one = Content({"User": "x"}, {"/a": file, "/b": file})
    two = Content({"Env": ["A=1"]}, {"/a": file._replace(mode=0o600), "/c": file})
    told = differences(one, two)
    assert len(told) == 5
    assert [each.split(":")[0] for each in told] == [
        "setting Env",
        "setting User",
        "file /a",
        "file /b",
        "file /c",
    ]
    assert differences(one, one) == []


@pytest.mark.parametrize(
    "config",
    [
        {"config": {"Env": ["A=1"]}},
        {"config": {"OnBuild": ["RUN x"]}},
        {"config": {"Labels": {"a": "b"}}},
        {"config": {"Healthcheck": {"Test": ["NONE"]}}},
        {"architecture": "arm64"},
        {"variant": "v7"},
        {"author": "x"},
        {"created": "2017-07-14T02:40:00Z"},
    ],
)
def test_settings_hold_what_the_image_says(config: Mapping[str, object]) -> None:
    """Each of them makes a difference, and labels of ours do not."""
    assert settings(config) != settings({})
    assert settings({"config": {"Labels": {"io.doit-layers.key": "k"}}}) == settings({})


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_draws_whole_projects(kind: str, tmp_path: Path) -> None:
    """They can be written, and their images.toml read; the same number gives the same case."""
    for index in range(8):
        case = draw(7, index, (kind,))
        assert case == draw(7, index, (kind,))
        assert from_json(to_json(case)) == case
        for project in (case.project, case.after):
            done = filled(project, NAMES)
            told = tomllib.loads(spec(done))
            assert list(told["images"]) == [image.name for image in done.images]
            assert "@" not in "".join(image.name for image in done.images)
            assert "@u@" not in "".join(line for image in done.images for line in image.lines)
            lay(done, str(tmp_path / "repo"))
            for image in done.images:
                assert (tmp_path / "repo" / image.path).is_file()


def test_a_checkout_becomes_what_it_should_be(tmp_path: Path) -> None:
    """What went is gone, what came is there; what doit keeps stays; quiet edits keep times."""
    image = Image("a", ("FROM scratch",))
    files = {"a/x": Item(text="one"), "a/y": Item("hard", "a/x"), "a/d": Item("dir", mode=0o700)}
    project = Project((image,), files)
    root = tmp_path / "repo"
    lay(project, str(root))
    (root / ".layers").mkdir()
    assert (root / "a/x").samefile(root / "a/y")
    before = (root / "a/x").stat().st_mtime_ns
    edit = Edit("text", "a/x", new="two", quiet=True)
    lay(edit.apply(replace(project, files={"a/x": files["a/x"]})), str(root), quiet=True)
    assert (root / "a/x").read_text() == "two"
    assert (root / "a/x").stat().st_mtime_ns == before
    assert sorted(os.listdir(root)) == [".layers", "a", "dodo.py", "images.toml"]
    assert sorted(os.listdir(root / "a")) == ["Dockerfile", "x"]


def test_a_shrunk_case_has_nothing_that_its_fault_does_not_need() -> None:
    """Images, files, lines and settings go as long as the signature stays."""
    files = {"a/x": Item(text="1"), "a/y": Item(text="2"), "b/z": Item(text="3")}
    images = (
        Image("a", ("FROM scratch", "COPY x /", "ENV A=1"), push=True),
        Image("b", ("FROM a",)),
    )
    case = Case(Project(images, files, locked=True), Edit("remove", "a/y"))

    def play(case: Case) -> Verdict:
        wrong = any("COPY x /" in image.lines for image in case.project.images)
        bad = wrong and "a/x" in case.project.files
        return Verdict(case, "cold", DIFFERS if bad else "same", ("a: file /x: missing",))

    small = shrink(play(case), play).case
    assert small.project == Project((Image("a", ("COPY x /",)),), {"a/x": files["a/x"]})
    assert small.edit.kind == "none"


def test_twins_break_what_they_are_called_after() -> None:
    """Each changes a Dockerfile, and nothing but what it is about."""
    lines = ["FROM a", "COPY x /", "ENV A=1", "RUN true"]
    assert TWINS["setting"](lines) == ["FROM a", "COPY x /", "RUN true"]
    assert TWINS["parent"](lines) == ["FROM a"]
    assert TWINS["mode"](lines)[1] == "COPY --chmod=0611 x /"


def test_only_images_that_an_edit_cannot_reach_are_not_built_again() -> None:
    """Those before the first one whose folders, Dockerfile or own table the edit changes."""
    a, b = Image("a", ("FROM scratch", "COPY . /")), Image("b", ("FROM a",), contexts={"x": "c"})
    files = {"a/f": Item(text="1"), "b/f": Item(text="1"), "c/f": Item(text="1")}
    project = Project((a, b, Image("d", ("FROM scratch",))), files)
    for edit, still in (
        (Edit("text", "a/f", new="2"), set()),
        (Edit("text", "b/f", new="2"), {"a:latest"}),
        (Edit("rename", "c/f", new="c/g"), {"a:latest"}),
        (Edit("arg", "b", "A", "1"), {"a:latest"}),
        (Edit("line", "d", "FROM scratch", "FROM a"), {"a:latest", "b:latest"}),
        (Edit("add", "e/f", new="1"), {"a:latest", "b:latest", "d:latest"}),
    ):
        assert unmoved(project, edit.apply(project)) == still, edit
    root = replace(project, images=(replace(a, context="."), b))
    assert unmoved(root, Edit("arg", "b", "A", "1").apply(root)) == set()


@pytest.mark.parametrize(
    ("target", "gone"),
    [
        ("", {"LABEL build=1", "EXPOSE 80", "volume /v"}),
        ("Build", {"LABEL last=1"}),
        ("1", {"LABEL last=1"}),
        ("0", {"LABEL build=1", "EXPOSE 80", "volume /v", "LABEL last=1"}),
        ("none", set()),
    ],
)
def test_settings_of_stages_that_a_target_is_not_made_from_go(target: str, gone: set[str]) -> None:
    """They are what a frontend before 1.24 lets through; all else stays."""
    lines = ["ARG X", "FROM --platform=$TARGETPLATFORM up AS deps", "LABEL deps=1", "RUN a"]
    lines += ["from deps as BUILD", "LABEL build=1", "EXPOSE 80", "volume /v", "RUN b"]
    lines += ["FROM Deps", "LABEL last=1", "COPY --from=build /a /b"]
    assert [*crosstalk.own(lines, target)] == [line for line in lines if line not in gone]


def test_a_hard_link_follows_what_it_is_of_when_that_becomes_a_link_to_nothing(
    tmp_path: Path,
) -> None:
    """As an edit makes it; laid once more it is right as it is."""
    files = {"a/one": Item(text="x\n"), "a/two": Item("hard", text="a/one")}
    lay(Project((), files), str(tmp_path))
    after = Project((), {**files, "a/one": Item("link", text="nowhere", mode=0o777)})
    for _ in range(2):
        lay(after, str(tmp_path))
        assert os.readlink(tmp_path / "a/two") == "nowhere"


def test_a_variable_in_from_leaves_a_file_as_it_is() -> None:
    """Nobody here can say which stage it means."""
    lines = ("FROM up AS a", "LABEL a=1", "FROM $BASE")
    assert crosstalk.own(lines) == lines


def test_a_plain_build_whose_engine_lost_an_image_is_no_refusal() -> None:
    """It asks for one that it has; any other name that is not there is a fault of the files."""
    project = Project((Image("base-u1", ("FROM scratch",), tag="team/base-u1:2"),))
    asked = 'failed to do request: Head "https://registry-1.docker.io/v2/{}/manifests/sha256:0": no'
    assert lost(asked.format("library/base-u1"), project)
    assert lost(asked.format("team/base-u1"), project)
    assert not lost(asked.format("library/node"), project)
    assert not lost("COPY: not found", project)
