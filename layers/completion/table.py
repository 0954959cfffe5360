"""The table of what can be typed: commands, their options, and which names they take."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

KINDS = {"IMAGE[:STAGE]": "layers", "TASK": "layers", "IMAGE": "images", "BASE": "images"}
KINDS |= {"STACK": "stacks"}
"""What a word of a usage line stands for; `NAMES` has those that a project knows."""

NAMES = ("layers", "images", "stacks", "profiles")
"""Kinds of names that ``doit completion --names KIND`` prints."""


@dataclass(frozen=True)
class Option:
    """An option as it is typed."""

    spellings: tuple[str, ...]
    about: str
    takes: bool = False
    """Whether the next word belongs to it."""
    choices: tuple[str, ...] = ()
    """The words that it takes; empty: a file, or anything."""


@dataclass(frozen=True)
class Entry:
    """A command."""

    name: str
    about: str
    kind: str = ""
    """Of `NAMES`; "": it takes none."""
    words: tuple[str, ...] = ()
    """What it takes beside names."""
    options: tuple[Option, ...] = field(default=())


def entry(command: Any, choices: Mapping[str, tuple[str, ...]]) -> Entry:
    """What a command of doit's kind takes; ``choices`` by spelling where its own table has none."""
    usage = command.doc_usage or ""
    kind = next((kind for word, kind in KINDS.items() if word in usage), "")
    words = tuple(re.findall(r"(?:^|[\[|] ?)([a-z]{3,})\b", usage))
    meant = getattr(command, "chief", {})
    options = tuple(_option(each, choices, meant) for each in command.get_options())
    described = (each for each in options if each.spellings)
    return Entry(command.get_name(), command.doc_purpose, kind, words, tuple(described))


def _option(
    option: Any, choices: Mapping[str, tuple[str, ...]], meant: Mapping[str, str]
) -> Option:
    typed = [f"-{option.short}"] if option.short else []
    typed += [f"--{option.long}"] if option.long else []
    about = meant.get(option.name) or option.help % {"default": option.default}
    about = " ".join(about.split())
    known = tuple(map(str, option.choices)) or choices.get(typed[-1] if typed else "", ())
    takes = option.type is not bool and not option.metavar.startswith("[")
    return Option(tuple(typed), about.replace("'", "’"), takes, known)


def spellings(options: Iterable[Option]) -> list[str]:
    """All that can be typed for some options."""
    return [text for each in options for text in each.spellings]
