"""Buildable: what stands in the way of a build that is known before it begins."""

from __future__ import annotations

from collections.abc import Container, Iterable

from hashes.dockerfile.arguments import platform as normal
from hashes.manifest import Manifest
from layers.graph.checkout import Lack, hollow, pull, update
from layers.graph.graph import Layer
from layers.plan.plan import Node, assembles
from layers.plan.platforms import asked_for, no_emulator, two_images
from layers.project.backends import Backends
from layers.project.project import Project
from layers.runtime.events import Listener, Warned


class Buildable:
    """Judges layers that have to be built; what is only odd is told."""

    def __init__(
        self, project: Project, backends: Backends, tell: Listener, registry: Container[Layer]
    ) -> None:
        """``registry``: what is known to be there."""
        self._project = project
        self._backends = backends
        self._tell = tell
        self._registry = registry

    def judged(self, node: Node) -> Node:
        """The node with a problem where git has not brought what it reads; see `Checkout`."""
        if node.key is None or node.problem:
            return node
        inputs = self._project.inputs
        image = self._project.spec.images[node.layer.image]
        found = inputs.image(node.layer.image)
        manifests = found.built(node.layer.stage, image.push_stages)
        named, within = inputs.checkout.submodules(image, manifests)
        for each in within:
            said = f"{image.dockerfile}:{each.line}: {each.path} is a git submodule that is empty"
            self._tell(Warned(f"{said}\n  {update(each.path)}", str(node.layer)))
        if pointers := inputs.checkout.pointers(image, manifests):
            said = f"{image.dockerfile}:{pointers[0].line}: {hollow(pointers)}"
            self._tell(Warned(f"{said}\n  {pull(pointers)}", str(node.layer)))
        if named:
            return node._replace(problem=_not_there(image.dockerfile, named))
        if image.rootfs is None and (problem := self._platforms(node, manifests)):
            return node._replace(problem=problem)
        return self._readable(node)

    def _platforms(self, node: Node, manifests: Iterable[Manifest]) -> str:
        """What of the platforms stands in the way; the engine is asked where there is a doubt."""
        spec, inputs = self._project.spec, self._project.inputs
        image, wanted = spec.images[node.layer.image], spec.platform_of(node.layer.image)
        if node.layer.stage is None and wanted == spec.machine:
            target = inputs.reached(image.name)[-1]
            line = inputs.dockerfile(image).stages[target.index].line
            problem = two_images(image.dockerfile, line, target, wanted, spec.machine)
            host = "" if node.builder or not problem else self._backends.endpoint.host
            if problem and asked_for(wanted, spec.machine, host, node.builder):
                return problem
        if node.builder or assembles(node.assembly, self._registry):
            return ""
        machine = normal(spec.machine or wanted)
        return no_emulator(image.dockerfile, manifests, machine, lambda: self._backends.platforms)

    def _readable(self, node: Node) -> Node:
        """The node with a problem where the engine's frontend does not take its Dockerfile.

        Only what has to be built is looked at, so that the engine of an up-to-date project is not
        asked. A builder elsewhere speaks for itself.
        """
        image = self._project.spec.images[node.layer.image]
        known = node.builder or node.problem or assembles(node.assembly, self._registry)
        frontend = None if known else self._backends.frontend
        if frontend is None:
            return node
        return node._replace(problem=self._project.inputs.dockerfiles.refusal(image, frontend))


def _not_there(dockerfile: str, submodules: Iterable[Lack]) -> str:
    """Why nothing can be built from submodules that are not checked out."""
    return "\n".join(
        f"{dockerfile}:{each.line}: {each.path} is a git submodule that is not checked out"
        f"\n  {update(each.path)}"
        for each in submodules
    )
