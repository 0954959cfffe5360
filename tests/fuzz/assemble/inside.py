"""Trunks inside of a stage: the image that BuildKit makes is cut, and its tail assembled again."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from layers.assemble.cut import Image, cut
from layers.assemble.image import Assembled, Origins, assemble, listing_of
from layers.assemble.listing import Listing
from layers.assemble.obstacle import Obstacle
from layers.assemble.recipe import Recipe, Trunk
from tests.fuzz.assemble.case import BASE, TOOLS, Case

LABELS = {"io.doit-layers.key": "xxh3-" + "0" * 32}
RUNS = (
    "mkdir -p -m 2750 /srv/made && echo made > /srv/made/f",
    "echo late:x:900:901::/: >> /etc/passwd; echo late:x:901: >> /etc/group",
    "rm -rf /a /srv/f /opt; ln -s srv /opt",
    "chmod 1777 /srv; chown 5:60 /b /a; touch -d @1700000000 /srv",
    "mkdir -p /a/b/c; mv /a/b /moved; ln -s ../moved /a/b",
    "true",
    "[ -f /d.d/x ] && chmod 4755 /d.d/x; rm -rf /b; mkdir -p /b/x",
)
"""Commands of a shell that does not stay in the image."""


def with_trunk(case: Case, seed: int) -> Case:
    """The case with one or two steps that run, and something after the last of them."""
    rng = Random(f"{seed}/{case.name}/trunk")
    lines = list(case.lines)
    for _ in range(rng.randint(1, 2)):
        at = rng.randint(1, 1 + len(lines) // 2)
        as_root = ["USER 0"] if rng.random() < 0.7 else []
        lines[at:at] = [*as_root, _step(rng)]
    if rng.random() < 0.3:
        other = [f"FROM {BASE} AS other", a_run(rng)]
        lines = [*other, *lines]
        at = rng.randint(3, 3 + (len(lines) - 3) // 2)
        lines.insert(at, "COPY --from=other /sr[v] /bi[n] /copied/")
    if rng.random() < 0.4:
        lines.insert(
            rng.randint(1, len(lines)), "ARG D=/srv\nARG LATE=late"[: rng.choice((10, 99))]
        )
    return replace(case, name=f"{case.name}-t", lines=tuple(lines))


def _step(rng: Random) -> str:
    if rng.random() < 0.2:
        return f"COPY --from={BASE} /etc /copied"
    return a_run(rng)


def a_run(rng: Random) -> str:
    """A step that runs."""
    chosen = rng.sample(RUNS, rng.randint(1, 2))
    words = ["/.t/bin/busybox", "sh", "-c", "export PATH=/.t/bin; " + "; ".join(chosen) + "; :"]
    return f"RUN --mount=from={TOOLS},target=/.t {json.dumps(words)}"


def upon_trunk(
    digest: str,
    read: Callable[[str], bytes],
    base: Image,
    recipe: Recipe,
    sources: Any,
    origins: Origins,
) -> Assembled | Obstacle:
    """The tail of an image that is there, upon the trunk that is cut from it."""
    manifest = json.loads(read(digest))
    config = json.loads(read(manifest["config"]["digest"]))
    found = cut(Image(manifest["layers"], config), base, recipe, LABELS)
    if isinstance(found, Obstacle):
        return found
    listing = listing_of([iter((read(each["digest"]),)) for each in found.layers])
    listing = Listing.from_bytes(listing.to_bytes("it"), "it")
    trunk = Trunk(json.loads(found.configuration), found.layers, listing, inside=True)
    return assemble(trunk, recipe, sources, origins)


def tools(build: Callable[[list[str], str], str], name: str) -> None:
    """An image in the engine with busybox of Debian and links to it in /bin."""
    with tempfile.TemporaryDirectory(prefix="fuzz-tools-") as at:
        words = ["apt-get", "download", "busybox-static"]
        subprocess.run(words, cwd=at, check=True, capture_output=True)
        package = next(Path(at).glob("*.deb"))
        subprocess.run(["dpkg", "-x", package.name, "root"], cwd=at, check=True)
        (Path(at) / "Dockerfile").write_text(
            "FROM scratch\nCOPY root/bin/busybox /bin/busybox\n"
            'RUN ["/bin/busybox", "--install", "-s", "/bin"]\n'
        )
        said = build([f"--tag={name}", "."], at)
        assert not said, said
