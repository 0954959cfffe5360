"""A run in a pipe or a log: whole lines, nothing written over."""

from __future__ import annotations

import io
import os
import threading
from typing import Any

import pytest

from layers.report.plain import PlainReport
from layers.report.report import report_for
from layers.runtime.events import Finished, Output, Started, Step, StepDone, Transfer, Warned


class Clock:
    """Seconds that a test sets."""

    now = 0.0

    def __call__(self) -> Any:
        return self.now


@pytest.fixture
def run() -> Any:
    """A report into a text, with a clock that stands still."""
    clock, stream = Clock(), io.StringIO()
    report = PlainReport(stream, clock=clock)
    yield report, clock, stream
    report.close()


def test_a_build_reads_as_its_steps(run: Any) -> None:
    """Begin and end of each step that runs; those from the cache in one line."""
    report, clock, stream = run
    report(Started("pose-service", "build", "Dockerfile changed", 200.0))
    report(Step("pose-service", 1, 9, "[deps 1/4] FROM base", cached=True))
    report(Step("pose-service", 2, 9, "[deps 2/4] WORKDIR /app", cached=True))
    report(Step("pose-service", 3, 9, "[deps 3/4] RUN pip install -r requirements.lock"))
    report(Output("pose-service", "Collecting flask"))
    clock.now = 40
    report(Step("pose-service", 4, 9, "[runtime 2/5] COPY a\n b"))  # beside the other one
    report(StepDone("pose-service", 4, 9, 1.3))
    report(StepDone("pose-service", 3, 9, 41.0))
    clock.now = 42.3
    report(Finished("pose-service", "build", True, 42.3, "sha256:ab"))
    assert stream.getvalue() == (
        "[pose-service] build: Dockerfile changed (about 3:20 min)\n"
        "[pose-service] 2 steps cached\n"
        "[pose-service] step 3/9 RUN pip install -r requirements.lock\n"
        "[pose-service] step 4/9 COPY a b\n"
        "[pose-service] step 4/9 done in 1.3 s\n"
        "[pose-service] step 3/9 done in 41 s\n"
        "[pose-service] built in 42 s: sha256:ab\n"
    )


def test_a_failure_names_its_step(run: Any) -> None:
    """Of two layers at once each line says which one it is about."""
    report, clock, stream = run
    report(Started("a", "build"))
    report(Started("b", "pull"))
    report(Step("a", 1, 2, "[1/2] RUN false"))
    clock.now = 3
    report(StepDone("a", 1, 2, 3.0, ok=False))
    report(Finished("a", "build", False, 3.0))
    report(Finished("b", "pull", True, 3.0, "355 MB"))
    assert stream.getvalue() == (
        "[a] build\n[b] pull\n[a] step 1/2 RUN false\n[a] step 1/2 failed after 3.0 s\n"
        "[a] build failed after 3.0 s\n[b] pulled in 3.0 s: 355 MB\n"
    )


def test_a_build_that_was_all_cached_says_so(run: Any) -> None:
    """In one line."""
    report, _, stream = run
    report(Started("a", "build"))
    report(Step("a", 1, 1, "[1/1] FROM x", cached=True))
    report(Finished("a", "build", True, 0.2))
    assert stream.getvalue() == "[a] build\n[a] 1 step cached\n[a] built in 0.2 s\n"


def test_silence_is_broken_each_half_minute(run: Any) -> None:
    """With what the step printed last, or how much was moved."""
    report, clock, stream = run
    report(Started("a", "build"))
    report(Step("a", 1, 2, "[1/2] RUN make"))
    report(Started("b", "pull"))
    report(Transfer("b", 120_000_000, 355_000_000))
    for clock.now in (29, 30, 31, 60, 61):
        if clock.now == 31:
            report(Output("a", "\x1b[32mCC\x1b[0m\tmain.o\r"))
        report.beat()
    assert stream.getvalue().splitlines()[3:] == [
        "[a] step 1/2 running for 30 s",
        "[b] still at it: pull, 120 MB of 355 MB, 0 B/s",
        "[a] step 1/2 running for 1:00 min: CC main.o",
        "[b] still at it: pull, 120 MB of 355 MB, 0 B/s",
    ]


def test_a_pull_says_how_fast_it_goes_and_what_it_came_to(run: Any) -> None:
    """Of late while it runs, from its begin to its end when it is over."""
    report, clock, stream = run
    report(Started("a", "pull"))
    for clock.now in range(41):
        report(Transfer("a", clock.now * 3_000_000, 355_000_000))
    report.beat()
    report(Finished("a", "pull", True, 40.0))
    assert stream.getvalue().splitlines() == [
        "[a] pull",
        "[a] still at it: pull, 120 MB of 355 MB, 3.0 MB/s",
        "[a] pulled in 40 s: 120 MB, 3.0 MB/s",
    ]


def test_warnings_stand_by_themselves(run: Any) -> None:
    """With their layer, where they have one."""
    report, _, stream = run
    report(Warned("the registry does not answer\ngoing on without it"))
    report(Warned("unpinned", "a"))
    assert stream.getvalue() == (
        "warning: the registry does not answer\n  going on without it\n[a] warning: unpinned\n"
    )


def test_no_control_character_of_a_step_gets_through(run: Any) -> None:
    """A build may print anything; a log stays one line a fact."""
    report, _, stream = run
    report(Started("a", "build", "x\r\ny\x1b]0;title\x07z"))
    report(Step("a", 1, 1, "[1/1] RUN \x1b[2J\x08\x00é 表" + "x" * 200))
    report(Warned("w\x1b[1A\x9b2K"))
    text = stream.getvalue()
    assert all(c.isprintable() or c == "\n" for c in text)
    assert text.count("\n") == 3
    assert "RUN é 表xxx" in text
    assert "x …\n" in text


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["a"], "a is up to date (0.08 s)\n"),
        (["a", "b"], "2 layers are up to date (0.08 s)\n"),
    ],
)
def test_nothing_to_do_is_one_line(run: Any, names: Any, text: Any) -> None:
    """Or none, where nothing was asked for."""
    run[0].idle(names, 0.081)
    assert run[2].getvalue() == text


def test_closing_ends_the_heartbeat() -> None:
    """No thread is left; closing twice is no error."""
    before = set(threading.enumerate())
    report = PlainReport(io.StringIO())
    report(Started("a", "build"))
    (beats,) = [each for each in threading.enumerate() if each not in before]
    report.close()
    report.close()
    assert not beats.is_alive()


def test_a_reader_that_went_away_does_not_end_the_run() -> None:
    """``doit | head -1``: the build goes on."""
    read, write = os.pipe()
    report = report_for(os.fdopen(write, "w", buffering=1))
    report(Warned("one"))
    os.close(read)
    report(Warned("two"))
    report(Warned("three"))
    report.close()


def test_a_stream_without_the_signs_gets_others() -> None:
    """A C locale is no reason to fail."""
    raw = io.BytesIO()
    report = report_for(io.TextIOWrapper(raw, encoding="ascii"))
    report(Warned("é"))
    assert raw.getvalue() == b"warning: ?\n"
    report.close()


def test_threads_do_not_mix_their_lines() -> None:
    """Each line is written at once."""
    stream = io.StringIO()
    report = PlainReport(stream)

    def work(name: Any) -> None:
        for number in range(200):
            report(Warned(f"{number}", name * 20))

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = {f"[{name * 20}] warning: {n}" for name in "abcd" for n in range(200)}
    assert sorted(stream.getvalue().splitlines()) == sorted(expected)
