"""Marks: labels, annotations and build args that a moving tag fills in."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from hashes.errors import LayersError
from layers.build.publish import publish
from layers.build.stamp import Mark, facts, marked, marks, stamp
from layers.build.tags import move_tags
from layers.oci.digest import Digest
from layers.project.project import Project
from layers.registry.registry import (
    Manifest,
    RegistryRejected,
)
from tests.fakes import MemoryRegistry
from tests.unit.build.publishing import TOOL, filled, head
from tests.unit.machines import APP, HOST, REPOSITORY, World, begin, machine


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A machine whose engine has both images."""
    return filled(machine(tmp_path / "machine", MemoryRegistry(HOST)))


@pytest.fixture
def labelled(world: World) -> World:
    """The app has a label and an annotation that tell where it comes from."""
    root = Path(world.project.root)
    spec = (root / "images.toml").read_text()
    marks = 'labels.where = "{env.WHERE}/{{x"\nannotations.when = "{date}"\n'
    (root / "images.toml").write_text(spec.replace("[images.tool]", f"{marks}[images.tool]"))
    return World(
        begin(Project(str(root)), world.engine, world.registry, tell=world.told.append),
        world.engine,
        world.registry,
        world.told,
    )


def test_a_mark_is_in_what_the_tag_points_at_and_not_under_the_key(labelled: World) -> None:
    """The same filesystem layers; a label is no reason for another key."""
    ask = {"env.WHERE": "here", "date": "now"}.__getitem__
    mark = marks(labelled.run, labelled.project.spec.images.values(), ask)
    images = publish(labelled.run, [APP, TOOL])
    told = move_tags(labelled.registry, marked(labelled.registry, images, mark), ["v1"])
    app, tool = (each.image for each in told)
    assert tool.digest == images[1].digest
    plain, stamped = (
        labelled.registry.manifest(REPOSITORY, each.digest.text) for each in (images[0], app)
    )
    assert plain is not None
    assert stamped is not None
    assert stamped.content["layers"] == plain.content["layers"]
    assert stamped.content["annotations"] == {"when": "now"}
    before, after = (
        labels(labelled, each.content["config"]["digest"]) for each in (plain, stamped)
    )
    assert after == {**before, "where": "here/{x"}
    assert head(labelled, "app", labelled.key) == images[0].digest
    assert [each.moved for each in move_tags(labelled.registry, [app], ["v1"])] == [False]


LATE = "FROM scratch\nCOPY a /a\nARG REV=dev WHERE\nLABEL rev=$REV at=x$WHERE own=1\n"


def late(world: World, dockerfile: str = LATE) -> World:
    """The app has build args that a moving tag fills in, and the tool is made from it."""
    root = Path(world.project.root)
    spec = (root / "images.toml").read_text()
    args = 'args = { REV = "{env.REV}", WHERE = "{env.WHERE}", A = "1" }\n'
    (root / "images.toml").write_text(spec.replace("[images.tool]", f"{args}[images.tool]"))
    (root / "app" / "Dockerfile").write_text(dockerfile)
    (root / "tool" / "Dockerfile").write_text("FROM app AS x\nLABEL own=2 at=tool\nFROM x\n")
    return World(
        begin(Project(str(root)), world.engine, world.registry),
        world.engine,
        world.registry,
        world.told,
    )


def test_what_labels_read_of_build_args_is_filled_in_by_a_tag(world: World) -> None:
    """An explicit label wins, and a child has its parent's where it sets none of that name."""
    made = late(world)
    ask = {"env.REV": "17", "env.WHERE": "here"}.__getitem__
    images = made.project.spec.images
    assert images["app"].args == {"A": "1"}
    found = marks(made.run, images.values(), ask)
    assert {name: dict(each.labels) for name, each in found.items()} == {
        "app": {"rev": "17", "at": "xhere"},
        "tool": {"rev": "17"},
        "local": {"rev": "17"},
    }
    app = images["app"]._replace(labels={"rev": "mine"})
    assert marks(made.run, [app], ask)["app"].labels == {"rev": "mine", "at": "xhere"}


def test_an_arg_without_a_value_is_told_with_its_line(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a label is."""
    for name in ("REV", "WHERE"):
        monkeypatch.delenv(name, raising=False)
    made = late(world)
    with pytest.raises(LayersError, match=r"^images.toml:9: app: args.REV: REV is not set here"):
        marks(made.run, [made.project.spec.images["app"]], facts(made.project.root))


def test_an_arg_that_more_than_labels_see_is_refused_with_line_and_reason(world: World) -> None:
    """Before anything is made: the image has no key."""
    made = late(world, "FROM scratch\nARG REV\nRUN make\nENV A=$REV\n")
    fault = made.project.inputs.fault("app")
    assert fault is not None
    assert str(fault).startswith("app/Dockerfile:3: RUN has it in its environment, and ARG REV is")
    assert "{env.REV} in images.toml: each new value would build the image anew" in fault.message
    assert "(so do lines 4)" in fault.message


def test_a_label_that_reads_what_nobody_knows_of_its_base_is_refused(world: World) -> None:
    """Its value would be a guess."""
    made = late(world, "FROM debian:12\nARG REV\nLABEL a=$REV-$VERSION\n")
    with pytest.raises(LayersError, match="LABEL a reads a variable of its base"):
        marks(made.run, [made.project.spec.images["app"]], lambda _name: "1")


def labels(world: World, config: str) -> dict[str, str]:
    """The labels in a configuration of the app."""
    found = json.loads(world.registry.blob(REPOSITORY, Digest.parse(config)))
    return dict(found["config"]["Labels"])


def test_a_placeholder_without_a_value_is_told_with_its_line(
    labelled: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is sent."""
    monkeypatch.delenv("WHERE", raising=False)
    with pytest.raises(LayersError) as caught:
        marks(labelled.run, labelled.project.spec.images.values(), facts(labelled.project.root))
    assert str(caught.value).startswith("images.toml:9: app: labels.where: WHERE is not set here")


def test_all_placeholders_without_a_value_are_told_at_once(labelled: World) -> None:
    """The lines of both."""

    def ask(name: str) -> str:
        raise LayersError(f"no {name}")

    with pytest.raises(LayersError) as caught:
        marks(labelled.run, labelled.project.spec.images.values(), ask)
    assert str(caught.value).splitlines() == [
        "images.toml:9: app: labels.where: no env.WHERE",
        "images.toml:10: app: annotations.when: no date",
    ]


def test_a_docker_manifest_becomes_an_oci_one_for_its_annotations(world: World) -> None:
    """As the classic image store pushes it; for a label alone it stays as it is."""
    (image, _) = publish(world.run, [APP, TOOL])
    found = world.registry.manifest(REPOSITORY, image.digest.text)
    assert found is not None
    (docker, docker_config) = (
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.container.image.v1+json",
    )
    layer = "application/vnd.docker.image.rootfs.diff.tar.gzip"
    content = {
        **found.content,
        "mediaType": docker,
        "config": {**found.content["config"], "mediaType": docker_config},
        "layers": [{**each, "mediaType": layer} for each in found.content["layers"]],
    }
    raw = json.dumps(content).encode()
    classic = replace(image, digest=world.registry.put_manifest(REPOSITORY, "classic", raw, docker))

    def put(mark: Mark) -> Manifest:
        digest = stamp(world.registry, classic, mark).digest
        made = world.registry.manifest(REPOSITORY, digest.text)
        assert made is not None
        assert made.media_type == made.content["mediaType"]
        return made

    assert put(Mark({"a": "b"}, {})).media_type == docker
    made = put(Mark({}, {"a": "b"}))
    assert made.media_type == "application/vnd.oci.image.manifest.v1+json"
    assert made.content["config"]["mediaType"] == "application/vnd.oci.image.config.v1+json"
    assert {each["mediaType"] for each in made.content["layers"]} == {
        "application/vnd.oci.image.layer.v1.tar+gzip"
    }
    digests = [[each["digest"] for each in one["layers"]] for one in (content, made.content)]
    assert digests[0] == digests[1]


def test_what_a_registry_refuses_is_told_with_its_line(
    labelled: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the registry's own words."""
    (image,) = publish(labelled.run, [APP])
    ask = {"env.WHERE": "here", "date": "now"}.__getitem__
    mark = marks(labelled.run, labelled.project.spec.images.values(), ask)

    def refuse(*_words: object) -> None:
        raise RegistryRejected("PUT: 400 (MANIFEST_INVALID)")

    monkeypatch.setattr(labelled.registry, "put_manifest", refuse)
    with pytest.raises(LayersError, match=r"^images\.toml:10: app: .*MANIFEST_INVALID"):
        marked(labelled.registry, [image], mark)


def test_git_tells_commit_and_version(tmp_path: Path) -> None:
    """And what it says where there is no repository."""
    with pytest.raises(LayersError, match="not a git repository"):
        facts(str(tmp_path))("git.commit")
    who = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    for words in (
        ("init", "-q"),
        (*who, "commit", "-q", "--allow-empty", "-m", "x"),
        ("tag", "v1"),
    ):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    ask = facts(str(tmp_path))
    assert re.fullmatch("[0-9a-f]{40}", ask("git.commit"))
    assert ask("git.describe") == "v1"
