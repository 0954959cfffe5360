"""Package names: what RUNs ask of apt and apk, and what a base's own index says to it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from layers.check.finding import Finding
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

    It says first which system that is, then of each question by its number what the manager said.
    """
    lines = [
        ". /etc/os-release 2>/dev/null",
        'echo "@os ${ID:-} ${VERSION_CODENAME:-}"',
        "python3 -c 'import sys; print(\"@python %d.%d\" % sys.version_info[:2])' 2>/dev/null",
    ]
    for manager, update in (("apt", "apt-get update -q"), ("apk", "apk update -q")):
        mine = [(at, ask) for at, ask in enumerate(found) if ask.manager == manager]
        if mine:
            program = update.split()[0]
            lines.append(f"if command -v {program} >/dev/null; then")
            lines.append(f'said=$({update} 2>&1) || echo "@down $said" | tail -n 3 | tr "\\n" " "')
            lines += [line for at, ask in mine for line in _question(at, ask)]
            lines.append("fi")
    return "\n".join([*lines, "exit 0", ""])


def _question(at: int, ask: Ask) -> Iterator[str]:
    names = " ".join(map(shlex.quote, ask.names))
    if ask.manager == "apt":
        question = f"apt-get install -s -y -q --no-install-recommends {names} 2>&1"
        near = "apt-cache pkgnames {}"
    else:
        question, near = f"apk add --simulate -q {names} 2>&1", "apk search -q {} 2>/dev/null"
    yield f'echo; echo "@ask {at}"'
    prefixes = dict.fromkeys(shlex.quote(_prefix(each)) for each in ask.names)
    yield (
        f'said=$({question}) || {{ echo "$said" | grep -v "^Inst\\|^Conf"; echo "@near";'
        f" {'; '.join(near.format(each) for each in prefixes)}; }}"
    )


def _prefix(name: str) -> str:
    bare = re.split(r"[=:/]", name)[0]
    return bare[: max(3, min(len(bare) - 2, 7))]


@dataclass(frozen=True)
class Answer:
    """What a base said."""

    system: str = ""
    """Such as ``debian bookworm``."""
    python: str = ""
    """The version of its python3, such as ``3.11``; empty: it has none."""
    down: str = ""
    """Why its index could not be fetched."""
    said: tuple[tuple[int, str, tuple[str, ...]], ...] = ()
    """By the number of a question: the manager's complaint, and names that begin alike."""


def read(output: str) -> Answer:
    """What `script` wrote."""
    system = python = down = ""
    said: list[tuple[int, str, tuple[str, ...]]] = []
    for chunk in re.split(r"^@(?=os |python |down |ask )", output, flags=re.MULTILINE):
        word, _, rest = chunk.partition(" ")
        if word == "os":
            system = rest.split("\n")[0].strip()
        elif word == "python":
            python = rest.split("\n")[0].strip()
        elif word == "down":
            down = rest.strip()
        elif word == "ask":
            number, _, text = rest.partition("\n")
            complaint, _, near = text.partition("@near\n")
            said.append((int(number), complaint.strip(), tuple(near.split())))
    return Answer(system, python, down, tuple(said))


def judge(found: Sequence[Ask], answer: Answer) -> Iterator[Finding]:
    """Findings for names that the index does not have."""
    for number, complaint, near in answer.said:
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
                yield _finding(ask, f"{name} is not in {answer.system or 'the base'}", name, near)
        for version, name in _VERSION.findall(complaint):
            message = f"{name} has no version {version} in {answer.system or 'the base'}"
            yield _finding(ask, message, "", ())


def _asked(name: str, names: Iterable[str]) -> bool:
    return any(re.split(r"[=:/]", each)[0] == name.partition(":")[0] for each in names)


def _finding(ask: Ask, message: str, name: str, near: Sequence[str]) -> Finding:
    import difflib

    close = difflib.get_close_matches(name, sorted(set(near)), n=3, cutoff=0.6) if name else []
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
