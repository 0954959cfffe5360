"""Reading: an image's layers out of the engine, or out of the registry where that alone has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from hashes.errors import LayersError
from hashes.key import Key
from layers.engine.engine import EngineDown
from layers.graph.graph import Layer
from layers.oci.digest import Digest
from layers.plan.names import Names
from layers.plan.session import Session
from layers.registry.registry import Manifest, RegistryError
from layers.runtime.parts import as_file
from layers.sizes.contents import Member, contents
from layers.sizes.instructions import instructions
from layers.sizes.measure import Read
from layers.sizes.saved_image import Documents, blobs, unpacked

_REST = 1 << 20


class Image(NamedTuple):
    """An image that was found and read."""

    where: str
    """``engine`` or ``registry``."""
    layers: tuple[Read, ...]


class Reader:
    """Reads images part by part; a filesystem layer that several have is read once."""

    def __init__(self, run: Session, say: Callable[[str], None]) -> None:
        """``say`` is told what takes a while."""
        self._run = run
        self._say = say
        self._known: dict[str, tuple[Member, ...]] = {}

    def read(self, layer: Layer, key: Key) -> Image | None:
        """The image of a layer at a key; None: neither engine nor registry has it.

        Raises LayersError where either fails, or has what cannot be read.
        """
        names = self._run.planner.names(layer, key)
        if self._held(names.keyed):
            self._say(f"{layer}: reading it from the engine")
            return Image("engine", self._packed(names, self._from_engine(names.keyed)))
        manifest = self._manifest(names)
        if manifest is None or names.remote is None:
            return None
        size = sum(int(each["size"]) for each in manifest.content["layers"])
        self._say(f"{layer}: reading {size / 1e6:.0f} MB from the registry")
        return Image("registry", self._from_registry(names.remote, manifest))

    def _held(self, name: str) -> bool:
        try:
            return name in self._run.backends.engine.find([name])
        except EngineDown:
            return False

    def _manifest(self, names: Names) -> Manifest | None:
        if names.remote is None:
            return None
        found = self._run.backends.registry.manifest(names.remote, names.tag)
        if found is not None and "layers" not in found.content:
            raise LayersError(f"{names.remote}:{names.tag} is for several platforms")
        return found

    def _from_engine(self, name: str) -> tuple[Read, ...]:
        client = self._run.backends.client
        documents = Documents()
        sizes: dict[str, int] = {}
        with client.asking("read", name):
            for blob in blobs(as_file(client.api.get_image(name)), documents):
                sizes[blob.name] = blob.size
                if blob.name not in self._known:
                    self._known[blob.name] = contents(blob.tarball, blob.name)
        missing = [each for each in documents.layers if each not in sizes]
        if missing or not documents.config:
            raise LayersError(f"{name}: the engine gave {', '.join(missing) or 'no image'} not")
        told = instructions(documents.config)
        told += ["?"] * len(documents.layers)
        return tuple(
            Read(sizes[each], instruction, self._known[each])
            for each, instruction in zip(documents.layers, told, strict=False)
        )

    def _packed(self, names: Names, layers: tuple[Read, ...]) -> tuple[Read, ...]:
        """With what layers take in a registry, where the engine keeps them in no such form."""
        if self._run.backends.engine.about().keeps_manifests:
            return layers
        sizes: list[int | None] = [None] * len(layers)
        try:
            manifest = self._manifest(names)
            if manifest is not None and len(manifest.content["layers"]) == len(layers):
                sizes = [int(each["size"]) for each in manifest.content["layers"]]
        except RegistryError as error:
            self._say(f"what {names.keyed} takes in the registry is not known: {error}")
        return tuple(each._replace(packed=size) for each, size in zip(layers, sizes, strict=True))

    def _from_registry(self, repository: str, manifest: Manifest) -> tuple[Read, ...]:
        registry = self._run.backends.registry
        about = Digest.parse(manifest.content["config"]["digest"])
        told = instructions(registry.blob(repository, about))
        told += ["?"] * len(manifest.content["layers"])
        found = []
        for each, instruction in zip(manifest.content["layers"], told, strict=False):
            name, size = str(each["digest"]), int(each["size"])
            if name not in self._known:
                stream = as_file(registry.parts(repository, Digest.parse(name), size))
                self._known[name] = contents(unpacked(stream), name)
                while stream.read(_REST):  # its last part comes once its digest is right
                    pass
            found.append(Read(size, instruction, self._known[name]))
        return tuple(found)
