"""Projects whose images.toml has no word about assembling, on the real engine and registry."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.lab import Lab, Workspace

pytestmark = pytest.mark.e2e
NOWHERE = "unix:///nowhere/docker.sock"


@pytest.fixture
def unsaid(workspace: Workspace) -> Workspace:
    """The small stack without that word."""
    workspace.edit("images.toml", "assemble = false\n", "\n")
    return workspace


def test_an_edit_is_put_together_where_it_costs_little(
    unsaid: Workspace, clone: Callable[[Workspace], Workspace], lab: Lab
) -> None:
    """Here, and on a machine without an engine; ``assemble = false`` turns it off."""
    workspace = unsaid
    first = workspace.doit("base")
    assert "[base] built in" in first.text
    assert "assembled" not in first.text
    workspace.edit("base/base.txt", "1", "2")
    assert workspace.states()["base"] == ("build" if lab.classic else "assemble")
    cold = clone(workspace)
    if not lab.classic:
        way = "base/base.txt changed; upon its steps up to RUN in line 2, after which nothing"
        assert way in workspace.reasons("base")
        assert "  assemble: upon its steps up to RUN in line 2" in workspace.doit("why", "base").out
        run = workspace.doit("base")
        assert "[base] assembled in" in run.text
        assert workspace.ran() == {}
        told = lab.docker("run", "--rm", f"{workspace.tag('base')}:latest", "cat", "/base.txt")
        assert told == "base 2"
        assert workspace.doit("publish", "base").out.count("there") == 1
    cold.edit("base/base.txt", "base", "a cold base")
    assert "  assembled, " in cold.doit("publish", "base", DOCKER_HOST=NOWHERE).out
    workspace.edit("images.toml", "[project]\n", "[project]\nassemble = false\n")
    workspace.edit("base/base.txt", "2", "3")
    assert workspace.states()["base"] == "build"
    assert "assembled" not in workspace.reasons("base")


def test_of_an_edit_the_line_in_its_way_is_told(unsaid: Workspace) -> None:
    """And of an image that was never built here nothing but that it is not there."""
    workspace = unsaid
    assert "assembled" not in workspace.reasons("app")
    workspace.doit("app")
    workspace.edit("app/app.py", "1", "2")
    assert workspace.states()["app"] == "build"
    told = "app/app.py changed; not assembled: COPY --from=build in line 12: RUN in line 8: it runs"
    assert told in workspace.reasons("app")
