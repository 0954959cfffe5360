"""Publishing against the fakes: what is asked, what is sent, and tags that move as one."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hashes.errors import LayersError
from layers.build.publish import NotPublished, Published, chosen, publish
from layers.build.stamp import Mark, facts, marked, marks, stamp
from layers.build.tags import Tagged, check_tag, move_tags
from layers.commands.publish import as_json, as_text
from layers.engine.engine import EngineError
from layers.graph.graph import Layer
from layers.oci.digest import Digest
from layers.plan.names import LABEL_KEY
from layers.project.project import Project
from layers.registry.registry import (
    Manifest,
    RegistryDown,
    RegistryError,
    RegistryRefused,
    RegistryRejected,
)
from layers.runtime.events import Event
from tests.fakes import MemoryRegistry
from tests.unit.machines import APP, HOST, REPOSITORY, World, begin, machine

TOOL = Layer("tool")


@pytest.fixture
def checkout(tmp_path: Path) -> Callable[[], World]:
    """Makes checkouts of one repository on machines of their own, with one registry."""
    registry = MemoryRegistry(HOST)
    count = iter(range(100))
    return lambda: machine(tmp_path / f"machine{next(count)}", registry)


@pytest.fixture
def world(checkout: Callable[[], World]) -> World:
    """A machine whose engine has both images."""
    return filled(checkout())


def filled(world: World, content: str = "one") -> World:
    for name in ("app", "tool"):
        key = str(world.project.inputs.key(Layer(name)))
        world.engine.build(f"{name}:{key}", f"{name} {content}", {LABEL_KEY: key})
    return world


def head(world: World, name: str, tag: str) -> Digest | None:
    question = (f"{HOST}/demo/{name}", tag)
    return world.registry.heads([question]).get(question)


def test_without_names_every_image_that_is_pushed_is_published(world: World) -> None:
    """`local` has no push; a name given twice counts once."""
    assert chosen(world.run, ()) == (APP, TOOL)
    assert chosen(world.run, ("tool", "tool")) == (TOOL,)


@pytest.mark.parametrize(
    ("name", "said"), [("ap", "did you mean 'app'"), ("local", "local is not pushed")]
)
def test_what_cannot_be_published_is_told(world: World, name: str, said: str) -> None:
    """Before anything is asked."""
    with pytest.raises(LayersError, match=said):
        chosen(world.run, (name,))


def test_what_the_engine_has_is_pushed_and_then_it_is_there(
    world: World, checkout: Callable[[], World]
) -> None:
    """The second machine asks no engine and sends nothing, not even a claim."""
    first = publish(world.run, [APP, TOOL])
    assert [one.how for one in first] == ["pushed", "pushed"]
    second = checkout()
    second.engine.down = True
    before = len(world.registry.pushed), len(world.registry.sent)
    found = publish(second.run, [APP, TOOL])
    assert [one.how for one in found] == ["there", "there"]
    assert [one.digest for one in found] == [one.digest for one in first]
    assert (len(world.registry.pushed), len(world.registry.sent)) == before
    assert second.engine.asked == []
    assert "blob" not in {verb for verb, _, _ in world.registry.asked}


def test_a_record_that_is_lacking_is_attached(world: World, checkout: Callable[[], World]) -> None:
    """Somebody's push was killed between the image and its record."""
    (one,) = publish(world.run, [APP])
    (listed,) = world.registry.referrers(REPOSITORY, one.digest) or ()
    world.registry.delete(REPOSITORY, Digest.parse(listed["digest"]))
    publish(checkout().run, [APP])
    assert len(world.registry.referrers(REPOSITORY, one.digest) or ()) == 1


def test_a_broken_image_is_pushed_anew(world: World) -> None:
    """The engine has it, so that nothing is built."""
    publish(world.run, [APP])
    manifest = world.registry.manifest(REPOSITORY, world.key)
    assert manifest is not None
    world.registry.lose(REPOSITORY, Digest.parse(manifest.content["layers"][0]["digest"]))
    again = machine_again(world)
    (one,) = publish(again.run, [APP])
    assert one.how == "pushed"
    assert world.registry.missing(REPOSITORY, manifest) == ()
    assert "it is made anew" in again.warnings()


def test_a_registry_that_is_down_is_an_error_and_not_a_build(world: World) -> None:
    """Nothing is asked of the engine."""
    world.registry.down = True
    world.engine.asked.clear()
    with pytest.raises(RegistryDown):
        publish(world.run, [APP])
    assert world.engine.asked == []


def test_a_push_that_fails_is_an_error_that_names_all_that_failed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where `doit` only warns."""

    def refuse(name: str, progress: object) -> Digest:
        raise EngineError(f"cannot push {name}: denied")

    monkeypatch.setattr(world.engine, "push", refuse)
    with pytest.raises(NotPublished) as caught:
        publish(world.run, [APP, TOOL])
    assert "demo/app" in str(caught.value)
    assert "demo/tool" in str(caught.value)


def test_tags_move_when_all_images_are_there_and_only_where_they_are_wrong(world: World) -> None:
    """Each at its own image's digest; the second time nothing is put."""
    images = publish(world.run, [APP, TOOL])
    first = move_tags(world.registry, images, ["v1", "latest", "v1"])
    assert [(one.image.layer, one.tag, one.moved) for one in first] == [
        (APP, "v1", True),
        (TOOL, "v1", True),
        (APP, "latest", True),
        (TOOL, "latest", True),
    ]
    for one in images:
        assert head(world, one.layer.image, "v1") == one.digest
    before = len(world.registry.pushed)
    assert not any(one.moved for one in move_tags(world.registry, images, ["v1", "latest"]))
    assert len(world.registry.pushed) == before


def test_a_tag_that_cannot_be_moved_takes_the_others_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader never finds half a set for long, and the error tells what stands."""
    old = publish(world.run, [APP, TOOL])
    move_tags(world.registry, old, ["latest"])
    put = world.registry.put_manifest
    for name in ("app", "tool"):
        (Path(world.project.root) / name / "a").write_text("new\n")
    newer = filled(machine_again(world), "new")
    new = publish(newer.run, [APP, TOOL])
    assert new[0].digest != old[0].digest

    def choosy(repository: str, reference: str, content: bytes, kind: str) -> Digest:
        if repository.endswith("/tool") and reference == "latest" and content != raw_of(old[1]):
            raise RegistryRefused("PUT: 403")
        return put(repository, reference, content, kind)

    def raw_of(image: Published) -> bytes:
        found = world.registry.manifest(image.repository, image.digest.text)
        assert found is not None
        return found.raw

    monkeypatch.setattr(world.registry, "put_manifest", choosy)
    with pytest.raises(RegistryError, match="tool:latest was not moved") as caught:
        move_tags(world.registry, new, ["latest"])
    assert "back where they were" in str(caught.value)
    assert [head(world, one.layer.image, "latest") for one in old] == [one.digest for one in old]
    with pytest.raises(RegistryError) as caught:
        move_tags(world.registry, new, ["fresh", "latest"])
    assert "app:fresh is new" in str(caught.value)


def machine_again(world: World) -> World:
    """The same checkout, opened by the next command."""
    told: list[Event] = []
    run = begin(Project(world.project.root), world.engine, world.registry, tell=told.append)
    return World(run, world.engine, world.registry, told)


@pytest.mark.parametrize("tag", ["latest", "v1.2", "_x", "A-b.c", "x" * 128, "sha-1", "claims"])
def test_names_that_can_move(tag: str) -> None:
    """What a registry takes and we do not need."""
    check_tag(tag)


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("", "up to 128"),
        (".x", "not starting"),
        ("a b", "expected"),
        ("x" * 129, "up to 128"),
        ("a:b", "expected"),
        ("v1\n", "expected"),
        ("xxh3-" + "0" * 32, "kept for keys"),
        ("blake3-x", "kept for keys"),
        ("claim-x", "kept for keys"),
        ("sha256-x", "kept for keys"),
    ],
)
def test_names_that_cannot_move(tag: str, said: str) -> None:
    """Keys and what belongs to them stay where they are."""
    with pytest.raises(LayersError, match=said):
        check_tag(tag)


def test_both_outputs_tell_the_same() -> None:
    """A line an image and a line a tag; JSON for programs."""
    digests = [Digest("sha256:" + digit * 64) for digit in "12"]
    image = Published(APP, "xxh3-1", REPOSITORY, digests[0], "pushed", 1.23456)
    tags = [
        Tagged(image, "v1", None),
        Tagged(image, "v2", digests[1]),
        Tagged(image, "v3", digests[0]),
    ]
    assert as_text([image], tags).splitlines() == [
        f"app  {REPOSITORY}@{digests[0]}  pushed, 1.2 s",
        f"{REPOSITORY}:v1 -> {digests[0]}, new",
        f"{REPOSITORY}:v2 -> {digests[0]}, was {digests[1]}",
        f"{REPOSITORY}:v3 -> {digests[0]}, as it was",
    ]
    told = json.loads(as_json([image], tags))
    assert told["images"] == [
        {
            "name": "app",
            "key": "xxh3-1",
            "repository": REPOSITORY,
            "digest": str(digests[0]),
            "how": "pushed",
            "seconds": 1.235,
        }
    ]
    assert [(one["before"], one["moved"]) for one in told["tags"]] == [
        (None, True),
        (str(digests[1]), True),
        (str(digests[0]), False),
    ]


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
    with pytest.raises(LayersError, match=r"^images.toml:8: app: args.REV: REV is not set here"):
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
    assert str(caught.value).startswith("images.toml:8: app: labels.where: WHERE is not set here")


def test_all_placeholders_without_a_value_are_told_at_once(labelled: World) -> None:
    """The lines of both."""

    def ask(name: str) -> str:
        raise LayersError(f"no {name}")

    with pytest.raises(LayersError) as caught:
        marks(labelled.run, labelled.project.spec.images.values(), ask)
    assert str(caught.value).splitlines() == [
        "images.toml:8: app: labels.where: no env.WHERE",
        "images.toml:9: app: annotations.when: no date",
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
    with pytest.raises(LayersError, match=r"^images\.toml:9: app: .*MANIFEST_INVALID"):
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
