"""Push: a large image built and brought to the registry, and built for this machine alone."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from bench import stack
from bench.harness import Case, median, ratio, side_by_side, walls
from bench.table import Row
from layers.setup.choose import ensure, stop
from layers.setup.endpoint import Endpoint
from layers.setup.private.paths import Places

SIZE = 1_050_000_000
"""Bytes of libraries in the image: this machine's, since they compress as libraries do."""
MOST = 0.5
ROUNDS = 3
"""At most: a round writes ten gigabytes."""

SPEC = """\
version = 1

[project]
name = "bench-push"
registry = "{registry}"

[images.large]
context = "large"
tag = "bench-large"
push = {push}
args = {{ NONCE = "{nonce}" }}
"""

DOCKERFILE = """\
FROM {registry}/bench/busybox:1
ARG NONCE
RUN --mount=from={registry}/bench/payload:1,target=/from cp -a /from /large; echo $NONCE >/nonce
"""


def run(rounds: int) -> list[Row]:
    """``doit large`` beside plain buildx, in turns; every build writes its layer anew."""
    root = stack.WORK / "push"
    endpoint = own_engine(root)
    try:
        _prepare(root, endpoint)
        return [_compare(root, endpoint, push, min(rounds, ROUNDS)) for push in (True, False)]
    finally:
        stop(str(root))
        shutil.rmtree(Places.of(str(root)).engine, ignore_errors=True)


def _compare(root: Path, endpoint: Endpoint, push: bool, rounds: int) -> Row:
    ours, plain = _cases(root, endpoint, push)
    found = side_by_side([ours, plain], rounds)
    mine, others = walls(found[ours.name]), walls(found[plain.name])
    one = ratio(mine, others)
    return Row(
        ours.name,
        plain.name,
        f"one layer, {SIZE / 1e9:.2f} GB of libraries",
        str(one),
        f"≤ {MOST}" if push else "",
        one.median <= MOST if push else None,
        f"{median(mine):.1f} s against {median(others):.1f} s",
    )


def _cases(root: Path, endpoint: Endpoint, push: bool) -> tuple[Case, Case]:
    numbers = itertools.count(os.getpid() * 1000 + 500 * push)

    def edit() -> None:
        number = next(numbers)
        text = SPEC.format(registry=endpoint.registry, push=str(push).lower(), nonce=number)
        (root / "images.toml").write_text(text)
        (root / "nonce").write_text(f"plain-{number}")

    environment = {**endpoint.environment, **stack.ENVIRONMENT}
    environment["LAYERS_REGISTRY"] = endpoint.registry or ""
    doit = str(Path(sys.executable).parent / "doit")
    name = f"doit large{'' if push else ', not pushed'}"
    ours = Case(name, [doit, "large"], str(root), environment, edit, "built in")
    out = f"--push --tag={endpoint.registry}/bench-push/plain" if push else "--tag=bench-plain"
    line = f"{endpoint.cli} buildx build --build-arg=NONCE=$(cat nonce) {out} large"
    name = f"docker buildx build{' --push' if push else ''}"
    return ours, Case(name, ["sh", "-c", line], str(root), environment, edit)


def own_engine(home: Path) -> Endpoint:
    """An engine of this benchmark's own, which goes with all that was built."""
    packages = Path(Places.of(str(home)).packages)
    ours = Path(Places.of(str(stack.CHECKOUT)).packages)
    if ours.is_dir() and not packages.exists():
        packages.parent.mkdir(parents=True, exist_ok=True)
        packages.symlink_to(ours)
    return ensure(str(home), print)


def _prepare(root: Path, endpoint: Endpoint) -> None:
    """The project, a shell, and the libraries as an image that both sides start from."""
    (root / "large").mkdir(parents=True, exist_ok=True)
    text = DOCKERFILE.format(registry=endpoint.registry)
    (root / "large" / "Dockerfile").write_text(text)
    (root / "dodo.py").write_text("from layers.tasks import DOIT_CONFIG, task_layers\n")
    shell_image(root, endpoint)
    payload = root / "payload"
    if not payload.exists():
        collect(payload)
    pushed_image(endpoint, payload, f"{endpoint.registry}/bench/payload:1", "COPY . /\n")


def shell_image(root: Path, endpoint: Endpoint) -> None:
    """A shell as an image to start from, in the registry: Debian's busybox."""
    shell = root / "busybox"
    if not shell.exists():
        shell.mkdir()
        subprocess.run(["apt-get", "download", "busybox-static"], cwd=shell, check=True)
        package = next(shell.glob("*.deb"))
        subprocess.run(["dpkg", "-x", package.name, "."], cwd=shell, check=True)
        package.unlink()
    install = 'COPY . /\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\nENV PATH=/bin\n'
    pushed_image(endpoint, shell, f"{endpoint.registry}/bench/busybox:1", install)


def pushed_image(endpoint: Endpoint, folder: Path, name: str, steps: str) -> None:
    words = [endpoint.cli, "buildx", "build", "--push", "--provenance=false", f"--tag={name}"]
    subprocess.run(
        [*words, "--file=-", str(folder)],
        input=f"FROM scratch\n{steps}".encode(),
        env={**os.environ, **endpoint.environment},
        check=True,
    )


def collect(folder: Path, size: int = SIZE) -> None:
    """Copy libraries of this machine until there are enough."""
    taken = 0
    folder.mkdir()
    for number, path in enumerate(_libraries()):
        length = path.stat().st_size
        if taken + length <= size:
            shutil.copyfile(path, folder / f"{number}-{path.name}")
            taken += length
        if taken > size * 0.99:
            return


def _libraries() -> Iterator[Path]:
    while True:  # a small machine's libraries are taken several times
        for place in (sysconfig.get_path("purelib"), sysconfig.get_path("stdlib"), "/usr/lib"):
            for at, _, names in os.walk(place):
                for path in (Path(at, name) for name in names):
                    if path.is_file() and not path.is_symlink() and path.stat().st_size > 4096:
                        yield path
