"""What a clean-up lets go: the rule, a branch at a time, and the laws that hold for all of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from layers.gc.item import Found, Place, kind, recorded, subject
from layers.gc.roots import Roots
from layers.gc.sweep import DAY, Sweep, make_sweep
from layers.oci.digest import Digest

NOW = 1_000_000.0
REPOSITORY = "127.0.0.1:5000/shop/app"


def key(number: int) -> str:
    """A key."""
    return f"xxh3-{number:032x}"


def digest(number: int) -> Digest:
    """A digest."""
    return Digest(f"sha256:{number:064x}")


def image(number: int, *tags: str, **more: object) -> Found:
    """An image in the registry, the younger the higher its number, with a blob of its own."""
    given: dict[str, object] = {
        "tags": tags or (key(number),),
        "layer": "app",
        "key": key(number),
        "platform": "linux/amd64",
        "created": float(number),
        "parts": {"common": 1000, f"own {number}": number},
    }
    return Found("registry", REPOSITORY, digest(number), **{**given, **more})  # type: ignore[arg-type]  # a table of fields


def sweep(*things: Found, roots: Roots | None = None, keep: int = 1) -> Sweep:
    """The sweep of these things."""
    return make_sweep(things, roots or Roots(), keep=keep, now=NOW)


def gone(result: Sweep) -> list[int]:
    """Numbers of what goes."""
    return [int(str(each.found.digest)[7:], 16) for each in result.goes]


def why(result: Sweep, number: int) -> str:
    """Why something stays."""
    return next(each.reason for each in result.stays if each.found.digest == digest(number))


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        (key(1), "key"),
        (f"blake3-{1:064x}", "key"),
        (f"xxh3-{1:031x}", "moving"),
        (f"{key(1)}-arm64", "moving"),
        (f"claim-{key(1)}", "claim"),
        ("claim-me", "moving"),
        (f"sha256-{1:064x}", "attachment"),
        (f"sha256-{1:064x}.sig", "attachment"),
        (f"sha256-{1:063x}", "moving"),
        (f"layer-{1:064x}", "record"),
        (f"layer-{1:063x}", "moving"),
        ("layer-cake", "moving"),
        ("latest", "moving"),
        ("v1.2", "moving"),
    ],
)
def test_a_tag_says_what_it_is_for(tag: str, expected: str) -> None:
    """Keys, claims and attachments are known by their form; all else was given by people."""
    assert kind(tag) == expected
    assert (subject(tag) is not None) == (expected == "attachment")
    assert (recorded(tag) is not None) == (expected == "record")


def test_the_newest_keys_of_a_layer_stay() -> None:
    """As many as asked for, by the time when they were made."""
    assert gone(sweep(image(1), image(3), image(2), keep=2)) == [1]
    assert gone(sweep(image(1), image(3), image(2), keep=0)) == [1, 3, 2]


@pytest.mark.parametrize(
    "other",
    [{"layer": "app:deps"}, {"platform": "linux/arm64"}, {"place": "engine"}],
    ids=["layer", "platform", "place"],
)
def test_each_layer_platform_and_place_is_counted_by_itself(other: dict[str, str]) -> None:
    """An image for another machine pushes none of this machine's out."""
    assert gone(sweep(image(1), replace(image(2), **other))) == []  # type: ignore[arg-type]  # a table


def test_what_a_lock_names_stays_by_key_or_by_digest() -> None:
    """Whatever the lock's version looks like: its text is enough."""
    lock = f'<<<<<<< HEAD\n[base.app."linux/amd64"]\nkey = "{key(1)}"\nold = "{digest(2)}"\n'
    result = sweep(image(1), image(2), image(3), image(4), roots=Roots().with_text(lock, "locked"))
    assert gone(result) == [3]
    assert (why(result, 1), why(result, 2)) == ("locked", "locked")


def test_an_image_behind_a_tag_of_peoples_stays() -> None:
    """A deletion takes all tags of a digest along."""
    result = sweep(image(1, key(1), "v1.2"), image(2))
    assert why(result, 1) == "a tag that people use points at it"


def test_a_local_image_with_a_name_of_others_stays() -> None:
    """What somebody tagged is theirs."""
    mine = replace(image(1), place="engine", elsewhere=("theirs:1",))
    assert gone(sweep(mine, replace(image(2), place="engine"))) == []


def test_an_image_without_a_name_goes_unless_a_container_has_it() -> None:
    """It cannot be found by its key."""
    nameless = replace(image(9), place="engine", tags=())
    assert gone(sweep(nameless)) == [9]
    assert gone(sweep(nameless, roots=Roots().with_digests([digest(9)], "in use"))) == []


def test_what_belongs_to_an_image_goes_and_stays_with_it() -> None:
    """The list of what is attached has a tag of its own."""
    old = image(11, f"sha256-{1:064x}", key="", below=(digest(21),))
    new = image(12, f"sha256-{2:064x}", key="", below=(digest(22),))
    result = sweep(image(1), image(2), old, new)
    assert gone(result) == [1, 11]
    assert result.goes[1].below == (digest(21),)


def test_a_part_of_an_index_that_stays_is_not_deleted() -> None:
    """Even if it has an old key for a tag itself."""
    index = image(5, "v1", key="", below=(digest(1),))
    assert gone(sweep(index, image(1), image(2))) == []
    shared = image(3, below=(digest(1), digest(7)))
    assert sweep(index, shared, image(4)).goes[0].below == (digest(7),)


def record(number: int, layer: int, *tags: str, **more: object) -> Found:
    """The record of a filesystem layer."""
    own = (f"layer-{layer:064x}", *tags)
    return image(number, *own, key="", record=digest(layer), parts={"record": 1}, **more)


def test_a_record_goes_with_the_last_image_that_has_its_layer() -> None:
    """Whatever else the image is: kept for its key, its tag, or since it is not ours."""
    old = image(1, parts={digest(7).text: 1})
    new = image(2, parts={digest(8).text: 1})
    result = sweep(old, new, record(11, 7), record(12, 8))
    assert gone(result) == [1, 11]
    assert why(result, 12) == "it tells what is in a layer of an image that stays"
    for kept in (replace(old, tags=("v1",)), replace(old, doubt="theirs")):
        assert gone(sweep(kept, new, record(11, 7))) == []
    assert gone(sweep(replace(old, repository="127.0.0.1:5000/shop/x"), record(11, 7))) == [11]
    assert gone(sweep(replace(old, place="engine"), record(11, 7))) == [11]


def test_a_record_with_another_name_stays() -> None:
    """One that people gave it, or one of a layer that it is not of."""
    for tag in ("v1", f"layer-{8:064x}"):
        assert gone(sweep(record(11, 7, tag))) == []
    assert gone(sweep(record(11, 7, doubt="theirs"))) == []


def test_an_image_that_somebody_called_like_a_record_stays() -> None:
    """Its manifest is that of an image."""
    assert gone(sweep(image(1, f"layer-{7:064x}", key=""), image(2))) == []


def test_a_claim_goes_after_a_day_and_guards_its_key_till_then() -> None:
    """Whoever is pushing a key will want what is under it."""
    claim = image(9, f"claim-{key(1)}", key="", created=NOW - DAY + 1)
    assert gone(sweep(claim, image(1), image(2))) == []
    assert gone(sweep(replace(claim, created=NOW - DAY), image(1), image(2))) == [9, 1]


def test_copies_of_an_upstream_are_counted_by_its_tag() -> None:
    """Debian 11 and 12 share a repository."""
    old = image(1, "12-amd64-000000000001", key="", mirror=True)
    new = image(2, "12-amd64-000000000002", key="", mirror=True)
    other = image(0, "11-amd64-000000000003", key="", mirror=True)
    assert gone(sweep(old, new, other)) == [1]
    assert gone(sweep(old, new, roots=Roots().with_digests([digest(1)], "locked"))) == []


def test_what_could_not_be_judged_stays() -> None:
    """A doubt is a reason."""
    assert why(sweep(image(1, doubt="who knows"), image(2)), 1) == "who knows"


def test_bytes_that_others_need_are_not_freed() -> None:
    """What only those share that go is counted once."""
    assert sweep(image(1), image(2)).size("registry") == 1
    assert sweep(image(1), image(2), keep=0).size("registry") == 1003


# -- laws --------------------------------------------------------------------------------------

KEYS = st.integers(1, 6)


@st.composite
def things(draw: st.DrawFn) -> list[Found]:
    """A repository as it may have become over time."""
    found = []
    for number in draw(st.lists(st.integers(1, 14), unique=True, max_size=9)):
        tag = draw(
            st.sampled_from(
                [(key(number),)] * 4
                + [(), ("latest",), (key(number), "v1")]
                + [(f"sha256-{draw(st.integers(1, 14)):064x}",), (f"claim-{key(draw(KEYS))}",)]
            )
        )
        below = draw(st.lists(st.integers(1, 20).map(digest), max_size=2, unique=True))
        place: Place = draw(st.sampled_from(["engine", "registry"]))
        found.append(
            image(
                number,
                tags=tag,
                layer=draw(st.sampled_from(["app", "app:deps"])),
                created=draw(st.sampled_from([1.0, 2.0, 3.0, NOW - 5])),
                below=tuple(below) if place == "registry" else (),
                mirror=draw(st.integers(0, 9)) == 0,
                parts={str(part): part for part in draw(st.sets(st.integers(1, 5)))},
            )
        )
        found[-1] = replace(found[-1], place=place)
    return found


@st.composite
def reaches(draw: st.DrawFn) -> Roots:
    """What is needed."""
    keys = draw(st.sets(st.integers(1, 14).map(key), max_size=3))
    digests = draw(st.sets(st.integers(1, 14).map(digest), max_size=3))
    return Roots().with_keys(keys, "needed").with_digests(digests, "needed")


def counts(each: Found) -> bool:
    """Whether it is one of those that the newest are taken from."""
    keyed = bool(each.keys) or each.mirror
    return bool(each.tags) and keyed and not each.subjects and not each.claims


def unharmed(there: list[Found], roots: Roots, keep: int, result: Sweep) -> bool:
    """The law, told without the rule: whoever needed something finds all of it afterwards."""
    deleted = {
        (each.found.place, one) for each in result.goes for one in (each.found.digest, *each.below)
    }
    for each in there:
        needed = bool(roots.why(each)) and not each.claims
        moving = bool(each.moving) and not each.claims
        newer = [
            other
            for other in there
            if other.line == each.line
            and counts(other)
            and (-other.created, other.digest) < (-each.created, each.digest)
        ]
        newest = counts(each) and len(newer) < keep
        if (needed or moving or newest) and any(
            (each.place, one) in deleted for one in (each.digest, *each.below)
        ):
            return False
    return True


@settings(max_examples=150, deadline=None)
@given(things(), reaches(), st.integers(0, 3))
def test_nothing_that_is_needed_goes(there: list[Found], roots: Roots, keep: int) -> None:
    """Nor anything that it consists of."""
    assert unharmed(there, roots, keep, make_sweep(there, roots, keep=keep, now=NOW))


@settings(max_examples=150, deadline=None)
@given(things(), reaches(), st.integers(0, 3))
def test_each_thing_is_judged_once(there: list[Found], roots: Roots, keep: int) -> None:
    """It goes or stays."""
    result = make_sweep(there, roots, keep=keep, now=NOW)
    assert sorted(
        [each.found.digest for each in result.goes] + [each.found.digest for each in result.stays]
    ) == sorted(each.digest for each in there)
    freed = {
        (each.place, part)
        for each in there
        if all(each is not one.found for one in result.stays)
        for part in each.parts
    } - {(one.found.place, part) for one in result.stays for part in one.found.parts}
    assert sum(each.size for each in result.goes) == sum(int(part) for _, part in freed)


@settings(max_examples=150, deadline=None)
@given(things(), reaches(), st.integers(0, 3))
def test_twice_is_once(there: list[Found], roots: Roots, keep: int) -> None:
    """What stayed stays, as long as nothing else happens."""
    first = make_sweep(there, roots, keep=keep, now=NOW)
    second = make_sweep([each.found for each in first.stays], roots, keep=keep, now=NOW)
    assert not second.goes


@settings(max_examples=150, deadline=None)
@given(things(), reaches(), st.integers(0, 3), st.sets(st.integers(1, 7)))
def test_a_record_stays_just_as_long_as_an_image_with_its_layer(
    there: list[Found], roots: Roots, keep: int, layers: set[int]
) -> None:
    """And changes nothing of what becomes of images."""
    images = [
        replace(each, parts={digest(int(part)).text: size for part, size in each.parts.items()})
        for each in there
    ]
    records = [record(100 + layer, layer) for layer in sorted(layers)]
    result = make_sweep([*records, *images], roots, keep=keep, now=NOW)
    had = {
        part for each in result.stays if each.found.place == "registry" for part in each.found.parts
    }
    kept = {each.found.record for each in result.stays if each.found.record}
    assert {one.text for one in kept} == {digest(one).text for one in layers} & had
    alone = make_sweep(images, roots, keep=keep, now=NOW)
    assert alone.goes == tuple(each for each in result.goes if not each.found.record)


def _forgets_needs(there: list[Found], roots: Roots, keep: int) -> Sweep:
    return make_sweep(there, Roots(), keep=keep, now=NOW)


def _keeps_too_few(there: list[Found], roots: Roots, keep: int) -> Sweep:
    return make_sweep(there, roots, keep=max(0, keep - 1), now=NOW)


def _ignores_parts(there: list[Found], roots: Roots, keep: int) -> Sweep:
    blind = [replace(each, below=()) for each in there]
    return make_sweep(blind, roots, keep=keep, now=NOW)


def _ignores_moving_tags(there: list[Found], roots: Roots, keep: int) -> Sweep:
    blind = [
        replace(each, tags=tuple(tag for tag in each.tags if tag not in each.moving))
        for each in there
    ]
    return make_sweep(blind, roots, keep=keep, now=NOW)


@pytest.mark.parametrize(
    "broken", [_forgets_needs, _keeps_too_few, _ignores_parts, _ignores_moving_tags]
)
def test_the_law_catches_a_broken_twin(
    broken: Callable[[list[Found], Roots, int], Sweep],
) -> None:
    """A law that nothing can break proves nothing."""
    worlds = st.tuples(things(), reaches(), st.integers(0, 3))

    def harmed(world: tuple[list[Found], Roots, int]) -> bool:
        there, roots, keep = world
        return not unharmed(there, roots, keep, broken(there, roots, keep))

    try:
        find(
            worlds,
            harmed,
            settings=settings(
                max_examples=2000, deadline=None, database=None, phases=[Phase.generate]
            ),
        )
    except NoSuchExample:
        pytest.fail("the law did not notice")
