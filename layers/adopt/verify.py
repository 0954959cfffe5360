"""Verifying: a proposal is loaded before it is written, without what does not load."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace

from hashes.dockerfile.reachable import Reached, reach
from hashes.errors import LayersError
from layers.adopt.dockerfiles import Dockerfiles
from layers.adopt.proposal import Proposal
from layers.adopt.propose import drop
from layers.config.faults import SpecError
from layers.config.load import load
from layers.config.spec import SPEC_FILE, Spec
from layers.graph.edges import Wiring
from layers.graph.graph import Graph, make_graph
from layers.graph.stages import check_platforms
from layers.lock.lock import Lock

_TABLE = re.compile(r"\s*\[\[?(.*?)\]\]?\s*(?:#.*)?$")


def verified(
    proposal: Proposal, files: Dockerfiles, text: Callable[[Proposal], str], before: str = ""
) -> Proposal:
    """``proposal`` without what does not load, with the edges that the graph has.

    ``before`` is the file that stands already; its own faults are not ours: SpecError, LayersError.
    """
    while True:
        whole = before + text(proposal)
        try:
            spec = loaded(whole, files)
        except SpecError as error:
            proposal = _without(proposal, whole, before, error)
            continue
        try:
            graph = _graph(spec, files)
        except _Unwired as fault:
            if all(each.name != fault.image for each in proposal.images):
                raise fault.error from None
            proposal = drop(proposal, fault.image, str(fault.error).replace("\n", ";"))
            continue
        if (other := _other_platform(proposal, spec, graph, files)) is not None:
            proposal = other
            continue
        images = (replace(each, parents=graph.parents(each.name)) for each in proposal.images)
        return replace(proposal, images=tuple(images))


def _other_platform(
    proposal: Proposal, spec: Spec, graph: Graph, files: Dockerfiles
) -> Proposal | None:
    """``proposal`` with one platform less, where an image has a parent for another; None: all fit.

    Somebody builds the parent for both, and here an image has one.
    """

    def target(name: str) -> Reached:
        image = spec.images[name]
        contexts = (*image.contexts, *image.git)
        file, wanted = files.read(image.dockerfile), spec.platform_of(name)
        return reach(file, image.target, image.args, wanted, spec.machine, contexts=contexts)[-1]

    for at, each in enumerate(proposal.images):
        if not each.options.platform:
            continue
        try:
            check_platforms(spec, each.name, graph.edges[each.name], target)
        except LayersError as error:
            note = f"platform {each.options.platform} is not taken over: {error.message}"
            other = replace(
                each, options=each.options._replace(platform=""), notes=(*each.notes, note)
            )
            images = (*proposal.images[:at], other, *proposal.images[at + 1 :])
            return replace(proposal, images=images)
    return None


class _Unwired(Exception):
    def __init__(self, image: str, error: LayersError) -> None:
        super().__init__(image)
        self.image = image
        self.error = error


def loaded(text: str, files: Dockerfiles) -> Spec:
    """What ``images.toml`` says, as far as it says it rightly.  Raises SpecError."""
    return load(
        text,
        path=SPEC_FILE,
        profile=None,
        registry=None,
        platform=files.platform,
        exists=lambda path: os.path.exists(os.path.join(files.root, path)),
    )


def _graph(spec: Spec, files: Dockerfiles) -> Graph:
    wiring = Wiring(spec, Lock(), lambda image: files.read(image.dockerfile))
    edges = {}
    for name, image in spec.images.items():
        try:
            edges[name] = wiring.edges(image)
        except LayersError as error:
            raise _Unwired(name, error) from None
    graph = make_graph(edges)
    for name, fault in graph.faults.items():
        raise _Unwired(name, fault)
    return graph


def _without(proposal: Proposal, text: str, before: str, error: SpecError) -> Proposal:
    """``proposal`` without the table that the first fault is about."""
    lines = text.splitlines()
    for fault in error.faults:
        line = fault.line or 1
        if line <= before.count("\n"):
            continue
        heads = (_TABLE.match(each) for each in reversed(lines[:line]))
        keys = next((_keys(found[1]) for found in heads if found), [])
        if keys[:1] == ["images"]:
            name = "-".join(keys[1:2] + keys[3:4]) if keys[2:3] == ["variants"] else keys[1]
            for each in proposal.images:
                if name in (each.name, each.table):
                    return drop(proposal, each.name, fault.message)
        kept = tuple(each for each in proposal.stacks if keys != ["stacks", each.name])
        if len(kept) < len(proposal.stacks):
            return replace(proposal, stacks=kept)
        replaced = tuple(each for each in proposal.upstream if each.name not in lines[line - 1])
        if keys == ["upstream"] and len(replaced) < len(proposal.upstream):
            return replace(proposal, upstream=replaced)
        known = {key: table for key, table in proposal.secrets.items() if key != keys[-1]}
        if keys[:1] == ["secrets"] and len(known) < len(proposal.secrets):
            return replace(proposal, secrets=known)
    raise error


def _keys(header: str) -> list[str]:
    return [
        quoted or plain for quoted, plain in re.findall(r'"((?:[^"\\]|\\.)*)"|([\w-]+)', header)
    ]
