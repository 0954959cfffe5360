"""An image for another platform than the machine's, on the real engine."""

from __future__ import annotations

import json

import pytest

from layers.oci.platform import machine_platform
from tests.e2e.lab import Lab, Workspace

pytestmark = pytest.mark.e2e

FILES = {
    "images.toml": """\
version = 1
[project]
name = "NAME"
[images.far]
context = "far"
tag = "NAME-far"
platform = "linux/s390x"
push = true
[images.near]
context = "near"
tag = "NAME-near"
[images.runs]
context = "runs"
tag = "NAME-runs"
platform = "linux/s390x"
""",
    "far/Dockerfile": "FROM scratch\nARG TARGETARCH\nLABEL for=$TARGETARCH\nCOPY Dockerfile /\n",
    "near/Dockerfile": "FROM scratch\nCOPY --from=NAME-far /Dockerfile /\n",
    "runs/Dockerfile": 'FROM NAME-far\nCOPY Dockerfile /b\nRUN ["/b"]\n',
}


@pytest.mark.skipif(machine_platform() == "linux/s390x", reason="that is this machine's own")
def test_an_image_for_another_platform_is_built_pulled_and_refused_where_it_must(
    lab: Lab, workspace: Workspace
) -> None:
    """What copies alone needs no emulator; what runs, and a child for another platform, is told."""
    name = workspace.name
    workspace.write({path: text.replace("NAME", name) for path, text in FILES.items()})
    workspace.doit("far")
    form = "{{.Os}}/{{.Architecture}} {{.Config.Labels.for}}"
    assert lab.docker("image", "inspect", f"{name}-far", "--format", form) == "linux/s390x s390x"
    lab.empty()
    told = json.loads(workspace.doit("list", "--json", "far").out)["layers"]
    assert [each["state"] for each in told] == ["pull"]
    workspace.doit("far")
    assert lab.docker("image", "inspect", f"{name}-far", "--format", form) == "linux/s390x s390x"
    refused = workspace.doit("near", status=1).text
    assert f"near/Dockerfile:2: {name}-far is taken for {machine_platform()}, and the" in refused
    refused = workspace.doit("runs", status=1).text
    assert "runs/Dockerfile:3: this RUN is for linux/s390x, and the engine has no emul" in refused
    assert workspace.ran() == {}
