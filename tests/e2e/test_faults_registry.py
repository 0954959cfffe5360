"""A registry that fails in every way: told, survived, and nothing is lost or overwritten."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from layers.oci.credentials import NoCredentials
from layers.registry.client import HttpRegistry
from tests.e2e.conftest import make_workspace
from tests.e2e.faultproxy import Proxy, proxying
from tests.e2e.faults import (
    Action,
    Answer,
    Corrupt,
    Delay,
    Header,
    Reset,
    ResetUpload,
    Truncate,
)
from tests.e2e.lab import Lab, Run, Workspace

pytestmark = pytest.mark.e2e

LOST = b'{"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown to registry"}]}'
WRONG = Header("Docker-Content-Digest", "sha256:" + "1" * 64)
LOOK_UP = "/base/manifests/xxh3-"


@pytest.fixture(scope="module")
def proxy(lab: Lab) -> Iterator[Proxy]:
    """A proxy before the lab's registry."""
    with proxying(lab.registry) as found:
        yield found


@pytest.fixture(scope="module")
def pushed(
    lab: Lab, upstream: str, proxy: Proxy, tmp_path_factory: pytest.TempPathFactory
) -> Workspace:
    """A workspace whose base is in the registry, with a layer of 200 kB."""
    root = tmp_path_factory.mktemp("pushed") / "repo"
    found = fresh(lab, upstream, proxy, root)
    found.doit("base")
    return found


@pytest.fixture
def cold(
    pushed: Workspace, lab: Lab, proxy: Proxy, clone: Callable[[Workspace], Workspace]
) -> Workspace:
    """A machine that has nothing, with that base in the registry."""
    lab.empty()
    proxy.heal()
    return clone(pushed)


@pytest.fixture
def new(lab: Lab, upstream: str, proxy: Proxy, tmp_path: Path) -> Workspace:
    """A workspace that nothing was built from, before a registry that never heard of it."""
    proxy.heal()
    return fresh(lab, upstream, proxy, tmp_path / "repo")


def fresh(lab: Lab, upstream: str, proxy: Proxy, root: Path) -> Workspace:
    found = make_workspace(lab, upstream, root, f"t{uuid.uuid4().hex[:8]}")
    found.write({"base/base.txt": "".join(uuid.uuid4().hex for _ in range(6000))})
    found.environment["LAYERS_REGISTRY"] = proxy.host
    return found


def tag(workspace: Workspace, proxy: Proxy) -> str:
    """The digest that the registry has under the base's key, asked past the proxy; "" for none."""
    key = workspace.doit("keys", "base").out.split()[0]
    repository = f"{workspace.lab.registry}/{workspace.name}/base"
    try:
        return workspace.lab.digest(repository, key)
    except KeyError:
        return ""


def known(workspace: Workspace, digest: str) -> str:
    """What the engine calls the base that the registry has by a digest; "" for none."""
    repository = f"{workspace.lab.registry}/{workspace.name}/base"
    return workspace.lab.identity(repository, digest) if digest else ""


def writes(proxy: Proxy, workspace: Workspace) -> int:
    """Requests that would change the base's repository."""
    return proxy.count(rf"^(PUT|POST|PATCH|DELETE) /v2/{workspace.name}/base/")


def told(run: Run, *words: str) -> None:
    """Every word was printed, in this order."""
    at = 0
    for word in words:
        found = run.text.find(word, at)
        assert found >= 0, f"{word!r} is not in\n{run.text}"
        at = found


def converges(workspace: Workspace, proxy: Proxy, *, asks: bool = True) -> Run:
    """Without the fault the next run ends with one digest, here and there; and then nothing."""
    proxy.heal()
    run = workspace.doit("base")
    assert workspace.image("base") == known(workspace, tag(workspace, proxy)) != ""
    proxy.heal()
    last = workspace.doit("base")
    assert "up to date" in last.text
    assert workspace.ran() == {}
    assert proxy.asked == []
    return run


# -- looking a key up ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(401), "401"),
        (Answer(403), "403"),
        (Answer(429, {"Retry-After": "3600"}), "429"),
        (Answer(503), "503"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_look_up_that_is_refused_is_told_and_pushes_nothing(
    cold: Workspace, proxy: Proxy, answer: Answer, said: str
) -> None:
    """No answer is not "not there": the user knows before the build begins, nothing is written."""
    before = tag(cold, proxy)
    rule = proxy.breaks("HEAD|GET", LOOK_UP, answer)
    run = cold.doit("base")
    assert rule.hits
    told(run, "the registry was not asked", f": {said}", "[base] build")
    assert "docker login" in run.text or "later" in run.text
    assert set(cold.ran()) == {"base"}
    assert writes(proxy, cold) == 0
    assert tag(cold, proxy) == before
    assert "adopted" in converges(cold, proxy).text
    assert cold.image("base") == known(cold, before)


@pytest.mark.parametrize(
    "answer", [Answer(429, {"Retry-After": "1"}), Answer(500)], ids=["429", "500"]
)
def test_a_look_up_that_fails_once_is_asked_again(
    cold: Workspace, proxy: Proxy, answer: Answer
) -> None:
    """After as long as Retry-After says; then the base is pulled, and nothing is told."""
    rule = proxy.breaks("HEAD|GET", LOOK_UP, answer, times=1)
    run = cold.doit("base")
    assert rule.hits == 1
    assert run.seconds > (1 if answer.headers else 0)
    assert "warning" not in run.text
    assert cold.ran() == {}
    converges(cold, proxy)


def test_a_host_that_nobody_knows_is_told(new: Workspace, proxy: Proxy) -> None:
    """A name that does not resolve: quickly told, built here, pushed once the name is right."""
    run = new.doit("base", LAYERS_REGISTRY="registry.invalid:5000")
    told(run, "registry.invalid:5000", "is the address right?", "[base] build", "not pushed")
    assert run.seconds < 15
    assert new.image("base")
    converges(new, proxy)


def test_a_slow_registry_is_waited_for(cold: Workspace, proxy: Proxy) -> None:
    """Every answer takes its time; the base is pulled all the same."""
    rule = proxy.breaks("HEAD|GET", "/v2/", Delay(0.4))
    run = cold.doit("base")
    assert rule.hits > 2
    assert "warning" not in run.text
    assert cold.ran() == {}
    converges(cold, proxy)


def test_a_wrong_digest_header_brings_no_wrong_image(cold: Workspace, proxy: Proxy) -> None:
    """The registry names a digest that it does not have: no image is taken for the key's."""
    before = tag(cold, proxy)
    rule = proxy.breaks("HEAD|GET", LOOK_UP, WRONG)
    cold.doit("base", status=None)
    assert rule.hits
    assert tag(cold, proxy) == before
    converges(cold, proxy)
    assert cold.image("base") == known(cold, before)


# -- pulling ---------------------------------------------------------------------------------------

PASSING: list[tuple[Action, str]] = [
    (Answer(429, {"Retry-After": "1"}), "limits pulls"),
    (Answer(500), "in trouble"),
    (Reset(100_000), "broke"),
    (Truncate(100_000), "not what was pushed"),
    (Corrupt(100_000), "not what was pushed"),
]


def named(value: object) -> str:
    """A short name for a case."""
    return value if isinstance(value, str) else type(value).__name__


def test_a_blob_that_fails_in_every_way_is_fetched_again(cold: Workspace, proxy: Proxy) -> None:
    """In the same run: the engine itself gives up at the first reset.

    With the classic store it tries five times (dockerd, max-download-attempts), and we no more.
    """
    faults = PASSING[1:] if cold.lab.classic else PASSING
    rules = [proxy.breaks("GET", "/base/blobs/", action, times=1) for action, _ in faults]
    cold.doit("base")
    assert [rule.hits for rule in rules] == [1] * len(faults)
    assert cold.ran() == {}
    assert writes(proxy, cold) == 0
    converges(cold, proxy)


@pytest.mark.parametrize(("action", "words"), PASSING[1:], ids=named)
def test_a_blob_that_stays_broken_ends_the_run(
    cold: Workspace, proxy: Proxy, action: Action, words: str
) -> None:
    """Status 1 with what to do; no name points anywhere, and nothing is rebuilt in silence."""
    before = tag(cold, proxy)
    rule = proxy.breaks("GET", "/base/blobs/", action)
    run = cold.doit("base", status=1)
    assert rule.hits
    told(run, "cannot pull", words)
    assert cold.ran() == {}
    assert cold.image("base") == ""
    assert writes(proxy, cold) == 0
    assert "pull" in converges(cold, proxy).text
    assert cold.image("base") == known(cold, before)


@pytest.mark.parametrize("status", [401, 403])
def test_a_blob_that_is_refused_asks_for_a_login(
    cold: Workspace, proxy: Proxy, status: int
) -> None:
    """Not tried again and not built instead: the user may not read it, and is told."""
    rule = proxy.breaks("GET", "/base/blobs/", Answer(status))
    run = cold.doit("base", status=1)
    assert rule.hits
    # The classic store may tell a word instead (distribution, registry/api/errcode).
    words = {401: "unauthorized", 403: "denied"} if cold.lab.classic else {}
    told(run, "cannot pull", "docker login")
    assert str(status) in run.text or words.get(status, str(status)) in run.text
    assert cold.image("base") == ""
    assert writes(proxy, cold) == 0
    converges(cold, proxy)


def test_a_blob_that_the_registry_lost_is_made_anew(new: Workspace, proxy: Proxy) -> None:
    """404 for a blob behind a tag that is there: told, built, and the registry is whole again."""
    new.doit("base")
    key = new.doit("keys", "base").out.split()[0]
    registry = HttpRegistry(NoCredentials(), insecure=lambda _host: False)
    manifest = registry.manifest(f"{new.lab.registry}/{new.name}/base", key)
    assert manifest is not None
    new.lab.empty()
    proxy.heal()
    lost = manifest.content["config"]["digest"]
    rule = proxy.breaks("HEAD|GET", f"/base/blobs/{lost}", Answer(404, body=LOST))
    run = new.doit("base")
    assert rule.hits
    told(run, "[base] build", "not all of it", "was broken in the registry")
    assert set(new.ran()) == {"base"}
    converges(new, proxy)


# -- pushing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "action", "words"),
    [
        ("/blobs/uploads/", Answer(401), "docker login"),
        ("/blobs/uploads/", Answer(403), "docker login"),
        ("/blobs/uploads/", ResetUpload(1000), "reset"),
        (LOOK_UP, Answer(500), "in trouble"),
    ],
    ids=["401", "403", "reset", "manifest-500"],
)
def test_a_push_that_fails_keeps_the_work(
    new: Workspace, proxy: Proxy, path: str, action: Action, words: str
) -> None:
    """Built and usable, with a warning; the registry shows nothing, and the next run pushes."""
    rule = proxy.breaks("POST|PUT|PATCH", path, action)
    run = new.doit("base")
    assert rule.hits
    told(run, "not pushed, the next run tries again", words)
    assert "?" not in "".join(re.findall(r"https?://\S+", run.text)), "a signed link is shown"
    assert new.image("base")
    assert tag(new, proxy) == ""
    run = converges(new, proxy)
    assert "[base] build" not in run.text


def test_a_proxy_that_refuses_head_lets_images_be_pulled(cold: Workspace, proxy: Proxy) -> None:
    """405: we and the engine ask by GET instead."""
    rule = proxy.breaks("HEAD", "/v2/", Answer(405))
    run = cold.doit("base")
    assert rule.hits
    assert "[base] pulled" in run.text
    assert proxy.count("^(PUT|POST|PATCH) ") == 0
    converges(cold, proxy)


def test_a_push_past_a_proxy_that_refuses_head_says_what_stands_in_the_way(
    new: Workspace, proxy: Proxy
) -> None:
    """The engine asks for each blob by HEAD before it sends it, and takes no other answer."""
    proxy.breaks("HEAD", "/v2/", Answer(405))
    told(new.doit("base"), "not pushed", "405 Method Not Allowed", "let HEAD through")
    assert tag(new, proxy) == ""
    converges(new, proxy)


def test_a_push_that_fails_in_every_way_is_tried_again(new: Workspace, proxy: Proxy) -> None:
    """In the same run, without a word."""
    faults: list[tuple[str, Action]] = [
        ("/blobs/uploads/", Answer(429, {"Retry-After": "1"})),
        ("/blobs/uploads/", Answer(500)),
        ("/blobs/uploads/", ResetUpload(1000)),
        (LOOK_UP, Answer(500)),
    ]
    rules = [proxy.breaks("POST|PUT|PATCH", *fault, times=1) for fault in faults]
    run = new.doit("base")
    assert [rule.hits for rule in rules] == [1, 1, 1, 1]
    assert "warning: not pushed" not in run.text
    assert new.image("base") == known(new, tag(new, proxy))
    converges(new, proxy)


def test_a_push_that_is_answered_with_another_digest_is_looked_at_again(
    new: Workspace, proxy: Proxy
) -> None:
    """What the registry says once is not believed over what it holds."""
    rule = proxy.breaks("PUT", LOOK_UP, WRONG, times=1)
    new.doit("base")
    assert rule.hits == 1
    converges(new, proxy)


# -- upstreams -------------------------------------------------------------------------------------


@pytest.fixture
def behind(lab: Lab, upstream: str, proxy: Proxy, tmp_path: Path) -> Workspace:
    """A workspace whose upstream, too, is only reached through the proxy."""
    lab.empty()
    proxy.heal()
    through = upstream.replace(lab.registry, proxy.host)
    return fresh(lab, through, proxy, tmp_path / "repo")


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (Answer(401), "docker login"),
        (Answer(403), "docker login"),
        (Answer(404, body=LOST.replace(b"BLOB", b"MANIFEST")), "upstream/busybox"),
        (Answer(500), "try again later"),
        (Corrupt(60), "digest"),
        (Truncate(60), "digest"),
    ],
    ids=["401", "403", "404", "500", "Corrupt", "Truncate"],
)
def test_a_lock_that_cannot_be_made_leaves_the_old_one(
    behind: Workspace, proxy: Proxy, action: Action, words: str
) -> None:
    """Status 1, what to do, and images.lock as it was, to the byte."""
    behind.doit("lock")
    before = behind.read("images.lock")
    rule = proxy.breaks("GET", "/upstream/busybox/manifests/", action)
    run = behind.doit("lock", status=1)
    assert rule.hits
    told(run, words)
    assert behind.read("images.lock") == before
    proxy.heal()
    behind.doit("lock")
    assert behind.read("images.lock") == before


@pytest.mark.parametrize("action", [Reset(100_000), Corrupt(100_000)], ids=named)
def test_an_upstream_that_does_not_come_through_builds_nothing(
    behind: Workspace, proxy: Proxy, action: Action
) -> None:
    """BuildKit verifies what it pulls: the build fails, and the next one begins anew."""
    rule = proxy.breaks("GET", "/upstream/busybox/blobs/", action)
    run = behind.doit("base", status=None)
    assert rule.hits
    assert run.status == (0 if behind.image("base") else 1)
    if run.status:
        told(run, "the build failed", "busybox")
    converges(behind, proxy)
