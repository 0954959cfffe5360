"""The compose plugin is called as it should be; a script stands in for the docker client."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from layers.compose.compose import ComposeError, ComposeMissing, Files
from layers.compose.docker_compose import DockerCompose
from layers.setup.endpoint import Endpoint

SCRIPT = """\
#!/bin/sh
cd {folder}
printf '%s\\n' "$@" '--' >>asked
env >environment
count=$(cat count 2>/dev/null || echo 0)
echo $((count + 1)) >count
if [ -f "out.$count" ]; then cat "out.$count"; else cat out; fi
cat err >&2
exit "$(if [ -f "status.$count" ]; then cat "status.$count"; else cat status; fi)"
"""
FILES = Files("shop", ("/p/a/compose.yaml", "/p/b.yaml"))
WHICH = (
    *("compose", "--progress", "plain", "--project-name", "shop", "--project-directory", "/p/a"),
    *("--file", "/p/a/compose.yaml", "--file", "/p/b.yaml"),
)


class Client:
    """A docker client that does as it is told and notes what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "docker"
        self.path.write_text(SCRIPT.format(folder=folder))
        self.path.chmod(0o755)
        self.answer()

    def answer(self, out: str = "", err: str = "", status: int = 0, nth: int | None = None) -> None:
        """What it prints and ends with, every time or the nth time from 0."""
        tail = "" if nth is None else f".{nth}"
        (self.folder / f"out{tail}").write_text(out)
        (self.folder / f"status{tail}").write_text(str(status))
        if nth is None:
            (self.folder / "err").write_text(err)

    @property
    def asked(self) -> list[tuple[str, ...]]:
        """The words of each call."""
        calls = (self.folder / "asked").read_text().split("\n--\n")[:-1]
        return [tuple(call.splitlines()) for call in calls]

    @property
    def environment(self) -> dict[str, str]:
        """The one of the last call."""
        rows = (self.folder / "environment").read_text().splitlines()
        return dict(row.partition("=")[::2] for row in rows)


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return Client(tmp_path)


@pytest.fixture
def compose(client: Client) -> DockerCompose:
    return DockerCompose(compose_endpoint(client), str(client.folder / "logs"))


def test_the_files_are_read_merged(client: Client, compose: DockerCompose) -> None:
    """In the first one's folder."""
    client.answer(json.dumps({"services": {}}))
    assert compose.config(FILES) == {"services": {}}
    assert client.asked == [(*WHICH, "config", "--format", "json")]
    assert client.environment["DOCKER_HOST"] == "unix:///x"


def test_a_file_that_compose_refuses_is_told_in_its_words(
    client: Client, compose: DockerCompose
) -> None:
    """Without its warnings about variables."""
    warning = 'time="2026" level=warning msg="The \\"X\\" variable is not set"\n'
    client.answer(
        err=warning + "services.app additional properties 'imge' not allowed\n", status=15
    )
    with pytest.raises(ComposeError) as caught:
        compose.config(FILES)
    assert str(caught.value) == "services.app additional properties 'imge' not allowed"


def test_compose_variables_of_the_user_do_not_point_elsewhere(
    client: Client, compose: DockerCompose, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that choose profiles stay; so do those that the files use."""
    for name in ("COMPOSE_FILE", "COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES", "WEB_PORT"):
        monkeypatch.setenv(name, "x")
    endpoint = Endpoint("unix:///x", {}, False, None, str(client.path))
    DockerCompose(endpoint, str(client.folder)).containers("shop")
    found = client.environment
    assert {"COMPOSE_PROFILES", "WEB_PORT"} <= set(found)
    assert not {"COMPOSE_FILE", "COMPOSE_PROJECT_NAME"} & set(found)


def test_containers_are_asked_for_by_project_alone(client: Client, compose: DockerCompose) -> None:
    """So that a stack whose files are gone can be looked at and taken down."""
    client.answer('{"Service": "web", "ID": "1", "State": "running"}\n')
    assert [one.service for one in compose.containers("shop")] == ["web"]
    compose.down("shop", volumes=False)
    compose.down("shop", volumes=True)
    head = ("compose", "--progress", "plain", "--project-name", "shop")
    assert client.asked == [
        (*head, "ps", "--all", "--format", "json"),
        (*head, "down", "--remove-orphans"),
        (*head, "down", "--remove-orphans", "--volumes"),
    ]


def test_a_container_that_goes_while_it_is_looked_at_is_looked_for_again(
    client: Client, compose: DockerCompose
) -> None:
    """Compose lists containers, then asks for each: one may be replaced in between."""
    client.answer(err="Error response from daemon: No such container: 5681d0\n")
    client.answer(status=1, nth=0)
    client.answer('{"Service": "web", "ID": "2", "State": "running"}\n', nth=1)
    assert [one.id for one in compose.containers("shop")] == ["2"]
    client.answer(err="Cannot connect to the Docker daemon\n", status=1)
    with pytest.raises(ComposeError, match="cannot look at shop: Cannot connect"):
        compose.containers("shop")
    assert len(client.asked) == 3


def test_hashes_are_those_that_compose_labels_with(client: Client, compose: DockerCompose) -> None:
    """A compose that does not tell them is no error: it decides by itself then."""
    client.answer("api 12ab\nweb 34cd\n")
    assert compose.hashes(FILES) == {"api": "12ab", "web": "34cd"}
    client.answer(err="unknown flag: --hash\n", status=1)
    assert compose.hashes(FILES) == {}


def test_logs_are_without_colours(client: Client, compose: DockerCompose) -> None:
    """And none where there is no such service."""
    client.answer("\x1b[2Kone\ntwo  \nthree\n")
    assert compose.logs("shop", "web", 2) == ["two", "three"]
    client.answer("x", status=1)
    assert compose.logs("shop", "web", 2) == []


def ended(compose: DockerCompose, *services: str) -> tuple[int | None, str]:
    """Status and complaint of an ``up``."""
    starting = compose.start(FILES, services)
    end = time.monotonic() + 20
    while starting.status() is None and time.monotonic() < end:
        time.sleep(0.02)
    return starting.status(), starting.complaint()


def test_up_builds_nothing_twice_and_removes_what_no_file_names(
    client: Client, compose: DockerCompose
) -> None:
    """Services are named where not all are meant."""
    assert ended(compose) == (0, "")
    assert ended(compose, "web", "db") == (0, "")
    up = (*WHICH, "up", "--detach", "--remove-orphans", "--quiet-pull")
    assert client.asked == [up, (*up, "web", "db")]


def test_what_went_wrong_is_told_without_the_progress(
    client: Client, compose: DockerCompose
) -> None:
    """All of it is in the log."""
    progress = " Network shop_default  Creating\n Container shop-web-1  Starting\n"
    fault = "Error response from daemon: port is already allocated"
    client.answer(err=f"{progress}{fault}\n", status=1)
    assert ended(compose) == (1, fault)
    assert progress in (client.folder / "logs" / "shop.log").read_text()


def test_an_up_at_work_is_ended(client: Client, compose: DockerCompose) -> None:
    """With its process group, so that nothing goes on in the background."""
    client.path.write_text(f"#!/bin/sh\necho $$ >{client.folder}/pid\nexec sleep 60\n")
    starting = compose.start(FILES, ())
    end = time.monotonic() + 20
    while not (client.folder / "pid").exists() and time.monotonic() < end:
        time.sleep(0.02)
    starting.stop()
    assert starting.status() is not None
    with pytest.raises(ProcessLookupError):
        os.killpg(int((client.folder / "pid").read_text()), 0)


@pytest.mark.parametrize(
    "said",
    [
        "docker: 'compose' is not a docker command.\nSee 'docker --help'\n",
        "unknown flag: --progress\n\nUsage:  docker compose [OPTIONS] COMMAND\n",
    ],
)
def test_a_client_without_compose_is_told_what_to_install(
    client: Client, compose: DockerCompose, said: str
) -> None:
    """Or with one that is too old."""
    client.answer(err=said, status=1)
    with pytest.raises(ComposeMissing) as caught:
        compose.config(FILES)
    assert "docker-compose-plugin" in str(caught.value)


@pytest.mark.parametrize(
    ("version", "word"),
    [
        ("2.20.0", "older"),
        ("v2.25.1", "older"),
        ("2.26.1-4", ""),
        ("2.40.3+ds1", ""),
        ("5.0.1", "newer"),
        ("dev", ""),
    ],
)
def test_a_compose_that_nobody_tried_is_remarked(
    client: Client, compose: DockerCompose, version: str, word: str
) -> None:
    """It is asked for its version alone."""
    client.answer(f"{version}\n")
    assert [word in each for each in compose.remarks()] == ([True] if word else [])
    assert client.asked == [("compose", "version", "--short")]


def test_a_compose_that_is_too_old_is_refused(client: Client, compose: DockerCompose) -> None:
    """In one sentence, with what is needed."""
    client.answer("v2.19.1\n")
    with pytest.raises(ComposeMissing, match=r"^`docker compose` is 2\.19\.1; at least 2\.20 is"):
        compose.remarks()


def test_the_compose_of_old_is_told_apart(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """`docker-compose` with a hyphen may be there and is not used."""
    old = client.folder / "docker-compose"
    old.write_text("#!/bin/sh\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{client.folder}{os.pathsep}{os.environ['PATH']}")
    client.answer(err="docker: 'compose' is not a docker command.", status=1)
    with pytest.raises(ComposeMissing, match=r"is missing; at least 2\.20 .*docker-compose is an"):
        DockerCompose(compose_endpoint(client), "").remarks()


def compose_endpoint(client: Client) -> Endpoint:
    """An engine whose client is a script."""
    return Endpoint("unix:///x", {"DOCKER_HOST": "unix:///x"}, False, None, str(client.path))


def test_no_client_at_all_is_told(tmp_path: Path) -> None:
    """Not a traceback."""
    endpoint = Endpoint("unix:///x", {}, False, None, str(tmp_path / "none"))
    with pytest.raises(ComposeMissing, match="no `docker` program"):
        DockerCompose(endpoint, str(tmp_path)).config(FILES)


def test_an_ssh_key_that_compose_cannot_tell_of_is_refused_by_name(tmp_path: Path) -> None:
    """Compose 2.26 and 2.40 make JSON of it that is none, and say nothing else."""
    client = Client(tmp_path)
    said = "json: error calling MarshalJSON for type types.SSHKey: invalid character ':'"
    client.answer(err=said, status=1)
    path = tmp_path / "compose.yaml"
    path.write_text("services:\n  web:\n    build:\n      ssh: [mine=/k]\n")
    composer = DockerCompose(Endpoint("unix:///x", {}, False, None, str(client.path)), "")
    with pytest.raises(ComposeError, match=r"compose\.yaml:4: service web: build\.ssh: "):
        composer.config(Files("shop", (str(path),)))
    path.write_text("include: [other.yaml]\n")
    with pytest.raises(ComposeError, match=r"^a service's build\.ssh names a key's path"):
        composer.config(Files("shop", (str(path),)))
