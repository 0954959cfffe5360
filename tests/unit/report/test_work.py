"""A layer at work, as values: which step is shown, how fast bytes move, what is expected."""

from __future__ import annotations

import pytest

from layers.report.work import WINDOW, Moved, Work
from layers.runtime.events import Output, Step, StepDone, Transfer


def test_the_step_that_still_runs_is_shown() -> None:
    """Of two at once the one that began last; when that is done, the other one."""
    work = Work("app", "build", 0.0)
    work.take(Step("app", 1, 3, "[1/3] FROM x", cached=True), 0)
    assert work.doing(0) == ["step 1/3 FROM x"]
    work.take(Step("app", 2, 3, "[2/3] RUN make"), 0)
    work.take(Step("app", 3, 3, "[3/3] RUN sleep"), 0)
    assert work.doing(0) == ["step 3/3 RUN sleep"]
    work.take(StepDone("app", 3, 3, 1.0), 1)
    assert work.doing(1) == ["step 2/3 RUN make"]
    work.take(StepDone("app", 2, 3, 1.0), 1)
    assert work.doing(1) == ["step 3/3 RUN sleep"]


def test_a_new_step_has_printed_nothing() -> None:
    """What the one before printed or fetched is none of its own."""
    work = Work("app", "build", 0.0)
    work.take(Step("app", 1, 2, "[1/2] FROM x"), 0)
    work.take(Transfer("app", 5_000_000, 10_000_000), 0)
    work.take(Output("app", "\x1b[32mhalf\x1b[0m"), 0)
    assert work.line == "half"
    assert work.doing(2)[0] == "step 1/2 FROM x  5.0 MB of 10 MB, 0 B/s"
    work.take(Step("app", 2, 2, "[2/2] RUN y"), 3)
    assert (work.line, work.doing(3)) == ("", ["step 2/2 RUN y"])


def test_a_rate_is_of_late() -> None:
    """What was fast a minute ago says nothing now."""
    moved = Moved()
    moved.take(0, 100_000_000, 0.0)
    moved.take(50_000_000, 100_000_000, 1.0)
    assert moved.rate(1.0) == 50_000_000
    for second in range(2, 20):
        moved.take(50_000_000 + second * 1000, 100_000_000, float(second))
    assert moved.rate(19.0) == pytest.approx(1000)
    assert moved.rate(19.0 + WINDOW) == pytest.approx(500)  # silent since
    assert moved.left(19.0) == pytest.approx((50_000_000 - 19_000) / 1000)


def test_nobody_knows_a_rate_before_a_second_is_over() -> None:
    """Nor what is left while nobody knows the end."""
    moved = Moved()
    assert (moved.rate(5.0), moved.left(5.0), moved.texts(5.0)) == (None, None, [])
    moved.take(1000, 0, 5.0)
    assert (moved.rate(5.5), moved.texts(5.5)) == (None, ["1.0 kB"])
    moved.take(3000, 0, 7.0)
    assert (moved.texts(7.0), moved.left(7.0)) == (["3.0 kB, 1.0 kB/s", "3.0 kB"], None)


def test_history_is_believed_before_a_rate() -> None:
    """A rate knows nothing of what comes after the last byte, such as unpacking."""
    for expected, clock in ((200.0, "0:10 of about 3:20"), (None, "0:10 of about 0:20")):
        work = Work("base", "pull", 0.0, expected)
        work.take(Transfer("base", 0, 10_000_000), 0.0)
        work.take(Transfer("base", 5_000_000, 10_000_000), 10.0)
        assert work.clock(10.0) == clock


def test_what_it_came_to_is_an_average() -> None:
    """Over the whole time; nothing where nothing was moved, as for a layer that was there."""
    moved = Moved()
    assert moved.whole(3.0) == ""
    moved.take(355_000_000, 355_000_000, 43.0)
    assert moved.whole(43.0) == "355 MB, 8.3 MB/s"
