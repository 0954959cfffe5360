"""Verifying: some of the assembled images are built as well, and nothing may differ.

What is built gets no name, goes nowhere, and is removed from the engine afterwards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from hashes.dockerfile.arguments import platform
from hashes.errors import LayersError
from layers.assemble.obstacle import Obstacle
from layers.build import prepare
from layers.build.assemble.base import Known, Place, known
from layers.build.buildx import BuildxMissing
from layers.build.execute import carry_out, check_inputs
from layers.build.parents import Parents
from layers.build.publish import Published
from layers.build.push.local import timed
from layers.engine.engine import EngineDown
from layers.graph.graph import Layer
from layers.oci.digest import Digest
from layers.plan.plan import Step
from layers.plan.platforms import no_emulator
from layers.plan.session import Session
from layers.plan.tails import tail_of
from layers.runtime.events import Warned
from layers.verify.content import differences
from layers.verify.read import Read, after_trunk, from_engine, from_registry, was_assembled

Question = tuple[str, str]
"""A repository and a tag."""
SHOWN = 10
"""Differences that an error tells."""


class Differs(LayersError):
    """An image that was assembled is not the one that BuildKit builds."""


class NotStored(LayersError):
    """The registry lacks what a build for comparison would start from."""


class NoEmulator(LayersError):
    """A step of a build for comparison is for a platform that the engine does not run."""


class Stored(Parents):
    """The parents of a build, by their digests in the registry.

    Nothing is pushed for it but a kept stage that was put together in memory: to run its steps
    again might give other files.
    """

    def __init__(self, run: Session) -> None:
        super().__init__(run)
        self._session = run

    def hand_over(self, layer: Layer) -> str:
        """What a ``--build-context`` says.  Raises NotStored, and TagMoved for another key's."""
        run = self._session
        names, key = run.planner.names_now(layer), run.project.inputs.key(layer)
        question = (str(names.remote), names.tag)
        heads = run.backends.registry.heads([question]) if names.remote is not None else {}
        if question not in heads and layer.stage is not None:
            heads = self._assembled(layer, question)
        if question not in heads:
            raise NotStored(f"{layer} is not in the registry")
        known(run, Place(question[0], heads[question], True, key))
        return f"docker-image://{question[0]}@{heads[question]}"

    def _assembled(self, layer: Layer, question: Question) -> dict[Question, Digest]:
        """Where a kept stage is once it was assembled; {} where it cannot be."""
        run = self._session.wanting([layer], remain=True)
        step = run.planner.plan.steps[layer]
        if step.state == "assemble":
            carry_out(run, step)
        return run.backends.registry.heads([question])


class Verified(NamedTuple):
    """What came of an image."""

    image: Published
    differs: tuple[str, ...] = ()


def picked(key: str, one_in: int) -> bool:
    """Whether an image of this key is one of those that are built: the same for each run."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % one_in == 0


def verify(run: Session, images: Sequence[Published], one_in: int) -> list[Verified]:
    """Compare one in so many of the assembled images with what BuildKit builds.

    Also of those that were there already.  Without an engine that is told, once.  Raises Differs,
    and LayersError where BuildKit refuses what was assembled.
    """
    found: list[Verified] = []
    for image in images:
        if not picked(image.key, one_in):
            continue
        place = Place(image.repository, image.digest, True, run.project.inputs.key(image.layer))
        stored = known(run, place)
        if isinstance(stored, Obstacle) or not was_assembled(stored.configuration):
            continue
        if not found and (lacking := _no_engine(run)):
            run.tell(Warned(f"what was assembled is not verified: {lacking}"))
            break
        try:
            told = _compared(run, image, stored)
        except (NotStored, NoEmulator) as error:
            run.tell(Warned(f"not verified: {error}", str(image.layer)))
            continue
        except BuildxMissing as error:
            run.tell(Warned(f"what was assembled is not verified: {error}"))
            break
        found.append(Verified(image, tuple(told)))
    wrong = [each for each in found if each.differs]
    if wrong:
        said = "\n".join(map(text, wrong))
        names = ", ".join(str(each.image.layer) for each in wrong)
        hint = (
            f"no tag was moved; set assemble = false for {names}, change a file or line that its"
            " key covers so that another tag is used, and report this: it is a fault of doit-layers"
        )
        raise Differs(said, hint=hint)
    return found


def text(verified: Verified) -> str:
    """What differs, for people: the image, its tag, and the first of all differences."""
    image, told = verified.image, verified.differs
    lines = [
        f"{image.layer}: {image.repository}:{image.prefix}{image.key} was assembled, and it differs"
        " from what BuildKit builds",
        *(f"  {each}" for each in told[:SHOWN]),
    ]
    if len(told) > SHOWN:
        lines.append(f"  … and {len(told) - SHOWN} more")
    return "\n".join(lines)


def _no_engine(run: Session) -> str:
    """Why there is no engine to build with; "": there is one."""
    engine = run.backends.answering()
    if engine is None:
        return "there is no engine to build with"
    try:
        engine.about()
    except EngineDown as error:
        return str(error)
    return ""


def check_platform(run: Session, layer: Layer) -> None:
    """Raise NoEmulator where a step of a layer is for a platform that the engine does not run."""
    spec, inputs = run.project.spec, run.project.inputs
    image = spec.images[layer.image]
    manifests = inputs.image(image.name).built(layer.stage, image.push_stages)
    machine = platform(spec.machine or spec.platform_of(image.name))
    told = no_emulator(image.dockerfile, manifests, machine, lambda: run.backends.platforms)
    if told:
        raise NoEmulator(told)


def _compared(run: Session, image: Published, stored: Known) -> list[str]:
    check_platform(run, image.layer)
    key = run.project.inputs.key(image.layer)
    reasons = ("to compare it with what was assembled",)
    names = run.planner.names_now(image.layer)
    step = Step(image.layer, key, "build", reasons, "registry", True, names=names, push=False)
    built = timed(run, step, "build", lambda: _built(run, step))
    return compared(run, image, built, from_registry(run, image.repository, stored, built))


def compared(run: Session, image: Published, built: Read, ours: Read) -> list[str]:
    """What differs; where steps that run gave something else this time, after them alone."""
    only = None
    if tail_of(run.project.inputs, image.layer).inside:
        only = after_trunk(built, ours)
    if only is not None:
        said = "steps that run gave other files this time: only what comes after them is compared"
        run.tell(Warned(said, str(image.layer)))
    return differences(built.content(), ours.content(), only)


def _built(run: Session, step: Step) -> Read:
    with prepare.prepared(run, step, Stored(run)) as call:
        digest = prepare.execute(run, step, call)
    try:
        check_inputs(run, step)
        return from_engine(run, str(digest))
    finally:
        _removed(run, digest)


def _removed(run: Session, digest: Digest) -> None:
    """Take the image from the engine again, unless somebody gave it a name."""
    name = str(digest)
    held = run.backends.engine.find([name]).get(name)
    if held is not None and not held.names:
        run.backends.engine.untag(name)
