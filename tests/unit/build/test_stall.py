"""Steps that print nothing: when that is told, what is said, and what may be ended."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from layers.build import buildx, stall
from layers.build.rawjson import BuildLog
from layers.build.stall import Patience, Watch, Work
from layers.config.faults import SpecError
from layers.config.load import load
from layers.report import wording
from layers.report.json_lines import JsonReport
from layers.report.plain import PlainReport
from layers.report.terminal import RichReport
from layers.runtime import lines, signals
from layers.runtime.events import Event, Stalled, Started, Step
from layers.runtime.units import parsed

RUN = Work("[deps 2/3] RUN make", heard=1, number=2, total=3)
COPY = Work("[2/3] COPY models /models", heard=1, number=2, total=3)
EXPORT = Work("exporting to image", heard=1)
EVENT = Stalled("app", 2, 3, "[deps 2/3] RUN make", 600.0, ("a", "b\x1b[31m"), "do this")


def given(**works: Work) -> Callable[[], dict[str, Work]]:
    """Works as a watch asks for them."""
    return lambda: works


def said(*rows: tuple[float, Work], ends: bool = False) -> list[tuple[float, bool]]:
    """Silence that is told of and whether it ends the build, of looks at one work at some times."""
    watch = Watch("app", Patience(10, ends))
    found = [told for now, work in rows for told in watch.look(now, given(x=work))]
    return [(told.event.seconds, told.ends) for told in found]


def test_silence_is_told_once_and_at_each_doubling() -> None:
    """Of ten seconds that are borne: after 10, 20, 40."""
    looks = [(float(now), RUN) for now in range(60)]
    assert said(*looks) == [(10, False), (20, False), (40, False)]


def test_a_step_that_speaks_is_not_silent() -> None:
    """Nine seconds, a word, nine seconds."""
    words = [(now * 9.0, Work(RUN.name, now, 2, 3)) for now in range(20)]
    assert said(*words) == []


def test_a_step_that_speaks_now_and_then_is_told_of_once() -> None:
    """What was told at 10 is told again at 20, though it spoke in between."""
    looks = [(now * 1.0, Work(RUN.name, now // 12, 2, 3)) for now in range(100)]
    assert said(*looks) == [(10, False)]


def test_a_long_gap_between_two_looks_is_told_once() -> None:
    """Not once for each doubling that was missed."""
    assert said((0, RUN), (85, RUN), (95, RUN), (165, RUN)) == [(85, False), (165, False)]


CLIPPED = "[output clipped, log limit 2MiB reached]"
WAITING = Work("[2/3] RUN --mount=type=cache,target=/c,sharing=locked make", 1, 2, 3)


@pytest.mark.parametrize(
    ("work", "ended"),
    [
        (RUN, True),
        (Work("[stage-1 2/2] RUN <<EOF (make)", 1, 2, 2), True),
        (COPY, False),
        (Work("[1/2] FROM docker.io/nvidia/cuda:12", 1, 1, 2), False),
        (Work("[1/2] ADD https://example.com/x /x", 1, 1, 2), False),
        (EXPORT, False),
        (Work("[internal] load build context", 1), False),
        (Work("RUN of no Dockerfile", 1), False),
        (Work("", 0), False),
        (WAITING, False),
        (Work(WAITING.name, 1, 2, 3, ("Reading package lists",)), True),
        (Work(RUN.name, 1, 2, 3, ("a", CLIPPED, "")), False),
        (Work(RUN.name, 1, 2, 3, (CLIPPED, "a")), True),
    ],
    ids=lambda value: value.name[:30] if isinstance(value, Work) else "",
)
def test_only_programs_of_the_user_are_ended(work: Work, ended: bool) -> None:
    """Not BuildKit's own work, and not a RUN that may wait for another one's cache."""
    assert said((0, work), (9.9, work), (10.4, work), ends=True) == [(10.4, ended)]


def test_nothing_is_ended_that_is_not_asked_for() -> None:
    """By default silence is told and borne."""
    assert said((0, RUN), (11, RUN)) == [(11, False)]


def test_a_step_that_was_told_of_is_ended_in_its_next_silence() -> None:
    """The doublings are for telling alone."""
    spoke = Work(WAITING.name, 2, 2, 3, ("Reading package lists",))
    rows = [(0.0, WAITING), (11.0, WAITING), (12.0, spoke), (22.5, spoke)]
    assert said(*rows, ends=True) == [(11, False), (10.5, True)]


def test_of_two_steps_each_has_its_own_silence() -> None:
    """One that prints does not hide one that hangs, though both have the same text."""
    watch = Watch("app", Patience(10))
    found: list[float] = []
    for now in range(13):
        works = {"hangs": RUN, "prints": Work(RUN.name, now, 2, 3)}
        found += [told.event.seconds for told in watch.look(now, given(**works))]
    assert found == [10]


@pytest.mark.parametrize(
    ("name", "lines", "advice"),
    [
        (
            "[2/3] RUN apt-get install tzdata",
            ("1. Africa  2. America", "Geographic area: "),
            "ASKS",
        ),
        ("[2/3] RUN ./install.sh", ("Do you want to continue? [Y/n] ",), "ASKS"),
        ("[2/3] RUN ./install.sh", ("Do you accept the license? (yes/no)", ""), "ASKS"),
        ("[2/3] RUN git clone https://x/y", ("Username for 'https://x': ",), "ASKS"),
        ("[2/3] RUN apt-get update", ("Get:5 http://mirror.example x [8,788 kB]",), "FETCHES"),
        ("[2/3] RUN pip install torch", (), "FETCHES"),
        ("[2/3] RUN wget https://x/y", (" 50% [=====>      ]",), "FETCHES"),
        ("[2/3] RUN make", ("-- Configuring done",), "RUNS"),
        ("[2/3] RUN make", (CLIPPED,), "CLIPPED"),
        (WAITING.name, (), "WAITS"),
        (COPY.name, (), "OWN"),
        (EXPORT.name, (), "OWN"),
        ("", (), "NOBODY"),
    ],
)
def test_the_advice_fits_what_is_seen(name: str, lines: tuple[str, ...], advice: str) -> None:
    """A question, a server, or what BuildKit does itself."""
    number = 0 if name in ("", EXPORT.name) else 2
    assert stall.advice(Work(name, 1, number, 3, lines)) == getattr(stall, advice)


# -- what is at work, from BuildKit's record ------------------------------------------------


def update(**parts: list[dict[str, object]]) -> str:
    return json.dumps(parts)


def vertex(key: str, name: str, **more: object) -> dict[str, object]:
    return {"digest": key, "name": name, **more}


def log_of(*lines: str) -> BuildLog:
    log = BuildLog("app")
    for line in lines:
        list(log.feed(line))
    return log


BEGUN = {"started": "2026-11-21T12:00:00Z"}
OVER = {**BEGUN, "completed": "2026-11-21T12:00:01Z"}
RUNS = update(vertexes=[vertex("r", "[2/2] RUN x", **BEGUN), vertex("f", "[1/2] FROM y", **OVER)])


def test_a_question_without_an_end_of_line_is_a_last_line() -> None:
    """As every prompt is; the digits of a progress bar come after a carriage return."""
    area: dict[str, object] = {
        "vertex": "r",
        "data": "Q29uZmlndXJpbmcgdHpkYXRhCkdlb2dyYXBoaWMgYXJlYTog",
    }
    works = log_of(RUNS, update(logs=[area])).at_work()
    assert works == {"r": Work("[2/2] RUN x", 2, 1, 2, ("Configuring tzdata", "Geographic area: "))}


def test_bytes_that_move_are_a_word() -> None:
    """A pull prints nothing, and tells how far it is."""
    before = log_of(RUNS).at_work()["r"].heard
    moved = update(statuses=[{"id": "sha256:1", "vertex": "r", "current": 5, "total": 9}])
    assert log_of(RUNS, moved).at_work()["r"].heard == before + 1


def test_chores_count_while_no_step_runs() -> None:
    """Exporting is what a build is at when all steps are over; a resolver beside a RUN is not."""
    chore = update(vertexes=[vertex("e", "exporting to image", **BEGUN)])
    assert list(log_of(RUNS, chore).at_work()) == ["r"]
    over = update(vertexes=[vertex("r", "[2/2] RUN x", **OVER)])
    assert list(log_of(RUNS, chore, over).at_work()) == ["e"]


def test_a_build_of_which_nothing_is_heard_is_at_work_itself() -> None:
    """An engine that does not answer gives no step at all."""
    assert log_of().at_work() == {"": Work("", 0)}


# -- the child ------------------------------------------------------------------------------


def test_silence_between_lines_is_heard() -> None:
    """An empty text; the lines come whole and in order."""

    def stream() -> Iterator[str]:
        yield "one\n"
        time.sleep(0.3)
        yield "two\n"

    found = list(lines.lines(stream(), 0.05))
    assert [line for line in found if line] == ["one\n", "two\n"]
    assert "" in found[1:-1]


def a_build(tmp_path: Path, program: str, patience: Patience) -> buildx.Built:
    """A build by a stand-in for buildx."""
    call = buildx.BuildCall(
        *("app", str(tmp_path), "Dockerfile", None, "linux/amd64"),
        program=(sys.executable, "-u", "-c", program),
        patience=patience,
    )
    told.clear()
    return buildx.run(call, dict(os.environ), str(tmp_path / "build.log"), told.append)


told: list[Event] = []
"""What the last build told."""
SILENT = f"import sys, time; print({RUNS!r}, file=sys.stderr); "


def test_a_build_is_ended_with_the_words_of_its_stall(tmp_path: Path) -> None:
    """Step, time, log and advice; nothing of the child is left, though it ignores SIGTERM."""
    program = (
        "import os, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); {SILENT} time.sleep(60)"
    )
    begin = time.monotonic()
    with pytest.raises(buildx.BuildFailed) as caught:
        a_build(tmp_path, program, Patience(1, ends=True))
    assert time.monotonic() - begin < signals.PATIENCE + 6
    assert str(caught.value).startswith(
        "app: the build was ended, as stall_end asks: nothing printed for 1."
    )
    assert "step 1/2 RUN x\n  file    Dockerfile\n  log     " in str(caught.value)
    assert stall.RUNS in str(caught.value)
    assert "nothing printed for" in (tmp_path / "build.log").read_text()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert not [event for event in told if isinstance(event, Stalled)]


@pytest.mark.parametrize(("transfer", "sent"), [(OVER, True), (BEGUN, False)])
def test_files_that_had_arrived_need_not_be_sent_again(
    tmp_path: Path, transfer: dict[str, str], sent: bool
) -> None:
    """As after any step that fails; a transfer that was cut off counts for nothing."""
    load = update(vertexes=[vertex("l", "[internal] load build context", **transfer)])
    program = f"import sys, time; print({load!r}, {RUNS!r}, sep='\\n', file=sys.stderr)"
    with pytest.raises(buildx.BuildFailed) as caught:
        a_build(tmp_path, f"{program}; time.sleep(60)", Patience(0.5, ends=True))
    assert caught.value.sent is sent


def test_a_build_that_may_be_silent_goes_on(tmp_path: Path) -> None:
    """Told, and its own end counts."""
    program = SILENT + "time.sleep(2.5); print('ERROR: boom', file=sys.stderr); sys.exit(1)"
    with pytest.raises(buildx.BuildFailed, match="boom"):
        a_build(tmp_path, program, Patience(1))
    stalls = [event for event in told if isinstance(event, Stalled)]
    assert [(event.name, round(event.seconds)) for event in stalls][:1] == [("[2/2] RUN x", 1)]


def test_a_child_that_goes_when_asked_is_not_forced() -> None:
    """SIGTERM alone."""
    child = subprocess.Popen(["sleep", "60"], start_new_session=True)
    signals.end(child)
    assert child.returncode == -signal.SIGTERM
    signals.end(child)  # twice is none too often


# -- reports --------------------------------------------------------------------------------

TEXT = (
    "nothing printed for 10:00 min: step 2/3 RUN make\n  last lines:\n    | a\n    | b\n  do this\n"
)


def test_a_stall_reads_alike_everywhere() -> None:
    """In a log, on a terminal, and in an error without the advice."""
    plain, rich = io.StringIO(), io.StringIO()
    for report in (PlainReport(plain), RichReport(rich, refresh=False)):
        report(Started("app", "build"))
        report(Step("app", 2, 3, EVENT.name))
        report(EVENT)
        report.close()
    assert f"[app] warning: {TEXT}" in plain.getvalue()
    assert f"warning: app: {TEXT}" in rich.getvalue()
    assert wording.stalled(EVENT._replace(advice="")) == TEXT.removesuffix("\n  do this\n")
    short = wording.stalled(Stalled("app", 0, 3, "exporting to image", 1200.0))
    assert short == "nothing printed for 20:00 min: exporting to image"


def test_programs_get_a_stall_as_an_object() -> None:
    """With all its fields."""
    stream = io.StringIO()
    JsonReport(stream, clock=lambda: 1.0)(EVENT)
    assert json.loads(stream.getvalue()) == {
        "event": "stalled",
        "time": 1.0,
        **EVENT._asdict(),
        "lines": ["a", "b\x1b[31m"],
    }


# -- images.toml ----------------------------------------------------------------------------


def stalls(project: str, image: str, profile: str = "") -> tuple[int, bool]:
    text = (
        f'version = 1\n[project]\nname = "p"\n{project}\n[images.a]\ncontext = "a"\n{image}\n'
        f"[profiles.p.images.a]\n{profile}\n"
    )
    found = load(text, profile="p", registry=None, platform="", exists=lambda _path: True)
    return found.images["a"].stall_timeout, found.images["a"].stall_end


@pytest.mark.parametrize(
    ("project", "image", "profile", "expected"),
    [
        ("", "", "", (600, False)),
        ('stall_timeout = "90s"', "", "", (90, False)),
        ('stall_timeout = "90s"', 'stall_timeout = "2h"', "", (7200, False)),
        ('stall_timeout = "90s"', 'stall_timeout = "2h"', 'stall_timeout = "3 m"', (180, False)),
        ("stall_end = true", "", "", (600, True)),
        ("stall_end = true", "stall_end = false", "", (600, False)),
        ('stall_timeout = "90s"', "stall_end = true", "", (90, True)),
    ],
)
def test_the_nearest_word_counts(
    project: str, image: str, profile: str, expected: tuple[int, bool]
) -> None:
    """Profile before image before project."""
    assert stalls(project, image, profile) == expected


@pytest.mark.parametrize("text", ["10", "0s", "10 min", "1.5h", "-1m", "", "m", "10m5s"])
def test_other_durations_are_refused_with_an_example(text: str) -> None:
    """A whole number and one unit."""
    with pytest.raises(SpecError, match=r"expected a duration such as '90s', '10m' or '2h'"):
        stalls("", f'stall_timeout = "{text}"')


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("2 h", 7200)])
def test_durations_are_seconds(text: str, seconds: int) -> None:
    """Of each unit."""
    assert parsed(text) == seconds


def test_a_system_base_has_no_steps_that_stall() -> None:
    """The keys have no meaning beside a rootfs, but the project's word for all does no harm."""
    head = 'version = 1\n[project]\nname = "p"\nstall_end = true\n'
    text = head + '[images.s.rootfs]\nsuite = "bookworm"\n'
    load(text, profile=None, registry=None, platform="", exists=lambda _path: True)
    with pytest.raises(SpecError, match="has no meaning beside 'rootfs'"):
        load(
            text + "[images.s]\nstall_end = true\n",
            profile=None,
            registry=None,
            platform="",
            exists=lambda _path: True,
        )
