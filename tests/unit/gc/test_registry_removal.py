"""Looking at the registry, and removing from it: on the real client's stand-in."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers.gc.claim_times import ClaimTimes
from layers.gc.item import Found
from layers.gc.ownership import FOREIGN, Owned, Owner, Owners
from layers.gc.registry_images import Looker, moment
from layers.gc.remove import Removal, Remover
from layers.gc.roots import Roots
from layers.gc.sweep import DAY, Sweep, make_sweep
from layers.oci.artifact import (
    INDEX_TYPE,
    MANIFEST_TYPE,
    artifact,
    descriptor,
    digest_of,
    fallback_tag,
    listing,
)
from layers.oci.digest import Digest
from layers.plan.names import LABEL_PROJECT
from layers.registry.layer_records import Shelf, store
from layers.registry.registry import RegistryError
from layers.runtime.state import StateFolder
from tests.fakes import MemoryRegistry
from tests.fakes_store import MemoryStore
from tests.unit.gc.shop import HOST, KEYS, NOW, OWNERS, REPOSITORY, digest, put_image


def attach(registry: MemoryRegistry, to: Digest) -> Digest:
    """A record of what an image was made from; where there is no API, listed under a tag."""
    registry.put_blob(REPOSITORY, b"{}")
    subject = {"mediaType": MANIFEST_TYPE, "digest": to.text, "size": 1}
    raw = artifact("application/x.inputs", subject=subject)
    entry = descriptor(MANIFEST_TYPE, raw)
    registry.put_manifest(REPOSITORY, entry["digest"], raw, MANIFEST_TYPE)
    if not registry.knows_referrers:
        registry.put_manifest(REPOSITORY, fallback_tag(to), listing([], entry), INDEX_TYPE)
    return Digest(entry["digest"])


def look(registry: MemoryRegistry, owners: Owners = OWNERS) -> tuple[Found, ...]:
    """What is found in the repository."""
    return Looker(registry, "shop", lambda _tag, _claim: NOW).look(REPOSITORY, owners)


def clean(
    registry: MemoryRegistry, state: StateFolder, keep: int = 1, roots: Roots | None = None
) -> tuple[Sweep, list[Removal]]:
    """Look, judge and remove."""
    sweep = make_sweep(look(registry), roots or Roots(), keep=keep, now=NOW)
    remover = Remover(MemoryStore, lambda: registry, state)
    return sweep, [remover.remove(each) for each in sweep.goes]


@pytest.fixture
def registry() -> MemoryRegistry:
    """A registry with three versions of one image."""
    found = MemoryRegistry(HOST)
    for number in range(3):
        put_image(found, number)
    return found


def test_the_registry_tells_key_layer_platform_and_time(registry: MemoryRegistry) -> None:
    """From the image's configuration, and bytes from its manifest."""
    found = {each.key: each for each in look(registry)}
    each = found[KEYS[1]]
    assert (each.layer, each.platform, each.tags) == ("app", "linux/amd64", (KEYS[1],))
    assert each.created == moment("2026-01-02T10:00:00Z")
    assert sum(each.parts.values()) > len("base" + "layer 1")


def test_old_keys_go_and_the_newest_is_whole(registry: MemoryRegistry, state: StateFolder) -> None:
    """And a second time there is nothing to do."""
    sweep, _ = clean(registry, state)
    assert registry.tags(REPOSITORY) == (KEYS[2],)
    held = registry.manifest(REPOSITORY, KEYS[2])
    assert held is not None
    assert registry.missing(REPOSITORY, held) == ()
    assert sweep.size("registry") > 0
    assert clean(registry, state) == (make_sweep(look(registry), Roots(), keep=1, now=NOW), [])


@pytest.mark.parametrize("api", [True, False], ids=["referrers API", "fallback tag"])
def test_what_is_attached_goes_with_its_image(
    registry: MemoryRegistry, state: StateFolder, api: bool
) -> None:
    """Nobody would ever find it again."""
    registry.knows_referrers = api
    images = (put_image(registry, 0), put_image(registry, 2))
    old, new = (attach(registry, image) for image in images)
    clean(registry, state)
    assert not registry.holds(REPOSITORY, old)
    assert registry.holds(REPOSITORY, new)
    assert len([tag for tag in registry.tags(REPOSITORY) if tag.startswith("sha256-")]) == (
        0 if api else 1
    )


def record(registry: MemoryRegistry, layer: bytes, prefix: str = "") -> str:
    """The record of a filesystem layer; its tag."""
    shelf, of = Shelf(REPOSITORY, prefix), digest_of(layer)
    store(registry, shelf, of, b"what is in " + layer)
    return shelf.tag(of)


def records(registry: MemoryRegistry) -> set[str]:
    return {tag for tag in registry.tags(REPOSITORY) if "layer-" in tag}


def test_a_record_goes_when_no_image_has_its_layer_any_more(
    registry: MemoryRegistry, state: StateFolder
) -> None:
    """What images share stays with the last of them; nothing is asked but what it is."""
    old, new, common = (record(registry, layer) for layer in (b"layer 0", b"layer 2", b"base"))
    registry.asked.clear()
    sweep, told = clean(registry, state)
    assert records(registry) == {new, common}
    assert [each.skipped for each in told] == ["", "", ""]
    assert {each.reason for each in sweep.goes if each.found.record} == {
        "no image that stays has the layer that it is of"
    }
    assert old not in registry.tags(REPOSITORY)
    asked = [what for verb, _, what in registry.asked if verb == "referrers"]
    assert len(asked) == 3  # the images
    for number in range(3):
        registry.delete(REPOSITORY, put_image(registry, number))
    clean(registry, state)
    assert records(registry) == set()


def test_a_record_of_an_image_that_is_saved_stays(
    registry: MemoryRegistry, state: StateFolder
) -> None:
    """Images are removed first."""
    kept = record(registry, b"layer 0")
    sweep = make_sweep(look(registry), Roots(), keep=1, now=NOW)
    put_image(registry, 0, "v1.0")
    remover = Remover(MemoryStore, lambda: registry, state)
    told = {each.found.tags[0]: remover.remove(each).skipped for each in sweep.goes}
    assert told[kept] == "an image with its layer is still there"
    assert records(registry) == {kept}


def test_what_somebody_called_like_a_record_stays(
    registry: MemoryRegistry, state: StateFolder
) -> None:
    """An image, and an artifact of another kind."""
    names = [f"layer-{number:064x}" for number in range(2)]
    put_image(registry, 5, names[0])
    registry.put_blob(REPOSITORY, b"{}")
    registry.put_manifest(REPOSITORY, names[1], artifact("application/x"), MANIFEST_TYPE)
    clean(registry, state)
    assert records(registry) == set(names)


def test_in_a_shared_repository_records_of_others_stay(state: StateFolder) -> None:
    """And ours as long as any image there has the layer, theirs too."""
    registry = MemoryRegistry(HOST)
    shared(registry)
    ours = [record(registry, layer, "app.") for layer in (b"layer 3", b"layer 4", b"layer 7")]
    mirrored = record(registry, b"layer 6", "up.")
    theirs = [record(registry, b"gone", prefix) for prefix in ("theirs.", "")]
    lost = record(registry, b"gone", "up.")
    sweep = make_sweep(look(registry, SHARED), Roots(), keep=1, now=NOW)
    remover = Remover(MemoryStore, lambda: registry, state)
    assert {remover.remove(each).skipped for each in sweep.goes} == {""}
    assert records(registry) == {*ours[1:], mirrored, *theirs}
    assert lost not in registry.tags(REPOSITORY)
    assert not any(each.found.mirror for each in sweep.stays if each.found.record)


def test_what_is_attached_to_an_image_without_a_tag_stays(
    registry: MemoryRegistry, state: StateFolder
) -> None:
    """Somebody may use it by its digest."""
    registry.knows_referrers = False
    record = attach(registry, put_image(registry, 5, "once"))
    registry.delete_tag(REPOSITORY, "once")
    clean(registry, state)
    assert registry.holds(REPOSITORY, record)


def test_a_tag_that_is_put_meanwhile_saves_the_image(
    registry: MemoryRegistry, state: StateFolder
) -> None:
    """Deletion takes all tags along, so each digest is looked at right before."""
    sweep = make_sweep(look(registry), Roots(), keep=1, now=NOW)
    put_image(registry, 0, "v1.0")
    remover = Remover(MemoryStore, lambda: registry, state)
    told = {each.found.key: remover.remove(each).skipped for each in sweep.goes}
    assert told == {KEYS[0]: "another tag points at it now", KEYS[1]: ""}
    assert registry.tags(REPOSITORY) == ("v1.0", KEYS[0], KEYS[2])


def test_an_image_that_is_saved_keeps_what_is_attached(
    registry: MemoryRegistry, state: StateFolder
) -> None:
    """Images are removed first."""
    registry.knows_referrers = False
    record = attach(registry, put_image(registry, 0))
    sweep = make_sweep(look(registry), Roots(), keep=1, now=NOW)
    put_image(registry, 0, "v1.0")
    remover = Remover(MemoryStore, lambda: registry, state)
    assert "its image is still there" in [remover.remove(each).skipped for each in sweep.goes]
    assert registry.holds(REPOSITORY, record)


def test_a_key_that_moved_meanwhile_is_left_alone(
    registry: MemoryRegistry, state: StateFolder
) -> None:
    """Its digest is not the one that was judged."""
    sweep = make_sweep(look(registry), Roots(), keep=1, now=NOW)
    put_image(registry, 7, KEYS[0])
    remover = Remover(MemoryStore, lambda: registry, state)
    assert remover.remove(next(each for each in sweep.goes if each.found.key == KEYS[0])).skipped
    assert KEYS[0] in registry.tags(REPOSITORY)


def test_a_registry_that_does_not_delete_is_asked_once(
    registry: MemoryRegistry, state: StateFolder
) -> None:
    """That is no error: what could be done was done."""
    registry.deletes = False
    _, outcomes = clean(registry, state)
    assert [each.skipped for each in outcomes] == ["the registry does not allow deletes"] * 2
    assert len([verb for verb, _, _ in registry.asked if verb == "delete"]) == 1


def test_a_key_at_work_in_this_checkout_is_left_alone(
    registry: MemoryRegistry, state: StateFolder
) -> None:
    """Its run holds the lock."""
    with state.lock(f"push-app@{KEYS[0]}"):
        assert state.busy() == (f"push-app@{KEYS[0]}",)
        _, outcomes = clean(registry, state)
    assert [bool(each.skipped) for each in outcomes].count(True) == 1
    assert KEYS[0] in registry.tags(REPOSITORY)


def test_what_cannot_be_read_stops_the_look(registry: MemoryRegistry) -> None:
    """An index that nobody read may hold anything."""
    registry.trouble = "500"
    with pytest.raises(RegistryError):
        look(registry)


def test_an_image_that_lost_its_configuration_does_not_stand_in_the_way(
    registry: MemoryRegistry, state: StateFolder
) -> None:
    """Nobody knows its platform, so that it is counted by itself."""
    held = registry.manifest(REPOSITORY, KEYS[2])
    assert held is not None
    registry.lose(REPOSITORY, Digest(held.content["config"]["digest"]))
    clean(registry, state)
    assert registry.tags(REPOSITORY) == (KEYS[1], KEYS[2])


SHARED = {"app.": Owner("app"), "tool.": Owner("tool"), "up.": Owner("upstream", mirror=True)}


def shared(registry: MemoryRegistry) -> dict[str, Digest]:
    """One repository with two versions of an image, another image, a copy, and a stranger's."""
    return {
        "old": put_image(registry, 3, f"app.{KEYS[3]}"),
        "new": put_image(registry, 4, f"app.{KEYS[4]}"),
        "tool": put_image(registry, 5, f"tool.{KEYS[5]}", project="", layer="tool"),
        "copy": put_image(registry, 6, "up.12-amd64-0123456789ab", project="elsewhere"),
        "theirs": put_image(registry, 7, f"theirs.{KEYS[7]}"),
        "bare": put_image(registry, 8, KEYS[8]),
    }


def test_a_shared_repository_loses_what_is_old_of_one_image_alone(state: StateFolder) -> None:
    """Neither the other image's nor a stranger's, whatever their keys."""
    registry = MemoryRegistry(HOST)
    at = shared(registry)
    record = attach(registry, at["old"])
    sweep = make_sweep(look(registry, SHARED), Roots(), keep=1, now=NOW)
    remover = Remover(MemoryStore, lambda: registry, state)
    assert [remover.remove(each).skipped for each in sweep.goes] == [""]
    assert [each.found.digest for each in sweep.goes] == [at["old"]]
    assert registry.tags(REPOSITORY) == tuple(
        sorted(
            {f"app.{KEYS[4]}", f"tool.{KEYS[5]}", "up.12-amd64-0123456789ab", KEYS[8]}
            | {f"theirs.{KEYS[7]}"}
        )
    )
    assert not registry.holds(REPOSITORY, record)
    reasons = {each.found.digest: each.reason for each in sweep.stays}
    assert reasons[at["theirs"]] == reasons[at["bare"]] == FOREIGN


def test_in_a_shared_repository_what_is_attached_to_a_strangers_image_stays() -> None:
    """Where there is no API, a tag without any image's name speaks of it."""
    registry = MemoryRegistry(HOST)
    registry.knows_referrers = False
    at = shared(registry)
    for name in ("theirs", "old"):
        attach(registry, at[name])
    registry.delete(REPOSITORY, at["theirs"])
    sweep = make_sweep(look(registry, SHARED), Roots(), keep=1, now=NOW)
    assert {tag for each in sweep.goes for tag in each.found.tags} == {
        f"app.{KEYS[3]}",
        fallback_tag(at["old"]),
    }


def test_an_image_that_another_project_labelled_stays() -> None:
    """Two projects may have images of one name in one repository; a copy is an upstream's own."""
    registry = MemoryRegistry(HOST)
    put_image(registry, 1, project="other")
    put_image(registry, 2, project="shop")
    put_image(registry, 3)
    found = {each.key: each.doubt for each in look(registry)}
    assert found == {KEYS[1]: FOREIGN, KEYS[2]: "", KEYS[3]: ""}


@pytest.mark.parametrize(
    ("name", "project", "ours"),
    [
        ("app.v1", "", True),
        ("@", "shop", True),
        ("@", "", False),
        ("theirs.v1", "shop", False),
        ("up.12", "shop", False),
    ],
)
def test_the_engine_holds_names_of_a_shared_repository(name: str, project: str, ours: bool) -> None:
    """A digest is ours where the label says so: the tag told before."""
    owned = Owned("shop", remote={REPOSITORY: SHARED})
    labels = {LABEL_PROJECT: project} if project else {}
    text = f"{REPOSITORY}@{digest(1)}" if name == "@" else f"{REPOSITORY}:{name}"
    assert owned.owns(text, labels) == ours


def test_a_key_in_a_shared_repository_is_a_key_to_the_engine() -> None:
    """As a push that was killed leaves it."""
    owned = Owned("shop", remote={REPOSITORY: SHARED})
    assert owned.tag(f"{REPOSITORY}:app.{KEYS[1]}") == KEYS[1]
    assert owned.tag("shop-app:dev") == "dev"


def test_an_abandoned_claim_goes_a_day_after_it_was_first_seen(
    registry: MemoryRegistry, tmp_path: Path
) -> None:
    """By our own clock; one that moved in between is alive."""
    registry.put_blob(REPOSITORY, b"{}")
    tag = f"claim-{KEYS[8]}"
    path = str(tmp_path / "claims.json")

    def claims(now: float) -> list[bool]:
        seen = ClaimTimes.load(path)
        looker = Looker(registry, "shop", lambda name, claim: seen.since(name, claim, now))
        things = looker.look(REPOSITORY, OWNERS)
        seen.save()
        sweep = make_sweep(things, Roots(), keep=9, now=now)
        return [each.found.claims for each in sweep.goes]

    registry.put_manifest(
        REPOSITORY, tag, artifact("x/claim", annotations={"n": "1"}), MANIFEST_TYPE
    )
    assert claims(NOW) == []
    registry.put_manifest(
        REPOSITORY, tag, artifact("x/claim", annotations={"n": "2"}), MANIFEST_TYPE
    )
    assert claims(NOW + DAY) == []
    assert claims(NOW + 2 * DAY) == [True]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:10Z", 10.0),
        ("1970-01-01T00:00:10.987654321Z", 10.0),
        ("1970-01-01T01:00:10.5+01:00", 10.0),
        ("1970-01-01T01:00:10+01:00", 10.0),
        ("yesterday", 0.0),
        (None, 0.0),
    ],
)
def test_a_moment_is_read_in_every_spelling(text: object, expected: float) -> None:
    """Go writes nine digits of a second."""
    assert moment(text) == expected
