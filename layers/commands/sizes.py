"""``doit sizes``: what an image's bytes are, by layer, by package and by file."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable
from typing import Any

from hashes.errors import LayersError
from hashes.key import BadKey, Key
from layers.commands.exit_status import MISTAKE
from layers.commands.parsing import ProjectCommand, option
from layers.commands.why import find_layer
from layers.graph.graph import Layer
from layers.plan.session import Session
from layers.project.open import open_project
from layers.sizes.growth import Brief, brief, growth, last_remembered, remember, remembered
from layers.sizes.measure import measure
from layers.sizes.read import Reader
from layers.sizes.told import Told, as_json, as_text


class SizesCommand(ProjectCommand):
    """Measures images where they are."""

    name = "sizes"
    doc_purpose = "tell what an image's bytes are, by layer, package and file"
    doc_usage = "[IMAGE[:STAGE] ...]"
    doc_description = (
        "Without names every image.  The image of the present key is read from the engine, or else"
        " from the registry, layer by layer, and nothing of it is kept; it is compared with that"
        " of the last key, and with max_size."
    )
    cmd_options = (
        option("everything", "every package, duplicate and lost file", long="all", short="a"),
        option(
            "as_json",
            'print {"images": [{"image", "key", "where", "max_size", "unpacked", "packed", "seen",'
            ' "files", "layers", "packages", "duplicates", "lost", "growth"}]}; bytes',
            long="json",
        ),
    )

    def act(self, root: str, options: Any, names: list[str]) -> int:
        """Print; status 1 when an image that was asked for is nowhere, or has an error."""
        project = open_project(root)
        run = Session.begin(project, start=False)
        asked = [find_layer(project, name) for name in project.spec.named(names)]
        reader = Reader(run, _say)
        told: list[Told] = []
        missing: list[str] = []
        for layer in dict.fromkeys(asked or project.goals()):
            try:
                found = _told(run, reader, layer)
            except LayersError as error:
                missing.append(str(error))
                continue
            if found is None:
                said = "no engine and no registry that answers has it at this key"
                missing.append(f"{layer}: {said}\n  `doit {layer}` makes it")
            elif options["as_json"]:
                told.append(found)
            else:
                sys.stdout.write("\n" if told else "")
                told.append(found)
                sys.stdout.write(_text(found, options["everything"]))
                sys.stdout.flush()
        if options["as_json"]:
            value = {"images": [as_json(each) for each in told]}
            sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
        project.cache.save()
        sys.stdout.flush()
        sys.stderr.write("".join(f"{each}\n" for each in missing))
        return MISTAKE if missing else 0


def _say(text: str) -> None:
    """On a terminal alone: a log has no use for it."""
    if sys.stderr.isatty():
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def _text(told: Told, everything: bool) -> str:
    terminal = sys.stdout.isatty()
    width = max(60, shutil.get_terminal_size((80, 24)).columns) if terminal else 80
    color = terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return as_text(told, width, everything=everything, color=color)


def _told(run: Session, reader: Reader, layer: Layer) -> Told | None:
    project = run.project
    key = project.inputs.key(layer)
    image = reader.read(layer, key)
    if image is None:
        return None
    measured = measure(image.layers)
    now = brief(str(key), measured)
    before = _before(run, reader, layer, key)
    remember(project.state, str(layer), now)
    limit = project.spec.images[layer.image].max_size if layer.stage is None else None
    grown = growth(now, before) if before is not None else None
    return Told(str(layer), str(key), image.where, limit, measured, grown)


def _before(run: Session, reader: Reader, layer: Layer, key: Key) -> Brief | None:
    """The image of the last key: as it is remembered, or read where it still is."""
    state = run.project.state
    for name in _keys(run, layer, key):
        found = remembered(state, str(layer), name)
        if found is None:
            try:
                old = reader.read(layer, Key.parse(name))
            except (BadKey, LayersError):
                continue
            found = brief(name, measure(old.layers)) if old is not None else None
        if found is not None:
            remember(state, str(layer), found)
            return found
    return last_remembered(state, str(layer), str(key))


def _keys(run: Session, layer: Layer, key: Key) -> Iterable[str]:
    last = run.project.history.before(str(layer), str(key))
    return [last] if last is not None else []
