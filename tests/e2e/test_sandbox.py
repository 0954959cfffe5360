"""What a build may use, and how its image is packed: told to the real BuildKit."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from layers.oci.credentials import NoCredentials
from layers.registry.client import HttpRegistry
from tests.e2e.lab import Lab, Workspace

pytestmark = pytest.mark.e2e

SPEC = """\
version = 1
[project]
name = "NAME"
compression = "gzip"
[images.app]
context = "app"
tag = "NAME-app"
push = true
ssh = ["default", "git=keys/id"]
add_hosts = { "db.local" = "10.9.8.7" }
shm_size = "48 MiB"
ulimits = { nofile = "1011:2022" }
"""
DOCKERFILE = """\
FROM UPSTREAM
RUN --mount=type=ssh --mount=type=ssh,id=git,target=/agent \\
    grep db.local /etc/hosts > /told && df -m /dev/shm | tail -1 >> /told \\
    && ulimit -n >> /told && test -S "$SSH_AUTH_SOCK" && test -S /agent && echo both >> /told
"""


@pytest.fixture
def app(lab: Lab, upstream: str, workspace: Workspace) -> Workspace:
    """One image that asks for all of it."""
    workspace.write(
        {
            "images.toml": SPEC.replace("NAME", workspace.name),
            "app/Dockerfile": DOCKERFILE.replace("UPSTREAM", upstream),
        }
    )
    return workspace


def test_a_build_has_what_images_toml_offers(app: Workspace, lab: Lab, tmp_path: Path) -> None:
    """Hosts, shared memory, limits, agent and key; and the layer is packed as the project says."""
    run = app.doit("app", status=1, SSH_AUTH_SOCK="")
    assert "images.toml:9: app: ssh 'default': no SSH agent answers here" in run.text
    assert "images.toml:9: app: ssh 'git': there is no key or agent keys/id" in run.text
    with socket.socket(socket.AF_UNIX) as agent, socket.socket(socket.AF_UNIX) as other:
        for each, path in ((agent, tmp_path / "agent"), (other, app.root / "keys/id")):
            path.parent.mkdir(exist_ok=True)
            each.bind(str(path))
            each.listen()
        app.doit("app", SSH_AUTH_SOCK=str(tmp_path / "agent"))
    words = ("run", "--rm", "--network=none", f"{app.tag('app')}:latest", "cat", "/told")
    told = lab.docker(*words).splitlines()
    assert told[0].split() == ["10.9.8.7", "db.local"]
    assert told[1].split()[1] == "48"
    assert told[2:] == ["1011", "both"]
    key = json.loads(app.doit("keys", "--json", "app").out)["images"]["app"]["key"]
    repository = f"{lab.registry}/{app.name}/app"
    found = HttpRegistry(NoCredentials(), lambda _host: False).manifest(repository, key)
    assert found is not None
    if not lab.classic:
        assert found.content["layers"][-1]["mediaType"].endswith("+gzip")
    app.edit("images.toml", "48 MiB", "49 MiB")
    assert app.states()["app"] != "fresh", "another sandbox is another key"
    app.edit("images.toml", "49 MiB", "48 MiB")
    app.edit("images.toml", 'compression = "gzip"', 'compression = "zstd"')
    assert app.states()["app"] == "fresh"


SERVED = """\
version = 1
[project]
name = "NAME"
[images.app]
context = "app"
tag = "NAME-app"
packages = "served"
"""


def test_a_run_that_may_have_read_other_packages_runs_again(
    lab: Lab, upstream: str, workspace: Workspace
) -> None:
    """BuildKit, which remembers the RUN, sees nothing of the index that is served to it."""
    command = "cat /proc/sys/kernel/random/uuid > /made"
    workspace.write(
        {
            "images.toml": SERVED.replace("NAME", workspace.name),
            "app/Dockerfile": f"FROM {upstream}\nRUN {command}\n",
            "served/pyproject.toml": '[project]\nname = "thing"\nversion = "1"\n',
            "served/thing.py": "A = 1\n",
        }
    )

    def made() -> str:
        workspace.doit("app")
        words = ("run", "--rm", "--network=none", f"{workspace.tag('app')}:latest", "cat", "/made")
        return lab.docker(*words)

    first = made()
    workspace.edit("served/thing.py", "A = 1", "A = 2")
    assert made() != first
    workspace.edit("served/thing.py", "A = 2", "A = 1")
    assert made() == first
