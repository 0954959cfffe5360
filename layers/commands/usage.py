"""Usage: the page of a command, which ``doit COMMAND --help`` and ``doit help COMMAND`` print."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

WIDEST = 100
"""Columns; longer lines of prose are hard to read."""
_COLUMN = 26
"""Where what an option means begins."""

_EXAMPLE = 34
"""Where the comment on an example begins."""

Rows = Iterable[tuple[str, str]]


def width() -> int:
    """Columns that a page may have: those of the terminal, 80 in a pipe."""
    return max(40, min(WIDEST, shutil.get_terminal_size((80, 24)).columns))


def strange(words: Iterable[str] = ()) -> bool:
    """True in a doit project of another kind, which is to find doit as it is.

    That is where no ``images.toml`` is, and a ``dodo.py`` is here or named by the ``words`` of the
    command line or the environment.  In an empty folder nobody else can be meant.
    """
    from layers.config.spec import SPEC_FILE
    from layers.project.open import find_root

    if os.path.isfile(os.path.join(find_root(os.getcwd()), SPEC_FILE)):
        return False
    elsewhere = ("-f", "-d", "-k", "--file", "--dir", "--seek-file")
    named = any(word.startswith(elsewhere) for word in words)
    return (
        named or os.path.exists("dodo.py") or bool({"DOIT_FILE", "DOIT_SEEK_FILE"} & {*os.environ})
    )


def doits(command: Any) -> Any:
    """doit's own class that a command of ours stands in front of; None: doit has no such."""
    of_doit = (each for each in command.__mro__ if each.__module__.startswith("doit.cmd_"))
    return next((each for each in of_doit if each.get_name() == command.get_name()), None)


def usage(command: Any) -> str:
    """The whole page of one of our commands: what it does, examples, options."""
    from layers.pages.page import examples

    name = command.get_name()
    words = " ".join(each for each in (command.bin_name, name, command.doc_usage) if each)
    parts = [words, _sentence(command.doc_purpose)]
    if command.doc_description:
        parts.append(_wrapped(command.doc_description))
    if shown := examples("doit" if name == "run" else f"doit {name}"):
        parts.append("Examples\n" + rows(_commented(shown), _EXAMPLE))
    ours, others = _options(command)
    if ours:
        parts.append("Options\n" + rows(ours))
    if others:
        parts.append("doit's own options, for other tasks of a dodo.py\n" + rows(others))
    parts.append("`profile=NAME` takes that profile of images.toml; `doit help manual` has more")
    return "\n\n".join(parts) + "\n"


def _commented(lines: str) -> Iterator[tuple[str, str]]:
    """Lines of a shell, each as its command and the comment behind it."""
    for line in lines.splitlines():
        command, sign, comment = line.partition(" # ")
        yield command.rstrip(), f"# {comment.strip()}" if sign else ""


def rows(pairs: Rows, column: int = _COLUMN) -> str:
    """Two columns; what does not fit in the first has the second below it."""
    return "\n".join(line for left, right in pairs for line in _row(left, right, column))


def _row(left: str, right: str, column: int) -> Iterator[str]:
    lines = textwrap.wrap(right, width() - column, break_on_hyphens=False)
    head = f"  {left}"
    if not lines:
        yield head
        return
    if len(head) + 2 > column:
        yield head
        head = ""
    yield f"{head:<{column}}{lines[0]}".rstrip()
    for line in lines[1:]:
        yield " " * column + line


def _options(command: Any) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Those of ours, with those of doit's that images need; and the rest of doit's."""
    inherited = _inherited(command)
    chief = command.chief
    ours, others = [], []
    for option in command.get_options():
        if not (option.short or option.long):
            continue
        if option.name in chief or option.name not in inherited:
            ours.append((spelled(option), chief.get(option.name) or _about(option)))
        else:
            others.append((spelled(option), _about(option)))
    return sorted(ours, key=_by_name), sorted(others, key=_by_name)


def _inherited(command: Any) -> set[str]:
    found = {each["name"] for each in getattr(command, "base_options", ())}
    found |= {each["name"] for each in getattr(getattr(command, "loader", None), "cmd_options", ())}
    for each in type(command).__mro__:
        if each.__module__.startswith("doit."):
            found |= {option["name"] for option in each.__dict__.get("cmd_options", ())}
    return found


def _by_name(row: tuple[str, str]) -> str:
    return row[0].rpartition("--")[2]


def spelled(option: Any) -> str:
    """``-n, --dry-run``; ``--to=N`` where it takes a value, ``--to[=N]`` where it may."""
    if option.type is bool:
        short, long = f"-{option.short}", f"--{option.long}"
    elif option.metavar.startswith("["):
        short, long = f"-{option.short}", f"--{option.long}[={option.metavar[1:]}"
    else:
        metavar = option.metavar if option.metavar != "ARG" else _metavar(option)
        short, long = f"-{option.short} {metavar}", f"--{option.long}={metavar}"
    return ", ".join(
        text for text, is_there in ((short, option.short), (long, option.long)) if is_there
    )


def _metavar(option: Any) -> str:
    if option.choices:
        return "|".join(option.choices) if len("|".join(option.choices)) < 24 else "WORD"
    if issubclass(option.type, int):
        return "N"
    return str(option.long.rpartition("-")[2].upper())


def _about(option: Any) -> str:
    """What doit's table says of an option, on one line."""
    text = " ".join((option.help % {"default": option.default}).split())
    return f"{text}; one of {', '.join(option.choices)}" if option.choices else text


def _sentence(text: str) -> str:
    return _wrapped(f"{text[:1].upper()}{text[1:]}.")


def _wrapped(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), width(), break_on_hyphens=False)
