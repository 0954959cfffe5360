"""``kill -9`` of ours at every stage: no handler runs, and the next run ends where it should."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from layers.lock.lock import Lock
from layers.plan.names import LABEL_KEY
from tests.e2e.faultproxy import Proxy, proxying
from tests.e2e.faults import Hold
from tests.e2e.lab import CHECKOUT, Lab, Workspace

pytestmark = pytest.mark.e2e

KILLPOINT = f"{CHECKOUT}/tests/e2e/killpoint:{CHECKOUT}"
ENGINE = r"socket\.connect \S*docker\.sock\n"
NIGHTLY = """\
probe = ["cat", "/waits"]
smoke = ["test -s /system"]
"""


@pytest.fixture(scope="module")
def proxy(lab: Lab) -> Iterator[Proxy]:
    """A proxy before the lab's registry, to stop at a request."""
    with proxying(lab.registry) as found:
        yield found


def killed(workspace: Workspace, at: str, *words: str) -> None:
    """Run doit and kill it just before the effect at which ``at`` is first found in its trace."""
    run = workspace.doit(*words, status=None, PYTHONPATH=KILLPOINT, KILL_AT=at)
    assert run.status == -signal.SIGKILL, f"{at!r} never came up:\n{run.text}"


def killed_at_request(workspace: Workspace, proxy: Proxy, request: str, *words: str) -> None:
    """Run doit and kill it while the registry has a request of it, or of the engine for it."""
    hold = Hold()
    method, _, path = request.partition(" ")
    proxy.breaks(method, path, hold, times=1)
    process = subprocess.Popen(
        workspace.command(*words),
        cwd=workspace.root,
        env=workspace.environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    came = hold.reached.wait(60)
    process.kill()
    out = process.communicate()[0]
    assert came, f"{request} never came:\n{out}"
    proxy.heal()


def true_names(workspace: Workspace) -> None:
    """No name of ours points at anything but an image made from the key that it states."""
    listed = workspace.lab.docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    for name in listed:
        if workspace.name in name and ":xxh3-" in name:
            label = workspace.lab.docker(
                "inspect", "--format", f'{{{{index .Config.Labels "{LABEL_KEY}"}}}}', name
            )
            assert name.rpartition(":")[2] == label


def digest(workspace: Workspace, image: str = "base") -> str:
    """What the registry has under an image's present key, "" for nothing."""
    key = workspace.doit("keys", image).out.split()[0]
    try:
        return workspace.lab.digest(f"{workspace.lab.registry}/{workspace.name}/{image}", key)
    except KeyError:
        return ""


def pushed(workspace: Workspace) -> str:
    """What the engine calls the base that the registry has under its present key, "" for none."""
    found = digest(workspace)
    repository = f"{workspace.lab.registry}/{workspace.name}/base"
    return workspace.lab.identity(repository, found) if found else ""


def converges(workspace: Workspace, *words: str) -> None:
    """The next run makes the image true here and in the registry; the one after does nothing."""
    workspace.doit(*(words or ("base",)))
    assert workspace.image("base") == pushed(workspace) != ""
    assert "up to date" in workspace.doit("base").text
    assert workspace.ran() == {}
    key = workspace.doit("keys", "base").out.split()[0]
    assert list((workspace.root / ".layers" / "unpushed").glob(f"*{key}")) == []
    left = [str(path) for path in workspace.root.rglob("*.part")]
    assert left == []


BUILD = {
    "the stat cache is written": r"os\.rename \S*/\.layers/stat\n",
    "the layer is locked": r"open \S*/locks/base@",
    "the transfer's memory is written": r"os\.rename \S*/\.rows\n",
    "buildx starts": r"subprocess\.Popen \S+\nopen \S*/build\.log",
    "the result is read": r"os\.remove \S*metadata\.json",
    "the transfer is closed": r"os\.remove \S*/\.sending\n",
    "the debt is noted": r"os\.rename \S*/unpushed/",
    "the keyed name is given": rf"os\.rename \S*/unpushed/.*?{ENGINE}",
    "the plain name is given": rf"os\.rename \S*/unpushed/(.*?{ENGINE}){{2}}",
    "the record is kept": r"os\.rename \S*/manifests/",
}
PUSH = {
    "the push is locked": r"open \S*/locks/push-",
    "the push begins": rf"open \S*/locks/push-(.*?{ENGINE}){{2}}",
    "the debt is crossed out": r"os\.remove \S*/unpushed/[^\n]*[0-9a-f]{32}\n\Z",
}


def cases(table: dict[str, str]) -> list[object]:
    """A stage a test, by its words."""
    return [pytest.param(at, id=words) for words, at in table.items()]


@pytest.mark.parametrize("at", cases(BUILD))
def test_a_build_that_is_killed_is_made_up_for(workspace: Workspace, at: str) -> None:
    """Whatever was there stays true; the next run builds what is missing, and pushes it."""
    killed(workspace, at, "base")
    true_names(workspace)
    converges(workspace)


def test_a_push_that_is_killed_is_made_up_for(workspace: Workspace) -> None:
    """At the beginning, while it runs and at its end; nothing is built again, one digest stays.

    What the dead run had claimed in the registry is known here, and holds nobody up.
    """
    for number, at in enumerate(PUSH.values()):
        workspace.edit("base/base.txt", "base", f"base {number}")
        killed(workspace, at, "base")
        true_names(workspace)
        built = workspace.image("base")
        assert pushed(workspace) in ("", built)
        workspace.doit("base")
        assert workspace.ran() == {}
        assert workspace.image("base") == built == pushed(workspace)
    converges(workspace)


@pytest.mark.parametrize(
    "request_",
    ["POST|PUT /base/blobs/uploads/", "PUT /base/manifests/xxh3-"],
    ids=["blob", "manifest"],
)
def test_a_push_that_is_killed_in_the_registry_is_made_up_for(
    workspace: Workspace, proxy: Proxy, request_: str
) -> None:
    """While the registry works on it: what is missing there comes, and nothing is built again."""
    proxy.heal()
    workspace.environment["LAYERS_REGISTRY"] = proxy.host
    killed_at_request(workspace, proxy, request_, "base")
    true_names(workspace)
    built = workspace.image("base")
    assert pushed(workspace) in ("", built)
    workspace.doit("base")
    assert workspace.ran() == {}
    assert workspace.image("base") == built
    converges(workspace)


@pytest.mark.parametrize(
    "at",
    [r"socket\.connect \('127", r"open \S*images\.lock", r"os\.rename \S*images\.lock"],
    ids=["asked", "before it is written", "half written"],
)
def test_a_lock_that_is_killed_is_the_old_one_or_the_new_one(workspace: Workspace, at: str) -> None:
    """Never a part of it; what a half-written one leaves is cleared away by the next."""
    workspace.write({"images.lock": "# old\nversion = 1\n"})
    killed(workspace, at, "lock")
    assert workspace.read("images.lock") == "# old\nversion = 1\n"
    workspace.doit("lock")
    assert len(Lock.parse(workspace.read("images.lock")).pins) == 1
    assert list(workspace.root.glob("images.lock.*")) == []
    converges(workspace)


@pytest.fixture
def nightly(workspace: Workspace) -> Workspace:
    """The small stack with a base that is looked after, and one night behind it."""
    workspace.edit("images.toml", 'context = "base"\n', f'context = "base"\n{NIGHTLY}')
    workspace.edit("base/Dockerfile", "COPY base.txt", "RUN date > /waits\nCOPY base.txt")
    workspace.doit("refresh")
    return workspace


REFRESH = {
    "buildx starts": r"subprocess\.Popen \S+\nopen \S*/build\.log",
    "the push is locked": r"open \S*/locks/push-",
    "the lock is put in place": r"os\.rename \S*images\.lock",
}


@pytest.mark.parametrize("at", cases(REFRESH))
def test_a_refresh_that_is_killed_changes_nothing_until_it_is_whole(
    nightly: Workspace, at: str
) -> None:
    """Lock and tags are last night's; the next refresh brings what this one would have."""
    lock, before = nightly.read("images.lock"), digest(nightly)
    nightly.edit("base/base.txt", "base", "base, new")
    killed(nightly, at, "refresh")
    assert nightly.read("images.lock") == lock
    true_names(nightly)
    nightly.edit("base/base.txt", "base, new", "base")
    assert digest(nightly) == before
    nightly.edit("base/base.txt", "base", "base, new")
    nightly.doit("refresh")
    (base,) = Lock.parse(nightly.read("images.lock")).bases.values()
    assert base.now.key == nightly.doit("keys", "base").out.split()[0]
    assert str(base.now.digest) == digest(nightly)
    converges(nightly)


def test_a_publish_that_is_killed_is_finished_by_the_next(
    workspace: Workspace, proxy: Proxy
) -> None:
    """Between two tags of a set: the next one moves the rest; no tag shows anything else."""
    proxy.heal()
    workspace.environment["LAYERS_REGISTRY"] = proxy.host
    workspace.doit()
    killed_at_request(workspace, proxy, "PUT /manifests/v1$", "publish", "--tag", "v1")
    workspace.doit("publish", "--tag", "v1")
    lab = workspace.lab
    for image in ("base", "app"):
        repository = f"{lab.registry}/{workspace.name}/{image}"
        published = lab.identity(repository, lab.digest(repository, "v1"))
        assert published == workspace.image(image)


def test_two_runs_on_one_checkout_agree(workspace: Workspace) -> None:
    """Five at once, of three kinds: each ends well, and each layer is built once."""
    workspace.edit("base/Dockerfile", "RUN echo system of", "RUN sleep 1; echo system of")
    words = [("app",), ("base",), ("lock",), ("list",), ("app", "other")]
    processes = [
        subprocess.Popen(
            workspace.command(*each),
            cwd=workspace.root,
            env=workspace.environ(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for each in words
    ]
    outs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 5, "\n----\n".join(outs)
    assert not any("Traceback" in out for out in outs)
    converges(workspace)


def test_a_killed_run_leaves_no_build_behind(workspace: Workspace, tmp_path: Path) -> None:
    """buildx outlives ours by no more than its own step: its result is never named."""
    workspace.edit("base/Dockerfile", "RUN echo system of", "RUN sleep 2; echo system of")
    killed(workspace, BUILD["buildx starts"], "base")
    time.sleep(3)
    assert workspace.image("base") == ""
    assert not re.search(rf"{workspace.name}\S*:xxh3", workspace.lab.docker("images"))
    converges(workspace)
