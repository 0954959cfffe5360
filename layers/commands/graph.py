"""``doit graph``: the images and what they are made from, as a picture."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import Any, TextIO

from hashes.errors import LayersError, did_you_mean
from layers.commands.parsing import ProjectCommand, option
from layers.config.spec import no_image
from layers.picture.drawing import Drawing
from layers.picture.look import drawing, wanted
from layers.plan.session import Session
from layers.project.open import open_project
from layers.project.project import Project
from layers.report.report import report_for

FORMATS = ("text", "svg", "mermaid", "dot")
ENDINGS = {".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid", ".dot": "dot", ".gv": "dot"}
"""What a file is by its name, where nobody says."""


class GraphCommand(ProjectCommand):
    """Draws the graph with the states that ``doit list`` tells."""

    name = "graph"
    doc_purpose = "draw images and what they are made from, with their states"
    doc_usage = "[IMAGE ...]"
    doc_description = None
    cmd_options = (
        option("everything", "every stage and system base, too", long="all"),
        option(
            "format",
            "text, or what the name of FILE says",
            "",
            choices=[(each, "") for each in FORMATS],
        ),
        option("output", "write it to this file", "", value="FILE", short="o"),
        option(
            "as_json",
            'print {"nodes": [{"id", "name", "kind", "state", "size", "expected"}],'
            ' "edges": [{"from", "to", "whole"}]}',
            long="json",
        ),
    )

    def act(self, root: str, options: Any, names: list[str]) -> int:
        """Print or write; status 1 for the user's mistakes."""
        file = options["output"]
        form = options["format"] or ENDINGS.get(os.path.splitext(file)[1].lower(), "text")
        if options["as_json"] and options["format"]:
            raise LayersError("--json and --format say two things", hint="take one of them")
        project = open_project(root)
        images = _images(project, names)
        report = report_for(sys.stderr)
        try:
            layers = wanted(project, images, options["everything"])
            run = Session.begin(project, report, layers, start=False)
            found = drawing(run, images, options["everything"])
        finally:
            report.close()
        project.cache.save()
        form = "json" if options["as_json"] else form
        if not file:
            _write(found, form, sys.stdout)
            return 0
        try:
            with open(file, "w", encoding="utf-8") as stream:
                _write(found, form, stream)
        except OSError as error:
            raise LayersError(f"{file} cannot be written: {error.strerror}") from None
        sys.stderr.write(f"{file}: {found.described()}\n")
        return 0


def _images(project: Project, names: list[str]) -> list[str]:
    """The images of these names.  Raises LayersError with a suggestion."""
    known = project.inputs.graph.order
    found = project.spec.named(names)
    for name in found:
        if name not in known and ":" in name:
            image = name.partition(":")[0]
            guess = "" if image in known else did_you_mean(image, known)
            raise LayersError(
                f"{name!r} is no image{guess}",
                hint=f"a picture is of images: doit graph --all {image} shows its stages",
            )
        if name not in known:
            raise no_image(name, known)
    return found


def _write(found: Drawing, form: str, stream: TextIO) -> None:
    if form == "text":
        from layers.picture.text import show

        seen = stream.isatty()
        color = seen and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        show(found, stream, width=shutil.get_terminal_size().columns if seen else None, color=color)
    else:
        stream.write(_text(found, form))


def _text(found: Drawing, form: str) -> str:
    if form == "svg":
        from layers.picture.svg import svg

        return svg(found)
    if form == "mermaid":
        from layers.picture.mermaid import mermaid

        return mermaid(found)
    if form == "dot":
        from layers.picture.dot import dot

        return dot(found)
    return as_json(found)


def as_json(found: Drawing) -> str:
    """One object for programs."""
    nodes = [
        {name: getattr(box, name) for name in ("id", "name", "kind", "state", "size", "expected")}
        for box in found.boxes
    ]
    edges = [{"from": each.source, "to": each.target, "whole": each.whole} for each in found.arrows]
    value = {"project": found.title, "nodes": nodes, "edges": edges}
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
