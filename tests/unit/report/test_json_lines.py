"""A run told to programs."""

from __future__ import annotations

import io
import json
from typing import Any

from layers.report.json_lines import JsonReport
from layers.report.report import report_for
from layers.runtime.events import Finished, Output, Started, Step, Transfer, Warned


def test_each_event_is_an_object_of_its_own() -> None:
    """With its kind, its time, and its fields by their names."""
    stream = io.StringIO()
    report = JsonReport(stream, clock=lambda: 12.34567)
    report(Started("a", "build", "new", None))
    report(Step("a", 1, 2, "[1/2] RUN x", True))
    report(Output("a", "line\nwith break"))
    report(Transfer("a", 1, 0))
    report(Finished("a", "build", False, 1.5, "é"))
    report(Warned("w"))
    report.idle(["a"], 0.08149)
    assert stream.getvalue() == (
        '{"event": "started", "time": 12.346, "layer": "a", "action": "build", "reason": "new",'
        ' "expected": null}\n'
        '{"event": "step", "time": 12.346, "layer": "a", "number": 1, "total": 2,'
        ' "name": "[1/2] RUN x", "cached": true}\n'
        '{"event": "output", "time": 12.346, "layer": "a", "line": "line\\nwith break"}\n'
        '{"event": "transfer", "time": 12.346, "layer": "a", "done": 1, "total": 0}\n'
        '{"event": "finished", "time": 12.346, "layer": "a", "action": "build", "ok": false,'
        ' "seconds": 1.5, "detail": "\\u00e9"}\n'
        '{"event": "warned", "time": 12.346, "message": "w", "layer": ""}\n'
        '{"event": "idle", "time": 12.346, "layers": ["a"], "seconds": 0.081}\n'
    )


def test_json_is_given_wherever_it_is_asked_for() -> Any:
    """On a terminal too."""

    class Terminal(io.StringIO):
        def isatty(self) -> Any:
            return True

    stream = Terminal()
    report = report_for(stream, json=True, env={"TERM": "xterm"})
    report(Warned("w"))
    report.close()
    assert json.loads(stream.getvalue())["event"] == "warned"
