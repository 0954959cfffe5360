"""Parsing: what a command takes, options anywhere on its line, mistakes told in a sentence."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from doit.cmd_base import Command
from doit.cmdparse import CmdParseError
from doit.exceptions import InvalidDodoFile

from hashes.errors import LayersError, did_you_mean
from layers.commands import usage
from layers.commands.exit_status import MISTAKE, guarded

_UNKNOWN = r"(?s)Error parsing \w+: (.*?) \(parsing options: "
_VALUE = r"Error parsing parameter '(\w+)' <class '(?:\w+\.)*(\w+)'>"
_CHOICE = r"Error parsing parameter '(\w+)'. Provided (.+) but available choices are: (.+)\."
_TYPES = {"int": "a whole number", "Typed": "a whole number", "float": "a number"}


def option(
    name: str,
    about: str,
    default: Any = False,
    *,
    long: str = "",
    short: str = "",
    value: str = "",
    choices: Iterable[tuple[str, str]] = (),
) -> dict[str, Any]:
    """An option as doit has it: of the type of ``default``, spelled as ``name`` unless ``long``.

    ``value`` stands for what it takes, where its name does not say that; ``[N]`` for what may be
    left out, which the command sees to.
    """
    found: dict[str, Any] = {"name": name, "short": short, "long": long or name.replace("_", "-")}
    found |= {"type": type(default), "default": default, "help": about}
    found |= {"metavar": value} if value else {}
    return {**found, "choices": tuple(choices)} if choices else found


DODO = {
    "dodoFile": "another dodo.py",
    "cwdPath": "another folder",
    "seek_file": "search the folders above for dodo.py",
}
"""doit's options for where the dodo.py is, and what they mean."""


class Paged(Command):  # type: ignore[misc]  # doit ships no types
    """A command with a page of ours, which ``--help`` and ``doit help`` print."""

    chief: ClassVar[Mapping[str, str]] = DODO
    """Of doit's own options those that images need, by name, and what they mean for images."""

    def help(self) -> str:
        """The page; before another kind of dodo doit's own, where it has the command."""
        if usage.doits(type(self)) and usage.strange():
            return str(super().help())
        return usage.usage(self)


class Parsed(Paged):
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

    A command of doit's own before another kind of dodo leaves that to doit.
    """
    try:
        return parse(words)
    except InvalidDodoFile:
        if usage.strange(words) or os.path.exists("dodo.py"):
            raise
        sys.stderr.write(f"{_no_dodo()}\n")
        return MISTAKE
    except CmdParseError as error:
        if usage.doits(type(command)) and usage.strange(words):
            raise
        name, told = command.name, sentence(str(error), command.get_options())
        if told in ("option --help not recognized", "option -h not recognized"):
            sys.stdout.write(command.help())
            return 0
        guess = guessed(told, command.get_options())
        sys.stderr.write(f"doit {name}: {told}{guess}\n")
        sys.stderr.write(f"  `doit help {name}` lists its options\n")
        return MISTAKE


def _no_dodo() -> LayersError:
    from layers.config.spec import SPEC_FILE
    from layers.project.open import find_root

    here = os.getcwd()
    root = find_root(here)
    if root != here:
        hint = f"{SPEC_FILE} is in {root}: `doit -k` looks for dodo.py in the folders above"
    elif os.path.exists(SPEC_FILE):
        hint = "`doit init` writes it"
    else:
        hint = f"`doit init` writes it, and {SPEC_FILE}, from the Dockerfiles that are here"
    return LayersError(f"there is no dodo.py in {here}", hint=hint)


def guessed(told: str, options: Iterable[Any]) -> str:
    """The option that was likely meant by one which there is not."""
    found = re.match(r"option --([\w-]+) not recognized", told)
    known = [name for each in options for name in (each.long, each.inverse) if name]
    return did_you_mean(f"--{found[1]}", [f"--{name}" for name in known]) if found else ""


def sentence(text: str, options: Iterable[Any]) -> str:
    """What doit says of a command line, without its own objects; an option as one types it."""
    typed = {each.name: "/".join(_spellings(each)) for each in options}
    if found := re.match(_UNKNOWN, text):
        return found[1]
    if found := re.match(_VALUE, text):
        return f"{typed.get(found[1], found[1])}: expected {_TYPES.get(found[2], found[2])}"
    if found := re.fullmatch(_CHOICE, text):
        return f"{typed.get(found[1], found[1])}: {found[2]} is none of {found[3]}"
    return text


def valued(options: Iterable[Any]) -> set[str]:
    """The spellings of those of doit's options that take a word of their own."""
    taking = [each for each in options if each.type is not bool and each.metavar[:1] != "["]
    return {spelling for option in taking for spelling in _spellings(option)}


def _spellings(option: Any) -> list[str]:
    short = [f"-{option.short}"] if option.short else []
    return short + ([f"--{option.long}"] if option.long else [])


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
