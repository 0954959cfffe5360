"""Parsing: options anywhere on the command line, and a mistake there told in a sentence."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any

from doit.cmd_base import Command
from doit.cmdparse import CmdParseError

from layers.commands.exit_status import MISTAKE

_UNKNOWN = re.compile(r"Error parsing \w+: (.*?) \(parsing options: ", re.DOTALL)
_VALUE = re.compile(r"Error parsing parameter '(\w+)' <class '(\w+)'>")
_CHOICE = re.compile(
    r"Error parsing parameter '(\w+)'. Provided (.+) but available choices are: (.+)\."
)
_TYPES = {"int": "a whole number", "float": "a number"}


class Parsed(Command):  # type: ignore[misc]  # doit ships no types
    """A command of doit's that takes options behind its names, too: getopt stops at the first."""

    def parse_execute(self, in_args: list[str]) -> Any:
        """Parse and run; status 1, not doit's 3, for an option that there is not."""
        words = options_first(in_args, valued(self.get_options()))
        return parsed(self.name, super().parse_execute, words)


def parsed(name: str, parse: Callable[[list[str]], Any], words: list[str]) -> Any:
    """What ``parse`` makes of a command line of the command ``name``, or a sentence and status 1.

    Where there is no ``images.toml``, the words are another dodo's: then doit tells.
    """
    try:
        return parse(words)
    except CmdParseError as error:
        from layers.config.spec import SPEC_FILE
        from layers.project.open import find_root

        if not os.path.isfile(os.path.join(find_root(os.getcwd()), SPEC_FILE)):
            raise
        sys.stderr.write(f"doit {name}: {sentence(str(error))}\n")
        sys.stderr.write(f"  `doit help {name}` lists its options\n")
        return MISTAKE


def sentence(text: str) -> str:
    """What doit says of a command line, without its own objects."""
    if found := _UNKNOWN.match(text):
        return found[1]
    if found := _VALUE.match(text):
        return f"option {found[1]!r}: expected {_TYPES.get(found[2], found[2])}"
    if found := _CHOICE.fullmatch(text):
        return f"option {found[1]!r}: {found[2]} is none of {found[3]}"
    return text


def valued(options: Iterable[Any]) -> set[str]:
    """The spellings of those of doit's options that take a word of their own."""
    taking = [option for option in options if option.type is not bool]
    short = {f"-{option.short}" for option in taking if option.short}
    return short | {f"--{option.long}" for option in taking if option.long}


def options_first(words: Iterable[str], valued: Iterable[str] = ()) -> list[str]:
    """Options before names; those ``valued`` take the next word with them."""
    taking = set(valued)
    options: list[str] = []
    names: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--":
            names += [word, *rest]
        elif word.startswith("-") and word != "-":
            options.append(word)
            if word in taking:
                value = next(rest, None)
                if value is None:
                    return options  # no name may stand in for it: getopt tells what is missing
                options.append(value)
        else:
            names.append(word)
    return [*options, *names]
