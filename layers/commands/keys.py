"""``doit keys``: what every image is, without engine, registry or network."""

from __future__ import annotations

import json
import sys
from typing import Any

from layers.commands.exit_status import MISTAKE
from layers.commands.parsing import ProjectCommand, option
from layers.config.spec import no_image, no_stage
from layers.graph.graph import Layer
from layers.project.open import open_project
from layers.project.project import Project


class KeysCommand(ProjectCommand):
    """Prints keys, or the input manifest behind one."""

    name = "keys"
    doc_purpose = "print the keys of images, from their inputs alone"
    doc_usage = "[IMAGE[:STAGE] ...]"
    doc_description = None
    cmd_options = (
        option(
            "as_json",
            "print one JSON object with images, stages and unpinned upstreams",
            long="json",
        ),
        option("inputs", "print the input manifest itself, one line an entry"),
    )

    def act(self, root: str, options: Any, names: list[str]) -> int:
        """Print; status 1 for the user's mistakes."""
        project = open_project(root)
        asked = _asked(project, names)
        told = [layer for layer in asked if not project.inputs.fault(layer.image)]
        sys.stdout.write(_text(project, options, asked, told))
        project.cache.save()
        if told == asked:
            return 0
        sys.stdout.flush()
        faults = [str(project.inputs.fault(each.image)) for each in asked if each not in told]
        sys.stderr.write("".join(f"{fault}\n" for fault in dict.fromkeys(faults)))
        return MISTAKE


def _asked(project: Project, asked: list[str]) -> list[Layer]:
    """The layers of these names, or all images.  Raises LayersError with a suggestion."""
    known = project.inputs.graph.order
    layers = [Layer.parse(name) for name in project.spec.named(asked) or known]
    for layer in layers:
        if layer.image not in known:
            raise no_image(layer.image, known)
        if project.inputs.fault(layer.image):
            continue
        stages = project.inputs.image(layer.image).stages
        if layer.stage is not None and layer.stage not in stages:
            raise no_stage(layer.image, layer.stage, stages)
    return layers


def _text(project: Project, options: Any, asked: list[Layer], told: list[Layer]) -> str:
    """``told``: those of ``asked`` that have keys."""
    if options["inputs"]:
        return "".join(_inputs(project, layer) for layer in told)
    if options["as_json"]:
        return json.dumps(_tree(project, [layer.image for layer in asked]), indent=2) + "\n"
    return "".join(f"{project.inputs.key(layer)}  {layer}\n" for layer in told)


def _inputs(project: Project, layer: Layer) -> str:
    """The manifest of a layer; of an image after those of the stages that it names."""
    found = project.inputs.image(layer.image)
    parts = [(str(layer), found.manifest(layer.stage))]
    if layer.stage is None:
        below = [*found.stages.items(), *found.unnamed.items()]
        parts = [*((f"{layer}:{title}", each) for title, each in below), *parts]
    return "".join(
        f"# {name} {each.key()} (its files: {each.files_key()})\n{each.text()}"
        for name, each in parts
    )


def _tree(project: Project, images: list[str]) -> dict[str, Any]:
    told: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(images):
        if fault := project.inputs.fault(name):
            told[name] = {"key": None, "error": str(fault)}
            continue
        found = project.inputs.image(name)
        told[name] = {
            "key": str(found.own.key()),
            "target": found.target,
            "stages": {stage: str(each.key()) for stage, each in found.stages.items()},
            "unpinned": list(_unpinned(project, name)),
        }
    return {"version": 1, "images": told}


def _unpinned(project: Project, name: str) -> dict[str, None]:
    """What the key cannot hold fast, here and in everything below."""
    below = project.inputs.graph.closure([name])
    return dict.fromkeys(each for image in below for each in project.inputs.image(image).unpinned)
