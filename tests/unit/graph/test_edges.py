"""What names in Dockerfiles mean, and what is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers.graph.edges import ANYTHING
from layers.lock.lock import Lock
from layers.lock.pin import Pin
from layers.oci.digest import Digest
from layers.oci.reference import Reference
from layers.project.project import Project

HEAD = 'version = 1\n[project]\nname = "shop"\n'
DIGEST = "sha256:" + "0" * 64


def project(root: Path, toml: str, **dockerfiles: str) -> Project:
    (root / "images.toml").write_text(HEAD + toml)
    for name, text in dockerfiles.items():
        (root / name).mkdir()
        (root / name / "Dockerfile").write_text(text)
    return Project(str(root))


def images(*names: str) -> str:
    return "".join(f'[images.{name}]\ncontext = "{name}"\n' for name in names)


def test_an_images_own_name_in_its_own_file_is_the_upstream(tmp_path: Path) -> None:
    """A very common repository: an image called nginx that begins with nginx."""
    found = project(tmp_path, images("nginx"), nginx="FROM nginx\n").inputs.graph.edges["nginx"]
    assert [(edge.image, edge.upstream) for edge in found] == [(None, "nginx")]


@pytest.mark.parametrize("written", ["nginx", "nginx:latest"])
@pytest.mark.parametrize("profile", [None, "local"])
def test_an_images_own_name_may_be_replaced_for_its_own_file(
    tmp_path: Path, written: str, profile: str | None
) -> None:
    """A mirror of nginx for the image called nginx; all others mean the image, or are refused."""
    table = "[profiles.local.upstream]" if profile else "[upstream]"
    toml = images("nginx", "app") + f'{table}\n"{written}" = "mirror.example.com/nginx:1"\n'
    files = {"nginx": "FROM nginx AS a\nFROM a\n", "app": "FROM nginx\n"}
    project(tmp_path, toml, **files)
    graph = Project(str(tmp_path), profile=profile).inputs.graph
    assert [each.upstream for each in graph.edges["nginx"]] == ["mirror.example.com/nginx:1"]
    assert "may mean the image nginx" in str(graph.faults["app"])


def test_a_replacement_that_no_file_could_mean_is_told(tmp_path: Path) -> None:
    """Everybody else means our image by that name."""
    toml = images("base", "app") + '[upstream]\nnode = "x:1"\nbase = "x:1"\n'
    made = project(tmp_path, toml, base="FROM node\n", app="FROM node\n")
    fault = made.inputs.graph.faults["base"]
    assert str(fault).startswith("images.toml:10: 'base' is an image of this file, not upstream")
    assert "rename the image, or take the line out" in fault.hint
    assert "app" not in made.inputs.graph.faults


@pytest.mark.parametrize("text", ["nginx", "nginx:latest", "docker.io/library/nginx"])
def test_a_name_that_may_be_either_is_refused_with_both_ways_out(tmp_path: Path, text: str) -> None:
    """Elsewhere nobody can tell which of the two is meant."""
    made = project(tmp_path, images("nginx", "app"), nginx="FROM nginx:1\n", app=f"FROM {text}\n")
    fault = made.inputs.graph.faults["app"]
    assert "may mean the image nginx of images.toml, or the" in fault.message
    assert str(fault).startswith("app/Dockerfile:1")
    assert 'tag = "shop-nginx"' in fault.hint
    assert "nginx:1.2" in fault.hint


def test_each_way_out_leads_out(tmp_path: Path) -> None:
    """The upstream by its tag, ours by a name of its own."""
    toml = images("nginx", "app", "other").replace(
        'context = "nginx"\n', 'context = "nginx"\ntag = "shop-nginx"\n'
    )
    made = project(
        tmp_path, toml, nginx="FROM nginx:1\n", app="FROM nginx:1\n", other="FROM shop-nginx\n"
    )
    assert made.inputs.graph.edges["app"][0].image is None
    assert made.inputs.graph.edges["other"][0].image == "nginx"


def test_a_stage_to_push_that_is_not_there_is_told(tmp_path: Path) -> None:
    """With what was meant, and where images.toml says it."""
    toml = images("app") + 'push_stages = ["dep"]\n'
    made = project(tmp_path, toml, app="FROM scratch AS Deps\nCOPY a /\nFROM Deps\n")
    fault = made.inputs.graph.faults["app"]
    assert "no stage 'dep' to push (did you mean 'deps'?)" in str(fault)
    assert fault.line == 6


def test_a_stage_is_kept_whatever_the_case_of_its_name(tmp_path: Path) -> None:
    """BuildKit compares names without case."""
    toml = images("app") + 'push_stages = ["DEPS"]\n'
    made = project(tmp_path, toml, app="FROM scratch AS Deps\nFROM scratch\nCOPY --from=dePS / /\n")
    assert made.inputs.named_stages("app") == ("deps",)
    assert [str(parent) for parent in made.inputs.parents(made.goals()[0])] == ["app:deps"]


def test_triggers_that_nobody_knows_may_read_anything(tmp_path: Path) -> None:
    """An upstream by digest that is not locked: a file that nothing copies counts all the same."""
    made = project(tmp_path, images("app"), app=f"FROM node@{DIGEST}\n")
    (edge,) = made.inputs.unknown_triggers("app")
    assert edge.upstream == f"node@{DIGEST}"
    before = made.inputs.key(made.goals()[0])
    (tmp_path / "app" / "new").write_text("1")
    assert Project(str(tmp_path)).inputs.key(made.goals()[0]) != before
    assert ANYTHING == ("COPY . /",)


def test_triggers_that_the_lock_knows_are_those(tmp_path: Path) -> None:
    """`doit lock` looks at what is named by digest, too."""
    made = project(tmp_path, images("app"), app=f"FROM node@{DIGEST}\n")
    name, platform = Reference.parse(f"node@{DIGEST}"), made.spec.platform
    pin = Pin(name, platform, Digest.parse(DIGEST), {}, ("COPY new /",))
    lock = Lock.of([pin])
    (tmp_path / "images.lock").write_text(lock.text())
    (tmp_path / "app" / "new").write_text("1")
    again = Project(str(tmp_path))
    assert again.lock == lock
    assert again.inputs.unknown_triggers("app") == ()
    before = again.inputs.key(again.goals()[0])
    (tmp_path / "app" / "other").write_text("1")
    assert Project(str(tmp_path)).inputs.key(again.goals()[0]) == before
    (tmp_path / "app" / "new").write_text("2")
    assert Project(str(tmp_path)).inputs.key(again.goals()[0]) != before


def test_a_named_context_that_would_send_our_own_folder_is_refused(tmp_path: Path) -> None:
    """With the line that says it, and the line that mends it."""
    toml = images("app") + 'contexts = { all = "." }\n'
    made = project(tmp_path, toml, app="FROM scratch\nCOPY --from=all . /\n")
    fault = made.inputs.fault("app")
    assert fault is not None
    assert str(fault).startswith("images.toml:6: app: the named context 'all' holds .layers")
    assert fault.hint == "put /.layers into .dockerignore"
    (tmp_path / ".dockerignore").write_text("/.layers\n")
    assert Project(str(tmp_path)).inputs.fault("app") is None


KINDS = """\
[images.base]
context = "base"
[images.app]
context = "app"
[images.app.contexts]
ours = "target:base"
up = "docker-image://debian:12"
src = "https://host/x.git#{ref}"
"""
USES = "FROM up\nCOPY --from=ours /a /a\nCOPY --from=src /b /b\n"


@pytest.mark.parametrize(
    ("ref", "fast"), [("a" * 40, True), ("a" * 40 + ":dir", True), ("v1", False)]
)
def test_a_context_is_an_image_of_ours_an_upstream_or_a_git_address(
    tmp_path: Path, ref: str, fast: bool
) -> None:
    """Names that this file alone gives them; an address counts by its text."""
    made = project(tmp_path, KINDS.format(ref=ref), base="FROM scratch\n", app=USES).inputs
    edges = {each.text: (each.image, each.upstream) for each in made.graph.edges["app"]}
    assert edges == {"up": (None, "debian:12"), "ours": ("base", None)}
    assert ("src" in made.image("app").unpinned) is not fast
    assert f"git https://host/x.git#{ref}" in made.image("app").own.text()


def test_a_context_that_is_an_image_gives_the_key_of_the_image_itself(tmp_path: Path) -> None:
    """What a file calls it is no part of what it is; what it stands for is."""
    keys = []
    for number, (name, at) in enumerate(
        (("a", "debian:12"), ("b", "debian:12"), ("a", "debian:13"))
    ):
        (tmp_path / str(number)).mkdir()
        toml = f'[images.app]\ncontext = "app"\ncontexts.{name} = "docker-image://{at}"\n'
        made = project(tmp_path / str(number), toml, app=f"FROM {name}\n")
        keys.append(made.inputs.image("app").own.key())
    assert keys[0] == keys[1]
    assert keys[0] != keys[2]


def test_a_context_that_would_replace_a_stage_is_refused(tmp_path: Path) -> None:
    """BuildKit would lose all instructions of the stage without a word."""
    toml = '[images.app]\ncontext = "app"\ncontexts.deps = "docker-image://debian"\n'
    made = project(tmp_path, toml, app="FROM scratch AS Deps\nFROM deps\n")
    assert str(made.inputs.graph.faults["app"]).startswith(
        "images.toml:6: app: the context 'deps' would take the place of the stage"
    )
