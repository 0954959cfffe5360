"""Moving tags: names such as ``v1.2`` and ``latest`` that follow what was published."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from hashes.errors import LayersError
from layers.build.publish import Published
from layers.oci.digest import Digest
from layers.oci.reference import LONGEST_TAG, is_tag
from layers.plan.remote_records import RESERVED
from layers.registry.registry import Manifest, Registry, RegistryError


@dataclass(frozen=True)
class Tagged:
    """A moving tag that points at a published image."""

    image: Published
    tag: str
    """As it is in the registry."""
    before: Digest | None
    """What it pointed at; None: it was not there."""

    @property
    def name(self) -> str:
        """Repository and tag."""
        return f"{self.image.repository}:{self.tag}"

    @property
    def moved(self) -> bool:
        """False when it was right already, and nothing was put."""
        return self.before != self.image.digest


def check_tag(tag: str, prefixes: Collection[str] = ("",)) -> None:
    """Raise LayersError for a text that cannot be a moving tag (distribution-spec, "Pull").

    ``prefixes`` are what the tags of the images begin with in the registry.
    """
    if not is_tag(tag):
        raise LayersError(
            f"tag {tag!r}: expected up to 128 letters, digits, '_', '.' and '-',"
            " not starting with '.' or '-'"
        )
    for beginning in RESERVED:
        if tag.startswith(beginning):
            raise LayersError(
                f"tag {tag!r}: names that begin with {beginning!r} are kept for keys and what"
                " belongs to them, and never move",
                hint="take a name such as v1.2, latest, or a commit",
            )
    for prefix in prefixes:
        if not is_tag(f"{prefix}{tag}"):
            raise LayersError(
                f"tag {tag!r}: as {prefix}{tag} it has {len(prefix + tag)} characters in the"
                f" registry, {LONGEST_TAG} are the most"
            )


def move_tags(registry: Registry, images: Sequence[Published], tags: Sequence[str]) -> list[Tagged]:
    """Point moving tags at images, as one: when one fails, those that were moved go back.

    Everything is read before anything is put.  Raises RegistryError, which says what stands now.
    """
    wanted = [(each, f"{each.prefix}{tag}") for tag in dict.fromkeys(tags) for each in images]
    now = registry.heads([(image.repository, tag) for image, tag in wanted])
    found = [Tagged(image, tag, now.get((image.repository, tag))) for image, tag in wanted]
    moves = [each for each in found if each.moved]
    new = {
        each.name: _content(registry, each.image.repository, each.image.digest) for each in moves
    }
    old = {
        each.name: _content(registry, each.image.repository, each.before)
        for each in moves
        if each.before is not None
    }
    for number, each in enumerate(moves):
        try:
            _put(registry, each, new[each.name])
        except RegistryError as error:
            # The one that failed may have moved all the same: it goes back, too.
            stays = _take_back(registry, moves[: number + 1], old)
            raise RegistryError(
                f"{each.name} was not moved: {error.message}",
                hint="\n  ".join(filter(None, (error.hint, stays))),
            ) from error
    return found


def _content(registry: Registry, repository: str, digest: Digest) -> Manifest:
    found = registry.manifest(repository, digest.text)
    if found is None:
        raise RegistryError(f"{repository} lost {digest} meanwhile", hint="run again")
    return found


def _put(registry: Registry, tagged: Tagged, content: Manifest) -> None:
    registry.put_manifest(tagged.image.repository, tagged.tag, content.raw, content.media_type)


def _take_back(registry: Registry, moved: Sequence[Tagged], old: Mapping[str, Manifest]) -> str:
    """Put tags back to what they pointed at; says what could not be."""
    *before, last = moved
    stay = []
    for each in reversed(moved):
        if each.name in old:
            try:
                _put(registry, each, old[each.name])
            except RegistryError:
                stay.append(f"{each.name} may be at {each.image.digest}, it was {each.before}")
        elif each is not last:
            stay.append(f"{each.name} is new, and a registry takes no tag away alone")
    if stay:
        return f"not all went back: {', '.join(stay)}"
    return "the tags moved before it are back where they were" if before else ""
