"""Calls: which programs a RUN starts, with their arguments as far as these are known."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from hashes.dockerfile.state import BASE
from layers.check.shell.parser import Command
from layers.check.shell.words import Word

_WRAPPERS = {"sudo": "ugpCh", "exec": "a", "command": "", "nice": "n", "time": "fo", "nohup": ""}
_WRAPPERS |= {"env": "uCS", "timeout": "ks", "eatmydata": "", "ionice": "cn", "builtin": ""}
"""Programs that start another one, and those of their short options that take a value."""
_SETTING = re.compile(r"^([A-Za-z_][A-Za-z0-9_]*)=(.*)$", re.DOTALL)

SOMEWHERE = "<somewhere>"
"""A folder that is not known; no path of anything begins so."""


class Call(NamedTuple):
    """One program that is started."""

    name: str
    """Without its folder."""
    args: tuple[str, ...]
    """What is known of its arguments."""
    whole: bool
    """False: there are arguments that only the build will know, so none can be said to lack."""
    env: Mapping[str, str]
    """What of its environment is known."""
    line: int
    fed: bool
    pipeline: int
    sure: bool
    cwd: str | None
    """Where it runs; None: in the base's own folder."""
    decides: bool = False
    """Whether the RUN surely fails when it does."""

    @property
    def needed(self) -> bool:
        """Whether it surely runs, and the RUN fails when it does."""
        return self.sure and self.decides

    def has(self, *options: str) -> bool:
        """Whether one of these options is there, also as ``--name=value`` or within ``-abc``."""
        for arg in self.args:
            if arg.partition("=")[0] in options:
                return True
            if re.fullmatch(r"-[A-Za-z]{2,}", arg) and any(
                len(each) == 2 and each[1] in arg[1:] for each in options
            ):
                return True
        return False

    def value(self, *options: str) -> str | None:
        """The value of the last such option, apart or behind ``=``; None: there is none."""
        found = None
        for at, arg in enumerate(self.args):
            name, equals, value = arg.partition("=")
            if name in options:
                found = value if equals else (*self.args, "")[at + 1]
        return found

    def split(self, *with_value: str) -> tuple[str, ...]:
        """The arguments that are no options; options ``with_value`` take the next one along."""
        found = []
        skip = ended = False
        for arg in self.args:
            if skip:
                skip = False
            elif ended or not arg.startswith("-") or arg == "-":
                found.append(arg)
            elif arg == "--":
                ended = True
            elif arg in with_value:
                skip = True
        return tuple(found)


def calls(
    found: Sequence[Command],
    env: Mapping[str, str],
    cwd: str | None,
    line: Callable[[int], int],
) -> Iterator[Call]:
    """What a text's commands start, under the environment that the RUN begins with."""
    known = dict(env)
    for command in found:
        settings = {name: _value(word, known) for name, word in command.settings}
        if not command.words:
            for name, value in settings.items():
                _keep(known, name, value if command.sure else None)
            continue
        args: list[str] = []
        whole = True
        for word in command.words:
            fields = word.fields(known)
            if fields is None:
                whole = False
                if not args:
                    break
            else:
                args += fields
        if not args:
            continue
        if args[0] in ("export", "declare", "local", "readonly"):
            for name, value in filter(None, map(_setting, args[1:])):
                _keep(known, name, value if command.sure and whole else None)
            continue
        if args[0] == "unset":
            for name in args[1:]:
                known.pop(name, None)
            continue
        if args[0] == "cd":
            target = args[1] if whole and len(args) > 1 else None
            cwd = _join(cwd, target) if target is not None else SOMEWHERE
            continue
        mine = {k: v for k, v in {**known, **settings}.items() if v is not None}
        name, rest = unwrap(args, mine)
        if name:
            at = line(command.at)
            yield Call(
                posixpath.basename(name),
                tuple(rest),
                whole,
                mine,
                at,
                command.fed,
                command.pipeline,
                command.sure,
                cwd,
                command.decides,
            )


def unwrap(args: Sequence[str], env: dict[str, str]) -> tuple[str, Sequence[str]]:
    """The program behind ``sudo``, ``env A=b`` and the like; ``env`` gets what these set."""
    at = 0
    while at < len(args):
        name = posixpath.basename(args[at])
        if name not in _WRAPPERS:
            return args[at], args[at + 1 :]
        at += 1
        while at < len(args):
            arg = args[at]
            setting = _setting(arg)
            if arg.startswith("-"):
                at += 2 if len(arg) == 2 and arg[1] in _WRAPPERS[name] else 1
            elif setting is not None and name in ("env", "sudo"):
                env[setting[0]] = setting[1]
                at += 1
            else:
                break
        if name == "timeout":
            at += 1
    return "", ()


def _value(word: Word, env: Mapping[str, str]) -> str | None:
    fields = word.fields(env)
    return None if fields is None else " ".join(fields)


def _setting(text: str) -> tuple[str, str] | None:
    match = _SETTING.match(text)
    return (match[1], match[2]) if match else None


def _keep(env: dict[str, str], name: str, value: str | None) -> None:
    if value is None:
        env.pop(name, None)
    else:
        env[name] = value


def _join(cwd: str | None, path: str) -> str:
    return posixpath.normpath(posixpath.join(cwd or BASE, path))
