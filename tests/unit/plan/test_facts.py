"""Facts: sizes, ages and times come from what was told by the way, and add up."""

from __future__ import annotations

import pytest

from hashes.key import Hasher
from layers.graph.graph import Layer
from layers.plan.facts import Facts, Sum, add_up, unix_time
from layers.plan.plan import Step
from layers.plan.presence import parts_of
from layers.registry.registry import Registry
from tests.fakes import MemoryEngine, MemoryRegistry

KEY = Hasher().key()
BASE, DEPS, APP, TOOL = map(Layer.parse, ("base", "app:deps", "app", "tool"))


def step(layer: Layer, state: str, **more: str) -> Step:
    return Step(layer, KEY, state, (), "", True, **more)  # type: ignore[arg-type]


def test_seconds_go_along_the_longest_way() -> None:
    """What runs beside another costs nothing more; a pull that a build waits for counts."""
    steps = [step(BASE, "pull"), step(DEPS, "build"), step(APP, "build"), step(TOOL, "build")]
    known = {
        BASE: Facts(expected=30.0, blobs={"a": 5, "b": 6}),
        DEPS: Facts((BASE,), expected=100.0),
        APP: Facts((DEPS, BASE), expected=20.0),
        TOOL: Facts((BASE,), expected=90.0),
    }
    assert add_up(steps, known) == Sum(build=3, pull=1, seconds=150.0, bytes=11)


def test_a_part_that_two_images_share_is_pulled_once() -> None:
    """Parts are told by digest."""
    steps = [step(BASE, "pull"), step(APP, "pull")]
    known = {BASE: Facts(blobs={"a": 5}), APP: Facts((BASE,), blobs={"a": 5, "b": 6})}
    assert add_up(steps, known).bytes == 11


def test_what_nobody_knows_is_no_number() -> None:
    """Builds that were never seen, and an index whose parts the registry did not tell."""
    steps = [step(BASE, "pull"), step(DEPS, "build"), step(APP, "build")]
    known = {BASE: Facts(blobs={}), DEPS: Facts(), APP: Facts((DEPS,))}
    assert add_up(steps, known) == Sum(build=2, pull=1, seconds=None, unknown=2, bytes=None)
    known[APP] = Facts((DEPS,), expected=9.0)
    assert add_up(steps, known) == Sum(build=2, pull=1, seconds=9.0, unknown=1, bytes=None)


def test_what_cannot_be_made_is_counted_apart() -> None:
    """With an error or without what it needs."""
    steps = [step(BASE, "error"), step(APP, "build", stuck="no model"), step(TOOL, "fresh")]
    known = {layer: Facts(expected=5.0) for layer in (BASE, APP, TOOL)}
    assert add_up(steps, known) == Sum(fresh=1, error=2)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2024-02-29T12:00:01.123456789Z", 1709208001.0),
        ("1970-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
        ("yesterday", None),
    ],
)
def test_a_moment_is_read_or_not_known(text: str, seconds: float | None) -> None:
    """Go's zero time and the epoch itself are no ages."""
    assert unix_time(text) == seconds


def test_the_parts_of_an_image_come_with_the_look_whether_they_are_there() -> None:
    """One manifest tells both; nothing more is asked."""
    registry = MemoryRegistry("registry.test")
    engine = MemoryEngine(registry)
    engine.build("registry.test/app:one", "content", {})
    digest = engine.push("registry.test/app:one", lambda _done, _total: None)
    asked: Registry = registry
    (parts,) = parts_of(asked, [("registry.test/app", digest)])
    manifest = registry.manifest("registry.test/app", digest.text)
    assert manifest is not None
    assert parts.broken is None
    assert parts.blobs == {each["digest"]: each["size"] for each in manifest.content["layers"]}
    assert sum(parts.blobs.values()) > 0
