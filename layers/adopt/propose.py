"""Propose: what was read, as an ``images.toml`` that is known to load."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from hashes.dockerfile.git import is_git
from hashes.errors import did_you_mean
from layers.adopt.dockerfiles import Dockerfiles
from layers.adopt.find import Found, ignored
from layers.adopt.images import Image, gather
from layers.adopt.naming import Named, name_images
from layers.adopt.parents import Parents, bare_names, find_parents, without_cycles
from layers.adopt.proposal import Needed, Proposal, Proposed, Replaced, lacks
from layers.adopt.sources.reading import LeftOut, Reading, Stack
from layers.adopt.sources.tags import parse

_WILD = re.compile(r"[*?\[\\]")
_ARG = re.compile(r"arg (\w+) (?:is|comes) ")
_MANY = 5
"""Sources of one image that are told as not there, one by one."""


def propose(
    found: Found,
    reading: Reading,
    files: Dockerfiles,
    project: str,
    taken: frozenset[str] = frozenset(),
    wanted: Callable[[Image], bool] = lambda _: True,
) -> Proposal:
    """A proposal out of everything that was read; ``taken`` are names that others have.

    Images that are not ``wanted`` are there already: they give no table.
    """
    images, left_out, faults = gather(found, reading, files)
    images = [image for image in images if wanted(image)]
    named = name_images(images, project, taken, bare_names(images, files))
    parents = find_parents(named, files, project)
    notes = without_cycles(parents)
    needed = _needed(named, files)
    proposed = tuple(_proposed(each, parents, needed, files) for each in named)
    left_out += [LeftOut("an edge", each) for each in notes]
    upstream = {**parents.upstream, **_plain_upstreams(named, files, parents, taken)}
    lacking = tuple(each for each in proposed if each.lacking is not None)
    left_out += [_lacking(each) for each in lacking]
    stacks, useless = _stacks(reading.stacks, named)
    read = {build.dockerfile for image in images for build in image.builds}
    aside = tuple(each for each in found.left_out if each.what not in read)
    used = {secret for each in proposed for secret in each.secrets}
    return Proposal(
        project,
        tuple(each for each in proposed if each.lacking is None),
        stacks,
        {key: table for key, table in reading.secrets.items() if key in used},
        tuple(upstream[key] for key in sorted(upstream)),
        (*aside, *reading.left_out, *left_out, *useless),
        lacking,
        (*reading.faults, *faults),
        sum(map(len, (found.dockerfiles, found.compose, found.bake, found.workflows))),
    )


def _proposed(
    named: Named, parents: Parents, needed: Mapping[str, list[Needed]], files: Dockerfiles
) -> Proposed:
    build = named.image.build
    notes = [each for each in named.image.notes if _matters(each, build.dockerfile, files)]
    notes += parents.notes.get(named.name, ())
    contexts = {}
    for name, at in build.contexts.items():
        if at.startswith(("target:", "docker-image:")):
            continue  # an edge, or an upstream: see parents.py
        if is_git(at):
            contexts[name] = at
        elif "://" in at or not _inside(files.root, at):
            notes.append(f"context {name} is not taken over: {at}")
        else:
            contexts[name] = at
    missing = _missing(build.context, files, named, needed.get(named.name, ()))
    return Proposed(
        table=named.table,
        variant=named.variant,
        context=build.context,
        dockerfile=build.dockerfile,
        target=build.target,
        args={**build.args, **dict.fromkeys(build.lacking.names if build.lacking else (), "")},
        tag=parents.tags.get(named.name, ""),
        contexts=contexts,
        secrets=build.secrets,
        network=build.network,
        sandbox=build.sandbox,
        options=build.options,
        push_stages=files.installing(build),
        require=tuple(needed.get(named.name, ())),
        parents=tuple(parents.edges[named.name]),
        said=tuple(dict.fromkeys(each.where for each in named.image.builds if each.file)),
        notes=(*notes, *missing),
        lacking=build.lacking,
    )


def _lacking(image: Proposed) -> LeftOut:
    """An image that waits for a build argument, as people are told."""
    assert image.lacking is not None
    why = f"{lacks(image.lacking)}; give the value in images.toml, where it is a comment"
    return LeftOut(f"{image.dockerfile}:{image.lacking.line}", why)


def _matters(note: str, dockerfile: str, files: Dockerfiles) -> bool:
    """Whether a note is about an argument that the Dockerfile has, or about something else."""
    found = _ARG.match(note)
    return not found or files.declares(dockerfile, found[1])


def _inside(root: str, path: str) -> bool:
    return not path.startswith("..") and os.path.isdir(os.path.join(root, path))


def _needed(named: Sequence[Named], files: Dockerfiles) -> dict[str, list[Needed]]:
    """By image: files that a COPY names and that git ignores, or that are not there."""
    asked: list[tuple[Named, str, int, str]] = []
    for each in named:
        build = each.image.build
        for source, line in files.sources(build):
            if source in ("", ".") or source.startswith("..") or _WILD.search(source):
                continue
            path = posixpath.normpath(posixpath.join(build.context, source))
            if not os.path.isdir(os.path.join(files.root, path)):
                asked.append((each, source, line, path))
    kept = ignored(files.root, [path for _, _, _, path in asked])
    found: dict[str, list[Needed]] = {}
    for each, source, line, path in asked:
        there = os.path.lexists(os.path.join(files.root, path))
        known = found.setdefault(each.name, [])
        if (there and path not in kept) or source in {one.path for one in known}:
            continue
        if there or _is_file(source):
            why = "git ignores it" if path in kept else "it is not in the repository"
            place = f"{each.image.build.dockerfile}:{line}"
            known.append(Needed(source, f"{place} needs it, and {why}: make it or fetch it."))
    return found


def _is_file(source: str) -> bool:
    """Whether a path that is not there looks like that of a file."""
    return "." in posixpath.basename(source).lstrip(".")


def _missing(context: str, files: Dockerfiles, named: Named, needed: Sequence[Needed]) -> list[str]:
    """What a COPY names and nobody has, for which there is no table."""
    known = {each.path for each in needed}
    told: dict[str, None] = {}
    for source, line in files.sources(named.image.build):
        path = os.path.join(files.root, context, source)
        if source in ("", ".") or source in known or _WILD.search(source):
            continue
        if not os.path.lexists(path):
            told[f"{named.image.build.dockerfile}:{line} needs {source}, which is not there"] = None
    words = list(told)
    more = len(words) - _MANY
    return words[:_MANY] + ([f"and {more} more"] if more > 0 else [])


def _stacks(
    stacks: Sequence[Stack], named: Sequence[Named]
) -> tuple[tuple[Stack, ...], list[LeftOut]]:
    """Those that run an image of ours; no two of the same files."""
    ours = set()
    for each in named:
        for text in (each.name, *each.image.tags):
            if parsed := parse(text):
                ours.add(parsed.normal)
    found: dict[tuple[str, ...], Stack] = {}
    left_out = []
    for stack in stacks:
        runs = {parsed.normal for text in stack.images if (parsed := parse(text))}
        if stack.builds or runs & ours:
            found.setdefault(stack.files, stack)
        else:
            left_out.append(LeftOut(" + ".join(stack.files), "it runs no image of this repository"))
    return tuple(found.values()), left_out


def _plain_upstreams(
    named: Sequence[Named], files: Dockerfiles, parents: Parents, taken: frozenset[str]
) -> dict[str, Replaced]:
    """Upstream names without a tag that an image of ours is nearly called: their tag is written."""
    known = [each.name for each in named] + list(parents.tags.values()) + list(taken)
    found = {}
    for each in named:
        for reference in files.references(each.image.build):
            text = reference.text
            parsed = parse(text)
            if parsed is None or set(text) & set("/:@") or parsed.normal in parents.upstream:
                continue
            if text not in known and did_you_mean(text, known):
                found[parsed.normal] = Replaced(text, f"{text}:latest", "no image of this file")
    return found


def drop(proposal: Proposal, name: str, why: str) -> Proposal:
    """``proposal`` without one image, which is left out and told."""
    gone = next(each for each in proposal.images if each.name == name)
    what = gone.said[0] if gone.said else gone.dockerfile
    return replace(
        proposal,
        images=tuple(each for each in proposal.images if each is not gone),
        upstream=tuple(each for each in proposal.upstream if each.instead != name),
        left_out=(*proposal.left_out, LeftOut(what, why)),
    )
