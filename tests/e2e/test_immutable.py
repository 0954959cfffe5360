"""Keyed tags are put once, whoever pushes at the same moment; and what is broken is made anew."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from layers.build.execute import carry_out
from layers.graph.graph import Layer
from layers.oci.credentials import NoCredentials
from layers.plan.session import Session
from layers.project.project import Project
from layers.registry.client import HttpRegistry
from layers.runtime.events import Event, Warned
from tests.e2e.lab import CHECKOUT, Lab, Workspace

pytestmark = pytest.mark.e2e

RACERS = 20


def checkout(root: Path, registry: str, name: str) -> Path:
    """A repository with one image, the same for every machine."""
    (root / "app").mkdir(parents=True)
    (root / "images.toml").write_text(
        f'version = 1\n[project]\nname = "{name}"\nregistry = "{registry}"\n'
        '[images.app]\ncontext = "app"\npush = true\n'
    )
    (root / "app/Dockerfile").write_text("FROM scratch\nCOPY a /a\n")
    (root / "app/a").write_text("a\n")
    return root


def test_row_33_twenty_machines_that_push_one_key_end_with_one_digest(
    lab: Lab, tmp_path: Path
) -> None:
    """Every reading of the tag after the first is the same, nobody fails, all use the winner's."""
    name = f"race{uuid.uuid4().hex[:8]}"
    first = checkout(tmp_path / "m0", lab.registry, name)
    roots = [first, *(tmp_path / f"m{number}" for number in range(1, RACERS))]
    for root in roots[1:]:
        shutil.copytree(first, root)
    key = str(Project(str(first)).inputs.key(Layer("app")))
    seen: list[str] = []
    over = threading.Event()
    registry = HttpRegistry(NoCredentials(), insecure=lambda _host: False)
    question = (f"{lab.registry}/{name}/app", key)

    def watch() -> None:
        while not over.wait(0.02):
            digest = registry.heads([question]).get(question)
            if digest is not None and str(digest) not in seen:
                seen.append(str(digest))

    watcher = threading.Thread(target=watch)
    watcher.start()
    begin = time.time() + 12.0
    racers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.racer", str(root), f"content {n}", str(begin)],
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n, root in enumerate(roots)
    ]
    outs = [racer.communicate(timeout=180) for racer in racers]
    over.set()
    watcher.join()
    assert [racer.returncode for racer in racers] == [0] * RACERS, outs
    assert len(seen) == 1
    told = [out.split() for out, _ in outs]
    assert {line[0] for line in told} == set(seen)
    assert [line[1] for line in told].count("1") == 1
    assert {held for line in told if line[1] == "0" for held in line[2:]} == set(seen)
    assert registry.tags(question[0]) == (key,) or registry.tags(question[0])[0].startswith(
        "sha256-"
    )


def lose_a_layer(lab: Lab, repository: str, reference: str) -> str:
    """Delete a blob that an image needs from the registry; its digest."""
    registry = HttpRegistry(NoCredentials(), insecure=lambda _host: False)
    manifest = registry.manifest(repository, reference)
    assert manifest is not None
    digest = str(manifest.content["layers"][-1]["digest"])
    path = repository.partition("/")[2]
    url = f"http://{lab.registry}/v2/{path}/blobs/{digest}"
    urllib.request.urlopen(urllib.request.Request(url, method="DELETE")).close()
    return digest


def test_an_image_that_lost_a_layer_is_built_and_replaced(
    workspace: Workspace, clone: Callable[[Workspace], Workspace], lab: Lab
) -> None:
    """Tag present is not image present: the reason is told, the build repairs it, pulls work."""
    workspace.doit("base")
    repository = f"{lab.registry}/{workspace.name}/base"
    key = json.loads(workspace.doit("keys", "--json", "base").out)["images"]["base"]["key"]
    lost = lose_a_layer(lab, repository, key)
    lab.empty()
    second = clone(workspace)
    assert second.states()["base"] == "build"
    reasons = second.reasons("base")
    assert f"the registry has this key, but not all of it: {lost} is missing" in reasons
    second.doit("base")
    assert set(second.ran()) == {"base"}
    lab.empty()
    third = clone(workspace)
    assert third.states()["base"] == "pull"
    third.doit("base")
    assert third.ran() == {}


def test_an_image_that_vanishes_while_it_is_pulled_is_built(
    workspace: Workspace,
    clone: Callable[[Workspace], Workspace],
    lab: Lab,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The plan said pull; the parents that nobody had looked for are made, with a warning."""
    workspace.doit("app")
    lab.empty()
    second = clone(workspace)
    for name, value in second.environ().items():
        monkeypatch.setenv(name, value)
    told: list[Event] = []
    layer = Layer("app")
    run = Session.begin(Project(str(second.root)), told.append, [layer])
    step = run.planner.plan.steps[layer]
    assert step.state == "pull"
    lose_a_layer(lab, f"{lab.registry}/{workspace.name}/app", str(step.key))
    carry_out(run, step)
    assert second.image("app")
    assert set(second.ran()) == {"app"}  # base and deps were in the registry
    warned = "\n".join(event.message for event in told if isinstance(event, Warned))
    assert "built, since the pull failed" in warned
