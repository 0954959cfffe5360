"""Sizes: three trees, up to date, beside bake and turbo; and what 13 GB of weights add."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from bench import stack, trees, uptodate
from bench.harness import Case, Sample, median, ratio, side_by_side, walls
from bench.table import Row

WEIGHTS = 13_000_000_000
"""Bytes of the file that stands for model weights; it is sparse."""

QUIET = {"TURBO_TELEMETRY_DISABLED": "1", "DO_NOT_TRACK": "1", "TURBO_NO_UPDATE_NOTIFIER": "1"}
"""Nothing of turbo's time goes into asking hosts that cannot be reached."""


def run(rounds: int) -> list[Row]:
    """Compare on all trees."""
    prepared = stack.prepare()
    roots = {shape: _tree(shape, prepared) for shape in (trees.SMALL, trees.MIDDLE, trees.LARGE)}
    return [
        *_bake(prepared, roots[trees.SMALL], rounds),
        *_turbo(prepared, roots[trees.MIDDLE], rounds),
        *_growth(prepared, roots, rounds),
    ]


def weights(rounds: int) -> list[Row]:
    """``doit list`` with and without a large file that did not change."""
    prepared = stack.prepare()
    root = _tree(trees.SMALL, prepared)
    heavy = stack.WORK / "trees" / "weights"
    if not heavy.exists():
        heavy.mkdir()
        for name in (*trees.image_names(trees.SMALL), "images.toml", "dodo.py"):
            source = root / name
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, heavy / name)
        with (heavy / "service-01" / "src" / "weights.bin").open("wb") as file:
            file.truncate(WEIGHTS)
    _pretend(prepared, heavy, trees.SMALL.name)
    light, loaded = _list(prepared, root, "light"), _list(prepared, heavy, "loaded")
    found = side_by_side([light, loaded], rounds)
    plain, more = walls(found["light"]), walls(found["loaded"])
    added = median(more) - median(plain)
    every = [one - other for one, other in zip(more, plain, strict=True)]
    return [
        Row(
            "doit list, 13 GB of weights in a context",
            "the same tree without them",
            trees.SMALL.words,
            f"{ratio(more, plain)}; {added * 1000:+.0f} ms "
            f"({min(every) * 1000:+.0f} – {max(every) * 1000:+.0f})",
            "< 100 ms more",
            added < 0.1,
        )
    ]


def _tree(shape: trees.Shape, prepared: stack.Stack) -> Path:
    """A tree, all of it up to date; the largest only by name."""
    root = stack.WORK / "trees" / shape.name
    trees.make_tree(root, shape)
    if shape is trees.LARGE:
        _pretend(prepared, root, shape.name)
        return root
    case = _doit(prepared, root, "build")
    subprocess.run(
        case.argv, cwd=root, env={**os.environ, **case.environment}, check=True, stdout=2
    )
    return root


def _doit(prepared: stack.Stack, root: Path, name: str, *words: str, expect: str = "") -> Case:
    argv = [prepared.doit(name).argv[0], *words]
    environment = {**prepared.endpoint.environment, **stack.ENVIRONMENT}
    return Case(name, argv, str(root), environment, expect=expect)


def _list(prepared: stack.Stack, root: Path, name: str = "doit list") -> Case:
    return _doit(prepared, root, name, "list", expect="fresh")


def _bake(prepared: stack.Stack, root: Path, rounds: int) -> list[Row]:
    environment = prepared.endpoint.environment
    argv = [prepared.endpoint.cli, "buildx", "bake", "--file=bake.json"]
    bake = Case("docker buildx bake", argv, str(root), environment)
    plain = Case("bake without attestations", argv, str(root), {**environment, **uptodate.PLAIN})
    ours = _list(prepared, root)
    found = side_by_side([ours, bake, plain], rounds)
    return [
        uptodate.compare(
            ours.name, found[ours.name], their.name, found[their.name], trees.SMALL.words
        )
        for their in (bake, plain)
    ]


def _turbo(prepared: stack.Stack, root: Path, rounds: int) -> list[Row]:
    if not (root / "node_modules").exists():
        words = ["npm", "install", "--save-dev", "--no-audit", "--no-fund", "turbo"]
        subprocess.run(words, cwd=root, check=True, stdout=2)
    trees.commit(root)
    program = root / "node_modules" / ".bin" / "turbo"
    native = next((root / "node_modules" / "@turbo").glob("*/bin/turbo"))
    turbo = Case("turbo run build", [str(program), "run", "build"], str(root), QUIET)
    bare = Case("its native program", [str(native), "run", "build"], str(root), QUIET)
    ours = _list(prepared, root)
    found = side_by_side([ours, turbo, bare], rounds)
    mine = walls(found[ours.name])
    rows = []
    for their, target in ((turbo, 1.5), (bare, None)):
        others = walls(found[their.name])
        one = ratio(mine, others)
        rows.append(
            Row(
                ours.name,
                their.name,
                trees.MIDDLE.words,
                str(one),
                f"≤ {target}" if target else "",
                one.median <= target if target else None,
                f"{median(mine):.2f} s against {median(others):.2f} s; processor time "
                f"{_cpu(found[ours.name]):.2f} s against {_cpu(found[their.name]):.2f} s",
            )
        )
    return rows


def _growth(prepared: stack.Stack, roots: dict[trees.Shape, Path], rounds: int) -> list[Row]:
    cases = {shape: _list(prepared, root, shape.name) for shape, root in roots.items()}
    found = side_by_side(list(cases.values()), rounds)
    small, middle, large = (
        walls(found[each.name]) for each in (trees.SMALL, trees.MIDDLE, trees.LARGE)
    )
    per_file = [seconds / trees.MIDDLE.files for seconds in middle]
    of_large = [seconds / trees.LARGE.files for seconds in large]
    one = ratio(of_large, per_file)
    slope = (median(large) - median(small)) / (trees.LARGE.files - trees.SMALL.files)
    earlier = (median(middle) - median(small)) / (trees.MIDDLE.files - trees.SMALL.files)
    return [
        Row(
            "doit list, time a file",
            f"the same on {trees.MIDDLE.words}",
            trees.LARGE.words,
            str(one),
            "≤ 1",
            one.median <= 1,
            f"{median(small):.2f} s, {median(middle):.2f} s and {median(large):.2f} s in all; a "
            f"further file costs {earlier * 1e6:.0f} µs and {slope * 1e6:.0f} µs",
        )
    ]


def _cpu(samples: list[Sample]) -> float:
    return median([sample.cpu for sample in samples])


def _pretend(prepared: stack.Stack, root: Path, tree: str) -> None:
    """Give the engine an empty image under the key of each layer: finding out is what is timed,
    and nothing of it looks into an image.
    """
    told = subprocess.run(
        _doit(prepared, root, "keys", "keys", "--json").argv,
        cwd=root,
        check=True,
        capture_output=True,
    )
    environment = {**os.environ, **prepared.endpoint.environment}
    for name, image in json.loads(told.stdout)["images"].items():
        label = f"LABEL io.doit-layers.key={image['key']}"
        tags = [f"bench-{tree}-{name}:{image['key']}", f"bench-{tree}-{name}:latest"]
        steps = [["import", "--change", label, "-", tags[0]], ["tag", *tags]]
        for words in steps:
            subprocess.run(
                [prepared.endpoint.cli, *words],
                env=environment,
                check=True,
                input=bytes(10_240),  # a tar archive of nothing
                stdout=subprocess.DEVNULL,
            )
