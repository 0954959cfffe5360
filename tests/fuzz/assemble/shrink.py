"""Shrinking: drop whatever a fault does not need."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from hashes.errors import LayersError
from tests.fuzz.assemble.case import Case
from tests.fuzz.assemble.play import Verdict


def shrink(verdict: Verdict, play: Callable[[Case], Verdict], seconds: float = 60) -> Verdict:
    """The smallest case found within ``seconds`` that is the same kind of fault."""
    until = time.monotonic() + seconds
    again = True
    while again:
        again = False
        for smaller in _smaller(verdict.case):
            if time.monotonic() > until:
                return verdict
            try:
                found = play(smaller)
            except (OSError, KeyError, ValueError, LayersError):  # what is left is no case
                continue
            if found.kind == verdict.kind:
                verdict, again = found, True
                break
    return verdict


def _smaller(case: Case) -> Iterator[Case]:
    for at in range(len(case.lines) - 1, 0, -1):
        yield replace(case, lines=case.lines[:at] + case.lines[at + 1 :])
    if case.ignore:
        yield replace(case, ignore="")
    if case.config.get("config"):
        yield replace(case, config={**case.config, "config": {}})
    for at, layer in enumerate(case.layers):
        for number in range(len(layer) - 1, -1, -1):
            rest = (*layer[:number], *layer[number + 1 :])
            yield replace(case, layers=(*case.layers[:at], rest, *case.layers[at + 1 :]))
    for at, layer in enumerate(case.other):
        for number in range(len(layer) - 1, -1, -1):
            rest = (*layer[:number], *layer[number + 1 :])
            yield replace(case, other=(*case.other[:at], rest, *case.other[at + 1 :]))
    for number in range(len(case.context) - 1, -1, -1):
        yield replace(case, context=case.context[:number] + case.context[number + 1 :])
