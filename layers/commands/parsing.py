"""Parsing: what a command takes, options anywhere on its line, mistakes told in a sentence."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any

from doit.cmd_base import Command
from doit.cmdparse import CmdParseError

from layers.commands.exit_status import MISTAKE, guarded

_UNKNOWN = re.compile(r"Error parsing \w+: (.*?) \(parsing options: ", re.DOTALL)
_VALUE = re.compile(r"Error parsing parameter '(\w+)' <class '(\w+)'>")
_CHOICE = re.compile(
    r"Error parsing parameter '(\w+)'. Provided (.+) but available choices are: (.+)\."
)
_TYPES = {"int": "a whole number", "float": "a number"}


def option(
    name: str,
    about: str,
    default: Any = False,
    *,
    long: str = "",
    short: str = "",
    choices: Iterable[tuple[str, str]] = (),
) -> dict[str, Any]:
    """An option as doit has it: of the type of ``default``, spelled as ``name`` unless ``long``."""
    found: dict[str, Any] = {"name": name, "short": short, "long": long or name.replace("_", "-")}
    found |= {"type": type(default), "default": default, "help": about}
    return {**found, "choices": tuple(choices)} if choices else found


class Parsed(Command):  # type: ignore[misc]  # doit ships no types
    """A command of doit's that takes options behind its names, too: getopt stops at the first."""

    def parse_execute(self, in_args: list[str]) -> Any:
        """Parse and run; status 1, not doit's 3, for an option that there is not."""
        words = options_first(in_args, valued(self.get_options()))
        return parsed(self, super().parse_execute, words)


class ProjectCommand(Parsed):
    """A command about the project where we stand, which needs no dodo.py."""

    def execute(self, opt_values: Any, pos_args: list[str]) -> int:
        """Do it; how it ends is an exit status, and a sentence where that is not 0."""
        from layers.project.open import find_root

        root = find_root(os.getcwd())
        return guarded(lambda: self.act(root, opt_values, pos_args), root)

    def act(self, root: str, options: Any, names: list[str]) -> int:
        """Do it in the project at ``root``; an exit status.  Raises LayersError."""
        raise NotImplementedError


def parsed(command: Command, parse: Callable[[list[str]], Any], words: list[str]) -> Any:
    """What ``parse`` makes of a command's line, or a sentence and status 1; ``--help`` is answered.

    Where there is no ``images.toml``, the words are another dodo's: then doit tells.
    """
    try:
        return parse(words)
    except CmdParseError as error:
        from layers.config.spec import SPEC_FILE
        from layers.project.open import find_root

        if not os.path.isfile(os.path.join(find_root(os.getcwd()), SPEC_FILE)):
            raise
        name, told = command.name, sentence(str(error))
        if told == "option --help not recognized":
            sys.stdout.write(f"{command.help()}\n")
            return 0
        sys.stderr.write(f"doit {name}: {told}\n")
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
