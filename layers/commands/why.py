"""``doit why``: what changed since the image that is there, or since an earlier key."""

from __future__ import annotations

import itertools
import json
import sys
from typing import Any

from hashes.errors import LayersError
from layers.commands.exit_status import MISTAKE
from layers.commands.parsing import ProjectCommand, option
from layers.config.spec import no_image, no_stage
from layers.graph.graph import Layer
from layers.plan.explain import Explanation, explanation
from layers.plan.plan import NOT_ASSEMBLED, Step
from layers.plan.session import Session
from layers.project.open import open_project
from layers.project.project import Project
from layers.report.report import report_for


class WhyCommand(ProjectCommand):
    """Explains one key against another."""

    name = "why"
    doc_purpose = "tell what changed since the image that is there, or a key"
    doc_usage = "IMAGE[:STAGE] [KEY | TAG]"
    doc_description = (
        "KEY is any earlier key of the image, whole or its first 6 digits or more, TAG any tag of"
        " it in the registry; then no engine is asked.  Without: the key of the image that the"
        " plain name points at, or else of latest in the registry."
    )
    cmd_options = (
        option(
            "as_json",
            'print {"image", "old", "new", "tag", "changes": [{"layer", "kind", "name",'
            ' "old", "new", "file", "line", "text"}], "way"}',
            long="json",
        ),
    )

    def act(self, root: str, options: Any, names: list[str]) -> int:
        """Print; status 1 for the user's mistakes, and when what it was is not known here."""
        return _why(root, options["as_json"], names)


def _why(root: str, program: bool, words: list[str]) -> int:
    if not 1 <= len(words) <= 2:
        raise LayersError(
            "expected an image or stage, and a key if it is not about the image that is there",
            hint="doit why IMAGE[:STAGE] [KEY | TAG]",
        )
    project = open_project(root)
    report = report_for(sys.stderr)
    run = Session.begin(project, report, start=False)
    try:
        layer = find_layer(project, words[0])
        found = explanation(run, layer, words[1] if len(words) > 1 else None)
        step = way(run, layer) if len(words) == 1 else None
    finally:
        report.close()
    project.cache.save()
    sys.stdout.write(as_json(found, step) if program else as_text(found, step))
    if unanswered(found):
        sys.stdout.flush()
        sys.stderr.write(_not_known(found.old or ""))
        return MISTAKE
    return 0


def way(run: Session, layer: Layer) -> Step | None:
    """What is to be done about a layer; None where that has nothing to do with assembling."""
    image = run.project.spec.images[layer.image]
    if not (image.assemble or (image.may_assemble and image.push)):
        return None
    step = run.wanting([layer]).planner.look().steps.get(layer)
    if image.assemble or step is None or step.state == "assemble":
        return step
    return step if any(each.startswith(NOT_ASSEMBLED) for each in step.reasons) else None


def _why_so(found: Explanation, step: Step) -> list[str]:
    """The reasons for that way, without what changed."""
    told = {cause.change.text() for cause in found.causes}
    return [reason for reason in step.reasons if reason not in told]


def find_layer(project: Project, name: str) -> Layer:
    """The layer of that name.  Raises LayersError with a suggestion."""
    layer = Layer.parse(name)
    images = project.inputs.graph.order
    if layer.image not in images:
        raise no_image(layer.image, images)
    stages = project.inputs.named_stages(layer.image)
    if layer.stage is not None and layer.stage not in stages:
        raise no_stage(layer.image, layer.stage, stages)
    return layer


def unanswered(found: Explanation) -> bool:
    """True when the keys differ and nobody here knows what the old one was made from."""
    return found.old is not None and found.old in found.unknown


def _not_known(key: str) -> str:
    return (
        f"what {key} was made from is not kept here, and no registry has a record of it\n"
        "  it was made elsewhere and not pushed, or .layers was emptied; only the machine that"
        " built it can tell\n"
    )


def as_json(found: Explanation, step: Step | None = None) -> str:
    """One object for programs; ``step``: what is to be done."""
    told = [
        {
            "layer": cause.image,
            "kind": cause.change.kind,
            "name": cause.change.name,
            "old": cause.change.old,
            "new": cause.change.new,
            "file": cause.change.file or None,
            "line": cause.change.line or None,
            "text": cause.change.text(),
        }
        for cause in found.causes
    ]
    keys = {"old": found.old, "new": found.new, "tag": found.tag}
    what = {"state": step.state, "reasons": _why_so(found, step)} if step is not None else None
    value = {"image": str(found.layer), **keys, "changes": told, "way": what}
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _since(found: Explanation) -> str:
    return f" since {found.tag} in the registry" if found.tag is not None else ""


def as_text(found: Explanation, step: Step | None = None) -> str:
    """Sentences for people; what changed in a parent stands below the parent's name.

    ``step``: what is to be done, which is told last.
    """
    text = _changes(found)
    if step is None:
        return text
    return f"{text}  {step.state}: {'; '.join(_why_so(found, step))}\n"


def _changes(found: Explanation) -> str:
    if found.old is None:
        return f"{found.layer}: no image of ours is there to compare {found.new} with\n"
    if found.old == found.new:
        return f"{found.layer}: nothing changed{_since(found)}, {found.new}\n"
    lines = [f"{found.layer}: {found.old} → {found.new}{_since(found)}"]
    for image, causes in itertools.groupby(found.causes, lambda cause: cause.image):
        own = image == found.layer.image
        if not own or lines[1:]:
            lines.append(f"  {image}")
        indent = "    " if lines[-1] == f"  {image}" else "  "
        lines += [f"{indent}{cause.change.text()}" for cause in causes]
    if found.causes:
        lines += [f"  what {key} was made from is not kept here" for key in found.unknown]
    return "".join(f"{line}\n" for line in lines)
