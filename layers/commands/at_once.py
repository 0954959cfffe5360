"""Layers at a time: the option ``-n`` of doit's, held to a number that can be meant."""

from __future__ import annotations

from typing import Any

from doit.cmd_run import opt_num_process

from hashes.errors import LayersError


class Typed(int):
    """A number from the command line; doit's own default, 0, is none."""


AT_ONCE: dict[str, Any] = {
    **opt_num_process,
    "type": Typed,
    "help": "layers at a time; default 4",
    "metavar": "N",
}
"""doit's option, as other kinds of dodo have it too."""


def at_once(number: int) -> int:
    """Layers at a time, at least 1.

    Raises LayersError for a number that nobody can mean: doit takes -3 for no worker, which does
    nothing and calls that success.
    """
    if number < 0 or (number == 0 and isinstance(number, Typed)):
        raise LayersError(
            f"-n {number}: expected a number from 1 on",
            hint="`-n 1` takes one layer after the other; without -n it is what the dodo.py has",
        )
    return max(1, number)
