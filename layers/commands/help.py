"""``doit help``: our commands first, and every page of the documentation without a file of ours."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from doit.cmd_help import Help

from hashes.errors import LayersError, did_you_mean
from layers.commands import dodo, usage
from layers.commands.exit_status import guarded
from layers.commands.parsing import Parsed

SCHEMA = "images.schema.json"

FIRST = """
list plan graph report run watch why keys sizes check init lock up down publish refresh rollback
gc engine completion help
"""
"""Our commands in the order in which people meet them; others come behind these."""


class HelpCommand(Parsed, Help):  # type: ignore[misc]  # doit ships no types
    """Tells of commands, pages and images; before another kind of dodo it is doit's own."""

    cmds: dict[str, Any]
    """The command table, which doit's class sets."""

    name = "help"
    doc_purpose = "tell of a command, images.toml, the rules of doit check"
    doc_usage = "[COMMAND | PAGE | rule NAME | IMAGE]"
    doc_description = "Without a word: all commands and pages."

    def execute(self, params: Any, args: list[str]) -> int:
        """Print; status 1 for a word that nothing is called by."""
        if usage.strange():
            self.cmds = {name: usage.doits(each) or each for name, each in self.cmds.items()}
            return int(super().execute(params, args))
        return guarded(lambda: self._tell(params, args), ".")

    def _tell(self, params: Any, words: list[str]) -> int:
        from layers.pages.page import TOPICS, rule, topic

        match words:
            case []:
                sys.stdout.write(overview(self.cmds, self.bin_name))
            case ["task"]:
                self.print_task_help()
            case ["rule", name]:
                _show(rule(name))
            case [name] if name in self.cmds:
                settings = {**self.init_kwargs, "cmds": self._cmds}
                sys.stdout.write(f"{self.cmds[name](**settings).help().rstrip()}\n")
            case [name] if name in TOPICS:
                _show(topic(name))
            case [name] if name == SCHEMA:
                from layers.config.json_schema import text

                sys.stdout.write(text())
            case [_]:
                super(Help, self).execute(params, words)
            case _:
                raise LayersError(
                    f"doit help takes one word, and got {' '.join(words)!r}",
                    hint="doit help [COMMAND | PAGE | rule NAME | IMAGE]",
                )
        return 0

    def _execute(self, pos_args: list[str]) -> bool:
        """Tell of a task of the dodo, an image or another."""
        (name,) = pos_args
        tasks = {task.name: task for task in self.task_list}
        if name not in tasks:
            raise self._unknown(name, tasks)
        if dodo.is_layer(tasks[name]):
            sys.stdout.write(_layer(name, tasks[name].doc))
            return True
        return bool(super()._execute(pos_args))

    def _unknown(self, word: str, tasks: Iterable[str]) -> LayersError:
        from layers.pages.page import TOPICS, rules

        guess = did_you_mean(word, {*self.cmds, *TOPICS, SCHEMA, *tasks})
        hint = "`doit help` lists commands and pages, `doit list --all` images and stages"
        if word in rules():
            guess, hint = "", f"it is a rule of doit check: `doit help rule {word}`"
        return LayersError(f"{word!r} is no command, page, image or stage{guess}", hint=hint)


def overview(commands: dict[str, type[Any]], program: str) -> str:
    """All commands, ours first, then doit's own, then the pages."""
    from layers.pages.page import outline

    first = {name: place for place, name in enumerate(FIRST.split())}
    names = sorted(commands, key=lambda name: (first.get(name, len(first)), name))
    ours = [name for name in names if commands[name].__module__.startswith("layers.")]
    others = [name for name in names if name not in ours]

    def group(title: str, pairs: Iterable[tuple[str, str]], column: int) -> str:
        return f"{title}\n{usage.rows(pairs, column)}\n"

    def described(names: Iterable[str]) -> list[tuple[str, str]]:
        return [(f"{program} {name}", commands[name].doc_purpose) for name in names]

    pages = [*outline(), (f"{program} help {SCHEMA}", "a JSON Schema of images.toml")]
    alone = f"{program} [IMAGE ...]", f"the same as {program} run"
    return "\n".join(
        (
            f"{program} with doit-layers: an image's key is a hash of what it is made from\n",
            group("Images", [alone, *described(ours)], 22),
            group("doit's own, for other tasks of a dodo.py", described(others), 22),
            group("Pages", pages, 32),
            f"`{program} help COMMAND` and `{program} COMMAND --help` tell of one command\n",
        )
    )


def _layer(name: str, doc: str) -> str:
    kind = "a stage" if ":" in name else "an image"
    pairs = [
        (f"doit {name}", "makes it true"),
        (f"doit list {name}", "tells whether it is there, and why not"),
        (f"doit why {name}", "tells what changed since the image that is there"),
        (f"doit keys --inputs {name}", "tells what its key covers"),
    ]
    column = len(pairs[-1][0]) + 4
    return f"{name} is {kind} of images.toml: {doc}\n{usage.rows(pairs, column)}\n"


def _show(text: str) -> None:
    """A page: laid out on a terminal, as Markdown in a pipe."""
    if sys.stdout.isatty():
        from layers.pages.terminal import show

        show(text, sys.stdout)
    else:
        sys.stdout.write(text)
