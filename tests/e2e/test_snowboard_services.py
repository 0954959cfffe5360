"""The built services of the snowboard stack start and do their work."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol

import pytest

pytestmark = pytest.mark.e2e

JOINTS = 24


class Snowboard(Protocol):
    """The built stack, as the fixture of conftest.py gives it."""

    def run(self, image: str, port: int) -> AbstractContextManager[str]:
        """Start the image; the base URL of its port, for as long as the context lasts."""


def ask(url: str, body: Any = None) -> tuple[int, str]:
    """Status and body of a GET, or of a POST of ``body`` as JSON; HTTP errors are answers too."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def ask_json(url: str, body: Any = None) -> tuple[int, Any]:
    status, text = ask(url, body)
    return status, json.loads(text)


@pytest.fixture(scope="module")
def pose(snowboard: Snowboard) -> Iterator[str]:
    with snowboard.run("pose-service", 5000) as url:
        yield url


@pytest.fixture(scope="module")
def backend(snowboard: Snowboard) -> Iterator[str]:
    with snowboard.run("backend-api", 3001) as url:
        yield url


@pytest.fixture(scope="module")
def frontend(snowboard: Snowboard) -> Iterator[str]:
    with snowboard.run("frontend", 5173) as url:
        yield url


def test_pose_service_says_what_it_loaded(pose: str) -> None:
    """/health names the packages of the base and the model that the profile gave it."""
    status, health = ask_json(f"{pose}/health")
    assert status == 200
    assert health["status"] == "ok"
    assert health["packages"]["torch"] == "2.0.1+cu118"
    assert health["packages"]["phalp"].startswith("0.1.3")
    assert health["model"]["joints"] == JOINTS
    assert re.fullmatch(r"[0-9a-f]{64}", health["model"]["sha256"])


def test_pose_service_moves_only_what_hangs_on_the_joint(pose: str) -> None:
    """A bent knee moves the ankle and the foot below it, by exactly the length of the shin."""
    _, still = ask_json(f"{pose}/pose", {})
    vectors = [0.0] * (3 * JOINTS)
    vectors[3 * 4] = 1.2  # the left knee, about x
    status, bent = ask_json(f"{pose}/pose", {"pose": vectors})
    assert status == 200
    moved = [j for j in range(JOINTS) if still["joints"][j] != bent["joints"][j]]
    assert moved == [7, 10]

    def shin(body: dict[str, Any]) -> float:
        knee, ankle = body["joints"][4], body["joints"][7]
        return float(sum((a - b) ** 2 for a, b in zip(knee, ankle, strict=True)))

    assert shin(bent) == pytest.approx(shin(still), rel=1e-4)


def test_pose_service_makes_a_taller_body(pose: str) -> None:
    """The first shape number is stature."""
    _, still = ask_json(f"{pose}/pose", {})
    _, tall = ask_json(f"{pose}/pose", {"betas": [2]})
    assert tall["height"] > still["height"] > 1


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ([], "object"),
        ({"pose": "x"}, "pose"),
        ({"pose": [0] * 73}, "72"),
        ({"betas": [True]}, "betas"),
        ({"betas": [1e300]}, "betas"),
        ({"betas": [10**400]}, "betas"),
    ],
)
def test_pose_service_refuses_what_is_no_pose(pose: str, body: Any, word: str) -> None:
    """A bad request is a 400 that names the field."""
    status, answer = ask_json(f"{pose}/pose", body)
    assert status == 400
    assert word in answer["error"]


def test_backend_is_well_by_itself(backend: str) -> None:
    """/health does not depend on the pose service."""
    status, health = ask_json(f"{backend}/health")
    assert (status, health["status"]) == (200, "ok")


def test_backend_tells_that_the_pose_service_is_away(backend: str) -> None:
    """Without a pose service the API answers 502 and says why, not with a hang or a 500."""
    status, answer = ask_json(f"{backend}/api/pose", {"betas": [0]})
    assert status == 502
    assert "the pose service did not answer" in answer["error"]


def test_frontend_serves_what_vite_built(frontend: str) -> None:
    """The page names a script with a hash in its name, and that script holds the built app."""
    status, page = ask(f"{frontend}/")
    assert status == 200
    [script] = re.findall(r'src="(/assets/index-[\w-]{8}\.js)"', page)
    status, code = ask(frontend + script)
    assert status == 200
    assert "Bend of the knees" in code
    assert "/src/main.jsx" not in page


def test_frontend_answers_for_its_own_pages_only(frontend: str) -> None:
    """An unknown page is the app, an unknown or outer file is a 404."""
    assert ask_json(f"{frontend}/health")[1]["status"] == "ok"
    assert ask(f"{frontend}/some/page")[0] == 200
    assert ask(f"{frontend}/assets/none.js")[0] == 404
    assert ask(f"{frontend}/..%2f..%2fserver.mjs")[0] == 404
