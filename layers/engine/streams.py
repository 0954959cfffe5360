"""Archives that an engine sends as a stream."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator

from layers.runtime.parts import as_file


def regular_files(
    body: Iterator[bytes], wanted: Callable[[str], bool], above: str
) -> Iterator[tuple[str, bytes]]:
    """Path and content of the wanted files in a tar that comes as a stream, below ``above``."""
    with tarfile.open(fileobj=as_file(body), mode="r|") as archive:
        for member in archive:
            path = f"{above}/{member.name.removeprefix('./').strip('/')}"
            if member.isreg() and wanted(path):
                file = archive.extractfile(member)
                if file is not None:
                    yield path, file.read()
