"""Parents: the images that a build starts from, and how they are handed over to BuildKit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from hashes.dockerfile import git
from hashes.dockerfile.rewrite import Use
from hashes.errors import LayersError
from layers.config.spec import Image
from layers.graph.frontier import Start
from layers.graph.graph import Edge, Layer
from layers.oci.digest import Digest
from layers.oci.reference import Reference
from layers.plan.names import LABEL_KEY
from layers.plan.plan import Step
from layers.plan.session import Session

START = "doit-layers-start-"
"""What a build starts from is handed over under this and a number."""


class ParentMoved(LayersError):
    """A parent was true a moment ago, and now it is gone from the engine or another image."""


class Parents:
    """The local images that one build starts from, held fast by their digests.

    They are handed over by name and key alone, and looked at again after the build: BuildKit 0.13
    asks the registry for ``name:tag@sha256:…`` of an image that it has not resolved by its tag
    before, since the manifest then lacks the label of its source (contentutil.HasSource).
    """

    def __init__(self, run: Session) -> None:
        self._run = run
        self._held: dict[str, tuple[Layer, Digest]] = {}

    def hand_over(self, layer: Layer) -> str:
        """What a ``--build-context`` says for a layer.  Raises ParentMoved when it is not here."""
        key, name = self._run.project.inputs.key(layer), self._run.planner.names_now(layer).keyed
        # `check` finds out if that is outdated
        digest = self._run.planner.presence.engine.get(layer)
        if digest is None:
            held = self._run.backends.engine.find([name]).get(name)
            if held is None or held.labels.get(LABEL_KEY) != str(key):
                raise self._moved(layer, f"{name} is not in the engine any more")
            digest = held.id
        self._held[name] = (layer, digest)
        return f"docker-image://{name}"

    def check(self) -> None:
        """Raise ParentMoved when a name points elsewhere than when it was handed over."""
        found = self._run.backends.engine.find(list(self._held))
        for name, (layer, digest) in self._held.items():
            if name not in found or found[name].id != digest:
                raise self._moved(layer, f"{name} was {digest} when the build began and is not now")

    @staticmethod
    def _moved(layer: Layer, message: str) -> ParentMoved:
        hint = "something else removed or tagged images during this run; run again"
        return ParentMoved(f"{layer}: {message}", hint=hint)


class Given(NamedTuple):
    """What a build is handed, and where in its Dockerfile that stands."""

    contexts: dict[str, str]
    """Named contexts."""
    names: tuple[tuple[Use, str], ...]
    """The name that each place gets."""


def hand_over(run: Session, step: Step, parents: Parents) -> Given:
    """Everything that a build of a layer starts from, under names that mean nothing else.

    Raises ParentMoved, and LayersError for an upstream that the engine would take for an image of
    ours.
    """
    image = run.project.spec.images[step.layer.image]
    taken = {stage.name.lower() for stage in run.project.inputs.dockerfile(image).stages}
    head = START
    while any(name.startswith(head) for name in (*taken, *image.contexts, *image.git)):
        head += "x-"
    contexts: dict[str, str] = {}
    names: list[tuple[Use, str]] = []
    numbers: dict[str, str] = {}
    for start in run.project.inputs.frontier(step.layer).starts:
        found = _found(run, start, step.layer.image, parents)
        if found is None:
            continue
        if start.fixed:
            contexts[start.use.text] = found
            continue
        name = numbers.setdefault(found, f"{head}{len(numbers)}")
        contexts[name] = found
        names.append((start.use, name))
    return Given(contexts, (*names, *_commits(run, step)))


def git_contexts(run: Session, image: Image) -> dict[str, str]:
    """Named contexts that are git addresses, each at the commit that the lock has."""
    lock = run.project.inputs.wiring.lock_for(image)
    known = {name: (at, lock.commit(at)) for name, at in image.git.items()}
    return {name: git.at(at, commit) if commit else at for name, (at, commit) in known.items()}


def _commits(run: Session, step: Step) -> Iterator[tuple[Use, str]]:
    """The git addresses of ADD that the lock holds at a commit, as they are written."""
    inputs, image = run.project.inputs, run.project.spec.images[step.layer.image]
    found = inputs.image(image.name).built(step.layer.stage, ())
    words = {
        item.line: item.words[:-1]
        for stage in inputs.dockerfile(image).stages
        for item in stage.instructions
        if item.keyword == "ADD"
    }
    lock = inputs.wiring.lock_for(image)
    entries = {
        (each.line, each.name) for one in found for each in one.entries if each.kind == "url"
    }
    for line, address in sorted(entries):
        commit = lock.commit(address)
        if not commit:
            continue
        written = [word for word in dict.fromkeys(words.get(line, ())) if _may_be(word, address)]
        if not written:
            raise LayersError(
                f"{address} is locked at {commit}, and it is not this file that says it",
                file=image.dockerfile,
                line=line,
                hint="a base's ONBUILD does: name a commit there, or take it out of images.lock",
            )
        for word in written:
            yield Use(line, "ADD", word), git.at(address, commit)


def _may_be(word: str, address: str) -> bool:
    """Whether a word may read as an address once its variables have values."""
    parts = re.split(r"\$\{[^}]*\}|\$\w+", word)
    return re.fullmatch(".*".join(map(re.escape, parts)), address) is not None


def _found(run: Session, start: Start, image: str, parents: Parents) -> str | None:
    """What stands in for a place; None: what the Dockerfile says, as BuildKit resolves it."""
    if start.stage is not None:
        return parents.hand_over(Layer(image, start.stage))
    assert start.edge is not None
    if start.edge.image is not None:
        return parents.hand_over(Layer(start.edge.image))
    upstream = pinned(run, start.edge, image)
    if upstream is not None:
        return f"docker-image://{upstream}"
    ours = run.project.spec.find(Reference.parse(start.edge.text))
    if ours is not None:  # the engine's own image of that name comes before any registry's
        raise LayersError(
            f"{image}: the upstream {start.edge.text!r} could not be resolved, and in the engine"
            f" that name is the image {ours.name}",
            file=run.project.spec.images[image].dockerfile,
            line=start.use.line,
            hint=f"`doit lock` pins it; or give {ours.name} a tag of its own in"
            f" {run.project.spec.path}",
        )
    return None


def pinned(run: Session, edge: Edge, image: str) -> str | None:
    """What is used for an upstream; None: what the Dockerfile says, as BuildKit resolves it."""
    assert edge.upstream is not None
    inputs, spec = run.project.inputs, run.project.spec
    lock = inputs.wiring.lock_for(spec.images[image])
    found = run.upstreams.pinned(edge.upstream, edge.platform or spec.platform_of(image), lock)
    return found or (edge.upstream if edge.upstream != edge.text else None)
