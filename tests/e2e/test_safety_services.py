"""The safety stack starts as its compose file says, and its services do their work."""

from __future__ import annotations

import json
import re
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.e2e.lab import CHECKOUT
from tests.e2e.stacks import Stack, ask, made, png

pytestmark = pytest.mark.e2e

COMPOSE = CHECKOUT / "images" / "safety" / "compose.yaml"
SHA256 = "f990c8d702c1c026826a8588608865291ab2ee2d122e393c3d6d295fb6b0e697"
GREY, YELLOW, ORANGE = (128, 128, 128), (255, 220, 0), (255, 96, 0)
WORKER = png(960, 640, GREY, (300, 100, 420, 180, YELLOW), (260, 200, 460, 500, ORANGE))
"""A helmet above a vest, larger than the model looks at."""
USERS = {"yolov8-model": "1000", "backend": "1000", "frontend": "101"}


@dataclass
class Up:
    """The running stack."""

    stack: Stack
    project: str

    def compose(self, *words: str) -> subprocess.CompletedProcess[str]:
        """``docker compose`` on it, on free ports."""
        return self.stack.call(
            *("compose", "--project-name", self.project, "--file", str(COMPOSE), *words),
            SAFETY_BACKEND_PORT="0",
            SAFETY_FRONTEND_PORT="0",
        )

    def url(self, service: str, port: int) -> str:
        """Where a service is reached."""
        return f"http://{self.compose('port', service, str(port)).stdout.strip()}"

    def inside(self, service: str, command: str) -> subprocess.CompletedProcess[str]:
        """A command in a service's container."""
        return self.compose("exec", "-T", service, "sh", "-c", command)


@pytest.fixture(scope="module")
def stack() -> Stack:
    return made("yolov8-model", "safety-backend", "safety-frontend")


@pytest.fixture(scope="module")
def up(stack: Stack) -> Iterator[Up]:
    found = Up(stack, f"safety-{uuid.uuid4().hex[:6]}")
    started = found.compose("up", "--detach", "--wait", "--no-build")
    try:
        logs = found.compose("logs").stdout if started.returncode else ""
        assert started.returncode == 0, started.stderr + logs
        yield found
    finally:
        found.compose("down", "--volumes", "--timeout", "1")


def test_every_service_is_healthy(up: Up) -> None:
    """By docker's own checks; compose waited for each before it started the next."""
    told = up.compose("ps", "--format", "json").stdout
    services = {one["Service"]: one["Health"] for one in map(json.loads, told.splitlines())}
    assert services == dict.fromkeys(USERS, "healthy")


def test_stats_tell_the_model_from_the_volume_and_the_settings(up: Up) -> None:
    """The model is the one that was verified while its image was built."""
    stats = ask(up.url("backend", 8000) + "/stats").json()
    assert (stats["status"], stats["service"]) == ("ok", "safety-backend")
    assert (stats["model"]["sha256"], stats["model"]["synthetic"]) == (SHA256, True)
    assert stats["settings"] == {
        "process_every_n_frames": 5,
        "inference_size": 480,
        "jpeg_quality": 70,
    }
    assert stats["packages"]["torch"] == "2.0.1+cpu"


def test_one_frame_of_five_is_looked_at(up: Up) -> None:
    """The others get what was found last; boxes are in pixels of the frame that was sent."""
    frames = up.url("backend", 8000) + "/frames"
    before = ask(up.url("backend", 8000) + "/stats").json()["frames"]
    assert before == {"seen": 0, "processed": 0}
    empty = png(960, 640, GREY)
    answers = [ask(frames, body).json() for body in (WORKER, *[empty] * 5)]
    assert [one["processed"] for one in answers] == [True, False, False, False, False, True]
    labels = [[each["label"] for each in one["found"]] for one in answers]
    assert [sorted(each) for each in labels] == [["helmet", "vest"]] * 5 + [[]]
    boxes = {each["label"]: each["box"] for each in answers[0]["found"]}
    for label, expected in (("helmet", (300, 100, 420, 180)), ("vest", (260, 200, 460, 500))):
        assert all(abs(a - b) <= 4 for a, b in zip(boxes[label], expected, strict=True))
    last = ask(up.url("backend", 8000) + "/frames/last.jpg")
    assert (last.status, last.body[:3]) == (200, b"\xff\xd8\xff")
    assert up.inside("backend", "test -s /app/frames/last.jpg").returncode == 0


@pytest.mark.parametrize("body", [b"", b"no picture", WORKER[:100]])
def test_what_is_no_picture_is_a_400(up: Up, body: bytes) -> None:
    """And says what was expected."""
    answer = ask(up.url("backend", 8000) + "/frames", body)
    assert answer.status == 400
    assert "expected a JPEG or PNG" in answer.json()["detail"]


def test_a_page_of_another_origin_may_ask_the_backend(up: Up) -> None:
    """The frontend is on another port, and a browser asks for leave."""
    answer = ask(up.url("backend", 8000) + "/stats")
    assert "access-control-allow-origin" not in answer.headers  # nobody asked
    script = "curl -si -H 'Origin: http://localhost:3000' http://localhost:8000/stats"
    assert "access-control-allow-origin: *" in up.inside("backend", script).stdout


@pytest.mark.parametrize(("service", "user"), USERS.items())
def test_nobody_runs_as_root(up: Up, service: str, user: str) -> None:
    """Asked in the running containers."""
    assert up.inside(service, "id -u").stdout.strip() == user


def test_the_backend_cannot_change_the_model(up: Up) -> None:
    """Its volume is read-only there; its own folders are not."""
    assert up.inside("backend", "touch /app/models/best.pt").returncode != 0
    assert up.inside("backend", "touch /app/logs/x /app/frames/x").returncode == 0


@pytest.mark.parametrize("tool", ["gcc", "g++", "make", "git", "wget"])
def test_the_backend_has_no_build_tools(up: Up, tool: str) -> None:
    """They stayed in the builder."""
    assert up.inside("backend", f"command -v {tool}").returncode != 0
    assert up.inside("backend", "command -v curl").returncode == 0


def test_the_pages_are_those_that_vite_built(up: Up) -> None:
    """With the address of the backend in them, and no source map beside them."""
    page = ask(up.url("frontend", 80) + "/")
    [script] = re.findall(rb'src="(/assets/index-[\w-]{8}\.js)"', page.body)
    code = ask(up.url("frontend", 80) + script.decode())
    assert (code.status, "immutable" in code.headers["cache-control"]) == (200, True)
    assert b"http://localhost:8000" in code.body
    assert b"Helmets and vests" in code.body
    assert b"sourceMappingURL" not in code.body
    assert up.inside("frontend", "find / -xdev -name '*.map' 2>/dev/null").stdout == ""


def test_the_address_of_the_backend_is_a_build_arg(stack: Stack) -> None:
    """Another value is in the pages of another build, and the first one is not."""
    name = "safety-frontend-elsewhere"
    folder = str(COMPOSE.parent / "frontend")
    stack.docker(
        *("buildx", "build", "--load", "--provenance=false", "--network=host", "--tag", name),
        *("--build-context", "node:18-alpine=docker-image://sys-node:latest"),
        *("--build-context", "nginx:alpine=docker-image://sys-nginx:latest"),
        *("--build-arg", "VITE_API_URL=http://elsewhere:9000/", folder),
    )
    find = ["run", "--rm", "--entrypoint=grep", name, "--recursive", "--only-matching"]
    pages = "/usr/share/nginx/html/assets"
    assert "http://elsewhere:9000" in stack.docker(*find, "http://[a-z]*:[0-9]*", pages)
    assert "localhost:8000" not in stack.docker(*find, "http://[a-z]*:[0-9]*", pages)
    stack.docker("image", "rm", "--force", name)


@pytest.mark.parametrize(
    ("path", "status"),
    [("/health", 200), ("/some/page", 200), ("/assets/none.js", 404), ("/../etc/passwd", 400)],
)
def test_the_frontend_answers_for_its_own_files(up: Up, path: str, status: int) -> None:
    """An unknown page is the app, an unknown file is none."""
    assert ask(up.url("frontend", 80) + path).status == status


def test_a_backend_without_a_model_says_where_it_comes_from(stack: Stack) -> None:
    """It ends at once, status 1, and no health check waits for it."""
    done = stack.call("run", "--rm", "safety-backend")
    assert done.returncode == 1
    assert "no /app/models/best.pt: yolov8-model puts the model into the volume" in done.stderr


def test_a_wrong_setting_is_named(stack: Stack) -> None:
    """Not a traceback."""
    done = stack.call("run", "--rm", "--env", "JPEG_QUALITY=high", "safety-backend")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "JPEG_QUALITY: expected a number from 1 to 100, found 'high'" in done.stderr


def test_all_services_end_when_they_are_told(up: Up) -> None:
    """Status 0, long before docker's ten seconds; the last test, as nothing runs after it."""
    for service in ("frontend", "backend", "yolov8-model"):
        container = up.compose("ps", "--quiet", service).stdout.strip()
        status, took = up.stack.stopped(container)
        assert (service, status) == (service, 0)
        assert took < 8
