"""Edges: what the names in a Dockerfile mean, our own images or upstreams."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

from hashes.dockerfile.parser import Dockerfile, Stage
from hashes.dockerfile.reachable import Reference, references
from hashes.errors import LayersError, did_you_mean
from layers.config.spec import Image, Spec
from layers.graph.graph import Edge
from layers.lock.epochs import place
from layers.lock.lock import Lock
from layers.lock.pin import Pin
from layers.oci.reference import BadReference
from layers.oci.reference import Reference as ImageReference

ANYTHING = ("COPY . /",)
"""Stands for the triggers of an upstream that are not known: they may read the whole context."""


def onbuild_of(upstream: str, pin: Pin | None) -> tuple[str, ...]:
    """The ONBUILD triggers of an upstream, as the lock has them.

    Of one that a Dockerfile names by digest, and nobody has looked at, they may be any. One that is
    not pinned at all counts as having none: its key holds nothing fast, which is told.
    """
    if pin is not None:
        return pin.onbuild
    return ANYTHING if "@" in upstream else ()


class Ambiguous(LayersError):
    """A name in a Dockerfile that may mean an image of ours or an upstream."""


class Wiring:
    """Finds edges under one spec and one lock."""

    def __init__(self, spec: Spec, lock: Lock, dockerfile: Callable[[Image], Dockerfile]) -> None:
        self.spec = spec
        self.lock = lock
        self.dockerfile = dockerfile
        self._single: set[tuple[str, str]] = set()
        """Images and repositories that mean nothing else."""

    def meaning(self, text: str, image: Image | None = None) -> tuple[str | None, str | None]:
        """The image of ours that a name means, or else the upstream that is used for it.

        In the Dockerfile of an ``image`` its own name is the upstream that it is made from.
        Raises BadReference, and LayersError for a name that may mean either.
        """
        reference = ImageReference.parse(text)
        if image is not None and (called := self._called(reference, image)) is not None:
            return self.meaning(called)
        ours = self.spec.find(reference)
        if ours is not None and ours is not image:
            self._check_one_meaning(text, reference.name, ours)
            return ours.name, None
        stand_in = self.spec.upstream.get(reference.normal)
        if stand_in is None:
            return None, text
        ours = self.spec.find(ImageReference.parse(stand_in))
        return (ours.name, None) if ours is not None else (None, stand_in)

    def _called(self, reference: ImageReference, image: Image) -> str | None:
        """What a Dockerfile's own name for an image stands for; None: it is none of them."""
        for name, stands_for in image.called.items():
            if ImageReference.parse(name).normal == reference.normal:
                return stands_for
        return None

    def _check_called(self, image: Image) -> None:
        """Refuse a name for an image that a stage has, too: BuildKit would replace the stage."""
        stages = {stage.name.lower() for stage in self._stages(image)}
        for name in image.called:
            if name.lower() in stages:
                raise LayersError(
                    f"{image.name}: the context {name!r} would take the place of the stage of that"
                    f" name in {image.dockerfile}",
                    file=self.spec.path,
                    line=self.spec.line(image.name, "contexts", name),
                    hint="rename one of them",
                )

    def _check_one_meaning(self, text: str, repository: str, ours: Image) -> None:
        """Refuse the name of an image that is itself made from an upstream of that repository."""
        if ours.rootfs is not None or (ours.name, repository) in self._single:
            return
        above: set[str] = set()
        for stage in self._stages(ours):
            with contextlib.suppress(BadReference):  # a variable
                if stage.base not in above and ImageReference.parse(stage.base).name == repository:
                    raise Ambiguous(
                        f"{text!r} may mean the image {ours.name} of {self.spec.path}, or the"
                        f" upstream that {ours.name} is made from ({stage.base})",
                        hint=f'for ours: give it a name of its own, tag = "{self.spec.project}-'
                        f'{ours.name}" under [images.{ours.name}], and write that here; for the'
                        f" upstream: write its tag, as in {ours.name}:1.2",
                    )
            above.add(stage.name.lower())
        self._single.add((ours.name, repository))

    def lock_for(self, image: Image) -> Lock:
        """The lock as it counts for one image."""
        return self.lock.for_image(
            image.name, place(self.spec.platform_of(image.name), self.spec.profile)
        )

    def triggers(self, image: Image) -> Callable[[str, str], tuple[str, ...]]:
        """Tells the ONBUILD instructions that a ``FROM`` in ``image`` runs, by name, platform."""
        lock = self.lock_for(image)

        def found(text: str, platform: str) -> tuple[str, ...]:
            try:
                name, upstream = self.meaning(text, image)
            except Ambiguous:  # told with its line by whoever asks for edges
                return ()
            if name is not None:
                return self.onbuild(name)
            return onbuild_of(upstream or text, lock.find(upstream or text, platform))

        return found

    def onbuild(self, name: str) -> tuple[str, ...]:
        """The ONBUILD instructions in the configuration of one of our images."""
        image = self.spec.images[name]
        if image.rootfs is not None:
            return ()
        stages = self._stages(image)
        if not stages:
            return ()
        target = stages[-1]
        for stage in stages:
            if image.target and stage.name.lower() == image.target.lower():
                target = stage
        return tuple(item.words[0] for item in target.instructions if item.keyword == "ONBUILD")

    def _stages(self, image: Image) -> tuple[Stage, ...]:
        """The stages of a parent; none where they cannot be read: that is a fault of the parent,
        and so of all that is made from it.
        """
        try:
            return self.dockerfile(image).stages
        except (LayersError, OSError):
            return ()

    def edges(self, image: Image) -> tuple[Edge, ...]:
        """All that an image's target needs from outside its Dockerfile.

        Raises LayersError for a name that is nearly one of ours, and is nothing else we know.
        """
        if image.rootfs is not None:
            return ()
        self._check_kept(image)
        self._check_called(image)
        found = references(
            self.dockerfile(image),
            image.target,
            image.args,
            self.spec.platform_of(image.name),
            self.spec.machine,
            triggers=self.triggers(image),
            contexts=(*image.contexts, *image.git),
        )
        self._check_stand_in(image, [each.text for each in found])
        return tuple(self._edge(image, each) for each in found)

    def _check_stand_in(self, image: Image, texts: Sequence[str]) -> None:
        """Refuse an image's name under ``[upstream]`` that means nothing: all others mean ours."""
        normal = ImageReference.parse(image.name).normal
        if normal not in self.spec.upstream:
            return
        for text in (*texts, *(stage.base for stage in self._stages(image))):
            with contextlib.suppress(BadReference):  # a variable
                if ImageReference.parse(text).normal == normal:
                    return
        raise LayersError(
            f"{image.name!r} is an image of this file, not upstream",
            file=self.spec.path,
            line=self.spec.upstream_line(normal),
            hint=f"only {image.dockerfile} itself may begin with an upstream of that name;"
            " rename the image, or take the line out",
        )

    def _check_kept(self, image: Image) -> None:
        """Refuse a stage in ``push_stages`` that the Dockerfile does not have."""
        known = [stage.name.lower() for stage in self.dockerfile(image).stages if stage.name]
        for stage in image.push_stages:
            if stage not in known:
                guess = did_you_mean(stage, known) or f"; its stages: {', '.join(known) or 'none'}"
                raise LayersError(
                    f"{image.name}: {image.dockerfile} has no stage {stage!r} to push{guess}",
                    file=self.spec.path,
                    line=self.spec.line(image.name, "push_stages"),
                )

    def _edge(self, image: Image, found: Reference) -> Edge:
        try:
            ours, upstream = self.meaning(found.text, image)
        except (BadReference, Ambiguous) as error:
            message, hint = error.message, error.hint
            raise LayersError(message, file=image.dockerfile, line=found.line, hint=hint) from error
        said = upstream != found.text  # [upstream] has it: whoever wrote that made no slip
        plain = found.kind != "syntax" and not set(found.text) & set("/:@")
        if ours is None and plain and not said:
            known = [*self.spec.images, *(each.tag for each in self.spec.images.values())]
            guess = did_you_mean(found.text, known)
            if guess and self.lock.find(found.text, found.platform) is None:
                raise LayersError(
                    f"{found.text!r} is not an image of {self.spec.path}{guess}",
                    file=image.dockerfile,
                    line=found.line,
                    hint="an upstream image of that name needs its tag, or `doit lock`",
                )
        return Edge(found.text, found.line, ours, upstream, found.platform, found.kind)
