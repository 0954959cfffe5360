"""Presence: asks the engine, and the registry only where the engine says no, where layers are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import NamedTuple

from hashes.errors import LayersError
from hashes.nothing import NOTHING
from layers.engine.engine import Engine, LocalImage
from layers.graph.graph import Layer
from layers.oci.digest import Digest
from layers.plan.names import LABEL_KEY, Names
from layers.plan.plan import Broken, Node, Presence
from layers.registry.registry import Manifest, Registry, RegistryError
from layers.runtime.events import Listener, Warned

Expected = Callable[[str], Digest | None]
"""The digest that the lock has for a key, by the key's text; None: it has none."""

_THREADS = 4


class TagMoved(LayersError):
    """A keyed tag in the registry holds something else than what was put there first."""


class Seen:
    """What was found so far; grows while a plan is made."""

    def __init__(self, broken: dict[Layer, Broken] | None = None) -> None:
        """``broken``: known to be in the registry, but not whole; more is added to it."""
        self.broken = {} if broken is None else broken
        self.asked: set[Layer] = set()
        """What was looked for at all."""
        self.nodes: dict[Layer, Node] = {}
        """The same with their names."""
        self.deaf = False
        """True once a registry did not answer: it is not asked again in this run."""
        self.engine: dict[Layer, Digest] = {}
        self.registry: dict[Layer, Digest] = {}
        self.current: dict[Layer, Digest] = {}
        self.earlier: dict[Layer, str] = {}
        """The key in the label of the image that the plain name points at."""
        self.held: dict[Layer, LocalImage] = {}
        """What the engine told of those that it has."""
        self.blobs: dict[Layer, Mapping[str, int]] = {}
        """Of those in the registry the bytes of each filesystem layer as it is sent, by digest."""

    def lacks(self, layer: Layer) -> bool:
        """True when a layer was looked for and is nowhere."""
        return layer not in self.engine and layer not in self.registry

    def presence(self) -> Presence:
        """The same as a value for the plan."""
        return Presence(self.engine, self.registry, self.current, self.broken)


def look_in_engine(
    engine: Engine,
    nodes: Iterable[Node],
    seen: Seen,
    ahead: Mapping[str, LocalImage],
) -> None:
    """Find keyed and plain names of all nodes, into ``seen``.  Raises EngineDown.

    An image tells all its names, so that a plain one is asked for only where it points elsewhere;
    ``ahead`` has those plain names that were asked for already, and were there.
    """
    nodes = list(nodes)
    found = dict(ahead)
    for node in nodes:
        held = found.get(node.names.plain)
        if held is not None and node.names.keyed in held.names:
            found[node.names.keyed] = held
    rest = [node.names.keyed for node in nodes if node.names.keyed not in found]
    found |= engine.find(rest)
    for node in nodes:
        held = found.get(node.names.keyed)
        if held is not None and node.names.plain in held.names:
            found[node.names.plain] = held
    others = [name for node in nodes if (name := node.names.plain) not in found]
    if others:
        found |= engine.find(others)
    for node in nodes:
        seen.asked.add(node.layer)
        keyed, plain = node.names.keyed, node.names.plain
        held = found.get(keyed)
        # The label is the proof: a name can be put on anything by anybody.
        if held is not None and held.labels.get(LABEL_KEY) == str(node.key):
            seen.engine[node.layer] = held.id
            seen.held[node.layer] = held
        current = found.get(plain)
        if current is not None:
            seen.current[node.layer] = current.id
            seen.earlier[node.layer] = _key_of(current)


def _key_of(image: LocalImage) -> str:
    return image.labels.get(LABEL_KEY, "")


def look_in_registry(
    registry: Callable[[], Registry],
    nodes: Iterable[Node],
    seen: Seen,
    listener: Listener,
    expected: Expected,
    bases: Set[Layer] = frozenset(),
) -> None:
    """Ask for the keys that the engine lacks, and ``bases``, all at once.

    A registry that fails costs a warning.

    Only a plain "not there" counts as absent; any other answer is told, so that nobody waits for
    a build without knowing that the registry was out of reach.  What is there in part only is
    absent, too.  Raises TagMoved when a tag shows another digest than the lock has for its key.
    """
    asked: dict[tuple[str, str], Node] = {}
    for node in nodes:
        remote = node.names.remote
        if remote is not None and (node.layer not in seen.engine or node.layer in bases):
            asked[remote, node.names.tag] = node
    if not asked or seen.deaf:
        return
    try:
        found = registry().heads(list(asked))
        for question, digest in found.items():
            node = asked[question]
            held_fast(node.names, str(node.key), digest, expected)
            seen.registry[node.layer] = digest
    except RegistryError as error:
        seen.deaf = True
        listener(Warned(f"the registry was not asked: {error}"))
        return
    try:
        images = [(repository, digest) for (repository, _), digest in found.items()]
        for question, parts in zip(found, parts_of(registry(), images), strict=True):
            layer = asked[question].layer
            seen.blobs[layer] = parts.blobs
            if parts.broken is not None:
                del seen.registry[layer]
                seen.broken[layer] = parts.broken
    except RegistryError as error:  # then a pull finds out
        listener(Warned(f"not known whether the registry has all of its images: {error}"))


class Parts(NamedTuple):
    """What an image in the registry is made of."""

    broken: Broken | None
    """What of it is lost; None: it is whole."""
    blobs: Mapping[str, int] = NOTHING
    """See `Seen.blobs`; empty for an index."""


def parts_missing(registry: Registry, images: Sequence[tuple[str, Digest]]) -> list[Broken | None]:
    """For each image, in a repository by digest, what of it is lost; None: it is whole.

    Raises RegistryError.
    """
    return [parts.broken for parts in parts_of(registry, images)]


def parts_of(registry: Registry, images: Sequence[tuple[str, Digest]]) -> list[Parts]:
    """For each image, in a repository by digest, what it is made of.  Raises RegistryError."""

    def look(repository: str, digest: Digest) -> Parts:
        manifest = registry.manifest(repository, digest.text)
        if manifest is None:
            return Parts(Broken(digest, (digest,)))
        missing = registry.missing(repository, manifest)
        return Parts(Broken(digest, missing) if missing else None, _blobs(manifest))

    if len(images) < 2:
        return [look(*one) for one in images]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(_THREADS, len(images))) as pool:
        return list(pool.map(lambda one: look(*one), images))


def _blobs(manifest: Manifest) -> Mapping[str, int]:
    layers = manifest.content.get("layers")
    found = [each for each in layers if isinstance(each, dict)] if isinstance(layers, list) else []
    sizes = {each.get("digest"): each.get("size") for each in found}
    return {
        digest: size
        for digest, size in sizes.items()
        if isinstance(digest, str) and isinstance(size, int)
    }


def held_fast(names: Names, key: str, found: Digest, expected: Expected) -> None:
    """Raise TagMoved when the lock has another digest for a key than its tag points at."""
    locked = expected(key)
    if locked is not None and locked != found:
        raise TagMoved(
            f"{names.remote}:{names.tag} is {found}, but images.lock has {locked} for this key",
            hint="someone pushed over a keyed tag: point it at the locked digest again (it may"
            f" still be there: {names.remote}@{locked}), or make a new one by `doit refresh`",
        )
