"""Built images: secrets in any of their layers, and their size against the budget."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import IO

from hashes.errors import LayersError
from layers.check.built.sizes import Sizes, budget
from layers.check.finding import Finding
from layers.check.rules.secrets import PATTERNS, secrets_in, worth_reading
from layers.config.spec import SPEC_FILE
from layers.engine.client import Client
from layers.graph.graph import Layer
from layers.plan.session import Session
from layers.runtime.parts import as_file
from layers.sizes.saved_image import Documents, Item, Selection, items

RULE = "secret-in-layer"


def look_into(run: Session, names: Sequence[str], notes: list[str]) -> list[Finding]:
    """Findings in the images that the engine has under their present keys."""
    found: list[Finding] = []
    wanted = [name for name in names if run.project.spec.images[name].rootfs is None]
    wanted = [name for name in wanted if not run.project.inputs.fault(name)]
    keyed = {n: run.planner.names(Layer(n), run.project.inputs.key(Layer(n))).keyed for n in wanted}
    there = run.backends.engine.find(list(keyed.values()))
    for name, reference in keyed.items():
        image = there.get(reference)
        if image is None:
            notes.append(f"{name}: not looked into: it is not built yet: doit {name}")
            continue
        sizes = Sizes()
        try:
            found += _archived(run.backends.client, reference, name, sizes)
        except LayersError as error:
            notes.append(f"{name}: not looked into: {error}")
        spec = run.project.spec.images[name]
        line = run.project.spec.line(name, "max_size") or 0
        key = str(run.project.inputs.key(Layer(name)))
        earlier = sizes.remembered(run.project.state, name, key)
        unpacked = sum(sizes.layers.values()) or image.size
        found += budget(name, unpacked, spec.max_size, sizes, earlier, SPEC_FILE, line)
        sizes.remember(run.project.state, name, key)
    return found


def _archived(client: Client, reference: str, name: str, sizes: Sizes) -> list[Finding]:
    with client.asking("read", reference):
        return secrets(as_file(client.api.get_image(reference)), name, sizes)


class _Worth(Selection):
    def __call__(self, path: str, size: int) -> bool:
        return worth_reading(path, size)


def secrets(stream: IO[bytes], name: str, sizes: Sizes | None = None) -> list[Finding]:
    """What an image's archive holds that should be in none of its layers; never the secret."""
    documents = Documents()
    seen: list[tuple[Item, str]] = []
    for item in items(stream, _Worth(), documents):
        if sizes is not None:
            sizes.add(item.blob, item.path, item.size)
        if item.content:
            seen += [(item, what) for what in secrets_in(item.path, item.content)]
    if sizes is not None:
        sizes.settle(documents)
    return [*_in_files(name, seen, documents), *_in_config(name, documents.config)]


def _in_files(
    name: str, seen: Iterable[tuple[Item, str]], documents: Documents
) -> Iterator[Finding]:
    for item, what in seen:
        place = layer_name(item.blob, documents)
        yield Finding(
            RULE,
            "error",
            name,
            0,
            f"/{item.path} in {place} is or holds {what}",
            "revoke it; a layer above cannot take it out: use RUN --mount=type=secret",
            (name,),
        )


def layer_name(blob: str, documents: Documents) -> str:
    """Which layer a blob is, in words."""
    if blob not in documents.layers:
        return f"layer {blob[:19]}"
    at = documents.layers.index(blob)
    by = f", {documents.made_by[at]}" if at < len(documents.made_by) else ""
    return f"layer {at + 1} of {len(documents.layers)} ({blob[:19]}{by})"


def _in_config(name: str, config: bytes) -> Iterator[Finding]:
    for what, pattern in PATTERNS:
        if pattern.search(config):
            yield Finding(
                RULE,
                "error",
                name,
                0,
                f"{what} stands in the image's configuration or history",
                "revoke it; an ARG or ENV stays readable: use RUN --mount=type=secret",
                (name,),
            )
