"""What the engine's containers make of every answer that an engine can give."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from layers.engine.client import Client
from layers.engine.containers import KEPT, LABEL_UNTIL, ContainerError
from layers.engine.docker_containers import EngineContainers, last
from layers.engine.engine import EngineDown, EngineError
from layers.engine.errors import UnknownReference
from tests.httpscript import Asked, Said, serving

NOW = 1_000_000


def told(status: int, content: Any = None) -> Said:
    """An answer with a JSON body."""
    return Said(status, b"" if content is None else json.dumps(content).encode())


FRAMES = b"\1\0\0\0\0\0\0\3out\2\0\0\0\0\0\0\3err"
USUAL = {
    "GET /version": told(200, {"ApiVersion": "1.45"}),
    "GET /containers/NAME/json": told(200, {"Config": {"Tty": False}}),
    "GET /containers/json": told(200, []),
    "POST /containers/create": told(201, {"Id": "x"}),
    "POST /containers/NAME/attach": Said(200, FRAMES, cut=len(FRAMES)),
    "POST /containers/NAME/wait": told(200, {"StatusCode": 5}),
    "POST /containers/NAME/start": Said(204),
    "DELETE /containers/NAME": Said(204),
}


@contextmanager
def containers(changes: Mapping[str, Said]) -> Iterator[tuple[EngineContainers, list[Asked]]]:
    """Containers of an engine that answers as usual, but for the ``changes``."""
    answers = {**USUAL, **changes}
    started = threading.Event()  # nothing is written before

    def script(asked: Asked) -> Said:
        path = re.sub(r"/doit-layers-\w+", "/NAME", asked.path.partition("?")[0])
        path = path.removeprefix("/v1.45")
        if path.endswith("/start"):
            started.set()
        said = answers.get(f"{asked.method} {path}", told(404, {"message": "no such path"}))
        return replace(said, after=started) if path.endswith("/attach") else said

    with serving(script) as server:
        yield EngineContainers(Client(f"tcp://{server.host}", {}), lambda: NOW), server.asked


def methods(asked: list[Asked]) -> list[str]:
    """What was asked, in short."""
    return [f"{one.method} {one.path.partition('?')[0].rpartition('/')[2]}" for one in asked]


def test_a_container_is_listened_to_before_it_starts() -> None:
    """Or the first lines of a quick command, and its status, would be lost."""
    with containers({}) as (ours, asked):
        ran = ours.run("i", ["a", "b"], network="host", env={"X": "1"}, timeout=30, user="7")
    assert (ran.status, ran.output, ran.errors) == (5, "out", "err")
    order = [one.split()[1] for one in methods(asked) if one.startswith("POST")]
    assert order == ["create", "attach", "wait", "start"]
    made = json.loads(next(one.body for one in asked if "/create" in one.path))
    assert (made["Entrypoint"], made.get("Cmd"), made["Env"]) == (["a", "b"], None, ["X=1"])
    assert (made["Image"], made["User"]) == ("docker.io/library/i:latest", "7")
    assert made["HostConfig"] == {"AutoRemove": True, "NetworkMode": "host"}
    assert int(made["Labels"][LABEL_UNTIL]) == NOW + 30 + 60
    assert asked[-1].method == "DELETE"


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        (
            {"POST /containers/create": told(404, {"message": "No such image: i"})},
            UnknownReference,
            "No such image: i",
        ),
        (
            {"POST /containers/create": told(400, {"message": "bad network"})},
            EngineError,
            "cannot make a container of i: bad network",
        ),
        (
            {"POST /containers/NAME/start": told(400, {"message": 'exec: "a": not found'})},
            ContainerError,
            "cannot start 'a' in i: exec: \"a\": not found",
        ),
        (
            {"POST /containers/NAME/attach": told(500, {"message": "broken"})},
            EngineError,
            "cannot attach to i: broken",
        ),
        ({"POST /containers/NAME/wait": Said(200, b"")}, EngineDown, "did not say how"),
        ({"POST /containers/NAME/start": Said(0)}, EngineDown, "no Docker engine answers"),
        ({"POST /containers/create": Said(0)}, EngineDown, "no Docker engine answers"),
    ],
)
def test_an_answer_that_is_no_success_is_an_error_and_the_container_goes(
    changes: Mapping[str, Said], error: type[Exception], words: str
) -> None:
    """Even one that the engine may have made without telling us."""
    with containers(changes) as (ours, asked), pytest.raises(error, match=re.escape(words)):
        ours.run("i", ["a"])
    created = next(one for one in asked if "create" in one.path)
    name = created.path.partition("name=")[2]
    assert asked[-1].method == "DELETE"
    assert asked[-1].path.startswith(f"/v1.45/containers/{name}?")


def test_what_was_left_behind_goes_once_a_process() -> None:
    """By the time that its label states."""
    rows = [{"Id": "old", "Labels": {LABEL_UNTIL: str(NOW - 1)}}]
    rows += [{"Id": "new", "Labels": {LABEL_UNTIL: str(NOW + 1)}}]
    rows += [{"Id": "odd", "Labels": {LABEL_UNTIL: "soon"}}]
    with containers({"GET /containers/json": told(200, rows)}) as (ours, asked):
        ours.run("i", ["a"])
        ours.run("i", ["a"])
    gone = [one.path.split("/")[3].split("?")[0] for one in asked if one.method == "DELETE"]
    assert [name for name in gone if not name.startswith("doit-layers-")] == ["old"]
    assert len([one for one in asked if "/containers/json?" in one.path]) == 1


def test_the_history_is_turned_around() -> None:
    """The engine begins with the newest."""
    rows = [{"CreatedBy": "CMD", "Size": 0}, {"CreatedBy": None, "Size": None}]
    path = "GET /images/docker.io/library/i:latest/history"
    with containers({path: told(200, rows)}) as (ours, _):
        assert ours.history("i") == (("", 0), ("CMD", 0))


def test_an_archive_that_is_refused_is_an_error() -> None:
    """Only a 404 means that the file is not there."""
    broken = {"GET /containers/NAME/archive": told(500, {"message": "no space left on device"})}
    with (
        containers(broken) as (ours, _),
        pytest.raises(EngineError, match="cannot read /etc of i: no space left"),
    ):
        ours.files("i", ["/etc"], lambda path: True)
    with containers({}) as (ours, _):
        assert ours.files("i", ["/etc"], lambda path: True) == {}


def test_the_end_of_much_output_is_kept() -> None:
    """A failure's reason stands in the last lines."""
    frames = [(b"first", None), (b"x" * KEPT, None), (None, b"e"), (b"last", None)]
    output, errors = last(frames)
    assert (len(output), output[-5:], errors) == (KEPT, "xlast", "e")


def test_bytes_that_are_no_text_are_shown() -> None:
    """Output need not be UTF-8."""
    assert last([(b"a\xffb", None)]) == ("a\ufffdb", "")
