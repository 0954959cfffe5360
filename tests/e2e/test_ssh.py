"""An engine over ssh: all that a command asks of it goes through ``docker system dial-stdio``.

In the place of ssh stands a program that leaves out the network: what it is told to run, it runs.
"""

from __future__ import annotations

import json

import pytest

from tests.e2e.lab import Workspace

pytestmark = pytest.mark.e2e

SSH = """\
#!/bin/sh
while [ "$1" != -- ]; do shift; done
shift 2
DOCKER_HOST=ENGINE exec sh -c "$*"
"""
COMPOSE = """\
services:
  other:
    image: NAME-other
    command: [sleep, "60"]
    healthcheck: {test: [CMD, "true"], interval: 1s}
"""


def test_everything_works_over_ssh(workspace: Workspace) -> None:
    """Builds, containers and what a clean-up asks; docker's SDK would need paramiko for it."""
    host = workspace.lab.endpoint.environment["DOCKER_HOST"]
    name = workspace.name
    more = '\n[stacks.one]\ncompose = ["compose.yaml"]\n'
    workspace.write(
        {
            "bin/ssh*": SSH.replace("ENGINE", host),
            "compose.yaml": COMPOSE.replace("NAME", name),
            "images.toml": workspace.read("images.toml").replace(
                f'tag = "{name}-other"\n', f'tag = "{name}-other"\nsmoke = [["true"]]\n'
            )
            + more,
        }
    )
    lab = workspace.lab.endpoint.environment
    environment = {
        "DOCKER_HOST": "ssh://me@box",
        "DOCKER_CONFIG": lab["DOCKER_CONFIG"],
        "PATH": f"{workspace.root}/bin:{lab['PATH']}",
    }
    far = Workspace(workspace.lab, workspace.root, name, environment)
    assert "ssh://me@box (not ours)" in far.doit("engine").out
    far.doit("other")
    told = json.loads(far.doit("up", "--json", "one").out)
    assert [one["state"] for one in told["stacks"][0]["services"]] == ["healthy"]
    assert "one is down: other" in far.doit("down", "one").text
    assert "nothing was removed" in far.doit("gc", "--dry-run").text
