"""What a day with the tool is like, on the real engine, judged by BuildKit's own records."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable

import pytest

from tests.e2e.lab import Lab, Workspace

pytestmark = pytest.mark.e2e


def blobs_of(requests: list[str], image: str) -> list[str]:
    """Downloads of layers of one image, from the registry's access log."""
    return [line for line in requests if line.startswith("GET") and f"/{image}/blobs/" in line]


def test_the_first_build_makes_base_and_service(workspace: Workspace) -> None:
    """Nothing is there: every step runs, and the plain names point at what was built."""
    workspace.doit("app")
    ran = workspace.ran()
    assert set(ran) == {"base", "app:deps", "app"}
    assert any("RUN echo system" in step for step in ran["base"])
    assert workspace.image("app")
    assert workspace.image("base")
    assert not workspace.image("other")
    assert workspace.lab.docker("run", "--rm", workspace.tag("app")) == "print(1)"


def test_nothing_changed_means_nothing_happens(workspace: Workspace) -> None:
    """The second run builds nothing and says so; the list shows everything fresh."""
    workspace.doit()
    assert workspace.ran()
    workspace.doit()
    assert workspace.ran() == {}
    assert set(workspace.states().values()) == {"fresh"}


def test_always_is_no_reason_to_build(workspace: Workspace) -> None:
    """`doit --always NAME` starts every task below, whatever needs it, and nothing is built."""
    workspace.doit("app")
    workspace.doit("run", "--always-execute", "app")
    assert workspace.ran() == {}


def test_a_code_edit_runs_build_and_runtime_only(workspace: Workspace) -> None:
    """Neither the base nor the dependencies are touched by an edit of app.py."""
    workspace.doit()
    workspace.edit("app/app.py", "1", "2")
    assert "app.py" in workspace.reasons("app")
    workspace.doit()
    ran = workspace.ran()
    assert set(ran) == {"app"}
    assert [step for step in ran["app"] if "deps" in step.partition("]")[0]] == []
    assert any("RUN cp /src/app.py" in step for step in ran["app"])
    assert workspace.lab.docker("run", "--rm", workspace.tag("app")) == "print(2)"


def test_an_edit_of_requirements_runs_deps_too(workspace: Workspace) -> None:
    """The dependencies are installed anew, the base is not."""
    workspace.doit()
    workspace.edit("app/requirements.txt", "3.0", "3.1")
    workspace.doit()
    ran = workspace.ran()
    assert set(ran) == {"app:deps", "app"}
    assert any("RUN cp /requirements.txt" in step for step in ran["app:deps"])


def test_an_edit_of_the_base_rebuilds_its_children_and_no_others(workspace: Workspace) -> None:
    """`app` stands on `base`, `other` does not."""
    workspace.doit()
    workspace.edit("base/base.txt", "1", "2")
    states = workspace.states()
    assert (states["base"], states["app"], states["other"]) == ("build", "build", "fresh")
    workspace.doit()
    assert set(workspace.ran()) == {"base", "app:deps", "app"}


def test_comments_and_times_are_no_change(workspace: Workspace) -> None:
    """A comment in a Dockerfile, a new mtime and an ignored file leave everything fresh."""
    workspace.doit()
    workspace.edit("app/Dockerfile", "# The order", "# The usual order")
    os.utime(workspace.root / "app/app.py", (1, 1))
    workspace.write({"app/debug.log": "ignored\n"})
    assert set(workspace.states().values()) == {"fresh"}
    workspace.doit()
    assert workspace.ran() == {}


def test_going_back_finds_the_earlier_image(workspace: Workspace) -> None:
    """Back at an earlier commit nothing is built; the plain name moves back."""
    workspace.doit("app")
    first = workspace.image("app")
    workspace.edit("app/app.py", "1", "2")
    workspace.doit("app")
    assert workspace.image("app") != first
    workspace.edit("app/app.py", "2", "1")
    workspace.doit("app")
    assert workspace.ran() == {}
    assert workspace.image("app") == first


def test_an_empty_engine_pulls_the_base(
    workspace: Workspace, clone: Callable[[Workspace], Workspace], lab: Lab
) -> None:
    """A fresh laptop with changed code: base and deps come from the registry, no step of theirs
    runs again.
    """
    workspace.doit("app")
    lab.empty()
    laptop = clone(workspace)
    laptop.edit("app/app.py", "1", "2")
    laptop.doit("app")
    ran = laptop.ran()
    assert set(ran) == {"app"}
    assert not any("requirements" in step for step in ran["app"])
    assert laptop.lab.docker("run", "--rm", laptop.tag("app")) == "print(2)"
    assert laptop.image("base")


def test_a_child_in_the_registry_leaves_its_parent_there(
    workspace: Workspace, clone: Callable[[Workspace], Workspace], lab: Lab
) -> None:
    """The service is pulled; of the base's repository no byte is asked for."""
    workspace.doit("app")
    lab.empty()
    before = len(lab.requests())
    laptop = clone(workspace)
    laptop.doit("app")
    assert laptop.ran() == {}
    assert laptop.image("app")
    assert not laptop.image("base")
    asked = lab.requests()[before:]
    assert blobs_of(asked, f"{workspace.name}/app")
    assert blobs_of(asked, f"{workspace.name}/base") == []


def test_a_registry_that_is_down_stops_no_local_work(workspace: Workspace) -> None:
    """An edit is built all the same, with a warning; once it is back, the push is made up for."""
    workspace.doit("app")
    workspace.edit("app/app.py", "1", "2")
    run = workspace.doit("app", LAYERS_REGISTRY="127.0.0.1:1")
    assert "127.0.0.1:1" in run.text
    assert set(workspace.ran()) == {"app"}
    assert workspace.lab.docker("run", "--rm", workspace.tag("app")) == "print(2)"


def test_a_push_that_failed_is_made_up_for(workspace: Workspace, lab: Lab) -> None:
    """What could not be pushed is pushed by the next run, although nothing else is to do."""
    workspace.doit("app", LAYERS_REGISTRY="127.0.0.1:1")
    before = len(lab.requests())
    workspace.doit("app")
    assert workspace.ran() == {}
    asked = lab.requests()[before:]
    assert any(line.startswith(f"PUT /v2/{workspace.name}/app/manifests/") for line in asked)


def test_a_keyed_tag_that_came_first_is_adopted(
    workspace: Workspace, clone: Callable[[Workspace], Workspace], lab: Lab
) -> None:
    """Two machines build one key: the second finds the tag taken and uses what is there."""
    workspace.doit("base")
    first = workspace.image("base")
    lab.empty()
    second = clone(workspace)
    second.doit("base", LAYERS_REGISTRY="127.0.0.1:1")  # cannot see the first one's push
    assert second.image("base") != first
    before = len(lab.requests())
    run = second.doit("base")
    assert "adopted" in run.text
    assert second.image("base") == first
    asked = lab.requests()[before:]
    assert not any(line.startswith(f"PUT /v2/{workspace.name}/base/manifests/") for line in asked)


def test_a_required_file_that_is_missing_is_asked_for(workspace: Workspace) -> None:
    """The words of the `require` entry are printed, and nothing is built."""
    spec = workspace.read("images.toml")
    workspace.write(
        {
            "images.toml": spec
            + '\n[[images.app.require]]\npath = "model.pkl"\n'
            + f'sha256 = "{"0" * 64}"\nmessage = "Fetch it from the SMPL site."\n'
        }
    )
    run = workspace.doit("app", status=1)
    assert "model.pkl is missing" in run.text
    assert "Fetch it from the SMPL site." in run.text
    workspace.write({"app/model.pkl": "another\n"})
    run = workspace.doit("app", status=1)
    assert "model.pkl is another file" in run.text
    assert not workspace.image("app")


def test_a_syntax_error_names_file_and_line(workspace: Workspace) -> None:
    """No traceback, status 1, and the place where to look."""
    workspace.edit("app/Dockerfile", "COPY app.py /src/app.py", "COPPY app.py /src/app.py")
    run = workspace.doit("app", status=1)
    assert "app/Dockerfile:7" in run.text
    assert "COPPY" in run.text


def test_a_missing_parent_is_named_with_the_nearest_name(workspace: Workspace) -> None:
    """A misspelt FROM is found before anything is built."""
    workspace.edit("app/Dockerfile", f"FROM {workspace.name}-base AS deps", "FROM bse AS deps")
    workspace.edit("images.toml", f'tag = "{workspace.name}-base"\n', "")
    run = workspace.doit("app", status=1)
    assert "app/Dockerfile:2" in run.text
    assert "did you mean 'base'" in run.text


def test_a_failed_build_tells_step_and_log_and_tags_nothing(workspace: Workspace) -> None:
    """The failing step, its last lines, the log's path; status 1; no name points anywhere."""
    workspace.edit("app/Dockerfile", "RUN cp /src/app.py /built", "RUN echo so far so good; exit 7")
    run = workspace.doit("app", status=1)
    assert "RUN echo so far so good; exit 7" in run.text
    assert "| so far so good" in run.text
    assert "build.log" in run.text
    assert not workspace.image("app")
    assert workspace.image("base")


def test_inputs_that_move_during_a_build_are_not_recorded(workspace: Workspace) -> None:
    """A file that changes while its build runs: the result is thrown away, by name of the file."""
    workspace.edit(
        "app/Dockerfile", "RUN cp /src/app.py /built", "RUN cp /src/app.py /built; sleep 4"
    )
    workspace.doit("base")
    process = subprocess.Popen(
        workspace.command("app"),
        cwd=workspace.root,
        env=workspace.environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_for_step(workspace, "sleep 4")
    workspace.edit("app/app.py", "1", "2")
    out = process.communicate(timeout=120)[0]
    assert process.returncode == 1
    assert "app.py" in out
    assert "changed while it was built" in out
    assert not workspace.image("app")
    workspace.doit("app")
    assert workspace.lab.docker("run", "--rm", workspace.tag("app")) == "print(2)"


@pytest.mark.parametrize(
    ("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)]
)
def test_an_interrupted_build_leaves_nothing_half_done(
    workspace: Workspace, sent: signal.Signals, status: int
) -> None:
    """Ctrl-C and kill: nothing is tagged, and the next run converges."""
    workspace.edit(
        "app/Dockerfile", "RUN cp /src/app.py /built", "RUN sleep 6; cp /src/app.py /built"
    )
    workspace.doit("base")
    process = subprocess.Popen(
        workspace.command("app"),
        cwd=workspace.root,
        env=workspace.environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_for_step(workspace, "sleep 6")
    process.send_signal(sent)
    out = process.communicate(timeout=60)[0]
    assert process.returncode == status, out
    assert "Traceback" not in out
    assert not workspace.image("app")
    scratch = workspace.root / ".layers" / "tmp"
    assert sent == signal.SIGKILL or not list(scratch.iterdir())
    workspace.doit("app")
    assert not list(scratch.iterdir())
    assert workspace.lab.docker("run", "--rm", workspace.tag("app")) == "print(1)"


def test_two_runs_at_once_build_once(workspace: Workspace) -> None:
    """The second process waits for the first and finds the image there."""
    workspace.edit("base/Dockerfile", "RUN echo system of", "RUN sleep 2; echo system of")
    processes = [
        subprocess.Popen(
            workspace.command("base"),
            cwd=workspace.root,
            env=workspace.environ(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    outs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outs
    assert sum("RUN sleep 2" in out for out in outs) == 1, outs


def test_upstreams_are_pinned_and_builds_use_nothing_else(
    workspace: Workspace, upstream: str, lab: Lab
) -> None:
    """`doit lock` writes the digest; a tag that moves afterwards changes nothing."""
    assert "is unpinned" in workspace.doit("other").text
    workspace.doit("lock")
    locked = workspace.read("images.lock")
    repository, _, tag = upstream.rpartition(":")
    assert lab.digest(repository, tag) in locked
    assert workspace.states()["other"] == "build"  # pinned is another input than unpinned
    assert "is unpinned" not in workspace.doit("other").text
    assert workspace.doit("lock").status == 0
    assert workspace.read("images.lock") == locked


def wait_for_step(workspace: Workspace, text: str) -> None:
    """Wait until BuildKit's record shows that a step started."""
    record = workspace.root / ".layers" / "logs" / "app" / "build.rawjson"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (
            record.exists()
            and f"{text}" in record.read_text()
            and '"started"' in (record.read_text().partition(text)[2])
        ):
            time.sleep(0.5)
            return
        time.sleep(0.05)
    raise AssertionError(f"{text!r} never started")
