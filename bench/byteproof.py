"""Byte-proof: one file edited and the image built, with our memory of what was sent and without."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import stack
from bench.harness import median, ratio
from bench.table import Row
from bench.trees import Shape, make_tree
from layers.build import prepare
from layers.build.buildx import BuildCall
from layers.build.context import send
from layers.build.parents import Parents
from layers.graph.graph import Layer
from layers.oci.digest import Digest
from layers.plan.plan import Step
from layers.plan.session import Session
from layers.project.project import Project
from layers.setup.choose import ensure
from layers.setup.endpoint import Endpoint
from layers.setup.private.paths import Places

SHAPES = (Shape("byteproof-60", 1, 60, 200_000), Shape("byteproof-6000", 1, 6_000, 200_000_000))
IMAGE = "base"
MOST = 1.05


def run(rounds: int) -> list[Row]:
    """Ordinary edits in turns: by buildx as it is, and by us; then suspicious ones, and a tar."""
    rows = []
    for shape in SHAPES:
        root = stack.WORK / shape.name
        make_tree(root, shape)
        rows += _compare(root, shape, _engine(), rounds)
    return rows


def _engine() -> Endpoint:
    """An engine of this benchmark's own, empty but for what it builds."""
    home = stack.WORK / "byteproof"
    packages = Path(Places.of(str(home)).packages)
    ours = Path(Places.of(str(stack.CHECKOUT)).packages)
    if ours.is_dir() and not packages.exists():
        packages.parent.mkdir(parents=True, exist_ok=True)
        packages.symlink_to(ours)
    endpoint = ensure(str(home), print)
    os.environ.update(endpoint.environment)
    return endpoint


def _compare(root: Path, shape: Shape, endpoint: Endpoint, rounds: int) -> list[Row]:
    shares: list[float] = []

    def ours(run: Session, step: Step, call: BuildCall) -> None:
        """As `build.run` does it, with what is not buildx's on a watch of its own."""
        inside: list[float] = []

        def work(run: Session, step: Step, call: BuildCall) -> Digest:
            begin = time.perf_counter()
            digest = prepare.built(run, step, call)
            inside.append(time.perf_counter() - begin)
            return digest

        begin = time.perf_counter()
        send.build(run, step, call, work)
        shares.append(time.perf_counter() - begin - sum(inside))

    sides: dict[str, Callable[[], float]] = {
        "docker buildx build": lambda: _timed(root, prepare.built),
        "byte-proof": lambda: _timed(root, ours),
        "byte-proof, suspicious": lambda: _timed(root, prepare.execute, keep=True),
        "tar on stdin": lambda: _tar(root, endpoint),
    }
    found: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, side in sides.items():
            seconds = side()
            if number:
                found[name].append(seconds)
    stock = found.pop("docker buildx build")
    return [
        Row(
            f"{name}, one file edited",
            "docker buildx build",
            shape.words,
            str(ratio(seconds, stock)),
            f"≤ {MOST}" if name == "byte-proof" else "",
            median(seconds) / median(stock) <= MOST if name == "byte-proof" else None,
            f"{median(seconds):.3f} s against {median(stock):.3f} s"
            + (f", {median(shares):.3f} s of it outside buildx" if name == "byte-proof" else ""),
        )
        for name, seconds in found.items()
    ]


def _timed(root: Path, work: Callable[..., object], *, keep: bool = False) -> float:
    """Edit, find the keys, which `doit` does in any case, and time the build alone."""
    _edit(root, keep=keep)
    run = Session.begin(Project(str(root)))
    step = run.planner.plan.steps[Layer(IMAGE)]
    with prepare.prepared(run, step, Parents(run)) as call:
        begin = time.perf_counter()
        work(run, step, call)
        seconds = time.perf_counter() - begin
    run.project.cache.save()
    return seconds


def _edit(root: Path, *, keep: bool) -> None:
    """Other bytes in one file of the same size; ``keep`` its mtime."""
    path = root / IMAGE / "src" / "part00" / "file00.txt"
    status = path.stat()
    with path.open("r+b") as file:
        file.write(os.urandom(8).hex().encode())
    if keep:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    time.sleep(0.02)  # an edit by hand is no younger when a build begins


def _tar(root: Path, endpoint: Endpoint) -> float:
    """The way without a memory on either side: the whole context, every time."""
    _edit(root, keep=False)
    begin = time.perf_counter()
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.GNU_FORMAT) as archive:
        archive.add(root / IMAGE, ".")
    words = ["buildx", "build", "--quiet", "--provenance=false"]
    words += ["--output=type=image,compression=zstd,oci-mediatypes=true", "-"]
    subprocess.run(
        [endpoint.cli, *words], input=data.getvalue(), check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - begin
