"""Sending: a build whose files arrive as they were hashed, though BuildKit compares no bytes."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable

from hashes.errors import LayersError
from layers.build.buildx import BuildCall, BuildFailed
from layers.build.context.files import Files
from layers.build.context.ledger import Row
from layers.build.context.slot import FIRST, slot
from layers.config.spec import Image
from layers.oci.digest import Digest
from layers.plan.plan import Step
from layers.plan.session import Session
from layers.runtime.events import Output

ATTEMPTS = 3
"""Builds that are tried while something writes to the files."""


class NeverStill(LayersError):
    """Something wrote to a build's files all the while, so that nobody knows what was sent."""


def build(
    run: Session,
    step: Step,
    call: BuildCall,
    work: Callable[[Session, Step, BuildCall], Digest],
) -> Digest:
    """Do ``work`` with the context under a name whose copy in BuildKit can hold nothing older.

    Raises NeverStill, and what ``work`` raises.
    """
    image = run.project.spec.images[step.layer.image]
    for _ in range(ATTEMPTS):
        with slot(run.project.state.path("sent", image.name)) as held:
            files = Files(roots(run, image), run.project.cache)
            selection, rows = _read(run, image, files)
            reason = held.begin(files.roots[""], selection, rows)
            if reason not in ("", FIRST):
                run.tell(Output(str(step.layer), f"all files are sent: {reason}"))
            try:
                digest = work(run, step, dataclasses.replace(call, context=held.link))
            except BuildFailed as error:
                if error.sent and files.unmoved():
                    held.finish()
                raise
            if files.unmoved():
                held.finish()
                return digest
        # Something was written to while it may have been sent. Where the bytes are others now,
        # the caller will find so; where they are the same again, others may have been sent.
        if run.project.inputs.reread(image.name).key(step.layer.stage) != step.key:
            return digest
    raise NeverStill(
        f"{step.layer}: its files were written to during each of {ATTEMPTS} builds",
        hint="wait until whatever writes to them is done, and run again",
    )


def roots(run: Session, image: Image) -> dict[str, str]:
    """The folders that a build is sent files from; "" is its own context."""
    places = {"": image.context, **image.contexts}
    return {
        name: os.path.realpath(os.path.join(run.project.root, at)) for name, at in places.items()
    }


def _read(run: Session, image: Image, files: Files) -> tuple[str, list[Row]]:
    """What decides which files are sent, and those that the key covers as they are now."""
    inputs = run.project.inputs.image(image.name)
    manifests = (inputs.own, *inputs.stages.values(), *inputs.unnamed.values())
    entries = [entry for each in manifests for entry in each.entries]
    files.look(entries)
    ignores = [os.path.join(run.project.root, f"{image.dockerfile}.dockerignore")]
    ignores += [os.path.join(root, ".dockerignore") for root in files.roots.values()]
    return files.selection(entries, ignores), list(files.rows.values())
