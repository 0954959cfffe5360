"""Context rules: what a build is sent and should not be."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hashes.errors import IgnoreError
from layers.check.finding import Finding, Rule
from layers.check.subject import Subject
from layers.graph.checkout import hollow, pull, update

IGNORE_INCOMPLETE = Rule(
    "dockerignore-incomplete", "warning", "a whole folder is copied, and little is left out of it"
)
LARGE_UNUSED = Rule("large-file-unused", "warning", "a large file in the context that nobody reads")
LFS_POINTER = Rule("lfs-pointer", "warning", "a Git LFS pointer in place of the file")
EMPTY_SUBMODULE = Rule("empty-submodule", "error", "a git submodule that is not checked out")
RULES = (IGNORE_INCOMPLETE, LARGE_UNUSED, LFS_POINTER, EMPTY_SUBMODULE)

LARGE = 10_000_000
"""Bytes from which on a file is worth a word."""

MANDATORY: tuple[tuple[str, str, str, str], ...] = (
    (
        "node_modules/",
        "node_modules/left-pad/index.js",
        r"(^|/)node_modules/",
        r"(^|/)package\.json$",
    ),
    ("__pycache__/", "__pycache__/app.cpython-311.pyc", r"(^|/)__pycache__/", r"\.py$"),
    (".git/", ".git/HEAD", r"(^|/)\.git/", ""),
    (".env", ".env", r"(^|/)\.env$", r"(^|/)(\.env\.\w+|(docker-)?compose[\w.-]*\.ya?ml)$"),
    ("*.log", "npm-debug.log", r"\.log$", r"(^|/)package\.json$"),
    (".venv/", ".venv/bin/python", r"(^|/)\.venv/", r"\.py$"),
    ("venv/", "venv/bin/python", r"(^|/)venv/", r"\.py$"),
    ("dist/", "dist/bundle.js", r"(^|/)dist/", ""),
    ("build/", "build/lib.o", r"(^|/)build/", ""),
    ("data/", "data/set.bin", r"(^|/)data/", ""),
    ("*.pkl", "model.pkl", r"\.pkl$", ""),
)
"""What .dockerignore should hold: the pattern, a path that it leaves out, how to find more such
files, and files beside which they come up sooner or later; empty: told only when they are there."""
_EVERYWHERE = frozenset(("node_modules/", "__pycache__/"))
"""What every checkout that is worked in has: worth a word before it is there."""


def check(subject: Subject) -> Iterator[Finding]:
    """Gaps of the ignore file where they matter, and large files that no stage reads."""
    yield from _gaps(subject)
    yield from _large(subject)
    yield from _not_brought(subject)


def _not_brought(subject: Subject) -> Iterator[Finding]:
    """What git has left out, a finding for each instruction that reads any of it."""
    for lines in sorted({each.line for each in subject.pointers}):
        lacks = [each for each in subject.pointers if each.line == lines]
        yield _finding(subject, LFS_POINTER, lines, hollow(lacks), pull(lacks))
    for each in subject.empty:
        said = f"{each.path} is a git submodule that is not checked out"
        yield _finding(subject, EMPTY_SUBMODULE, each.line, said, update(each.path))


def _finding(subject: Subject, rule: Rule, line: int, message: str, command: str) -> Finding:
    until = subject.ends.get(line, line)
    path, images = subject.dockerfile.path, (subject.image.name,)
    hint = f"run `{command}`"
    return Finding(rule.name, rule.severity, path, line, message, hint, images, line, until)


def _gaps(subject: Subject) -> Iterator[Finding]:
    context = subject.context
    wide = next(
        (
            step
            for step in subject.all_steps()
            if step.item.keyword in ("COPY", "ADD")
            and not step.item.flag("from")
            and any(source.strip("/") in (".", "") for source in step.sources)
        ),
        None,
    )
    if wide is None:
        return
    lacking = []
    worth = False
    for pattern, example, finder, beside in MANDATORY:
        there = sum(1 for file in context.files if re.search(finder, file.path))
        try:
            ignored = context.ignore.matches(example)
        except IgnoreError:
            return
        if there:
            lacking.append(f"{pattern} ({there} {'file' if there == 1 else 'files'} now)")
            worth = worth or bool(beside) or pattern == ".git/"
        elif beside and not ignored and any(re.search(beside, f.path) for f in context.files):
            lacking.append(pattern)
            worth = worth or pattern in _EVERYWHERE
    if lacking and worth:
        yield wide.finding(
            IGNORE_INCOMPLETE.name,
            "warning",
            f"the whole context is copied, and {context.ignore_file} does not leave out"
            f" {', '.join(lacking)}",
            "one pattern a line, with **/ in front: Docker's patterns match at the top only",
        )


def _large(subject: Subject) -> Iterator[Finding]:
    context = subject.context
    for file in context.files:
        if file.size >= LARGE and file.path not in subject.copied:
            yield Finding(
                LARGE_UNUSED.name,
                "warning",
                f"{context.shown}{file.path}",
                0,
                f"{file.size / 1e6:.0f} MB in the build context of {subject.image.name}, and no"
                " stage reads it",
                f"name it in {context.ignore_file}, or move it out of the context",
                (subject.image.name,),
            )
