"""Parents: which image of ours a name in a Dockerfile means, by what files say of tags."""

from __future__ import annotations

import itertools
import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hashes.errors import LayersError
from layers.adopt.dockerfiles import Dockerfiles
from layers.adopt.images import Image, by_target
from layers.adopt.names import slug
from layers.adopt.naming import Named
from layers.adopt.proposal import Replaced
from layers.adopt.sources.tags import last_part, parse
from layers.oci.reference import HUB, Reference

_OWN_TAG = "a tag of its own"


@dataclass
class Parents:
    """Edges between named images, and the tags and replacements that make them."""

    tags: dict[str, str] = field(default_factory=dict)
    """By image, where it is not its name."""
    upstream: dict[str, Replaced] = field(default_factory=dict)
    edges: dict[str, list[str]] = field(default_factory=dict)
    """By image: the images that it is made from."""
    notes: dict[str, list[str]] = field(default_factory=dict)


def bare_names(images: Sequence[Image], files: Dockerfiles) -> dict[int, frozenset[str]]:
    """By position: names that an image must not have, as a ``FROM`` with them means the upstream.

    ``FROM nginx`` in the Dockerfile of ``nginx`` is not itself; neither is it for others, where
    that image is made from an ``nginx`` of any tag.
    """
    wanted: set[str] = set()
    own: list[set[str]] = []
    for image in images:
        texts = [each.text for each in files.references(image.build)]
        own.append({last_part(text) for text in texts})
        wanted |= {found for text in texts if (found := _bare(text))}
    unwanted = {}
    for at, image in enumerate(images):
        given = {_bare(tag) for tag in image.tags}
        unwanted[at] = frozenset((wanted & own[at]) - given)
    return unwanted


def find_parents(named: Sequence[Named], files: Dockerfiles, project: str) -> Parents:
    """What every name in the Dockerfiles means."""
    found = Parents({}, {}, {each.name: [] for each in named}, {})
    wanted: dict[str, list[str]] = {}
    for each in named:
        for reference in files.references(each.image.build):
            if parsed := parse(reference.text):
                wanted.setdefault(parsed.normal, []).append(each.name)
    _give_tags(found, named, wanted)
    ours = _ours(found, named)
    targets = by_target([each.image for each in named])
    names = {id(each.image): each.name for each in named}
    guesses = _guesses(named, wanted, ours, project)
    others = {
        parsed.name: each.name
        for each in named
        for tag in each.image.tags
        if (parsed := parse(tag))
    }
    for each in named:
        contexts = each.image.build.contexts
        for reference in files.references(each.image.build):
            parsed = parse(reference.text)
            if parsed is None:
                continue
            at = contexts.get(reference.text, "")
            meant = ours.get(parsed.normal)
            if at.startswith("target:"):
                image = targets.get((each.image.build.file, at.removeprefix("target:")))
                to = names[id(image)] if image is not None else None
                if to is not None and to != meant:
                    said = f"{each.image.build.where}: its context {reference.text} is {at}"
                    _replace(found, each.name, reference.text, to, said)
                meant = to or meant
            elif at.startswith("docker-image://"):
                to = at.removeprefix("docker-image://")
                _replace(found, each.name, reference.text, to, f"{each.image.build.where}: {at}")
                continue
            elif meant is None and parsed.normal in guesses:
                meant, why = guesses[parsed.normal]
                _replace(found, each.name, reference.text, meant, f"guessed: {why}")
            elif meant is None and (near := others.get(parsed.name)) and near != each.name:
                words = f"{reference.text} is not {near}, which has another tag here"
                found.notes.setdefault(each.name, []).append(words)
            if meant is not None and meant not in found.edges[each.name]:
                found.edges[each.name].append(meant)
    found.upstream = {
        normal: each
        for normal, each in found.upstream.items()
        if each.why != _OWN_TAG or normal in wanted
    }
    return found


def _bare(text: str) -> str:
    """The name of a reference that is nothing but one; empty for any other."""
    found = parse(text)
    if found is None or found.registry != HUB or found.tag != "latest":
        return ""
    return found.repository.removeprefix("library/")


def _give_tags(found: Parents, named: Sequence[Named], wanted: Mapping[str, list[str]]) -> None:
    """One tag an image, that of the most ``FROM`` lines first; no two in one repository."""
    repositories = {parsed.name for each in named if (parsed := parse(each.name))}
    asked = Counter(
        repository
        for each in named
        for repository in {parsed.name for parsed in map(parse, each.image.tags) if parsed}
    )
    repositories |= {name for name, images in asked.items() if images > 1}
    for each in named:
        pairs = [(parsed, tag) for tag in each.image.tags if (parsed := parse(tag)) is not None]
        for parsed, tag in sorted(pairs, key=lambda pair: -len(wanted.get(pair[0].normal, ()))):
            if parsed.normal == f"{HUB}/library/{each.name}:latest":
                break
            own = each.name in wanted.get(parsed.normal, ())  # made from yesterday's of itself
            if own or parsed.name in repositories:
                continue
            repositories.add(parsed.name)
            found.tags[each.name] = tag
            break


def _ours(found: Parents, named: Sequence[Named]) -> dict[str, str]:
    """What a Dockerfile may call our images: names and tags, as the graph will have them."""
    ours: dict[str, str] = {}
    for each in named:
        for text in (each.name, found.tags.get(each.name, "")):
            if parsed := parse(text):
                ours[parsed.normal] = each.name
    for each in named:  # tags that found no place in images.toml: replacements make them ours
        for tag in each.image.tags:
            parsed = parse(tag)
            if parsed is not None and parsed.normal not in ours:
                ours[parsed.normal] = each.name
                found.upstream[parsed.normal] = Replaced(tag, each.name, _OWN_TAG)
    return ours


def _replace(found: Parents, image: str, text: str, to: str, why: str) -> None:
    parsed = parse(text)
    assert parsed is not None
    if any(parsed == parse(name) for name in found.edges if name != to):
        words = f"its {text} is {to}, and there is an image {text}: not taken over"
        found.notes.setdefault(image, []).append(words)
        return
    known = found.upstream.get(parsed.normal)
    if known is not None and known.instead != to and known.why != _OWN_TAG:
        words = f"its {text} is {to}, that of others {known.instead}: one name can mean one image"
        found.notes.setdefault(image, []).append(words)
        return
    found.upstream[parsed.normal] = Replaced(text, to, why)


def _guesses(
    named: Sequence[Named], wanted: Mapping[str, list[str]], ours: Mapping[str, str], project: str
) -> dict[str, tuple[str, str]]:
    """Names below somebody's account that are likely ours: ``shop/hadoop-base`` is ``base``.

    Only of images without a tag of their own; one name an image, the one that most stand on.
    """
    best: dict[str, Counter[str]] = {}
    for normal, parsed, users in _of_accounts(wanted, ours):
        for each in named:
            if each.name in users:
                continue
            published = {found.name for found in map(parse, each.image.repositories) if found}
            likely = _squashed(parsed.repository.rpartition("/")[2]) in _spellings(each, project)
            if parsed.name in published or (likely and not each.image.called):
                best.setdefault(each.name, Counter())[normal] += len(users)
    for name, counted in _by_head(named, wanted, ours).items():
        best.setdefault(name, counted)
    guesses = {}
    for name, counted in best.items():
        normal = counted.most_common(1)[0][0]
        guesses[normal] = (name, f"{', '.join(wanted[normal][:3])} stands on it by that name")
    return guesses


def _of_accounts(
    wanted: Mapping[str, list[str]], ours: Mapping[str, str]
) -> Iterator[tuple[str, Reference, list[str]]]:
    """The names below somebody's account that are no image of ours, and who is made from each."""
    for normal, users in wanted.items():
        parsed = parse(normal)
        if normal in ours or parsed is None or parsed.digest:
            continue  # whoever writes a digest means those bytes, and not what is built here
        if "/" in parsed.repository.removeprefix("library/"):
            yield normal, parsed, users


def _spellings(named: Named, project: str) -> set[str]:
    build = named.image.build
    words = project.removeprefix("docker-").removesuffix("-docker")
    folder = slug(posixpath.basename(build.context))
    found = {named.name, *(f"{head}-{named.name}" for head in (project, words))}
    found |= {folder, f"{words}-{folder}"} if folder else set()
    return set(map(_squashed, found))


def _squashed(text: str) -> str:
    """``NodeBase`` and ``node-base`` are one word."""
    return "".join(each for each in text.lower() if each.isalnum())


def _by_head(
    named: Sequence[Named], wanted: Mapping[str, list[str]], ours: Mapping[str, str]
) -> dict[str, Counter[str]]:
    """Names that several images of ours would have with one word before: ``shop/dev-base``,
    ``shop/dev-tools`` for ``Dockerfile_base`` and ``Dockerfile_tools``.
    """
    tails: dict[str, list[Named]] = {}
    for each in named:
        name = posixpath.basename(each.image.build.dockerfile)
        word = slug(re.sub(r"(?i)^dockerfile[._-]?|\.dockerfile$", "", name))
        word = word or slug(posixpath.basename(each.image.build.context))
        if len(word) > 2 and not each.image.called:
            tails.setdefault(word, []).append(each)
    heads: dict[str, dict[str, Counter[str]]] = {}
    for normal, parsed, users in _of_accounts(wanted, ours):
        for word, images in tails.items():
            head = parsed.name.removesuffix(f"-{word}")
            if head != parsed.name and len(images) == 1 and images[0].name not in users:
                name = images[0].name
                heads.setdefault(head, {}).setdefault(name, Counter())[normal] += len(users)
    found: dict[str, Counter[str]] = {}
    for meant in heads.values():
        if len(meant) > 1:
            found.update(meant)
    return found


def without_cycles(found: Parents) -> list[str]:
    """Take guessed edges away until nothing is made from itself; tells those that were."""
    told = []
    while (cycle := _cycle(found.edges)) is not None:
        guessed = [each for each in found.upstream.values() if each.instead in cycle]
        if not guessed:
            raise LayersError(f"dependency cycle: {' -> '.join(cycle)}")
        for each in guessed:
            parsed = parse(each.name)
            assert parsed is not None
            del found.upstream[parsed.normal]
            told.append(f"{each.name} is not taken for {each.instead}: {' -> '.join(cycle)}")
        for child, parent in itertools.pairwise(cycle):
            if parent in {each.instead for each in guessed}:
                found.edges[child].remove(parent)
    return told


def _cycle(edges: Mapping[str, Sequence[str]]) -> list[str] | None:
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> list[str] | None:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return None
        for parent in edges[name]:
            if (cycle := walk(parent, [*path, name])) is not None:
                return cycle
        done.add(name)
        return None

    for name in edges:
        if (cycle := walk(name, [])) is not None:
            return cycle
    return None
