"""A run of the checks: all rules over all images, silences applied."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Sequence

from layers.check.catalogue import OFFLINE, RULES
from layers.check.finding import Finding, Result, merged
from layers.check.silence import apply
from layers.check.subject import Subject

_COMMENTED = re.compile(r"ockerfile|\.dockerignore$|\.toml$|ontainerfile")
"""Files in which a comment can silence a finding."""


def offline(subjects: Iterable[Subject]) -> list[Finding]:
    """What the files alone tell."""
    return [found for subject in subjects for check in OFFLINE for found in check(subject)]


def conclude(
    findings: Iterable[Finding],
    subjects: Sequence[Subject],
    root: str,
    asked: Collection[str],
    ran: Collection[str],
    notes: Sequence[str] = (),
) -> Result:
    """Take back what is silenced, and keep the rules that are ``asked`` for.

    ``ran`` are the rules that this run could break; only a silence of one of these can be useless.
    """
    files = [each.dockerfile.path for each in subjects]
    files += [each.context.ignore_file for each in subjects if each.context.ignore.path]
    stay, gone = apply(merged(findings), reader(root), files, RULES, ran)
    return Result(
        merged(each for each in stay if each.rule in asked),
        tuple(each for each in gone if each.finding.rule in asked),
        tuple(dict.fromkeys(notes)),
    )


def reader(root: str) -> Callable[[str], Sequence[str] | None]:
    """Reads files below ``root`` that people write comments into, as lines."""

    def lines(path: str) -> Sequence[str] | None:
        name = os.path.basename(path)
        if not _COMMENTED.search(name):
            return None
        try:
            with open(os.path.join(root, path), "rb") as file:
                return file.read().decode("utf-8", "replace").split("\n")
        except OSError:
            return None

    return lines
