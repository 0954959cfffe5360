"""Lines: where in a Dockerfile each piece of a RUN's text stands."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

from hashes.dockerfile.heredocs import chomp, heredoc
from hashes.dockerfile.instruction import Instruction

_SHELLS = ("sh", "bash", "dash", "ash")


def script(
    item: Instruction, source: Sequence[str], escape: str
) -> tuple[str, Callable[[int], int]] | None:
    """The text that a RUN gives to the shell, with the line of each place in it.

    None for a list of arguments, and for a document that another interpreter reads.
    """
    if item.json or not item.words:
        return None
    text = item.words[0]
    starts, joined, last = _joined(item, source, escape)
    if not item.heredocs:
        at = joined.find(text)
        if at < 0:
            return text, lambda _: item.line
        return text, lambda place: starts[bisect_right(starts, (at + place, 1 << 60)) - 1][1]
    document = heredoc(text)
    if document is None or len(item.heredocs) > 1:
        return None
    body = item.heredocs[0].content
    body = chomp(body) if document.chomp else body
    if body.startswith("#!"):
        program = body.split("\n", 1)[0].removeprefix("#!").split()
        if not program or program[-1].rpartition("/")[2] not in (*_SHELLS, "-e", "-eu", "-ex"):
            return None
    return body, lambda place: last + 1 + body.count("\n", 0, place)


def _joined(
    item: Instruction, source: Sequence[str], escape: str
) -> tuple[list[tuple[int, int]], str, int]:
    """An instruction with its continuation lines put together as BuildKit does.

    Gives where each line begins in it, the text, and the last line.
    """
    starts: list[tuple[int, int]] = []
    text = ""
    number = item.line
    while number <= len(source):
        raw = source[number - 1].rstrip("\r")
        skip = number > item.line and (not raw.strip() or raw.lstrip().startswith("#"))
        if not skip:
            starts.append((len(text), number))
            bare = raw.rstrip()
            if not bare.endswith(escape):
                text += raw
                break
            text += bare[: -len(escape)]
        number += 1
    return starts, text, number
