"""The postura image meets its six acceptance criteria, and ends as it should."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from layers.host.settings import pip_settings
from tests.e2e.lab import CHECKOUT
from tests.e2e.stacks import Stack, ask, made, png

pytestmark = pytest.mark.e2e

IMAGE = "postura-cpu"
CONTEXT = CHECKOUT / "images" / "postura"
SHOULDERS = {"left_shoulder": (298, 215), "right_shoulder": (182, 215)}
"""Where pose/figure.py draws them."""
FILES = r"""
find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /etc/resolv.conf \
    -o -path /etc/hosts -o -path /etc/hostname -o -path /.dockerenv \) -prune \
    -o -printf '%y %m %U:%G %p %l\n' | sort
find / -xdev -path /proc -prune -o -path /sys -prune -o -path /dev -prune -o -path /etc/hosts \
    -prune -o -path /etc/hostname -prune -o -path /etc/resolv.conf -prune -o -type f -print0 |
    sort -z | xargs -0 sha256sum
"""
"""Every path with its type, mode, owner and target, and the content of every file."""


@pytest.fixture(scope="module")
def stack() -> Stack:
    return made("postura")


@pytest.fixture(scope="module")
def again(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The same image from a copy of its folder under another name, without any cache."""
    folder = tmp_path_factory.mktemp("clone") / "elsewhere"
    shutil.copytree(CONTEXT, folder, ignore=shutil.ignore_patterns("__pycache__"))
    conf = folder.parent / "pip.conf"
    conf.write_text(pip_settings(os.environ).conf())
    name = "postura-again"
    stack.docker(
        *("buildx", "build", "--no-cache", "--provenance=false", "--network=host", "--load"),
        *("--secret", f"id=pip-conf,src={conf}", "--build-context"),
        *("python:3.10-slim=docker-image://sys-python:latest", "--tag", name, str(folder)),
    )
    yield name
    stack.docker("image", "rm", "--force", name)


@pytest.fixture
def data(stack: Stack, tmp_path: Path) -> Path:
    """A folder for /data, with the drawn person in its input."""
    tmp_path.chmod(0o755)  # pytest keeps its folders to root
    for name in ("input", "output"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o777)
    stack.docker(
        *("run", "--rm", "--network=none", "--volume", f"{tmp_path}:/data"),
        *("--entrypoint", "python3", IMAGE, "-m", "pose.figure", "/data/input/figure.png"),
    )
    return tmp_path


@pytest.fixture(scope="module")
def api(stack: Stack) -> Iterator[str]:
    """The container of an API that is healthy."""
    with stack.container("--env", "MODE=api", "--publish", "127.0.0.1::8000", IMAGE) as found:
        stack.healthy(found)
        yield found


def batch(stack: Stack, image: str, data: Path, *words: str) -> list[Any]:
    """The rows that a batch without network writes, by all its files."""
    stack.docker("run", "--rm", "--network=none", "--volume", f"{data}:/data", image, *words)
    found = []
    for path in sorted((data / "output").iterdir()):
        found += [json.loads(line) for line in path.read_text().splitlines()]
    return found


def shoulders_are_right(pose: dict[str, Any]) -> bool:
    """Whether a pose has the shoulders of the drawn person, within 25 pixels."""
    return all(
        abs(pose[name]["x"] - x) < 25 and abs(pose[name]["y"] - y) < 25
        for name, (x, y) in SHOULDERS.items()
    )


# -- the six criteria ------------------------------------------------------------------------


def test_two_builds_without_cache_give_the_same_files(stack: Stack, again: str) -> None:
    """Deterministic: in another folder, nothing taken from a cache, every file is the same."""
    lists = [
        set(
            stack.docker("run", "--rm", "--user=0", "--entrypoint=sh", name, "-c", FILES).split(
                "\n"
            )
        )
        for name in (IMAGE, again)
    ]
    assert len(lists[0]) > 5000
    assert sorted(lists[0] ^ lists[1]) == []
    configs = [
        json.loads(stack.docker("inspect", "--format", "{{json .Config}}", name))
        for name in (IMAGE, again)
    ]
    for key in ("Env", "Cmd", "Entrypoint", "User", "WorkingDir", "ExposedPorts", "Healthcheck"):
        assert configs[0][key] == configs[1][key]


def test_only_the_packages_of_the_list_were_added(stack: Stack) -> None:
    """Minimal: beside those of the base, no compiler, no git, no pip."""
    manual = [
        set(stack.docker("run", "--rm", "--entrypoint=apt-mark", name, "showmanual").split())
        for name in ("sys-python", IMAGE)
    ]
    added = manual[1] - manual[0]
    assert added == {"curl", "ffmpeg", "libgl1", "libglib2.0-0"}
    for tool in ("gcc", "g++", "git", "pip", "/opt/venv/bin/pip"):
        done = stack.call("run", "--rm", "--entrypoint=sh", IMAGE, "-c", f"command -v {tool}")
        assert (tool, done.returncode != 0 or done.stdout.startswith("/usr/bin/pip")) == (
            tool,
            True,
        )


def test_nothing_runs_as_root(stack: Stack, api: str) -> None:
    """Non-root: neither the program nor what it could change."""
    assert stack.docker("exec", api, "id", "-u") == "10001"
    assert stack.call("exec", api, "touch", "/app/x").returncode != 0
    assert stack.call("exec", api, "touch", "/opt/venv/x").returncode != 0


def test_healthz_answers_when_poses_can_be_found(stack: Stack, api: str) -> None:
    """Health: docker's own check came out well, and the page says so."""
    answer = ask(stack.address(api, 8000) + "/healthz")
    assert (answer.status, answer.json()) == (
        200,
        {"status": "ok", "service": "postura", "env": "docker"},
    )


def test_outputs_are_the_same_everywhere(stack: Stack, again: str, data: Path) -> None:
    """Reproducible: the image of another checkout finds the same pose, digit by digit."""
    found = [batch(stack, name, data) for name in (IMAGE, again, "postura-gpu")]
    assert found[0] == found[1] == found[2]
    [row] = found[0]
    assert (row["file"], row["seconds"], len(row["pose"])) == ("figure.png", None, 33)


def test_no_network_is_needed(stack: Stack, data: Path) -> None:
    """Offline: the model is in the image; a batch and an API work with no network at all."""
    [row] = batch(stack, IMAGE, data, "MODE=batch")
    assert shoulders_are_right(row["pose"])
    words = ("--network=none", "--volume", f"{data}:/data", IMAGE, "MODE=api")
    with stack.container(*words) as found:
        stack.healthy(found)
        send = "curl -sf --data-binary @/data/input/figure.png http://127.0.0.1:8000/pose"
        answer = json.loads(stack.docker("exec", found, "sh", "-c", send))
    assert answer["pose"] == row["pose"]


# -- what else it does -------------------------------------------------------------------------


def test_the_api_finds_a_pose_or_says_what_it_expects(stack: Stack, api: str, data: Path) -> None:
    """A person, nobody, no picture, no page."""
    url = stack.address(api, 8000)
    found = ask(f"{url}/pose", (data / "input" / "figure.png").read_bytes()).json()["pose"]
    assert shoulders_are_right(found)
    assert ask(f"{url}/pose", png(320, 240, (90, 90, 90))).json() == {"pose": None}
    assert ask(f"{url}/pose", b"no picture").status == 400
    assert ask(f"{url}/none").status == 404


def test_a_video_is_taken_apart(stack: Stack, data: Path) -> None:
    """So many pictures of each second, with their time."""
    make = (
        "ffmpeg -v error -loop 1 -i figure.png -t 2 -r 10 -pix_fmt yuv420p v.mp4 && rm figure.png"
    )
    stack.docker(
        *("run", "--rm", "--network=none", "--volume", f"{data}:/data", "--workdir=/data/input"),
        *("--entrypoint=sh", IMAGE, "-c", make),
    )
    rows = batch(stack, IMAGE, data, "MODE=batch", "--rate", "2")
    assert [row["seconds"] for row in rows] == [0, 0.5, 1, 1.5]
    assert all(shoulders_are_right(row["pose"]) for row in rows)


def test_a_batch_tells_what_it_could_not_read(stack: Stack, data: Path) -> None:
    """Status 1, the others done; status 2 where there is nothing to do."""
    (data / "input" / "broken.jpg").write_bytes(b"no picture")
    words = ("run", "--rm", "--network=none", "--volume", f"{data}:/data", IMAGE)
    done = stack.call(*words)
    assert done.returncode == 1
    assert "broken.jpg: expected a JPEG" in done.stderr
    assert [path.name for path in (data / "output").iterdir()] == ["figure.png.jsonl"]
    nothing = stack.call("run", "--rm", "--network=none", IMAGE, "MODE=batch")
    assert nothing.returncode == 2
    assert "nothing to do: no picture or video at /data/input" in nothing.stderr


def test_the_api_answers_what_it_has_begun_before_it_ends(stack: Stack, data: Path) -> None:
    """SIGTERM in the middle of a request: it is answered, then status 0."""
    picture = (data / "input" / "figure.png").read_bytes()
    half = len(picture) // 2
    stopped: list[tuple[int, float]] = []
    with stack.container("--env=MODE=api", "--publish=127.0.0.1::8000", IMAGE) as found:
        stack.healthy(found)
        host = stack.address(found, 8000).removeprefix("http://")
        began = http.client.HTTPConnection(host, timeout=30)
        began.putrequest("POST", "/pose")
        began.putheader("content-length", str(len(picture)))
        began.endheaders(picture[:half])
        time.sleep(1)
        stopping = threading.Thread(target=lambda: stopped.append(stack.stopped(found)))
        stopping.start()
        time.sleep(2)
        assert not stopped
        began.send(picture[half:])
        answer = began.getresponse()
        assert (answer.status, shoulders_are_right(json.load(answer)["pose"])) == (200, True)
        began.close()
        stopping.join()
    [(status, took)] = stopped
    assert (status, took < 9) == (0, True)


def test_a_batch_that_is_stopped_leaves_whole_files(stack: Stack, data: Path) -> None:
    """SIGTERM: status 143, what is done is there, nothing half-done beside it."""
    picture = data / "input" / "figure.png"
    for number in range(200):
        shutil.copy(picture, data / "input" / f"{number:03}.png")
    words = ("--network=none", "--volume", f"{data}:/data", IMAGE)
    with stack.container(*words) as found:
        done = data / "output"
        end = time.monotonic() + 60
        while not list(done.glob("*.jsonl")) and time.monotonic() < end:
            time.sleep(0.1)
        health = stack.call("exec", found, "scripts/healthcheck.sh")
        status, took = stack.stopped(found)
    assert health.returncode == 0
    assert (status, took < 9) == (143, True)
    names = [path.name for path in done.iterdir()]
    assert 0 < len(names) < 201
    assert all(name.endswith(".jsonl") for name in names)
    assert all(json.loads(path.read_text())["pose"] for path in done.iterdir())
