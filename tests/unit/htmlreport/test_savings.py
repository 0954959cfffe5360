"""Savings: what pulls cost less than builds."""

from __future__ import annotations

from layers.htmlreport.findings import Work
from layers.htmlreport.savings import Hit, hits, saved, times


def works(*rows: tuple[str, str, float, bool]) -> list[Work]:
    return [
        Work(float(at), layer, does, "k", s, ok) for at, (layer, does, s, ok) in enumerate(rows)
    ]


def test_a_pull_saves_what_a_build_usually_takes_more() -> None:
    """By the median of the last builds; what was never built here saves nobody knows what."""
    found = hits(
        works(
            ("base", "build", 1000.0, False),
            ("base", "build", 100.0, True),
            ("base", "build", 300.0, True),
            ("base", "build", 110.0, True),
            ("base", "pull", 10.0, True),
            ("base", "pull", 30.0, True),
            ("base", "pull", 5.0, False),
            ("tool", "pull", 9.0, True),
            ("base", "push", 7.0, True),
        )
    )
    assert found == (Hit("base", 2, 40.0, 180.0), Hit("tool", 1, 9.0, None))
    assert saved(found) == 180.0


def test_a_pull_that_takes_longer_than_a_build_saves_less_than_nothing() -> None:
    """That is told, not hidden."""
    found = hits(works(("app", "build", 2.0, True), ("app", "pull", 9.0, True)))
    assert found[0].saved == -7.0


def test_without_a_known_build_no_sum_is_told() -> None:
    """0 s would be a claim."""
    assert saved(hits(works(("tool", "pull", 9.0, True)))) is None
    assert saved(()) is None


def test_what_another_machine_did_counts_where_nothing_was_done_here() -> None:
    """Its builds tell what a pull saves; its pulls saved nothing here."""
    far = Work(0.0, "base", "build", "", 500.0, True)
    pull = Work(3.0, "base", "pull", "k", 20.0, True)
    assert hits([far, pull, pull._replace(key="")]) == (Hit("base", 1, 20.0, 480.0),)
    near = Work(1.0, "base", "build", "k", 100.0, True)
    assert hits([far, near, pull]) == (Hit("base", 1, 20.0, 80.0),)


def test_failed_builds_are_counted_apart() -> None:
    """A layer that never succeeded has no usual time; the slowest stands first."""
    found = times(
        works(
            ("app", "build", 2.0, False),
            ("base", "rootfs", 50.0, True),
            ("base", "build", 60.0, True),
            ("base", "build", 1.0, False),
        )
    )
    assert [(each.layer, each.usual, each.failed) for each in found] == [
        ("base", 55.0, 1),
        ("app", None, 1),
    ]
