"""Profiles that are laid over another one."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.config.faults import SpecError
from layers.config.variants import spread
from tests.unit.config.specs import HEAD, TWO, spec

OVER = (
    TWO
    + """\
[profiles.low]
registry = "low.example"
builder = "lower"
upstream = { "a:1" = "b:1", "c:1" = "d:1" }
[profiles.low.images.pose]
network = "host"
args = { A = "low", B = "low" }
[profiles.low.images.sys]
rootfs.suite = "bookworm"
[profiles.low.stacks.s]
compose = ["low.yaml"]
[profiles.high]
extends = "low"
builder = "higher"
upstream = { "a:1" = "e:1" }
[profiles.high.images.pose]
args = { B = "high" }
[profiles.high.images.sys]
probe = "apt"
"""
)


def faults(text: str, profile: str | None = None) -> list[str]:
    """The messages of all faults."""
    with pytest.raises(SpecError) as caught:
        spec(text, profile=profile)
    return str(caught.value).removeprefix("error: ").split("\nerror: ")


def test_a_profile_has_what_the_one_below_says_and_says_more() -> None:
    """Its own word counts; what it is silent about is as below."""
    low, high = spec(OVER, profile="low"), spec(OVER, profile="high")
    assert (low.registry, high.registry) == ("low.example", "low.example")
    assert (low.images["pose"].builder, high.images["pose"].builder) == ("lower", "higher")
    assert list(low.upstream.values()) == ["b:1", "d:1"]
    assert list(high.upstream.values()) == ["e:1", "d:1"]
    assert high.images["pose"].args == {"A": "low", "B": "high"}
    assert high.images["pose"].network == "host"
    assert (low.images["sys"].probe, high.images["sys"].probe) == ("", "apt")
    assert high.images["sys"].rootfs == low.images["sys"].rootfs
    assert high.stacks == low.stacks
    assert (low.profile, high.profile) == ("low", "high")


def test_the_profile_below_does_not_know_of_the_one_above() -> None:
    """Taking the upper one away changes nothing below."""
    alone = spec(OVER[: OVER.index("[profiles.high]")], profile="low")
    assert spec(OVER, profile="low").images == alone.images


def test_a_value_is_found_in_the_profile_that_said_it_last() -> None:
    """For whoever tells where an image's value comes from."""
    found = spec(OVER, profile="high")
    rows = OVER.splitlines()

    def said(*keys: str) -> str:
        return rows[(found.line(*keys) or 0) - 1]

    assert said("pose", "args", "B") == 'args = { B = "high" }'
    assert said("pose", "network") == 'network = "host"'
    assert said("sys", "rootfs") == 'rootfs.suite = "bookworm"'
    assert said("base", "context") == 'context = "b"'
    lines = [found.upstream_line(name) or 0 for name in found.upstream]
    assert [rows[line - 1] for line in lines] == [
        'upstream = { "a:1" = "e:1" }',
        'upstream = { "a:1" = "b:1", "c:1" = "d:1" }',
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '[profiles.p]\nextends = "lo"\n[profiles.low]\n',
            "8: profiles.p.extends: no profile 'lo' (did you mean 'low'?)\n"
            "  other profiles here: low",
        ),
        (
            '[profiles.p]\nextends = "x"\n',
            "8: profiles.p.extends: no profile 'x'\n  there is no other",
        ),
        ('[profiles.p]\nextends = "p"\n', "8: profiles.p.extends: a profile cannot extend itself"),
        (
            '[profiles.a]\nextends = "b"\n[profiles.b]\nextends = "c"\n[profiles.c]\n',
            "8: profiles.a.extends: 'b' extends 'c' itself, and one step is the most\n"
            "  extend 'c' and repeat here what 'b' says",
        ),
        ('[profiles.p]\nextends = ["low"]\n', "8: profiles.p.extends: expected a string, found"),
        ('[profiles.p]\nextends = "Low"\n', "8: profiles.p.extends: expected lower-case letters"),
        (
            '[profiles.p]\nextends = "low"\nimages.ne.push = true\n'
            "[profiles.low.images.new]\ncontext = 'n'\n",
            "9: profiles.p.images.ne: no image 'ne' (did you mean 'new'?)\n  an image that only",
        ),
        (
            '[profiles.p]\nextends = "low"\nimages.new.rootfs.suite = "x"\n'
            "[profiles.low.images.new]\ncontext = 'n'\n",
            "9: profiles.p.images.new: expected exactly one of 'context', 'rootfs', found",
        ),
        (
            '[profiles.p]\nextends = "low"\nimages.pose.push = true\n'
            "[profiles.low.images.pose]\nrootfs.suite = 'n'\n",
            "10: profiles.low.images.pose: expected exactly one of 'context', 'rootfs', found",
        ),
    ],
)
def test_what_is_wrong_is_told_once_where_it_stands(text: str, expected: str) -> None:
    """With no profile chosen, too; nothing of it is told again of the profile above."""
    (message,) = faults(TWO + text)
    assert message.startswith(f"images.toml:{expected}"), message


@pytest.mark.parametrize(
    ("low", "expected"),
    [
        ("images.pose.context = '..'", "9: profiles.low.images.pose.context: '..' leads out"),
        ("registry = 'me/x'", "9: profiles.low.registry: 'me/x' is no host"),
        ("upstream.node = 'bas'", "9: profiles.low.upstream.node: no image 'bas' (did you mean"),
        ("repository = '{x}'", "9: profiles.low.repository: unknown placeholder"),
    ],
)
def test_a_value_from_below_that_is_wrong_is_told_there(low: str, expected: str) -> None:
    """Line and path are those of the table that holds it."""
    above = "[profiles.p]\nextends = 'low'\n"
    text = f"{TWO}[profiles.low]\n\n{low}\n{above}"
    (message,) = faults(text, profile="p")
    assert message.startswith(f"images.toml:{expected}"), message


def test_a_variant_is_changed_by_both_profiles_the_upper_one_last() -> None:
    """Each says first what all variants have, then what one has; the whole lower one is below."""
    text = HEAD + (
        "[images.v]\ncontext = 'c'\n[images.v.variants.a]\n[images.v.variants.b]\n"
        "[profiles.low.images.v]\nargs = { A = 'low' }\n"
        "[profiles.low.images.v-b]\nargs = { A = 'low b' }\n"
        "[profiles.high]\nextends = 'low'\n"
        "[profiles.high.images.v]\nargs = { A = 'high' }\n"
    )
    images = spec(text, profile="high").images
    assert {name: image.args["A"] for name, image in images.items()} == {
        "v-a": "high",
        "v-b": "high",
    }


_SAID = st.dictionaries(
    st.sampled_from(["a", "b", "new"]),
    st.dictionaries(st.sampled_from(["push", "network"]), st.integers(0, 3)),
)


@given(_SAID, _SAID)
def test_two_profiles_are_one_after_the_other(low: dict[str, Any], high: dict[str, Any]) -> None:
    """Laid on together, or the upper one on what the lower one gave."""
    images: dict[str, Any] = {"a": {"context": "a"}, "b": {"context": "b", "push": 9}}
    both = spread(images, [low, high])
    assert both == spread(spread(images, [low]), [high])
    for name, key in itertools.product(both, ("push", "network")):
        told = [each[name][key] for each in (images, low, high) if key in each.get(name, {})]
        assert both[name].get(key) == (told[-1] if told else None)
