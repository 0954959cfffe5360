"""The report of a refresh: read on a telephone by whoever was paged, and by programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from layers.lock.update import Moved
from layers.refresh.image_diff import LayerChange, PackageChange
from layers.refresh.markdown import as_markdown
from layers.refresh.report import BaseReport, Gone, RefreshReport, as_json, verdict
from layers.report.markdown import code, fenced, plain
from layers.report.report import summarized

OLD, NEW = "sha256:" + "0123456789ab" + "0" * 52, "sha256:" + "ba9876543210" + "0" * 52
KEYS = ("xxh3-" + "1" * 32, "xxh3-" + "2" * 32)

WHOLE = RefreshReport(
    moment="2024-05-01T03:00:00Z",
    upstreams=(Moved("debian:12", "linux/amd64", OLD, NEW),),
    gone=(
        Gone("nvidia/cuda:12.1", "linux/amd64", OLD, f"r.example/p/upstream/nvidia/cuda@{OLD}"),
        Gone("node:18-alpine", "linux/amd64", OLD, ""),
    ),
    bases=(
        BaseReport("base-node", "unchanged"),
        BaseReport(
            "base-gpu",
            "failed",
            reasons=("probe: its output changed",),
            failure="smoke test `python -c 'import torch'` ended with 1\n"
            "Traceback:\n  ImportError: ```libcudart```",
            old_key=KEYS[0],
            old_digest=OLD,
            epoch=2,
            seconds=65,
        ),
        BaseReport(
            "base-python",
            "refreshed",
            reasons=("debian:12 moved", "probe: its output changed"),
            old_key=KEYS[0],
            new_key=KEYS[1],
            old_digest=OLD,
            new_digest=NEW,
            epoch=3,
            packages=(
                PackageChange("dpkg", "libssl3", "3.0.11-1", "3.0.13-1"),
                PackageChange("dpkg", "old|pipe", "1", ""),
                PackageChange("pip", "new", "", "2.0"),
            ),
            old_size=120_000_000,
            new_size=132_000_000,
            layers=(
                LayerChange("FROM debian", 100_000_000, 100_000_000),
                LayerChange("RUN apt-get install | tee log", 20_000_000, 32_000_000),
                LayerChange("COPY gone", 4_000, None),
            ),
            seconds=200,
            rebuild=("pose-service", "backend-api"),
            warnings=("grew by 10 % since yesterday",),
        ),
        BaseReport("base-web", "same content", reasons=("debian:12 moved",), seconds=20),
    ),
    seconds=291,
)

GOLDEN = """\
# Base refresh: base-gpu failed, base-python refreshed, base-web built again, same content, \
1 base unchanged, 2 upstreams gone

2024-05-01T03:00:00Z, 4:51 min

**Lock and tags of what failed are as they were.**

- `base-gpu`: smoke test \\`python -c 'import torch'\\` ended with 1

  ````
  Traceback:
    ImportError: ```libcudart```
  ````

## Upstreams

| Upstream | Platform | Old | New |
| --- | --- | --- | --- |
| `debian:12` | `linux/amd64` | `sha256:0123456789ab` | `sha256:ba9876543210` |

- `nvidia/cuda:12.1` (linux/amd64) is gone from its registry; pinned is `sha256:0123456789ab`, \
builds take it from `r.example/p/upstream/nvidia/cuda`

- `node:18-alpine` (linux/amd64) is gone from its registry; pinned is `sha256:0123456789ab`, \
**there is no copy**

## `base-gpu`: failed

- Why: probe: its output changed
- Epoch 2
- Took 1:05 min

## `base-python`: refreshed

- Why: debian:12 moved; probe: its output changed
- Warning: grew by 10 % since yesterday
- Must rebuild: `pose-service`, `backend-api`
- Size: 120 MB → 132 MB (+12 MB, +10.0%)
- Key: `xxh3-11111111111111111111111111111111` → `xxh3-22222222222222222222222222222222`
- Digest: `sha256:0123456789ab` → `sha256:ba9876543210`
- Epoch 3
- Took 3:20 min

| Package | Old | New | Manager |
| --- | --- | --- | --- |
| `libssl3` | `3.0.11-1` | `3.0.13-1` | dpkg |
| `old\\|pipe` | `1` | removed | dpkg |
| `new` | added | `2.0` | pip |

| Layer | Old | New | Delta |
| --- | --- | --- | --- |
| `RUN apt-get install \\| tee log` | 20 MB | 32 MB | +12 MB |
| `COPY gone` | 4.0 kB | – | −4.0 kB |

## `base-web`: same content

- Why: debian:12 moved
- Took 20 s

Unchanged: `base-node`
"""


def test_a_whole_report() -> None:
    """The verdict, what failed and why, then each base; nothing from outside makes markup."""
    assert as_markdown(WHOLE) == GOLDEN


def test_a_quiet_night_is_three_lines() -> None:
    """Nobody reads more of it."""
    bases = (BaseReport("a", "unchanged"), BaseReport("b", "unchanged"))
    report = RefreshReport("2024-05-01T03:00:00Z", bases=bases, seconds=3.2)
    assert as_markdown(report) == (
        "# Base refresh: 2 bases unchanged\n\n2024-05-01T03:00:00Z, 3.2 s\n\nUnchanged: `a`, `b`\n"
    )
    assert not report.failed


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (RefreshReport(""), "no base to refresh"),
        (RefreshReport("", failures=("r.example: no registry answers",)), "refresh failed"),
        (RefreshReport("", bases=(BaseReport("a", "refreshed"),)), "a refreshed"),
        (
            RefreshReport("", bases=tuple(BaseReport(n, "refreshed") for n in "abc")),
            "a, b and c refreshed",
        ),
        (
            RefreshReport("", bases=tuple(BaseReport(n, "failed") for n in "abcd")),
            "4 bases failed",
        ),
        (WHOLE, GOLDEN.splitlines()[0].partition(": ")[2]),
    ],
)
def test_the_verdict_is_one_sentence_with_failures_first(
    report: RefreshReport, expected: str
) -> None:
    """It is the title of the report and the last line of the command."""
    assert verdict(report) == expected
    assert report.failed == ("failed" in expected)


def test_a_failure_of_no_base_is_told_with_its_reason() -> None:
    """As when a registry does not answer."""
    text = as_markdown(RefreshReport("", failures=("r.example: no registry answers",)))
    assert "- r.example: no registry answers\n" in text


def test_long_tables_are_folded_and_very_long_ones_cut() -> None:
    """A telephone shows what matters first, and GitHub takes no more than a megabyte."""
    packages = tuple(PackageChange("dpkg", f"p{n}", "1", "2") for n in range(300))
    text = as_markdown(RefreshReport("", bases=(BaseReport("a", "refreshed", packages=packages),)))
    head, folded = text.split("<details><summary>300 packages changed</summary>\n\n")
    assert "| Package |" not in head
    table, end = folded.split("\n\nand 100 more\n\n")
    assert len(table.splitlines()) == 202
    assert end == "</details>\n"


def test_a_report_fits_into_a_pull_request() -> None:
    """Tables give way first; what failed is still told."""
    packages = tuple(PackageChange("dpkg", f"p{n}", "1" * 90, "2" * 90) for n in range(300))
    log = "\n".join(["smoke failed", *["x" * 999] * 99])
    bases = [BaseReport(f"base-{n}", "refreshed", packages=packages) for n in range(9)]
    bases.append(BaseReport("bad", "failed", failure=log))
    text = as_markdown(RefreshReport("", bases=tuple(bases)))
    assert 20_000 < len(text) < 65_536
    assert "- `bad`: smoke failed" in text
    assert text.count("and 290 more") == 9


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a  b\nc", "a b c"),
        ("<b>|*_`~[x]\\", "&lt;b&gt;\\|\\*\\_\\`\\~\\[x\\]\\\\"),
        ("@team fixes #12 & more", "&#64;team fixes &#35;12 &amp; more"),
    ],
)
def test_plain_text_makes_no_markup(text: str, expected: str) -> None:
    """And calls nobody, and links to no issue."""
    assert plain(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("a|b", "`a\\|b`"),
        ("a`b", "``a`b``"),
        ("`", "`` ` ``"),
        ("a\nb", "`a b`"),
    ],
)
def test_code_spans_hold_whatever_they_hold(text: str, expected: str) -> None:
    """In a table's cell too."""
    assert code(text) == expected


def test_a_log_cannot_leave_its_fence() -> None:
    """Its fence is longer than any run of backticks in it."""
    assert fenced(["a", "````"]) == "  `````\n  a\n  ````\n  `````"


def test_programs_get_the_fields_by_their_names() -> None:
    """With the verdict, and whether anything failed; it survives JSON."""
    told = json.loads(json.dumps(as_json(WHOLE)))
    assert (told["version"], told["failed"]) == (1, True)
    assert told["upstreams"] == [
        {"name": "debian:12", "platform": "linux/amd64", "old": OLD, "new": NEW}
    ]
    base = told["bases"][2]
    assert (base["image"], base["outcome"], base["epoch"]) == ("base-python", "refreshed", 3)
    assert base["packages"][0] == {
        "manager": "dpkg",
        "name": "libssl3",
        "old": "3.0.11-1",
        "new": "3.0.13-1",
    }
    assert base["layers"][2] == {"created_by": "COPY gone", "old": 4000, "new": None}


def test_on_ci_it_is_added_to_the_job_s_summary(tmp_path: Path) -> None:
    """After what other steps wrote; elsewhere nothing is written."""
    file = tmp_path / "summary.md"
    file.write_text("before\n")
    with summarized("doit refresh", {"GITHUB_STEP_SUMMARY": str(file)}) as summary:
        assert summary is not None
        summary.instead(as_markdown(WHOLE))
    assert file.read_text() == f"before\n{GOLDEN}\n"
    with summarized("doit refresh", {}) as nobody:
        assert nobody is None
