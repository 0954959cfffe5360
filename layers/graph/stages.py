"""Stages: by which name others speak of one, which cannot become an image, and its platform."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from hashes.dockerfile.arguments import pairs
from hashes.dockerfile.parser import Dockerfile, Stage
from hashes.dockerfile.reachable import Reached
from hashes.errors import LayersError
from layers.config.spec import Image, Spec
from layers.graph.graph import Edge

_TARGET = "TARGETSTAGE"


def called(stages: Sequence[Stage]) -> tuple[str, ...]:
    """By which name others can speak of each stage: of two with one name it is the last's.

    Empty for a stage without a name. BuildKit compares names without case: here they are lower.
    """
    names = [stage.name.lower() for stage in stages]
    last = {name: index for index, name in enumerate(names)}
    return tuple(name if last[name] == index else "" for index, name in enumerate(names))


def made_for(target: Reached, wanted: str, machine: str) -> str:
    """The platform in an image's configuration.

    Told of a platform, BuildKit writes that one; untold, where it is the machine's own, that of
    the base; an empty base has the one that is asked for.
    """
    return target.platform if wanted == machine and not target.empty else wanted


def check_platforms(
    spec: Spec, name: str, edges: Iterable[Edge], target: Callable[[str], Reached]
) -> None:
    """Raise LayersError where an image takes another one of ours for a platform that it is not for.

    BuildKit would take it as it is, and the image would be for that one's platform.
    """
    for edge in edges:
        if edge.image is None or not edge.platform:
            continue
        theirs = spec.platform_of(edge.image)
        if spec.images[edge.image].rootfs is None:
            theirs = made_for(target(edge.image), theirs, spec.machine)
        if theirs != edge.platform:
            raise LayersError(
                f"{edge.text} is taken for {edge.platform}, and the image {edge.image} is for"
                f" {theirs}",
                file=spec.images[name].dockerfile,
                line=edge.line,
                hint=f"platform in {spec.path} gives both the same, for the project or for each"
                f" image; or say it: FROM --platform={theirs} {edge.text}"
                + (" AS name, and --from=name" if edge.kind != "from" else ""),
            )


def check_late(image: Image, file: Dockerfile, reached: Sequence[Reached]) -> None:
    """Raise LayersError where more than LABEL sees a build arg that is filled in later."""
    if not image.late:
        return
    from hashes.late import sights

    found = sights(file, reached, image.late)
    if not found:
        return
    first = found[0]
    does = "has it in its environment" if first.keyword == "RUN" else "reads it"
    others = f" (so do lines {', '.join(str(e.line) for e in found[1:])})" if found[1:] else ""
    raise LayersError(
        f"{first.keyword} {does}, and ARG {first.name} is {image.late[first.name]} in images.toml:"
        f" each new value would build the image anew{others}",
        file=image.dockerfile,
        line=first.line,
        hint=f"only LABEL may read it: put ARG {first.name} below that line, or give it a value in"
        " images.toml that stays",
    )


def lends_args(stage: Reached, reached: Sequence[Reached], stages: Sequence[Stage]) -> bool:
    """True when a stage hands ARGs down to another that is built ``FROM`` it.

    An image in its place would not: build arguments are no part of an image.
    """
    chain: Reached | None = stage
    by_index = {each.index: each for each in reached}
    declares = False
    while chain is not None and not declares:
        declares = any(item.keyword == "ARG" for item in stages[chain.index].instructions)
        chain = None if chain.base.stage is None else by_index[chain.base.stage]
    return declares and any(each.base.stage == stage.index for each in reached)


def knows_target(stage: Reached, reached: Sequence[Reached], stages: Sequence[Stage]) -> bool:
    """True when a stage, or one that it may be made from, declares ``ARG TARGETSTAGE``.

    As an image it would be its own target, and in another's build it is told that one's name.
    """
    return any(
        item.keyword == "ARG" and _TARGET in dict(pairs(item))
        for each in reached
        if each.index <= stage.index
        for item in stages[each.index].instructions
    )
