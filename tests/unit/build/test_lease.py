"""Claiming a key in a registry: threads as machines, a registry in memory between them."""

from __future__ import annotations

import json
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from layers.build.push.claim import KIND, NEAR, beats, claim_tag
from layers.build.push.lease import Contested, claimant, claimed
from layers.oci.artifact import EMPTY, MANIFEST_TYPE, artifact, descriptor, digest_of
from layers.oci.digest import Digest
from layers.registry.registry import (
    RegistryDown,
    RegistryError,
    RegistryRefused,
    RegistryRejected,
    RepositoryUnknown,
)
from tests.fakes import MemoryRegistry

REPOSITORY = "127.0.0.1:5000/demo/app"
KEY = "xxh3-" + "0" * 32
CONTESTED = Contested(REPOSITORY, KEY, claim_tag(KEY))
QUICK = replace(NEAR, prompt=0.1, settle=0.15, renew=0.05, lease=1.0, poll=0.05)


def image(registry: MemoryRegistry, content: str) -> bytes:
    """A manifest whose parts are in the registry."""
    blob = content.encode()
    registry.put_blob(REPOSITORY, EMPTY)
    registry.put_blob(REPOSITORY, blob)
    return artifact("an image", [descriptor("a layer", blob)])


def push(registry: MemoryRegistry, content: str, seconds: float = 0.0) -> Digest:
    """What a machine does with a key that it holds."""
    manifest = image(registry, content)
    time.sleep(seconds)
    return registry.put_manifest(REPOSITORY, KEY, manifest, MANIFEST_TYPE)


def keyed(registry: MemoryRegistry) -> list[Digest]:
    return [digest for _, tag, digest in registry.pushed if tag == KEY]


def test_many_machines_at_once_push_once() -> None:
    """The pushes last longer than the lease: a claim that is renewed is not taken over."""
    registry = MemoryRegistry()
    ends: list[Digest] = []

    def work(number: int) -> None:
        with claimed(registry, CONTESTED, timing=QUICK) as theirs:
            ends.append(theirs or push(registry, f"image {number}", seconds=1.5))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keyed(registry)) == 1
    assert ends == keyed(registry) * 8
    assert registry.tags(REPOSITORY) == (KEY,)


def test_a_claim_that_a_killed_machine_left_is_passed_over() -> None:
    """After the lease, and whoever waits is told once."""
    registry = MemoryRegistry()
    registry.put_blob(REPOSITORY, EMPTY)
    left = artifact(KIND, annotations={"of": "somebody who was killed"})
    registry.put_manifest(REPOSITORY, claim_tag(KEY), left, MANIFEST_TYPE)
    told: list[str] = []
    begin = time.monotonic()
    with claimed(registry, CONTESTED, waits=lambda: told.append("waits"), timing=QUICK) as theirs:
        assert theirs is None
    assert time.monotonic() - begin >= QUICK.lease
    assert told == ["waits"]


def test_a_process_of_ours_that_was_killed_is_not_waited_for(tmp_path: Path) -> None:
    """The next run of the same checkout goes on at once; a copy of the file names nobody."""
    registry = MemoryRegistry()
    at = tmp_path / "claims" / "app"
    with claimant(str(at)) as (owner, dead):
        assert dead is None
        registry.put_blob(REPOSITORY, EMPTY)
        left = beats(owner)[2]
        registry.put_manifest(REPOSITORY, claim_tag(KEY), left, MANIFEST_TYPE)
        shutil.copytree(at.parent, tmp_path / "copy")
        with claimant(str(tmp_path / "copy" / "app")) as (_, known):
            assert known is None
        with (
            claimant(str(at)) as (us, dead),
            claimed(registry, CONTESTED, owner=us, dead=dead) as theirs,
        ):
            assert (dead, theirs) == (owner, None)
    assert not at.exists()
    assert registry.tags(REPOSITORY) == ()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"owner": "x"}', '{"owner": 1, "place": []}'])
def test_a_damaged_file_names_nobody(tmp_path: Path, content: str) -> None:
    """It is written anew."""
    (tmp_path / "app").write_text(content)
    with claimant(str(tmp_path / "app")) as (_, dead):
        assert dead is None


def test_a_key_that_is_there_costs_one_look() -> None:
    """Nothing is put; what is there is given."""
    registry = MemoryRegistry()
    there = push(registry, "theirs")
    registry.pushed.clear()
    with claimed(registry, CONTESTED) as theirs:
        assert theirs == there
    assert registry.pushed == []


def test_a_broken_image_counts_as_not_there() -> None:
    """But what somebody put in its place meanwhile is adopted."""
    registry = MemoryRegistry()
    broken = push(registry, "broken")
    with claimed(registry, CONTESTED, broken, timing=QUICK) as theirs:
        assert theirs is None
        repaired = push(registry, "repaired")
    with claimed(registry, CONTESTED, broken, timing=QUICK) as theirs:
        assert theirs == repaired


@pytest.mark.parametrize(
    "error", [RegistryRefused("403"), RegistryRejected("400 (MANIFEST_INVALID)")]
)
def test_a_registry_that_takes_no_claims_is_pushed_to_without_one(
    error: RegistryError, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If it takes no image either, the push tells why."""
    registry = MemoryRegistry()

    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(registry, "put_manifest", refuse)
    with claimed(registry, CONTESTED, timing=QUICK) as theirs:
        assert theirs is None
        time.sleep(3 * QUICK.renew)
    assert registry.pushed == []


class Failing(MemoryRegistry):
    """Fails the first ``times`` puts of a claim; ``done``: only after the deed."""

    def __init__(self, times: int, done: bool = False) -> None:
        super().__init__()
        self.times, self.done = times, done

    def put_manifest(
        self, repository: str, reference: str, content: bytes, media_type: str
    ) -> Digest:
        """Put, or fail as a registry in trouble does."""
        fails = reference.startswith("claim-") and self.times > 0
        self.times -= fails
        if fails and not self.done:
            raise RegistryError("PUT: 503")
        digest = super().put_manifest(repository, reference, content, media_type)
        if fails:
            raise RegistryError("PUT: 503")
        return digest


def test_trouble_that_passes_lets_no_two_machines_push() -> None:
    """A claim that failed is put again: no machine goes on without one."""
    registry = Failing(times=2)
    ends: list[Digest] = []

    def work(number: int) -> None:
        with claimed(registry, CONTESTED, timing=QUICK) as theirs:
            ends.append(theirs or push(registry, f"image {number}", seconds=0.3))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keyed(registry)) == 1
    assert ends == keyed(registry) * 3


def test_a_claim_that_came_though_it_failed_is_held_as_a_late_one() -> None:
    """Nobody knows when it came: it has to be seen to stand for a whole lease."""
    registry = Failing(times=1, done=True)
    begin = time.monotonic()
    with claimed(registry, CONTESTED, timing=QUICK) as theirs:
        assert theirs is None
    assert time.monotonic() - begin >= QUICK.lease
    assert registry.tags(REPOSITORY) == ()


def test_a_claim_that_fails_again_and_again_is_an_error() -> None:
    """Nothing is pushed; the text says what the registry said."""
    registry = Failing(times=100)
    with (
        pytest.raises(RegistryError, match=r"not pushed, since it cannot be claimed: PUT: 503"),
        claimed(registry, CONTESTED, timing=QUICK),
    ):
        raise AssertionError
    assert registry.times == 97


def test_a_claim_that_cannot_be_renewed_is_told_once() -> None:
    """With what it means; the push goes on, and nothing is told of renewals that go well."""
    registry = Failing(times=0)
    told: list[str] = []
    with claimed(registry, CONTESTED, timing=QUICK, lapses=told.append) as theirs:
        assert theirs is None
        time.sleep(3 * QUICK.renew)
        assert told == []
        registry.times = 100
        time.sleep(6 * QUICK.renew)
        pushed = push(registry, "image")
    assert registry.times < 99
    assert keyed(registry) == [pushed]
    (said,) = told
    assert said.startswith(f"the claim on {REPOSITORY}:{KEY} could not be renewed: PUT: 503\n")
    assert "after 1 s another machine may take this push for dead" in said


def test_a_registry_that_is_down_is_an_error() -> None:
    """Nobody goes on as if the key were theirs."""
    registry = MemoryRegistry()
    registry.down = True
    with pytest.raises(RegistryDown), claimed(registry, CONTESTED, timing=QUICK):
        raise AssertionError


def test_a_repository_that_is_not_there_is_an_error_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The push would be told the same; nothing passes."""
    registry = MemoryRegistry()
    asked: list[str] = []

    def unknown(repository: str, content: bytes) -> Digest:
        asked.append(repository)
        raise RepositoryUnknown("404 (NAME_UNKNOWN)")

    monkeypatch.setattr(registry, "put_blob", unknown)
    with pytest.raises(RepositoryUnknown), claimed(registry, CONTESTED, timing=QUICK):
        raise AssertionError
    assert asked == [REPOSITORY]


def test_a_body_that_fails_gives_the_key_back() -> None:
    """The next machine need not wait for the lease."""
    registry = MemoryRegistry()

    def fail() -> None:
        with claimed(registry, CONTESTED, timing=QUICK) as theirs:
            assert theirs is None
            assert registry.tags(REPOSITORY) == (claim_tag(KEY),)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert registry.tags(REPOSITORY) == ()


def test_a_claim_is_a_manifest_that_registries_take() -> None:
    """An OCI artifact with the empty config and layer; who looks at it sees what it is."""
    content = json.loads(artifact(KIND, annotations={"a": "b"}))
    assert content["artifactType"] == KIND
    assert content["config"]["digest"] == content["layers"][0]["digest"] == str(digest_of(EMPTY))
