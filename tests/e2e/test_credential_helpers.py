"""A credential helper that is not there, or fails: told with its file, and no more than that."""

from __future__ import annotations

import http.server
import json
import threading
from pathlib import Path

import pytest

from tests.e2e.lab import Workspace

pytestmark = pytest.mark.e2e

SCRATCH = "FROM scratch\nCOPY base.txt /base.txt\n"


def config(space: Workspace, folder: Path, content: object) -> str:
    """A folder for DOCKER_CONFIG that has this config.json, and buildx as the lab has it."""
    plugins = Path(space.lab.endpoint.environment["DOCKER_CONFIG"]) / "cli-plugins"
    folder.mkdir()
    (folder / "cli-plugins").symlink_to(plugins)
    (folder / "config.json").write_text(json.dumps(content))
    return str(folder)


@pytest.mark.parametrize("script", ["", "echo locked; exit 2", "exit 1", "echo no JSON"])
def test_a_helper_that_fails_is_a_warning_where_nothing_needs_it(
    workspace: Workspace, tmp_path: Path, script: str
) -> None:
    """A registry that wants no login gets the image all the same."""
    programs = tmp_path / "bin"
    programs.mkdir()
    if script:
        (programs / "docker-credential-trial").write_text(f"#!/bin/sh\n{script}\n")
        (programs / "docker-credential-trial").chmod(0o755)
    folder = config(workspace, tmp_path / "config", {"credsStore": "trial"})
    path = f"{programs}:{workspace.environ()['PATH']}"
    workspace.write({"base/Dockerfile": SCRATCH})
    run = workspace.doit("base", DOCKER_CONFIG=folder, PATH=path)
    assert run.text.count("docker-credential-trial") >= 1
    assert run.text.count("is asked without a login") == 1
    assert f"{folder}/config.json: the credential helper" in run.text
    assert workspace.doit("publish", "base", DOCKER_CONFIG=folder, PATH=path).out.count("there")
    assert workspace.states()["base"] == "fresh"


class Guarded(http.server.BaseHTTPRequestHandler):
    """A registry that wants a token for everything, and takes none."""

    default_request_version = "HTTP/1.0"  # a TLS hello is answered so that clients speak http

    def do_GET(self) -> None:
        """A token to whoever asks, and no to all else."""
        token = self.path.startswith("/token")
        content = b'{"token": "none"}' if token else b"{}"
        self.send_response(200 if token else 401)
        realm = f"http://{self.headers['Host']}/token"
        self.send_header("WWW-Authenticate", f'Bearer realm="{realm}",service="guarded"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else content)

    do_HEAD = do_POST = do_GET  # noqa: N815 - http.server finds them by these names

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_build_for_which_buildkit_wants_a_login_says_what_to_mend(
    workspace: Workspace, tmp_path: Path
) -> None:
    """BuildKit itself asks the helper, as for a plain build, and fails; status 1."""
    folder = config(workspace, tmp_path / "config", {"credsStore": "nowhere"})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Guarded) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        name = f"127.0.0.1:{server.server_address[1]}/guarded/image:1"
        workspace.write({"other/Dockerfile": f"FROM {name}\n"})
        run = workspace.doit("other", status=1, DOCKER_CONFIG=folder)
        server.shutdown()
    assert "docker-credential-nowhere, is not installed" in run.text
    assert "take credsStore or credHelpers out of config.json" in run.text
