"""Late labels: those that read build args with placeholders, which a moving tag fills in."""

from __future__ import annotations

import json
from collections.abc import Callable

from hashes.errors import LayersError
from hashes.manifest import CONFIG
from layers.graph.inputs import Inputs
from layers.plan.session import Session

_LABEL = "LABEL "


def late_labels(run: Session, name: str, ask: Callable[[str, str, str], str]) -> dict[str, str]:
    """The labels of an image that read build args with placeholders, filled.

    Those that it has from images of ours are among them.  ``ask`` fills one arg's text in, given
    the image, the arg and the text.  Raises LayersError.
    """
    inputs, image = run.project.inputs, run.project.spec.images[name]
    if image.rootfs is not None or inputs.fault(name):
        return {}
    own = _labels(inputs, name)
    found: dict[str, str] = {}
    for edge in inputs.graph.edges[name]:
        if edge.image is not None and edge.kind == "from" and edge.text == _root(inputs, name):
            found = late_labels(run, edge.image, ask)
    found = {label: text for label, text in found.items() if label not in own}
    if image.late:
        args = {arg: ask(name, arg, text) for arg, text in image.late.items()}
        new = _labels(run.project.with_args(name, args), name)
        found |= {label: text for label, text in new.items() if own.get(label) != text}
        _check(name, inputs.spec.images[name].dockerfile, found)
    return found


def _labels(inputs: Inputs, name: str) -> dict[str, str]:
    """The labels that an image's own Dockerfile gives it."""
    return {
        each.name[len(_LABEL) :]: each.value
        for each in inputs.image(name).own.entries
        if each.kind == CONFIG and each.name.startswith(_LABEL)
    }


def _check(name: str, dockerfile: str, labels: dict[str, str]) -> None:
    """Raise LayersError for a label that reads a variable which its base may have, too."""
    for label, text in labels.items():
        try:
            value = json.loads(text)
        except ValueError:
            continue
        # how a manifest has a word that is not known (State.expand)
        if isinstance(value, list) and len(value) == 2 and isinstance(value[1], dict):
            raise LayersError(
                f"{name}: LABEL {label} reads a variable of its base, which is not known",
                file=dockerfile,
                hint="`doit lock` finds out what the base has",
            )


def _root(inputs: Inputs, name: str) -> str:
    """What the first of the stages that an image's target is made from begins with."""
    by_index = {stage.index: stage for stage in inputs.reached(name)}
    stage = inputs.reached(name)[-1]
    while stage.base.stage is not None:
        stage = by_index[stage.base.stage]
    return stage.base.text
