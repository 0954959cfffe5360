"""Images: a tail put upon a trunk, as configuration, manifest and new filesystem layers."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hashes.context.sources import Sources
from hashes.dockerfile import git
from hashes.dockerfile.expand import WordError
from hashes.dockerfile.heredocs import chomp, heredoc
from hashes.dockerfile.instruction import Instruction
from hashes.dockerfile.reachable import Source
from hashes.dockerfile.state import State
from hashes.errors import LayersError
from layers.assemble import layer, sources
from layers.assemble.configuration import Configuration, known
from layers.assemble.copying import Look, Writer, Written, unchanged
from layers.assemble.layer import NewLayer
from layers.assemble.listing import Listing
from layers.assemble.obstacle import Blocked, Obstacle
from layers.assemble.origins.rootfs import Packed, Rootfs
from layers.assemble.origins.taken import Store
from layers.assemble.recipe import CONFIG_TYPE, Recipe, Trunk, in_the_way, oci
from layers.assemble.sources import Match, Moved
from layers.assemble.trunk import LINKED_OWNER, step_name
from layers.assemble.users import NOBODY_SAID, owner
from layers.assemble.walk import Place, walk
from layers.oci.artifact import MANIFEST_TYPE, descriptor

_MOST_CHMOD = 0o7777
FOLDER_TIME = 315532800
"""When folders count as made, in seconds since the epoch: 1980, the earliest that a zip can tell.

The same in each image, so that neither an edit nor another base makes another layer of them.
"""
Origins = Callable[[Source], Rootfs]
"""Gives what is in the stage or image that a COPY takes from; raises Blocked where that is not
known.
"""


def nowhere(source: Source) -> Rootfs:
    """Nothing is known of any."""
    raise Blocked(f"what is in {source.text} is not known")


@dataclass(frozen=True)
class Assembled:
    """An image that was put together."""

    configuration: bytes
    manifest: bytes
    layers: tuple[NewLayer, ...]
    """Those that its trunk does not have; the other blobs are where the trunk is."""

    def close(self) -> None:
        """Let go of the new layers."""
        for each in self.layers:
            each.file.close()


def assemble(
    trunk: Trunk, recipe: Recipe, context: Sources, origins: Origins = nowhere
) -> Assembled | Obstacle:
    """Put the tail of a recipe upon its trunk.

    The same bytes for the same values.  Raises Moved where a file is not what was hashed,
    BadTarball, and LayersError for what BuildKit would refuse, too.
    """
    made = _Assembly(trunk, recipe, context, origins)
    try:
        found = made.run() or made.image()
    except BaseException:
        made.close()
        raise
    if isinstance(found, Obstacle):
        made.close()
    return found


def stage(
    name: str,
    trunk: Trunk,
    recipe: Recipe,
    context: Sources,
    origins: Origins,
    packed: Packed,
    store: Store,
) -> Rootfs:
    """What is in a stage that is only copied from, without making layers of it.

    ``packed`` are the layers of its trunk.  Raises what `assemble` does, and Blocked.
    """
    made = _Assembly(trunk, recipe, context, origins, layers=False)
    obstacle = made.run()
    if obstacle is not None:
        raise Blocked(f"stage {name}: {obstacle}")
    return Rootfs(name, made.listing, packed, store, made.written)


class _Assembly:
    def __init__(
        self,
        trunk: Trunk,
        recipe: Recipe,
        context: Sources,
        origins: Origins,
        *,
        layers: bool = True,
    ) -> None:
        self.trunk, self.recipe, self.context = trunk, recipe, context
        self.origins, self.with_layers = origins, layers
        self.steps = 0
        self.listing = trunk.listing.copy()
        self.configuration = (
            Configuration(trunk.configuration)
            if trunk.configuration
            else Configuration.scratch(recipe.platform)
        )
        self.created = _seconds(trunk.configuration.get("created"))
        """The time of the image, and of documents: that of the newest file in it."""
        self.layers: list[NewLayer] = []
        self.written: dict[str, Written] = {}
        """What the steps so far wrote last at each path."""

    def close(self) -> None:
        for each in self.layers:
            each.file.close()

    def run(self) -> Obstacle | None:
        """Go through all steps, as far as nothing stands in the way."""
        last = self.recipe.division.last
        if last is not None and not self.trunk.inside:
            return last
        obstacle = in_the_way(self.trunk, self.recipe)
        if obstacle is not None:
            return obstacle
        for place in walk(self.recipe, self.configuration, inside=self.trunk.inside):
            try:
                self._step(place)
            except (Blocked, WordError) as error:
                return Obstacle(place.item.line, step_name(place.item), str(error))
        return None

    def _step(self, place: Place) -> None:
        item, state = place.item, place.state
        self.steps += 1
        writer = Writer(self.listing, self.steps, self.written)
        if item.keyword in ("COPY", "ADD"):
            self._copy(place, writer)
        else:
            self.configuration.take(item, state)
            if item.keyword == "WORKDIR":
                user = self.configuration.user
                who = owner(self.listing, user) if user else NOBODY_SAID
                writer.make(self.configuration.workdir, Look(who, stamp=FOLDER_TIME))
        before, written = self.written, writer.written
        if before:
            written = {k: one for k, one in written.items() if not unchanged(before.get(k), one)}
        self.written = {**before, **written} if before else written
        if written and self.with_layers:
            made = layer.write(self.listing, written, self.recipe.compression)
            self.layers.append(made)
            self.configuration.diff_ids.append(made.diff_id.text)
        self.configuration.done(item, layer=bool(written))

    def _copy(self, place: Place, writer: Writer) -> None:
        item, state = place.item, place.state
        source = place.stage.sources.get((place.position, 0))
        *heads, last = item.words
        bodies = {each.name: each.content for each in item.heredocs}
        target = known(state, last)
        if target.endswith(("/.", "/..")) or target == "..":
            raise Blocked(f"versions of BuildKit differ in what {target!r} means as a destination")
        found = [] if source is None else self._brought(item, source, heads, state)
        documents: list[Match] = []
        for head in heads if source is None else ():
            opened = heredoc(head)
            if opened is not None and opened.name in bodies:
                body = bodies[opened.name]
                body = chomp(body) if opened.chomp else body
                if opened.expand:
                    word = state.expand(body, escape="\\", quotes=False)
                    if not word.known:
                        raise Blocked("a document depends on what the base brings")
                    body = word.text
                documents.append(sources.document(opened.name, body, self.created))
            else:
                found += self._matches(item, known(state, head), state)
        self.created = max(self.created, sources.newest(found))
        look = self._look(item, state)
        # Beside --chmod a --link counts for nothing (dockerfile2llb, convert_copy.go).
        linked = item.switch("link") and look.chmod is None
        if linked and item.flag("chown"):
            raise Blocked(LINKED_OWNER)
        copy = writer.link if linked else writer.copy
        copy([*found, *documents], state.destination(target), look)

    def _brought(
        self, item: Instruction, source: Source, heads: Sequence[str], state: State
    ) -> list[Match]:
        """What comes from another stage or image."""
        if item.heredocs:
            raise Blocked("it has documents, and takes from another image")
        rootfs = self.origins(source)
        exclude = tuple(known(state, each) for each in item.flag_values("exclude"))
        return rootfs.bring([known(state, head) for head in heads], exclude)

    def _matches(self, item: Instruction, source: str, state: State) -> list[Match]:
        if git.is_web(source) or git.is_git(source) or git.like_git(source):
            raise Blocked(f"it fetches {source}")
        try:
            exclude = tuple(known(state, each) for each in item.flag_values("exclude"))
            found = sources.matches(self.context, source, exclude)
        except Moved:
            raise
        except LayersError as error:
            raise Blocked(error.message) from error
        if item.keyword == "ADD":
            for match in found:
                if sources.unpacks(match.top):
                    raise Blocked(f"{source} may be an archive, which ADD unpacks")
        return found

    def _look(self, item: Instruction, state: State) -> Look:
        chmod, text = None, known(state, item.flag("chmod") or "")
        if text:
            if not all(sign in "01234567" for sign in text) or int(text, 8) > _MOST_CHMOD:
                raise Blocked(f"versions of BuildKit differ in what --chmod={text} means")
            chmod = int(text, 8)
        user = known(state, item.flag("chown") or "")
        who = owner(self.listing, user) if user else None
        # What is linked is put upon the image, whatever is there.
        linked = item.switch("link") and chmod is None
        below = () if linked else tuple(str(each["digest"]) for each in self.trunk.layers)
        return Look(who, chmod, FOLDER_TIME, below)

    def image(self) -> Assembled:
        """What was made, once all steps are done."""
        self.configuration.label(self.recipe.labels or {})
        created = datetime.datetime.fromtimestamp(self.created, datetime.timezone.utc)
        configuration = self.configuration.to_bytes(f"{created:%Y-%m-%dT%H:%M:%SZ}")
        value = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": descriptor(CONFIG_TYPE, configuration),
            "layers": [
                *map(oci, self.trunk.layers),
                *(each.descriptor() for each in self.layers),
            ],
        }
        manifest = json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
        return Assembled(configuration, manifest, tuple(self.layers))


def _seconds(text: object) -> int:
    """When an image was made, in seconds since the epoch; 0 where it does not say."""
    try:
        found = datetime.datetime.fromisoformat(str(text)[:19])
    except ValueError:
        return 0
    return max(0, int(found.replace(tzinfo=datetime.timezone.utc).timestamp()))


def listing_of(parts: Sequence[Any]) -> Listing:
    """The listing of an image, from its filesystem layers (iterators of bytes) in their order."""
    from layers.assemble.tarballs import apply

    found = Listing()
    for number, each in enumerate(parts):
        apply(found, each, number)
    return found
