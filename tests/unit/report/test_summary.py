"""The summary of a run below the jobs of a workflow."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from hashes.errors import LayersError
from layers.report.plain import PlainReport
from layers.report.report import heard, summarized
from layers.report.summary import Summary
from layers.runtime.events import Failed, Finished, Started, Step, StepDone, Transfer, Warned

GOLDEN = """\
# doit app: 1 failed, 1 pulled

- `app`: the build failed, `app/Dockerfile:12`
  - Step: `4/9 RUN make`
  - Command: `/bin/sh -c make`
  - Cause: a header is missing: zlib.h
  - What to do: apt-get install zlib1g-dev

  ```
  a.c:1:10: fatal error: zlib.h
  ```

| Layer | Work | Why | Time | Before | Steps run | Bytes |
| --- | --- | --- | --- | --- | --- | --- |
| `base` | pull |  | 43 s |  |  | 355 MB, 8.3 MB/s |
| `app` | **build failed** | app.py changed | 1:02 min | 3 min | 1 (1 cached) |  |

## Warnings

- app: node:18 is unpinned
"""


def test_a_run_is_summed_up() -> None:
    """What failed and why comes first, then all work, then what was warned of."""
    summary = Summary("doit app", {})
    for event in (
        Started("base", "pull"),
        Transfer("base", 355_000_000, 355_000_000),
        Started("app", "build", "app.py changed", 200.0),
        Finished("base", "pull", True, 43.0),
        Warned("node:18 is unpinned", "app"),
        Step("app", 1, 9, "[1/9] FROM x", cached=True),
        Step("app", 4, 9, "[4/9] RUN make"),
        StepDone("app", 4, 9, 1.0, ok=False),
        Finished("app", "build", False, 62.0),
        Failed(
            "app",
            "the build failed",
            "app/Dockerfile",
            12,
            step="4/9 RUN make",
            command="/bin/sh -c make",
            lines=("a.c:1:10: fatal error: zlib.h",),
            cause="a header is missing: zlib.h",
            remedy="apt-get install zlib1g-dev",
        ),
    ):
        summary(event)
    assert summary.markdown() == GOLDEN


def test_what_was_up_to_date_is_named() -> None:
    """With what a command adds of its own."""
    summary = Summary("doit up web", {})
    summary.idle(["app", "base"])
    summary.add("web", "web-1  healthy\nweb is up, 3.0 s\n")
    assert summary.markdown() == (
        "# doit up web: nothing had to be done\n\nUp to date: `app`, `base`\n\n"
        "## web\n\n```\nweb-1  healthy\nweb is up, 3.0 s\n```\n"
    )


def test_text_from_a_log_makes_no_markup() -> None:
    """Nor calls anybody."""
    summary = Summary("doit a", {})
    summary(Warned("<img src=x> @everyone #1 [x](y)"))
    summary(Failed("a", "```", lines=("```", "</details>")))
    text = summary.markdown()
    assert "&lt;img src=x&gt; &#64;everyone &#35;1 \\[x\\](y)" in text
    assert "  ````\n  ```\n  </details>\n  ````" in text


def test_it_is_written_once_however_the_run_ends(tmp_path: Path) -> None:
    """Behind what other steps wrote; what ended the run is in it."""
    file = tmp_path / "summary.md"
    file.write_text("before\n")
    env = {"GITHUB_STEP_SUMMARY": str(file)}

    def run() -> None:
        with summarized("doit app", env) as summary:
            report = heard(PlainReport(io.StringIO()), summary)
            report(Failed("app", "the build failed", "app/Dockerfile", 3))
            report.close()
            report.close()
            raise LayersError("there is no registry", hint="name one")

    with pytest.raises(LayersError):
        run()
    text = file.read_text()
    assert text.startswith("before\n# doit app: 2 failed\n")
    assert text.count("# doit app") == 1
    assert "- there is no registry\n  - Cause: name one" in text


def test_what_was_told_is_not_told_again() -> None:
    """A command that fails of its images ends with their texts, too."""
    summary = Summary("doit publish", {})
    summary(Failed("app", "the build failed", "app/Dockerfile", 3))
    summary.failed("app: the build failed\n  step    RUN false")
    assert len(summary.failures) == 1


def test_nobody_asks_for_one_elsewhere() -> None:
    """The report is as it was."""
    report = PlainReport(io.StringIO())
    with summarized("doit app", {}) as summary:
        assert summary is None
        assert heard(report, summary) is report
