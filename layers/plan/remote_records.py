"""Remote records: what the registry knows of keys that nobody here remembers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from hashes.algorithm import HEX_LENGTHS
from hashes.errors import LayersError
from hashes.key import BadKey, Key
from layers.graph.graph import Layer
from layers.graph.record import Record
from layers.oci.reference import is_tag
from layers.plan.names import LABEL_KEY, home
from layers.registry.registry import Registry, RegistryError
from layers.runtime.events import Warned

if TYPE_CHECKING:
    from layers.plan.session import Session

T = TypeVar("T")

LATEST = "latest"

RESERVED = (*(f"{name}-" for name in HEX_LENGTHS), "claim-", "sha256-", "layer-")
"""How tags begin that are keys, and what belongs to keys; no moving tag does."""


class RemoteRecords:
    """Asks the registry, if there is one; that it fails is told once, and then it is not asked."""

    def __init__(self, run: Session) -> None:
        self._run = run
        self._deaf = False

    def record(self, key: str) -> Record | None:
        """What a key was made from, whichever of our images it is of; kept here from then on."""
        return self._ask(lambda registry: self._record(registry, key))

    def behind(self, layer: Layer, tag: str) -> str | None:
        """The key that the image behind any tag of the layer's repository was made from."""
        return self._ask(lambda registry: self._behind(registry, layer, tag))

    def key(self, layer: Layer, text: str) -> str | None:
        """The key that a text means in the layer's repository: behind a tag, or begun so."""
        if not is_tag(text):
            return None
        return self.behind(layer, text) or self._ask(
            lambda registry: _only(self._tags(registry, layer), text)
        )

    def tags(self, layer: Layer) -> tuple[str, ...]:
        """The tags of the layer's image that are no keys and belong to none."""
        found = self._ask(lambda registry: self._tags(registry, layer)) or ()
        return tuple(tag for tag in found if not tag.startswith(RESERVED))

    def _record(self, registry: Registry, key: str) -> Record | None:
        from layers.registry.referrers import INPUTS, fetch

        asked = [self._place(Layer(name), key) for name in self._run.project.spec.images]
        for (repository, _key), digest in registry.heads(asked).items():
            found = Record.first(fetch(registry, repository, digest, INPUTS))
            if found is not None and str(found.own.key()) == key:
                self._remember(found)
                return found
        return None

    def _behind(self, registry: Registry, layer: Layer, text: str) -> str | None:
        from layers.lock.resolve import resolve
        from layers.registry.referrers import INPUTS, fetch

        repository, tag = self._place(layer, text)
        digest = registry.heads([(repository, tag)]).get((repository, tag))
        if digest is None:
            return None
        found = Record.first(fetch(registry, repository, digest, INPUTS))
        if found is not None:
            self._remember(found)
            return str(found.own.key())
        spec = self._run.project.spec
        image = resolve(registry, repository, digest.text, spec.platform_of(layer.image))
        labels = (image.config.get("config") or {}).get("Labels") or {}
        return _key(str(labels.get(LABEL_KEY, "")))

    def _remember(self, record: Record) -> None:
        self._run.project.records.remember(record.own.key(), record)

    def _place(self, layer: Layer, tag: str) -> tuple[str, str]:
        """Repository and tag of what is called ``tag`` of an image."""
        host = self._run.backends.registry_host
        if host is None:
            raise RegistryError("no registry is configured")
        there = home(self._run.project.spec, layer.image)
        return f"{host}/{there.path}", f"{there.prefix}{tag}"

    def _tags(self, registry: Registry, layer: Layer) -> tuple[str, ...]:
        """All tags of an image, without what they begin with where others are beside it."""
        repository, prefix = self._place(layer, "")
        tags = registry.tags(repository)
        return tuple(tag.removeprefix(prefix) for tag in tags if tag.startswith(prefix))

    def _ask(self, question: Callable[[Registry], T | None]) -> T | None:
        if self._deaf:
            return None
        try:
            if self._run.backends.registry_host is None:
                self._deaf = True
                return None
            return question(self._run.backends.registry)
        except LayersError as error:
            self._deaf = True
            self._run.tell(Warned(f"the registry was not asked: {error}"))
            return None


def _only(tags: tuple[str, ...], text: str) -> str | None:
    """The only key among some tags that begins like a text, with or without its algorithm."""
    keys = [tag for tag in tags if _key(tag)]
    found = [key for key in keys if key.startswith(text) or key.partition("-")[2].startswith(text)]
    return found[0] if len(found) == 1 else None


def is_key(text: str) -> bool:
    """Whether a tag without what it begins with is a key."""
    return _key(text) is not None


def _key(text: str) -> str | None:
    try:
        return str(Key.parse(text))
    except BadKey:
        return None
