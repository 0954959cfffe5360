"""Thirty nights: bases are built exactly when and where it is due, on a real engine."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from layers.oci.credentials import NoCredentials
from layers.registry.client import HttpRegistry
from tests.e2e.lab import Lab, Run, Workspace
from tests.e2e.nights import Door, Shelf, Upstream, apt_base

pytestmark = pytest.mark.e2e

STACK = {
    "dodo.py": "from layers.tasks import DOIT_CONFIG, task_layers\n",
    "images.toml": """\
version = 1

[project]
name = "NAME"
assemble = false

[images.base-os]
context = "base-os"
tag = "NAME-base-os"
push = true
network = "host"
probe = "apt"
smoke = [["tool-one"], "tool-two | grep tool-two"]

[images.base-app]
context = "base-app"
tag = "NAME-base-app"
push = true
refresh = true
smoke = ["test -s /made"]

[images.base-web]
context = "base-web"
tag = "NAME-base-web"
push = true
refresh = true

[images.app]
context = "app"
tag = "NAME-app"

[images.web]
context = "web"
tag = "NAME-web"
""",
    "base-os/Dockerfile": """\
FROM UP/NAME/os:1
RUN rm -rf /etc/apt/sources.list.d/* && echo 'SHELF' > /etc/apt/sources.list \\
    && apt-get -qq update \\
    && apt-get install -qq -y --no-install-recommends tool-one tool-two \\
    && rm -rf /var/lib/apt/lists/*
""",
    "base-app/Dockerfile": "FROM NAME-base-os\nRUN tool-one > /made\n",
    "base-web/Dockerfile": "FROM UP/NAME/web:1\nCOPY page /page\n",
    "base-web/page": "page\n",
    "app/Dockerfile": "FROM NAME-base-app\nCOPY app /app\n",
    "app/app": "app\n",
    "web/Dockerfile": "FROM NAME-base-web\nCOPY web /web\n",
    "web/web": "web\n",
}
"""A base with packages and a probe, a base on it, a base of another upstream, two services."""

BASES = ("base-os", "base-app", "base-web")
QUIET = dict.fromkeys(BASES, "unchanged")


@dataclass
class World:
    """The stack, and what surrounds it."""

    work: Workspace
    shelf: Shelf
    os: Upstream
    web: Upstream
    registry: Door
    """To the registry that has our images."""
    theirs: Door
    """To the registry that has the upstream images."""
    before: str = ""
    """The lock's text before the last night."""

    def lock(self) -> str:
        """The lock's text."""
        file = self.work.root / "images.lock"
        return file.read_text() if file.exists() else ""

    def tags(self) -> dict[str, dict[str, str]]:
        """Of each base the keys in the registry with their digests."""
        client = HttpRegistry(NoCredentials(), insecure=lambda _host: False)
        found = {}
        for name in BASES:
            repository = f"{self.work.lab.registry}/{self.work.name}/{name}"
            keys = [tag for tag in client.tags(repository) if tag.startswith("xxh3-")]
            heads = client.heads([(repository, key) for key in keys])
            found[name] = {tag: str(digest) for (_, tag), digest in heads.items()}
        return found

    def refresh(self) -> tuple[Run, dict[str, Any], str]:
        """The nightly workflow's step, and its report as JSON and as Markdown."""
        summary = self.work.root / "summary.md"
        summary.unlink(missing_ok=True)
        words = ("refresh", "--json", "--report", ".layers/refresh.md")
        run = self.work.doit(*words, status=None, GITHUB_STEP_SUMMARY=str(summary))
        assert run.status in (0, 1), run.text
        told: dict[str, Any] = json.loads(run.out)
        text = self.work.read(".layers/refresh.md")
        assert summary.read_text().rstrip() == text.rstrip()
        return run, told, text

    def forget(self) -> None:
        """Be another machine with the same checkout: none of the images here, no state."""
        for line in self.work.lab.docker("images", "--format", "{{.Repository}}:{{.Tag}}").split():
            if self.work.name in line:
                self.work.lab.docker("image", "rm", "--force", line, check=False)
        shutil.rmtree(self.work.root / ".layers")


@dataclass(frozen=True)
class Night:
    """What happened during the day, and what the night must do about it."""

    name: str
    day: Callable[[World], object] = lambda world: None
    outcomes: Mapping[str, str] = field(default_factory=dict)
    """Of bases that are not ``unchanged``."""
    built: str = ""
    """Bases of which BuildKit ran steps."""
    lock: bool = False
    """Whether the lock's text is another one afterwards."""
    gone: int = 0
    """Upstreams that are reported as gone."""
    reason: str = ""
    """What the report says of why."""
    text: str = ""
    """What its Markdown says."""


OS, ALL = "base-os base-app", "base-os base-app base-web"
DONE = {"base-os": "refreshed", "base-app": "refreshed"}
BAD = {"base-os": "failed", "base-app": "unchanged"}


def both(*parts: Callable[[World], object]) -> Callable[[World], None]:
    """Several things on one day."""

    def day(world: World) -> None:
        for part in parts:
            part(world)

    return day


def offer(name: str, version: str, **more: Any) -> Callable[[World], object]:
    """A package appears."""
    return lambda world: world.shelf.offer(name, version, **more)


def withdraw(name: str, version: str) -> Callable[[World], object]:
    """A package disappears."""
    return lambda world: world.shelf.withdraw(name, version)


def set_budget(world: World) -> None:
    """A budget with room for some more, not for 30 MB."""
    size = int(re.findall(r"^size = (\d+)$", world.lock(), re.M)[1])
    budget = f'max_size = "{size // 1_000_000 + 12} MB"\n'
    world.work.edit("images.toml", 'probe = "apt"\n', f'probe = "apt"\n{budget}')


def services_follow(world: World) -> None:
    """By day somebody builds: each service stands on the base that the lock names."""
    world.work.doit()
    assert set(world.work.states().values()) == {"fresh"}


def roll_back(*bases: str) -> Callable[[World], object]:
    """The last refresh turned out bad in production; only the lock is written."""

    def day(world: World) -> None:
        before, tags = world.lock(), world.tags()
        world.work.doit("rollback", *bases)
        assert world.lock() != before
        assert world.tags() == tags

    return day


def kill_a_refresh(world: World) -> None:
    """Somebody refreshes by hand, and the machine dies in the middle of it."""
    before = world.lock()
    running = subprocess.Popen(
        world.work.command("refresh"),
        cwd=world.work.root,
        env=world.work.environ(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with pytest.raises(subprocess.TimeoutExpired):
        running.wait(2.5)
    running.kill()
    running.wait()
    assert world.lock() == before


def leave_unmerged(world: World) -> None:
    """Nobody merged last night's lock, and a fresh checkout has the one before it."""
    (world.work.root / "images.lock").write_text(world.before)
    world.forget()


def edit_page(world: World) -> None:
    """A change of a base's own files, made true by day from the copy, as its upstream is gone."""
    world.work.edit("base-web/page", "page", "page 2")
    asked = len(world.work.lab.requests())
    world.work.doit("base-web")
    assert list(world.work.ran()) == ["base-web"]
    copies = f"/v2/{world.work.name}/upstream/"
    assert any(copies in request for request in world.work.lab.requests()[asked:])


NIGHTS = (
    Night("the first", outcomes=dict.fromkeys(BASES, "refreshed"), built=ALL, lock=True,
          reason="never refreshed"),
    Night("quiet"),
    Night("another architecture landed", both(lambda w: w.os.land(), lambda w: w.web.land())),
    Night("a package has an update", offer("tool-one", "1.1"), DONE, OS, True, reason="probe",
          text="| `tool-one` | `1.0` | `1.1` | dpkg |"),
    Night("quiet after the update", services_follow),
    Night("an upstream was built again with nothing new", lambda w: w.web.touch(),
          {"base-web": "same content"}, "base-web", True, reason="moved"),
    Night("quiet, though its tag still points elsewhere"),
    Night("an upstream moved", lambda w: w.web.move(), {"base-web": "refreshed"}, "base-web",
          True, reason="moved", text="- Must rebuild: `web`\n"),
    Night("quiet after the move", services_follow),
    Night("the upstream of two bases moved", lambda w: w.os.move(), DONE, OS, True,
          reason="moved"),
    Night("a broken package", offer("tool-two", "2.0", after="exit 7"), BAD, "", reason="tool-two"),
    Night("still broken", outcomes=BAD, reason="tool-two"),
    Night("a whole one instead", both(withdraw("tool-two", "2.0"), offer("tool-two", "2.1")),
          DONE, OS, True, reason="probe"),
    Night("a package that does not run", offer("tool-one", "2.0", script="exit 3"), BAD, "base-os",
          reason="smoke test"),
    Night("it was withdrawn", withdraw("tool-one", "2.0")),
    Night("a package too large", both(set_budget, offer("tool-two", "3.0", size=30_000_000)), BAD,
          "base-os", reason="max_size"),
    Night("it was withdrawn too", withdraw("tool-two", "3.0")),
    Night("the package server is down and another base has work",
          both(lambda w: w.shelf.close(), lambda w: w.web.move()),
          {"base-os": "failed", "base-web": "refreshed"}, "base-web", True, reason="probe"),
    Night("the package server is back", lambda w: w.shelf.open()),
    Night("our registry is down on a day with an update",
          both(offer("tool-one", "2.1"), lambda w: w.registry.close()), BAD, reason="registry"),
    Night("our registry is back", lambda w: w.registry.open(), DONE, OS, True, reason="probe"),
    Night("the upstreams' registry is down", lambda w: w.theirs.close(),
          {"base-os": "failed", "base-web": "failed"}, reason="registry"),
    Night("the upstreams' registry is back", lambda w: w.theirs.open()),
    Night("an upstream's tag was deleted", lambda w: w.web.delete(), gone=1,
          text="is gone from its registry"),
    Night("quiet on a machine that has nothing", lambda w: w.forget(), gone=1),
    Night("the files of its base changed by day", edit_page, gone=1),
    Night("the tag is back with a new image", lambda w: w.web.move(), {"base-web": "refreshed"},
          "base-web", True, reason="moved"),
    Night("an update that is bad without failing", offer("tool-one", "3.0"), DONE, OS, True,
          reason="probe"),
    Night("quiet after a rollback", roll_back("base-os", "base-app")),
    Night("quiet again", services_follow),
    Night("the update of the bad update", offer("tool-one", "3.1"), DONE, OS, True,
          reason="probe"),
    Night("a rollback that left out the base above", roll_back("base-os"),
          {"base-app": "refreshed"}, "base-app", True, reason="no image with its key"),
    Night("quiet, and the services follow", services_follow),
    Night("a refresh was killed by day", both(offer("tool-two", "4.0"), kill_a_refresh), DONE, OS,
          True, reason="probe"),
    Night("last night's lock was not merged", leave_unmerged, DONE, OS, True, reason="probe"),
    Night("quiet at last", services_follow),
)  # fmt: skip


@pytest.fixture
def world(lab: Lab, upstream: str, tmp_path: Path) -> Iterator[World]:
    """A stack of its own, with all that it needs on loopback."""
    name = f"n{uuid.uuid4().hex[:8]}"
    client = HttpRegistry(NoCredentials(), insecure=lambda _host: False)
    ups = {}
    for role, seed in (("os", apt_base(lab)), ("web", upstream)):
        repository, _, tag = seed.rpartition(":")
        digest = client.heads([(repository, tag)])[repository, tag]
        ups[role] = Upstream(client, (repository, digest), f"{lab.registry}/{name}/{role}")
    shelf, ours, theirs = Shelf(tmp_path / "shelf"), Door(lab.registry), Door(lab.registry)
    shelf.offer("tool-one", "1.0")
    shelf.offer("tool-two", "1.0")
    work = Workspace(lab, tmp_path / "repo", name, {"LAYERS_REGISTRY": ours.host})
    texts = {"NAME": name, "UP": theirs.host, "SHELF": shelf.line}
    fill = partial(re.sub, r"\b(NAME|UP|SHELF)\b", lambda found: texts[found[1]])
    work.write({path: fill(text) for path, text in STACK.items()})
    yield World(work, shelf, ups["os"], ups["web"], ours, theirs)
    for each in (shelf, ours, theirs):
        each.close()


def test_thirty_nights(world: World) -> None:
    """Built, locked, tagged, told: each night exactly what it was about, and nothing else."""
    assert len(NIGHTS) >= 30
    for number, night in enumerate(NIGHTS, 1):
        night.day(world)
        check(world, number, night)


def check(world: World, number: int, night: Night) -> None:
    """One night."""
    called = f"night {number}, {night.name}"
    before, tags = world.lock(), world.tags()
    world.before = before
    run, told, text = world.refresh()
    print(f"{called}: {told['verdict']} ({run.seconds:.1f} s)")
    shown = f"{called}:\n{json.dumps(told, indent=1)[:6000]}\n{run.err[-3000:]}"
    expected = {**QUIET, **night.outcomes}
    assert {base["image"]: base["outcome"] for base in told["bases"]} == expected, shown
    assert run.status == ("failed" in expected.values()), shown
    assert [name for name in BASES if world.work.ran().get(name)] == night.built.split(), shown
    assert (world.lock() != before) == night.lock, shown
    for name, keys in world.tags().items():
        grown = expected[name] == "refreshed"
        assert keys.items() >= tags[name].items(), shown
        assert len(keys) == len(tags[name]) + grown, shown
        assert not grown or all(f'"{key}"' in world.lock() for key in keys - tags[name].keys())
    assert len(told["gone"]) == night.gone, shown
    assert night.reason in json.dumps(told["bases"]), shown
    assert text.startswith("# Base refresh: "), text
    assert night.text in text, text
