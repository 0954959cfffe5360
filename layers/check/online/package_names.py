"""Package names: what RUNs ask of apt and apk, and what a base's own index says to it."""

from __future__ import annotations

import base64
import binascii
import re
import shlex
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from layers.check.finding import Finding
from layers.check.online.nearness import near
from layers.check.rules.hangs import APT, APT_VALUED, apt_verb
from layers.check.shell.calls import Call
from layers.check.subject import Step, Subject

RULE = "unknown-package"

_PACKAGE = re.compile(r"^[a-z0-9][a-z0-9+._-]*(?::[a-z0-9]+)?(?:=[^\s*?\[]+)?(?:/[a-z0-9.-]+)?$")
_MISSING = re.compile(r"^E: Unable to locate package (\S+)", re.MULTILINE)
_EMPTY = re.compile(r"^E: Package '?([^\s']+)'? has no installation candidate", re.MULTILINE)
_VERSION = re.compile(r"^E: Version '([^']+)' for '([^']+)' was not found", re.MULTILINE)
_APK = re.compile(r"^\s+(\S+) \(no such package\):", re.MULTILINE)
_SOURCES = re.compile(
    r"sources\.list|add-apt-repository|apt-key|add-architecture|dpkg -i"
    r"|/etc/apk/(?:repositories|keys)|--repository|\s-X\s|-release\.deb|\.deb\b"
)


@dataclass(frozen=True)
class Ask:
    """One call of a package manager with the names that are known of it."""

    step: Step
    call: Call
    manager: str
    """``apt`` or ``apk``."""
    names: tuple[str, ...]
    own_sources: bool
    """Whether a step before it, or it itself, adds another source of packages."""


def asks(subject: Subject) -> Iterator[Ask]:
    """Every call that installs packages by name."""
    for step in subject.all_steps():
        if step.item.keyword != "RUN":
            continue
        for call in step.calls or ():
            manager, words = _words(call)
            names = tuple(dict.fromkeys(each for each in words if _PACKAGE.match(each)))
            if names:
                yield Ask(step, call, manager, names, _own_sources(step))


def _words(call: Call) -> tuple[str, tuple[str, ...]]:
    if call.name in APT and apt_verb(call) == "install":
        return "apt", tuple(map(_bare, call.split(*APT_VALUED)[1:]))
    if call.name == "apk" and "add" in call.args:
        words = call.split("-t", "--virtual", "-X", "--repository", "-p", "--root")
        return "apk", tuple(re.split(r"[=<>~@]", each)[0] for each in words if each != "add")
    return "", ()


def _bare(word: str) -> str:
    """A name without apt's sign for "install it"; ``g++`` and ``libstdc++`` are names."""
    sign = re.fullmatch(r"(.*[^+]|.*\+\+)\+", word)
    return sign[1] if sign else word


def _own_sources(step: Step) -> bool:
    for each in step.subject.chain(step.stage):
        if each.item.keyword in ("COPY", "ADD") and each.target.startswith(
            ("/etc/apt", "/etc/apk")
        ):
            return True
        if each.item.keyword == "RUN" and _SOURCES.search(each.item.whole):
            return True
        if each is step:
            return False
    return False


def script(found: Sequence[Ask]) -> str:
    """A text for ``sh`` that asks the index of the image that it runs in.

    It says first which system that is, then of each question by its number what the manager said;
    where one was refused, all names that the index has.
    """
    lines = [
        ". /etc/os-release 2>/dev/null",
        'echo "@os ${ID:-} ${VERSION_CODENAME:-}"',
        "python3 -c 'import sys; print(\"@python %d.%d\" % sys.version_info[:2])' 2>/dev/null",
        "lacking=",
    ]
    for manager, (update, every) in _MANAGERS.items():
        mine = [(at, ask) for at, ask in enumerate(found) if ask.manager == manager]
        if mine:
            lines.append(f"if command -v {update.split()[0]} >/dev/null; then")
            lines.append(f'said=$({update} 2>&1) || echo "@down $said" | tail -n 3 | tr "\\n" " "')
            lines += [line for at, ask in mine for line in _question(at, ask)]
            packed = f"{every} | gzip -c | base64"  # less than `containers.KEPT`
            lines.append(f'[ -z "$lacking" ] || {{ echo; echo @names; {packed}; }}')
            lines.append("fi")
    return "\n".join([*lines, "exit 0", ""])


_MANAGERS = {
    "apt": ("apt-get update -q", "apt-cache pkgnames"),
    "apk": ("apk update -q", "apk search -q 2>/dev/null"),
}
"""By manager: what fetches its index, and what prints the names in it."""


def _question(at: int, ask: Ask) -> Iterator[str]:
    names = " ".join(map(shlex.quote, ask.names))
    if ask.manager == "apt":
        question = f"apt-get install -s -y -q --no-install-recommends {names} 2>&1"
    else:
        question = f"apk add --simulate -q {names} 2>&1"
    yield f'echo; echo "@ask {at}"'
    refused = 'echo "$said" | grep -v "^Inst\\|^Conf"; lacking=yes'
    yield f"said=$({question}) || {{ {refused}; }}"


class Answer(NamedTuple):
    """What a base said."""

    system: str = ""
    """Such as ``debian bookworm``."""
    python: str = ""
    """The version of its python3, such as ``3.11``; empty: it has none."""
    down: str = ""
    """Why its index could not be fetched."""
    said: tuple[tuple[int, str], ...] = ()
    """By the number of a question: the manager's complaint."""
    names: tuple[str, ...] = ()
    """All that its index has, where a question was refused."""


def read(output: str) -> Answer:
    """What `script` wrote."""
    system = python = down = ""
    said: list[tuple[int, str]] = []
    names: tuple[str, ...] = ()
    for chunk in re.split(r"^@(?=os |python |down |ask |names\n)", output, flags=re.MULTILINE):
        word, _, rest = chunk.partition("\n" if chunk.startswith("names\n") else " ")
        if word == "os":
            system = rest.split("\n")[0].strip()
        elif word == "python":
            python = rest.split("\n")[0].strip()
        elif word == "down":
            down = rest.strip()
        elif word == "ask":
            number, _, text = rest.partition("\n")
            said.append((int(number), text.strip()))
        elif word == "names":
            names = (*names, *_unpacked(rest))
    return Answer(system, python, down, tuple(said), names)


def _unpacked(text: str) -> tuple[str, ...]:
    """Names that `script` packed; none where a part of them was lost on the way."""
    try:
        return tuple(zlib.decompress(base64.b64decode(text), 31).decode().split())  # 31: gzip's
    except (binascii.Error, zlib.error, UnicodeDecodeError):
        return ()


def judge(found: Sequence[Ask], answer: Answer) -> Iterator[Finding]:
    """Findings for names that the index does not have."""
    for number, complaint in answer.said:
        ask = found[number]
        if not complaint:
            continue
        unknown = [
            *_MISSING.findall(complaint),
            *_EMPTY.findall(complaint),
            *_APK.findall(complaint),
        ]
        for name in dict.fromkeys(unknown):
            if _asked(name, ask.names):
                message = f"{name} is not in {answer.system or 'the base'}"
                yield _finding(ask, message, near(name, answer.names))
        for version, name in _VERSION.findall(complaint):
            message = f"{name} has no version {version} in {answer.system or 'the base'}"
            yield _finding(ask, message, ())


def _asked(name: str, names: Iterable[str]) -> bool:
    return any(re.split(r"[=:/]", each)[0] == name.partition(":")[0] for each in names)


def _finding(ask: Ask, message: str, close: Sequence[str]) -> Finding:
    hint = f"did you mean {' or '.join(close)}?" if close else "look it up in the base's release"
    if ask.own_sources:
        hint += "; the sources that an earlier step adds were not asked"
    unsure = ask.own_sources or not ask.call.needed
    return ask.step.finding(
        RULE,
        "warning" if unsure else "error",
        f"{ask.manager} cannot install it: {message}",
        hint,
        ask.call.line,
    )
