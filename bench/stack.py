"""The six-image snowboard stack in a copy of its own, on an engine of its own, for us and bake."""

from __future__ import annotations

import filecmp
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.harness import Case
from layers.config.toml import read
from layers.project.project import Project
from layers.setup.choose import ensure
from layers.setup.endpoint import Endpoint
from layers.setup.private.paths import Places

CHECKOUT = Path(__file__).resolve().parents[1]
WORK = CHECKOUT / ".layers" / "bench"
PROFILE = "local"


@dataclass(frozen=True)
class Stack:
    """A copy of the stack, every image of it built, by us and by bake."""

    root: Path
    endpoint: Endpoint

    def doit(self, name: str, *words: str, expect: str = "") -> Case:
        """Our own command, as a user types it."""
        return Case(
            name,
            [str(Path(sys.executable).parent / "doit"), f"profile={PROFILE}", *words],
            str(self.root),
            ENVIRONMENT,
            expect=expect,
        )

    def docker(self, name: str, *words: str, **more: str) -> Case:
        """The docker client, on the same engine."""
        environment = {**self.endpoint.environment, **more}
        return Case(name, [self.endpoint.cli, *words], str(self.root), environment)

    def project(self) -> Project:
        """What images.toml says."""
        return Project(str(self.root), profile=PROFILE)


ENVIRONMENT = {"LAYERS_PROFILE": ""}


def clean_environment() -> None:
    """Leave behind what would lead to somebody's engine, or slow a start down."""
    for name in ("DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "LAYERS_REGISTRY"):
        os.environ.pop(name, None)
    # With it, Python compiles our modules anew at every start; `run` unsets it too.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def prepare() -> Stack:
    """Copy the stack, start its engine and build it; minutes the first time, then a second."""
    root = WORK / "stack"
    _copy(root)
    packages = Path(Places.of(str(root)).packages)
    ours = Path(Places.of(str(CHECKOUT)).packages)
    if ours.is_dir() and not packages.exists():
        packages.parent.mkdir(parents=True, exist_ok=True)
        packages.symlink_to(ours)
    stack = Stack(root, ensure(str(root), print))
    subprocess.run(stack.doit("build").argv, cwd=root, check=True, stdout=sys.stderr)
    return stack


def _copy(root: Path) -> None:
    """Bring the copy up to date without touching what is the same."""
    spec = root / "images.toml"
    six = only((CHECKOUT / spec.name).read_text(), "snowboard")
    if not spec.exists() or spec.read_text() != six:
        root.mkdir(parents=True, exist_ok=True)
        spec.write_text(six)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "images/snowboard", "dodo.py"],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
    )
    for name in listed.stdout.decode().split("\0"):
        if not name:
            continue
        source, target = CHECKOUT / name, root / name
        if not target.exists() or not filecmp.cmp(source, target, shallow=False):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def only(text: str, stack: str) -> str:
    """An images.toml without the images of other stacks; all else stays as it is written."""
    data = read(text, "images.toml")
    others = {name for name, table in data["images"].items() if table.get("stack") != stack}
    others |= set(data.get("stacks", {})) - {stack}
    header = re.compile(r"\[+(?:profiles\.[^.\]]+\.)?(?:images|stacks)\.([^.\]]+)")
    parts = re.split(r"(?m)^(?=\[)", text)
    named = [(part, header.match(part)) for part in parts]
    return "".join(part for part, name in named if name is None or name[1] not in others)


BAKE_FILE = "bake.yaml"


def bake_file(stack: Stack) -> None:
    """Write the same stack as somebody without our tool would keep it.

    A compose file, since buildx 0.13 takes ``network`` from nothing else; JSON is YAML.
    """
    project = stack.project()
    services: dict[str, object] = {}
    for layer in project.goals():
        image = project.spec.images[layer.image]
        contexts = {}
        for edge in project.inputs.graph.edges[image.name]:
            if edge.image is None:
                contexts[edge.text] = f"docker-image://{edge.upstream}"
            elif project.spec.images[edge.image].rootfs is not None:
                contexts[edge.text] = f"docker-image://{project.spec.images[edge.image].tag}"
            else:
                contexts[edge.text] = f"target:{edge.image}"
        build = {
            "context": f"./{image.context}",
            "args": dict(image.args),
            "additional_contexts": contexts,
            "network": image.network,
            "secrets": list(image.secrets),
            **({"target": image.target} if image.target else {}),
        }
        services[image.name] = {"image": f"bake-{image.tag}", "build": build}
    secret = stack.root / SECRET
    secret.touch(0o600)
    content = {"services": services, "secrets": {"pip-conf": {"file": f"./{SECRET}"}}}
    (stack.root / BAKE_FILE).write_text(json.dumps(content, indent=2) + "\n")


SECRET = ".layers/pip.conf"


def bake_once(stack: Stack) -> None:
    """Build all of it by bake, with what its steps read when they run."""
    from layers.build.packages.index import PipIndex
    from layers.host import settings

    project = stack.project()
    bake_file(stack)
    served = next(image.packages for image in project.spec.images.values() if image.packages)
    conf = stack.root / SECRET
    with PipIndex(str(stack.root / served)) as index:
        secret = project.spec.secrets["pip-conf"]
        conf.write_bytes(settings.secret(secret, os.environ, index=index.url) or b"")
        try:
            case = bake(stack)
            environment = {**os.environ, **case.environment}
            with (stack.root / ".layers" / "bake.log").open("wb") as log:
                subprocess.run(case.argv, cwd=case.cwd, env=environment, check=True, stderr=log)
        finally:
            conf.write_bytes(b"")


def bake(stack: Stack) -> Case:
    """What a user of bake types."""
    return stack.docker("docker buildx bake", "buildx", "bake", f"--file={BAKE_FILE}")
