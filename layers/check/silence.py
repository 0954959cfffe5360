"""Silence: comments that take a finding back, each with its reason.

``# doit-check: ignore=rule[,rule] reason`` holds for the instruction below it or around it,
``ignore-file=`` for the whole file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hashes.errors import did_you_mean
from layers.check.finding import Finding, Rule, Silenced

BAD_SILENCE = Rule("bad-silence", "warning", "a comment that silences nothing, or says no reason")
RULES = (BAD_SILENCE,)

_COMMENT = re.compile(r"^\s*#\s*doit-check\s*:\s*(?P<rest>.*)$")
_FORM = re.compile(r"^(?P<verb>ignore|ignore-file)\s*=\s*(?P<rules>[\w,-]+)(?P<reason>.*)$")
_EXAMPLE = "# doit-check: ignore=root-user it binds port 80 on an old kernel"


@dataclass
class Silence:
    """One comment."""

    file: str
    line: int
    rules: tuple[str, ...]
    reason: str
    covers: int
    """The line of the text below it; 0: the whole file."""
    used: set[str] = field(default_factory=set)


def read(file: str, lines: Sequence[str]) -> tuple[list[Silence], list[Finding]]:
    """The silences of a file, and what is wrong with those that are none."""
    found: list[Silence] = []
    wrong: list[Finding] = []
    for number, text in enumerate(lines, 1):
        match = _COMMENT.match(text)
        if not match:
            continue
        form = _FORM.match(match["rest"].strip())
        if not form:
            wrong.append(_bad(file, number, "expected ignore=RULE and a reason", _EXAMPLE))
            continue
        rules = tuple(each for each in form["rules"].split(",") if each)
        reason = form["reason"].strip(" \t:-–—")
        if len(reason) < 4:
            wrong.append(
                _bad(file, number, f"{form['rules']} is not silenced without a reason", _EXAMPLE)
            )
            continue
        covers = 0 if form["verb"] == "ignore-file" else _below(lines, number)
        found.append(Silence(file, number, rules, reason, covers))
    return found, wrong


def apply(
    findings: Iterable[Finding],
    lines_of: Callable[[str], Sequence[str] | None],
    files: Collection[str],
    known: Collection[str],
    asked: Collection[str],
) -> tuple[list[Finding], list[Silenced]]:
    """Findings that stay, with those about silences; and those that were taken back.

    ``files`` are read even if nothing was found in them. A silence of a rule that was not
    ``asked`` for in this run is not called useless.
    """
    told = list(findings)
    silences: dict[str, list[Silence]] = {}
    stay: list[Finding] = []
    for file in dict.fromkeys((*files, *(each.file for each in told))):
        lines = lines_of(file)
        if lines is not None:
            silences[file], wrong = read(file, lines)
            stay += wrong
    gone: list[Silenced] = []
    for finding in told:
        silence = _covering(finding, silences)
        if silence is None:
            stay.append(finding)
        else:
            silence.used.add(finding.rule)
            gone.append(Silenced(finding, silence.reason))
    for each in (silence for found in silences.values() for silence in found):
        for rule in each.rules:
            if rule not in known:
                guess = did_you_mean(rule, known)
                stay.append(_bad(each.file, each.line, f"there is no rule {rule!r}{guess}"))
            elif rule in asked and rule not in each.used:
                message = f"{rule} finds nothing here that needs a silence"
                stay.append(_bad(each.file, each.line, message, "take the comment out"))
    return stay, gone


def _covering(finding: Finding, silences: Mapping[str, list[Silence]]) -> Silence | None:
    for silence in silences.get(finding.file, ()):
        first = finding.start or finding.line
        inside = first <= silence.covers <= max(finding.until, finding.line)
        if finding.rule in silence.rules and (inside or not silence.covers):
            return silence
    return None


def _below(lines: Sequence[str], number: int) -> int:
    """The next line that is neither empty nor a comment."""
    for at in range(number, len(lines)):
        text = lines[at].strip()
        if text and not text.startswith("#"):
            return at + 1
    return len(lines)


def _bad(file: str, line: int, message: str, hint: str = "") -> Finding:
    return Finding(BAD_SILENCE.name, BAD_SILENCE.severity, file, line, message, hint)
