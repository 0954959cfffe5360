"""BuildKit's record of a build, read from the lines that buildx prints."""

from __future__ import annotations

import base64
import json

import pytest

from layers.build.buildx import advice
from layers.build.rawjson import BuildLog
from layers.runtime.events import Event, Output, Step, StepDone, Transfer

DIGEST = "sha256:" + "a" * 64
STARTED, ENDED = "2026-11-21T23:59:30.5Z", "2026-11-22T00:00:30.750000001Z"
OTHER = "sha256:" + "b" * 64


def feed(log: BuildLog, *objects: dict[str, object], indent: int | None) -> list[Event]:
    text = "\n".join(json.dumps(each, indent=indent) for each in objects)
    return [event for line in text.splitlines() for event in log.feed(line)]


def vertex(name: str, digest: str = DIGEST, **more: object) -> dict[str, object]:
    return {"vertexes": [{"digest": digest, "name": name, **more}]}


def output(text: str) -> dict[str, object]:
    data = base64.b64encode(text.encode()).decode()
    return {"logs": [{"vertex": DIGEST, "stream": 1, "data": data}]}


def _rounded(event: Event) -> Event:
    if isinstance(event, StepDone):
        return event._replace(seconds=round(event.seconds, 6))
    return event


@pytest.mark.parametrize("indent", [None, 2], ids=["one line", "many lines"])
def test_both_forms_of_rawjson_are_read(indent: int | None) -> None:
    """buildx 0.13 spreads an object over many lines, later ones print one a line."""
    log = BuildLog("app")
    events = feed(
        log,
        vertex("[deps 2/3] RUN pip install"),
        vertex("[deps 2/3] RUN pip install", started=STARTED),
        output("Collecting numpy\nhal"),
        output("f\n"),
        vertex("[deps 2/3] RUN pip install", started=STARTED, completed=ENDED),
        indent=indent,
    )
    assert [_rounded(event) for event in events] == [
        Step("app", 1, 1, "[deps 2/3] RUN pip install"),
        Output("app", "Collecting numpy"),
        Output("app", "half"),
        StepDone("app", 1, 1, 60.25),
    ]
    assert log.ran() == ("[deps 2/3] RUN pip install",)


def test_cached_and_internal_steps_did_not_run() -> None:
    """What counts as work is a step of the Dockerfile that BuildKit did not have."""
    log = BuildLog("app")
    feed(
        log,
        vertex("[internal] load build context", started="t", completed="t"),
        vertex("[2/2] COPY . .", OTHER, started="t", completed="t", cached=True),
        indent=None,
    )
    assert log.ran() == ()


def test_the_failing_step_is_found_among_the_cancelled() -> None:
    """Steps that were stopped because another failed are not the cause."""
    log = BuildLog("app")
    feed(
        log,
        vertex("[a 1/1] RUN sleep", started="t", completed="t", error="context canceled"),
        vertex("[b 1/1] RUN false", OTHER, started="t", completed="t", error="exit code: 1"),
        indent=None,
    )
    failed = log.failed()
    assert failed is not None
    assert failed.instruction == "RUN false"


def test_what_is_no_json_is_kept_for_the_report() -> None:
    """The CLI's own excerpt of the Dockerfile follows the last object."""
    log = BuildLog("app")
    assert list(log.feed("ERROR: failed to solve\n")) == []
    assert log.tail == ["ERROR: failed to solve"]


def test_progress_bars_show_their_last_state() -> None:
    """A carriage return overwrites a line, as it would on a terminal."""
    log = BuildLog("app")
    events = feed(log, vertex("[1/1] RUN x", started="t"), output("10%\r50%\r100%\n"), indent=None)
    assert events[-1] == Output("app", "100%")


def test_a_torn_object_is_no_error() -> None:
    """A killed CLI may stop in the middle of an object."""
    log = BuildLog("app")
    assert list(log.feed("{\n")) == []
    assert log.ran() == ()


LOST_SNAPSHOT = (
    'failed to prepare extraction snapshot "extract-1-a sha256:1": '
    "parent snapshot sha256:2 does not exist: not found"
)


def test_a_build_that_the_engine_lost_is_told_so() -> None:
    """By the error of the engine's own chore; the Dockerfile needs no change."""
    log = BuildLog("app")
    feed(log, vertex("exporting to image", error=LOST_SNAPSHOT), indent=None)
    assert "run again" in advice(log)


def test_a_step_that_prints_of_a_lost_snapshot_failed_by_itself() -> None:
    """It may have built an image of its own."""
    log = BuildLog("app")
    told = vertex("[1/1] RUN x", started="t", error='process "x" did not complete successfully: 1')
    feed(log, told, output(f"{LOST_SNAPSHOT}\n"), indent=None)
    assert advice(log) == ""


def test_bytes_that_a_step_fetches_are_told_in_sum() -> None:
    """As those of an image that a FROM names; what a context sends has no end that is known."""
    log = BuildLog("app")
    context = "sha256:" + "c" * 64

    def status(blob: str, current: int, total: int, vertex: str = DIGEST) -> dict[str, object]:
        return {"id": blob, "vertex": vertex, "current": current, "total": total}

    events = feed(
        log,
        vertex("[1/2] FROM docker.io/library/node:18", started=STARTED),
        vertex("[internal] load build context", context, started=STARTED),
        {"statuses": [status("sha256:1", 10, 100), status("sha256:2", 0, 50)]},
        {"statuses": [status("transferring context:", 7, 0, context)]},
        {"statuses": [status("sha256:1", 10, 100)]},
        {"statuses": [{**status("sha256:2", 0, 50), "completed": ENDED}]},
        indent=None,
    )
    moved = [each for each in events if isinstance(each, Transfer)]
    assert moved == [Transfer("app", 10, 150), Transfer("app", 60, 150)]
