"""Events of failure: an error as those who listen to a run are told of it."""

from __future__ import annotations

from hashes.errors import LayersError
from layers.build.buildx import BuildFailed
from layers.runtime.events import Failed


def failed(layer: str, error: LayersError) -> Failed:
    """What is known of ``error``, which stands in the way of ``layer``."""
    known = error.failure if isinstance(error, BuildFailed) else None
    message, _, rest = error.message.partition("\n")
    message = message.removeprefix(f"{layer}: ")
    if known is None:
        cause, file, line = rest.strip(), error.file or "", error.line or 0
        return Failed(layer, message, file, line, cause=cause, remedy=error.hint)
    return Failed(
        layer,
        message,
        known.file,
        known.line,
        step=known.step,
        command=known.command,
        lines=known.lines or known.tail,
        log=known.log,
        cause=known.cause.text if known.cause is not None else "",
        remedy=error.hint,
    )
