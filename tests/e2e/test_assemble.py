"""Images that no engine makes, on the real registry, judged by its access log."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from layers.oci.artifact import descriptor
from layers.oci.credentials import NoCredentials
from layers.oci.digest import Digest
from layers.registry.client import HttpRegistry
from tests.e2e.lab import Lab, Workspace
from tests.fuzz.images.content import Content, Contents, differences, from_registry

pytestmark = pytest.mark.e2e

APP = """\
FROM NAME-base AS deps
ENV PLACE=/srv/app
WORKDIR $PLACE

FROM deps
COPY --chown=1000:1000 app.py requirements.txt ./
CMD ["cat", "app.py"]
"""
NOWHERE = "unix:///nowhere/docker.sock"


@pytest.fixture
def assembling(workspace: Workspace) -> Workspace:
    """An application that only copies files, on a base in the registry; made by BuildKit once."""
    toml = workspace.read("images.toml").replace('push_stages = ["deps"]\n', "assemble = true\n")
    workspace.write({"images.toml": toml, "app/Dockerfile": APP.replace("NAME", workspace.name)})
    assert workspace.states()["app"] == "build"
    assert "not assembled: base is not in the registry" in workspace.reasons("app")
    workspace.doit("base", "app")
    return workspace


def publish(workspace: Workspace, **more: Any) -> dict[str, dict[str, str]]:
    """What ``doit publish`` tells, by image."""
    told = json.loads(workspace.doit("publish", "--json", **more).out)
    return {image["name"]: image for image in told["images"]}


def content(lab: Lab, workspace: Workspace, digest: str) -> Content:
    return Contents().read(digest, from_registry(lab.registry, f"{workspace.name}/app"))


def moved(lab: Lab, before: int, method: str) -> list[str]:
    """What was asked about blobs since then."""
    asked = lab.requests()[before:]
    return [line for line in asked if line.startswith(method) and "/blobs/" in line]


def test_a_code_edit_is_published_without_an_engine(
    assembling: Workspace, clone: Callable[[Workspace], Workspace], lab: Lab
) -> None:
    """The base is listed once; after that neither it nor any engine is in the way of an edit."""
    assembling.edit("app/app.py", "1", "2")
    assert assembling.states() == {"base": "fresh", "app": "assemble", "other": "build"}
    assert "app/app.py changed; upon base, where nothing has to run" in assembling.reasons("app")
    cold = clone(assembling)
    assert publish(cold, DOCKER_HOST=NOWHERE)["app"]["how"] == "assembled"

    cold.edit("app/app.py", "2", "3")
    before = len(lab.requests())
    told = publish(cold, DOCKER_HOST=NOWHERE)["app"]
    assert told["how"] == "assembled"
    assert len(moved(lab, before, "GET")) <= 3  # configuration, listing, and whether all is there
    assert len(moved(lab, before, "PUT")) == 3  # a layer, a configuration, a record

    assert cold.states()["app"] == "pull"
    cold.doit("app")
    assert lab.docker("run", "--rm", f"{cold.tag('app')}:latest") == "print(3)"
    assert publish(cold, DOCKER_HOST=NOWHERE)["app"]["how"] == "there"


LARGE = """\
FROM UPSTREAM
RUN head -c 3000000 /dev/urandom > /large && mkdir -p /srv/app && echo 1 > /srv/app/old
RUN rm /srv/app/old && echo first > /last
"""


def largely(workspace: Workspace, upstream: str) -> tuple[str, str]:
    """A base with a large layer, listed when it is pushed; its repository and that layer."""
    toml = workspace.read("images.toml").replace('push_stages = ["deps"]\n', "assemble = true\n")
    base, app = LARGE.replace("UPSTREAM", upstream), APP.replace("NAME", workspace.name)
    workspace.write({"images.toml": toml, "base/Dockerfile": base, "app/Dockerfile": app})
    workspace.doit("base")
    at = f"{workspace.lab.registry}/{workspace.name}/base"
    return at, large_layer(at)


def large_layer(repository: str) -> str:
    """The digest of the largest layer of the only image there."""
    client = HttpRegistry(NoCredentials(), lambda _host: False)
    (tag,) = (each for each in client.tags(repository) if each.startswith("xxh3-"))
    manifest = client.manifest(repository, tag)
    assert manifest is not None
    return str(max(manifest.content["layers"], key=lambda each: int(each["size"]))["digest"])


def test_of_a_base_that_is_built_anew_only_what_is_new_is_read(
    workspace: Workspace, clone: Callable[[Workspace], Workspace], lab: Lab, upstream: str
) -> None:
    """Its large lower layer was listed before, when it was pushed first."""
    _at, large = largely(workspace, upstream)
    assert lab.requests().count(f"GET /v2/{workspace.name}/base/blobs/{large}") == 1
    workspace.edit("base/Dockerfile", "first", "second")
    before = len(lab.requests())
    workspace.doit("base")
    assert moved(lab, before, "GET")
    assert large not in "".join(moved(lab, before, "GET"))
    before = len(lab.requests())
    assert publish(clone(workspace), DOCKER_HOST=NOWHERE)["app"]["how"] == "assembled"
    assert len(moved(lab, before, "GET")) <= 3  # configuration, listing, and whether all is there


def test_an_assembled_image_is_the_one_that_is_built(assembling: Workspace, lab: Lab) -> None:
    """File by file and setting by setting; and the engine gets it, where it is wanted there."""
    assembling.edit("app/app.py", "1", "2")
    run = assembling.doit("app")
    assert assembling.ran() == {}
    assert ("pulled" in run.text) is lab.classic  # else the engine took it in
    assert lab.docker("run", "--rm", f"{assembling.tag('app')}:latest") == "print(2)"
    whole(lab, assembling)
    told = publish(assembling)
    mine = content(lab, assembling, told["app"]["digest"])
    base, at = told["base"], f"{lab.registry}/{assembling.name}/app"
    given = f"{assembling.name}-base=docker-image://{base['repository']}@{base['digest']}"
    words = ("--push", "--provenance=false", f"--tag={at}:plain", f"--build-context={given}")
    lab.docker("buildx", "build", *words, str(assembling.root / "app"))
    theirs = content(lab, assembling, lab.digest(at, "plain"))
    assert differences(theirs, mine) == []
    assert len(mine.files) > 3


def whole(lab: Lab, workspace: Workspace) -> None:
    """The engine has all of the application, by its names only: it can save it, and push it."""
    image = lab.docker("inspect", "--format={{.Id}}", f"{workspace.tag('app')}:latest")
    assert image not in lab.docker("images", "--filter=dangling=true", "--quiet", "--no-trunc")
    name, elsewhere = f"{workspace.tag('app')}:latest", f"{lab.registry}/{workspace.name}/elsewhere"
    lab.docker("save", f"--output={workspace.root / 'saved.tar'}", name)
    lab.docker("tag", name, f"{elsewhere}:1")
    lab.docker("push", "--quiet", f"{elsewhere}:1")
    lab.docker("rmi", f"{elsewhere}:1")
    if not lab.classic:
        registry = HttpRegistry(NoCredentials(), lambda _host: False)
        pushed = registry.manifest(elsewhere, "1")
        assert pushed is not None
        assert lab.digest(elsewhere, "1") == image


def test_an_image_that_goes_to_no_registry_is_put_together_in_the_engine(
    assembling: Workspace, lab: Lab
) -> None:
    """Upon a base that does; an engine without that base has to build."""
    toml = assembling.read("images.toml")
    at = toml.index("push = true", toml.index("[images.app]"))
    assembling.write({"images.toml": toml[:at] + toml[at:].replace("push = true", "push = false")})
    assembling.edit("app/app.py", "1", "2")
    assert assembling.states()["app"] == ("build" if lab.classic else "assemble")
    before = len(lab.requests())
    assembling.doit("app")
    told = [each for each in lab.requests()[before:] if f"{assembling.name}/app/" in each]
    assert [each for each in told if not each.startswith(("HEAD", "GET"))] == []
    assert (assembling.ran() == {}) is not lab.classic
    assert lab.docker("run", "--rm", f"{assembling.tag('app')}:latest") == "print(2)"
    whole(lab, assembling)


def test_what_stands_in_the_way_is_told_and_built(assembling: Workspace, lab: Lab) -> None:
    """A step that runs beforehand; a name that only the base knows, once it is looked for."""
    assembling.edit("app/Dockerfile", "CMD ", "RUN true\nCMD ")
    assert assembling.states()["app"] == "build"
    steps = "its steps up to RUN in line 7 are not in the registry"
    assert f"not assembled: {steps}" in assembling.reasons("app")
    assembling.edit("app/Dockerfile", "RUN true\n", "")
    assembling.edit("app/Dockerfile", "1000:1000", "who")
    assert assembling.states()["app"] == "assemble"
    run = assembling.doit("app")
    assert "could not be assembled: COPY in line 6: 'who'" in run.text
    assert assembling.ran()["app"] != []
    assert publish(assembling)["app"]["how"] == "there"


def test_two_that_assemble_one_key_end_with_one_digest(
    assembling: Workspace, clone: Callable[[Workspace], Workspace], lab: Lab
) -> None:
    assembling.edit("app/app.py", "1", "2")
    other = clone(assembling)
    one = publish(assembling, DOCKER_HOST=NOWHERE)["app"]
    two = publish(other, DOCKER_HOST=NOWHERE)["app"]
    assert (one["digest"], two["how"]) == (two["digest"], "there")


STEPS = """\
FROM NAME-base
ARG PLACE=/srv/app
WORKDIR $PLACE
COPY requirements.txt ./
RUN mkdir -m 2750 data && echo 'app:x:1000:1001::/:' >> /etc/passwd && cp requirements.txt data/
COPY --chown=app:5 app.py data/
USER app
CMD ["cat", "data/app.py"]
"""


def test_an_edit_after_the_last_step_that_runs_moves_no_layer_of_the_steps_before(
    workspace: Workspace, clone: Callable[[Workspace], Workspace], lab: Lab
) -> None:
    """Whoever builds leaves the trunk; a cold clone without an engine puts an edit upon that."""
    toml = workspace.read("images.toml").replace('push_stages = ["deps"]\n', "assemble = true\n")
    workspace.write({"images.toml": toml, "app/Dockerfile": STEPS.replace("NAME", workspace.name)})
    workspace.doit("base", "app")
    cold = clone(workspace)
    cold.edit("app/app.py", "1", "2")
    before = len(lab.requests())
    told = publish(cold, DOCKER_HOST=NOWHERE)["app"]
    assert told["how"] == "assembled"
    assert len(moved(lab, before, "GET")) <= 3  # configuration, listing, and whether all is there
    assert len(moved(lab, before, "PUT")) == 3  # a layer, a configuration, a record
    mine = content(lab, cold, told["digest"])
    cold.edit("app/app.py", "2", "3")
    upon = "upon its steps up to RUN in line 5, after which nothing has to run"
    assert upon in cold.reasons("app")
    cold.edit("app/requirements.txt", "flask", "django")
    line = "not assembled: its steps up to RUN in line 5 are not in the registry"
    assert line in cold.reasons("app")

    workspace.edit("app/app.py", "1", "2")
    workspace.edit("app/Dockerfile", "CMD", "LABEL late=1\nCMD")
    workspace.edit("images.toml", "assemble = true\n", "")
    theirs = content(lab, workspace, publish(workspace)["app"]["digest"])
    settings = dict(theirs.settings)
    assert settings.pop("Labels") == {"late": "1"}
    assert differences(Content(settings, theirs.files), mine) == []
    workspace.edit("app/requirements.txt", "flask", "django")
    workspace.edit("images.toml", "assemble = false", "assemble = true")
    line = (
        "RUN in line 5 comes after COPY of requirements.txt: everything from there needs the base"
    )
    assert line in workspace.reasons("app")


BUILT = """\
FROM NAME-base AS build
COPY requirements.txt ./
RUN mkdir -m 750 /made && cp requirements.txt /made/list && ln /made/list /made/same
FROM NAME-base
WORKDIR /srv/app
COPY --from=build /made /opt/made
COPY app.py ./
CMD ["cat", "app.py"]
"""


def test_what_another_stage_made_stays_in_the_trunk(
    workspace: Workspace, clone: Callable[[Workspace], Workspace], lab: Lab
) -> None:
    """An edit of what only the last stage copies builds nothing of either stage."""
    toml = workspace.read("images.toml").replace('push_stages = ["deps"]\n', "assemble = true\n")
    workspace.write({"images.toml": toml, "app/Dockerfile": BUILT.replace("NAME", workspace.name)})
    workspace.doit("base", "app")
    cold = clone(workspace)
    cold.edit("app/app.py", "1", "2")
    upon = "upon its steps up to COPY --from=build in line 6, after which nothing has to run"
    assert upon in cold.reasons("app")
    before = len(lab.requests())
    told = publish(cold, DOCKER_HOST=NOWHERE)["app"]
    assert told["how"] == "assembled"
    assert len(moved(lab, before, "GET")) <= 3  # configuration, listing, and whether all is there
    assert "app: as BuildKit builds it" in cold.doit("publish", "--verify", "app").out
    cold.edit("app/requirements.txt", "flask", "django")
    assert cold.states()["app"] == "build"


KEPT = """\
FROM NAME-base AS build
RUN mkdir -m 750 /made && date > /made/list && ln /made/list /made/same && chown 5:60 /made/list
COPY app.py /made/
FROM NAME-base
WORKDIR /srv/app
COPY --from=build /made ./
CMD ["cat", "app.py"]
"""


def keeping(workspace: Workspace, clone: Callable[[Workspace], Workspace]) -> Workspace:
    """Another machine, with an edit in a kept stage of what the first has built."""
    more = 'push_stages = ["build"]\nassemble = true\n'
    toml = workspace.read("images.toml").replace('push_stages = ["deps"]\n', more)
    workspace.write({"images.toml": toml, "app/Dockerfile": KEPT.replace("NAME", workspace.name)})
    workspace.doit("base", "app")
    found = clone(workspace)
    found.edit("app/app.py", "1", "2")
    return found


def test_an_edit_of_a_stage_that_is_copied_from_needs_no_engine(
    workspace: Workspace, clone: Callable[[Workspace], Workspace], lab: Lab
) -> None:
    """What the kept stage's step made is read from its layer; the rest is the edited file."""
    cold = keeping(workspace, clone)
    assert "upon base, where nothing has to run, with files of build" in cold.reasons("app")
    before = len(lab.requests())
    told = publish(cold, DOCKER_HOST=NOWHERE)["app"]
    assert told["how"] == "assembled"
    assert len(moved(lab, before, "PUT")) <= 4  # two layers, a configuration, a record
    files = content(lab, cold, told["digest"]).files
    assert (files["/srv/app/list"].owner, files["/srv/app/list"].link) == ("5:60", "")
    assert "app: as BuildKit builds it" in cold.doit("publish", "--verify", "app").out


def held(lab: Lab) -> list[str]:
    """All images of the engine; it lists those of one second in any order."""
    return sorted(lab.docker("images", "--all", "--quiet", "--no-trunc").split())


def test_what_was_assembled_is_built_as_well_and_compared(assembling: Workspace, lab: Lab) -> None:
    """Without a trace in the engine; where the registry's image differs, it is told and fails."""
    assembling.edit("app/app.py", "1", "2")
    told = publish(assembling, DOCKER_HOST=NOWHERE)["app"]
    assert told["how"] == "assembled"
    nobody = assembling.doit("publish", "--verify", DOCKER_HOST=NOWHERE)
    assert nobody.text.count("what was assembled is not verified") == 1
    client = HttpRegistry(NoCredentials(), lambda _host: False)
    images, at = held(lab), told["repository"]
    tags = client.tags(at)
    assert "app: as BuildKit builds it" in assembling.doit("publish", "--verify", "app").out
    assert held(lab) == images
    assert client.tags(at) == tags

    manifest = client.manifest(at, told["key"])
    assert manifest is not None
    about = Digest.parse(manifest.content["config"]["digest"])
    config = json.loads(client.blob(at, about))
    config["config"]["Cmd"] = ["cat", "other.py"]
    data = json.dumps(config).encode()
    client.put_blob(at, data)
    other = {
        **manifest.content,
        "config": descriptor(manifest.content["config"]["mediaType"], data),
    }
    client.put_manifest(at, told["key"], json.dumps(other).encode(), manifest.media_type)
    run = assembling.doit("publish", "--verify", "app", "--tag", "v1", status=1)
    assert f"app: {at}:{told['key']} was assembled, and it differs" in run.text
    assert 'Cmd: built ["cat", "app.py"], assembled ["cat", "other.py"]' in run.text
    assert "set assemble = false for app" in run.text
    assert "v1" not in client.tags(at)
