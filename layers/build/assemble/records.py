"""Records: each filesystem layer of some size is read once, whichever images have it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from layers.assemble.listing import Listing
from layers.assemble.tarballs import apply, put, reduced
from layers.assemble.trees.record import BadRecord, Member, Recorder, members
from layers.graph.graph import Layer
from layers.oci.digest import Digest
from layers.plan.names import home
from layers.plan.plan import Step
from layers.plan.session import Session
from layers.registry import layer_records
from layers.registry.layer_records import Kept, Shelf
from layers.registry.registry import RegistryError
from layers.runtime.events import Warned

Budget = Callable[[int, str], None]
"""Notes that bytes are to be read, of what; raises Blocked where these are too many."""
SMALL = 1 << 20
"""Bytes of a layer as it is sent, below which it is read: to ask for a record takes as long."""
MOST_OTHERS = 16
"""How many other images are asked for a record."""


class Reading:
    """Filesystem layers that a repository has, to be put upon a listing."""

    def __init__(
        self,
        run: Session,
        step: Step,
        repository: str,
        shelf: Shelf | None,
        layers: Iterable[Mapping[str, Any]],
        others: Iterable[Shelf] = (),
    ) -> None:
        """``shelf``: where their records belong; None: nowhere.  ``others`` are asked as well."""
        self._run, self._step, self._repository, self._shelf = run, step, repository, shelf
        self._layers = [(Digest.parse(each["digest"]), int(each["size"])) for each in layers]
        self._stores = shelf is not None and shelf.room
        self._known: dict[Digest, Kept] = {}
        if shelf is not None:
            wanted = [digest for digest, size in self._layers if size >= SMALL]
            self._known = self._look((shelf,), wanted)
            rest = [digest for digest in wanted if digest not in self._known]
            self._known |= self._look([each for each in others if each != shelf], rest)

    def lacking(self) -> int:
        """Bytes of those layers that have to be read."""
        return sum(size for digest, size in self._layers if digest not in self._known)

    def put(self, found: Listing, first: int = 0, budget: Budget | None = None) -> None:
        """Put them upon a listing, numbered from ``first``; what is read is recorded.

        ``budget`` is asked for what has to be read though `lacking` left it out.  Raises
        RegistryError, BadTarball, and Blocked as ``budget`` says.
        """
        for number, (digest, size) in enumerate(self._layers, first):
            recorded = self._recorded(digest) if digest in self._known else None
            if recorded is not None:
                put(found, recorded, number)
                continue
            if digest in self._known and budget is not None:
                budget(size, f"a layer of {self._repository}")
            parts = self._run.backends.registry.parts(self._repository, digest, size)
            if not self._stores or size < SMALL:
                apply(found, parts, number)
                continue
            recorder = Recorder(digest.text)
            put(found, recorder.watch(reduced(parts)), number)
            self._store(digest, recorder.to_bytes())

    def _look(self, shelves: Iterable[Shelf], layers: Iterable[Digest]) -> dict[Digest, Kept]:
        """What is there; nothing where that cannot be known, as the layers can be read."""
        try:
            return layer_records.which(self._run.backends.registry, shelves, layers)
        except RegistryError:
            return {}

    def _recorded(self, layer: Digest) -> list[Member] | None:
        kept = self._known[layer]
        try:
            data = layer_records.fetch(self._run.backends.registry, kept)
            return members(data or b"", layer.text)
        except (RegistryError, BadRecord) as error:
            said = f"a record of {kept.repository}@{layer} was not used: {error}"
            self._run.tell(Warned(said, str(self._step.layer)))
            return None

    def _store(self, layer: Digest, content: bytes | None) -> None:
        if self._shelf is None or content is None:
            return
        try:
            layer_records.store(self._run.backends.registry, self._shelf, layer, content)
        except RegistryError as error:
            self._stores = False
            said = f"layers of {self._repository} are not recorded, and are read again: {error}"
            self._run.tell(Warned(said, str(self._step.layer)))


def others(run: Session, layer: Layer) -> tuple[Shelf, ...]:
    """Where records may be of what a layer begins with: its image's, and those that begin so, too.

    At most `MOST_OTHERS`.
    """
    spec, graph, host = run.project.spec, run.project.inputs.graph, run.backends.registry_host

    def below(image: str) -> set[str]:
        images = graph.closure([image])
        edges = (edge for each in images for edge in graph.edges[each] if edge.kind == "from")
        return {*images, *(edge.upstream for edge in edges if edge.upstream)}

    ours = below(layer.image)
    listed = graph.closure(name for name, image in spec.images.items() if image.may_assemble)
    found = [name for name in listed if spec.images[name].push and ours & below(name)]
    homes = [home(spec, name) for name in found]
    shelves = (Shelf(f"{host}/{each.path}", each.prefix) for each in homes)
    return tuple(dict.fromkeys(shelves))[:MOST_OTHERS]
