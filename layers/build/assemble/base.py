"""Bases: where that is upon which a layer is assembled, and what is known of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from hashes.dockerfile.arguments import platform
from hashes.key import Key
from layers.assemble.listing import BadListing, Listing
from layers.assemble.obstacle import MOST_READ, Obstacle
from layers.assemble.recipe import Recipe, Trunk
from layers.build.assemble.records import Budget, Reading, others
from layers.build.parents import pinned
from layers.build.push.local import other_key
from layers.graph.graph import Layer
from layers.lock.mirror import Mirror
from layers.oci.compression import USUAL
from layers.oci.digest import Digest
from layers.oci.reference import BadReference, Reference
from layers.plan.names import LABEL_KEY, LABEL_LAYER, LABEL_PROJECT
from layers.plan.plan import Step
from layers.plan.session import Session
from layers.plan.tails import Tail, trunk_of
from layers.registry import referrers
from layers.registry.layer_records import Shelf
from layers.registry.registry import Manifest, RegistryError
from layers.runtime.events import Output, Transfer, Warned


class Place(NamedTuple):
    """Where an image is."""

    repository: str
    digest: Digest
    ours: bool
    """Whether we may write there."""
    key: Key | None = None
    """Of which its label has to speak; None: it is an upstream."""
    prefix: str | None = ""
    """What all tags of the image begin with there; None: nobody knows."""

    @property
    def shelf(self) -> Shelf | None:
        """Where records of its layers belong; None: nowhere."""
        known = self.ours and self.prefix is not None
        return Shelf(self.repository, self.prefix or "") if known else None


class Known(NamedTuple):
    """What a registry tells of an image."""

    manifest: Manifest
    configuration: Mapping[str, Any]

    @property
    def layers(self) -> tuple[Mapping[str, Any], ...]:
        """The descriptors of its filesystem layers."""
        return tuple(self.manifest.content["layers"])


def trunk_place(run: Session, step: Step, tail: Tail) -> Place | Obstacle | None:
    """Where the trunk of a layer is: steps of its own, or its base; None: that is empty."""
    if not tail.inside:
        return base_place(run, step, tail)
    trunk = trunk_of(run.project.inputs, step.layer, tail)
    digest = run.planner.presence.registry.get(trunk.layer)
    if step.names.remote is None or digest is None:
        return Obstacle(0, "", f"its steps up to line {_line(tail)} are not in the registry")
    return Place(step.names.remote, digest, True, trunk.manifest.key(), step.names.prefix)


def _line(tail: Tail) -> int:
    return tail.division.last.line if tail.division.last is not None else 0


def base_place(run: Session, step: Step, tail: Tail) -> Place | Obstacle | None:
    """Where the image is with which a layer's first stage begins; None: that is empty."""
    if tail.parent is not None:
        return _own_place(run, tail.parent)
    if tail.edge is None:
        return None
    return upstream_place(run, tail.edge.text, pinned(run, tail.edge, step.layer.image))


def _own_place(run: Session, layer: Layer) -> Place | Obstacle:
    """Where a layer of ours is."""
    names, presence = run.planner.names_now(layer), run.planner.presence
    digest, held = presence.registry.get(layer), presence.engine.get(layer)
    if digest is None and held is not None and run.project.bases.whole(held):
        digest = held
    if names.remote is not None and digest is None:  # it may have been pushed in this run
        question = (names.remote, names.tag)
        digest = run.backends.registry.heads([question]).get(question)
    if names.remote is None or digest is None:
        return Obstacle(0, "", f"{layer} is not in the registry")
    return Place(names.remote, digest, True, run.project.inputs.key(layer), names.prefix)


def upstream_place(run: Session, text: str, upstream: str | None) -> Place | Obstacle:
    """Where an upstream is; ``upstream`` is what is used for it."""
    if upstream is None or "@" not in upstream:
        return Obstacle(0, "", f"{text} is not pinned, and could not be resolved")
    reference = Reference.parse(upstream)
    mirror = run.backends.mirror()
    ours = mirror is not None and reference.name.startswith(f"{mirror.host}/{mirror.project}/")
    prefix = _prefix(mirror, text, reference.name) if mirror is not None else None
    return Place(reference.name, Digest.parse(upstream.rpartition("@")[2]), ours, None, prefix)


def _prefix(mirror: Mirror, text: str, repository: str) -> str | None:
    """What tags of an upstream's copies begin with in a repository; None: it is another's."""
    try:
        named = Reference.parse(text)
    except BadReference:
        return None
    return mirror.prefix(named) if mirror.of(named) == repository else None


def known(run: Session, place: Place) -> Known | Obstacle:
    """What the registry tells.  Raises RegistryError, and TagMoved for an image of another key."""
    manifest = run.project.bases.manifest(
        lambda: run.backends.registry, place.repository, place.digest
    )
    if manifest is None:
        return Obstacle(0, "", f"the registry does not have {place.repository}@{place.digest}")
    if "layers" not in manifest.content:
        return Obstacle(0, "", f"{place.repository}@{place.digest} is for several platforms")
    about = Digest.parse(manifest.content["config"]["digest"])
    told = run.project.bases.blob(lambda: run.backends.registry, place.repository, about)
    configuration = json.loads(told)
    labels = (configuration.get("config") or {}).get("Labels") or {}
    if place.key is not None and labels.get(LABEL_KEY) != str(place.key):
        what = f"{place.repository}@{place.digest}"
        raise other_key(what, what, labels.get(LABEL_KEY), str(place.key))
    return Known(manifest, configuration)


def trunk(run: Session, step: Step, tail: Tail, place: Place) -> Trunk | Obstacle:
    """What a tail is put upon.  Raises RegistryError, TagMoved, BadTarball."""
    found = known(run, place)
    if isinstance(found, Obstacle):
        return found
    layers = listing(run, step, place, found, limit(run, step))
    if isinstance(layers, Obstacle):
        return layers
    return Trunk(found.configuration, found.layers, layers, tail.inside)


def limit(run: Session, step: Step) -> int | None:
    """How many bytes may be read for a layer of which nobody said whether it is to be assembled."""
    return None if run.project.spec.images[step.layer.image].assemble else MOST_READ


def too_large(size: int, most: int | None, what: str) -> Obstacle | None:
    """What stands in the way where more bytes would have to be read than may be."""
    if most is None or size <= most:
        return None
    told = f"{size >> 20} MiB of {what} would have to be read, and without assemble = true no more"
    return Obstacle(0, "", f"{told} than {most >> 20} MiB are")


def read_ahead(run: Session, step: Step, place: Place, image: Known, budget: Budget) -> Listing:
    """The same of an image that is only copied from, whose layers are read as far as allowed.

    Raises Blocked for one that has too much of which there is neither a listing nor a record.
    """
    found = left(run, step, place.repository, place.digest)
    if found is not None and found.numbered:
        return found
    reading = Reading(run, step, place.repository, place.shelf, image.layers)
    what = "all" if reading.lacking() == sum(int(each["size"]) for each in image.layers) else "some"
    budget(reading.lacking(), f"{what} of {place.repository}, once,")
    found = Listing()
    reading.put(found, budget=budget)
    if place.ours:
        leave(run, step, place.repository, place.digest, found)
    return found


def listing(
    run: Session, step: Step, place: Place, image: Known, most: int | None = None
) -> Listing | Obstacle:
    """What is at each path of an image: as somebody left it there, else from its layers, once.

    ``most``: how many bytes may be read for that; None: as many as there are.
    """
    home = place.repository if place.ours else str(step.names.remote)
    shelf = place.shelf if place.ours else Shelf(home, step.names.prefix)
    with run.project.state.lock(f"listing-{place.digest}"):  # of several that stand on it one reads
        found = left(run, step, home, place.digest)
        if found is not None:
            return found
        found, count = _begun(run, step, place, image)
        rest = image.layers[count:]
        reading = Reading(run, step, home, shelf, rest, others(run, step.layer))
        obstacle = too_large(reading.lacking(), most, place.repository)
        if obstacle is not None:
            return obstacle
        run.tell(Output(str(step.layer), f"listing what is in {place.repository}, once"))
        if not place.ours:
            copy(run, step, place)
        reading.put(found, count)
        leave(run, step, home, place.digest, found)
        return found


def _begun(run: Session, step: Step, place: Place, image: Known) -> tuple[Listing, int]:
    """What somebody has listed of the layers with which an image begins, and how many these are."""
    if place.key == step.key:
        for parent in run.project.inputs.parents(step.layer):
            below = _own_place(run, parent)
            if isinstance(below, Obstacle):
                continue
            found = known(run, below)
            if isinstance(found, Obstacle):
                continue
            digests = [each["digest"] for each in found.layers]
            if [each["digest"] for each in image.layers[: len(digests)]] == digests:
                there = left(run, step, below.repository, below.digest)
                if there is not None and there.numbered:
                    return there, len(digests)
    return Listing(), 0


def left(run: Session, step: Step, home: str, digest: Digest) -> Listing | None:
    """The listing that somebody left with an image; see `Listing.numbered`: such a one first."""
    older = run.project.bases.listing(digest)
    if older is not None and older.numbered:
        return older
    for data in referrers.fetch(run.backends.registry, home, digest, referrers.LISTING):
        try:
            found = Listing.from_bytes(data, digest.text)
        except BadListing as error:
            said = f"a listing of {home}@{digest} was not used: {error}"
            run.tell(Warned(said, str(step.layer)))
            continue
        if found.numbered:
            run.project.bases.remember_listing(digest, data)
            return found
        older = older or found
    return older


def leave(run: Session, step: Step, home: str, digest: Digest, found: Listing) -> None:
    """Leave a listing with an image that has none, or none of use; a failure costs a warning."""
    registry, kind = run.backends.registry, referrers.LISTING
    try:
        data = found.to_bytes(digest.text)
        run.project.bases.remember_listing(digest, data)
        referrers.attach(registry, home, digest, kind, data, {}, beside=True)
    except RegistryError as error:
        said = f"the listing of {home} was not stored, and has to be read again: {error}"
        run.tell(Warned(said, str(step.layer)))


def copy(run: Session, step: Step, place: Place) -> None:
    """See to it that the layer's own repository has all of an image; mounted where that can be."""
    assert step.names.remote is not None
    layer = str(step.layer)
    run.backends.registry.copy(
        place.repository,
        place.digest,
        step.names.remote,
        lambda done, total: run.tell(Transfer(layer, done, total)),
    )


def recipe(run: Session, step: Step, tail: Tail) -> Recipe:
    """What a layer is made from, beside the files."""
    image = run.project.spec.images[step.layer.image]
    return Recipe(
        run.project.inputs.dockerfile(image),
        tail.division,
        image.args,
        platform(run.project.spec.platform_of(image.name)),
        step.layer.stage or image.target,
        labels(run, str(step.key), str(step.layer)),
        platform(run.project.spec.machine),
        image.compression or USUAL,
    )


def labels(run: Session, key: str, layer: str) -> dict[str, str]:
    """Those of an image that stand in no Dockerfile."""
    return {LABEL_KEY: key, LABEL_LAYER: layer, LABEL_PROJECT: run.project.spec.project}
