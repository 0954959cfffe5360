"""Rewriting: a Dockerfile in which some names of images and stages are others.

A named context (``--build-context NAME=…``) stands for every use of its name, the stage of that
name included: with ``FROM base AS base`` it would take the place of the stage. So what a build
starts from is handed over under names that no file has, and the file that BuildKit reads has
those names in the places that mean them. Lines keep their numbers.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from hashes.errors import DockerfileError


class Use(NamedTuple):
    """One place in a Dockerfile that names an image or a stage."""

    line: int
    """Where its instruction begins, from 1."""
    keyword: str
    """``FROM``, ``COPY``, ``RUN`` or ``ADD``."""
    text: str
    """The name, or ADD's source, as it is written there; of a FROM the variables are expanded."""


def rewrite(source: bytes, uses: Iterable[tuple[Use, str]], escape: str, path: str) -> bytes:
    """The file with another name in each place.

    Raises DockerfileError for a place that cannot be found in the text.
    """
    lines = source.decode("latin-1").split("\n")
    for (use, name), count in Counter(uses).items():
        begin = use.line - 1
        end = _end(lines, begin, escape)
        text = "\n".join(lines[begin:end])
        if use.keyword == "FROM":
            found, number = _from(text, name, escape)
        elif use.keyword == "ADD":
            pattern = rf"(?<=[\s\"'\[,]){re.escape(use.text)}(?=[\s\"',\]])"
            found, number = re.subn(pattern, name.replace("\\", r"\\"), text)
            number *= count  # each of them is meant, however often it was asked for
        elif use.keyword == "COPY":
            pattern = rf"(--from=)([\"']?){re.escape(use.text)}\2(?=[\s{re.escape(escape)}]|\Z)"
            found, number = re.subn(pattern, rf"\g<1>{name}", text, count=1)
        else:
            pattern = rf"((?:=|,|\")\s*from=){re.escape(use.text)}(?=[,\"\s{re.escape(escape)}]|\Z)"
            found, number = re.subn(
                pattern, rf"\g<1>{name}", text, count=count, flags=re.IGNORECASE
            )
        if number < (1 if use.keyword == "COPY" else count):
            raise DockerfileError(
                f"{use.keyword}: the name {use.text!r} was not found where it is used",
                file=path,
                line=use.line,
                hint="write the instruction's flags on one line",
            )
        lines[begin:end] = found.split("\n")
    return "\n".join(lines).encode("latin-1")


def _from(text: str, name: str, escape: str) -> tuple[str, int]:
    """A FROM that begins with another image, on as many lines as before."""
    kept = [line for line in text.split("\n")[1:] if not re.match(r"\s*(?:#|\Z)", line)]
    first = text.split("\n", 1)[0]
    words = re.sub(rf"{re.escape(escape)}[ \t]*\r?$", " ", "\n".join([first, *kept]), flags=re.M)
    found = re.match(r"(\s*FROM(?:\s+--\S+)*\s+)(\S+)(.*)\Z", words, re.IGNORECASE | re.DOTALL)
    if found is None:
        return text, 0
    line = " ".join(f"{found[1]}{name}{found[3]}".split())
    return line + "\n" * text.count("\n"), 1


def _end(lines: list[str], begin: int, escape: str) -> int:
    """The line after the last one of an instruction, as BuildKit joins them; no heredoc bodies."""
    at = begin
    while at < len(lines):
        line = lines[at].rstrip("\r")
        comment = at > begin and re.match(r"\s*(?:#|\Z)", line)
        at += 1
        if not comment and not re.search(rf"{re.escape(escape)}[ \t]*\Z", line):
            break
    return at
