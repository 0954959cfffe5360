"""Expressions: ``${{ … }}`` of GitHub workflows, as far as files alone tell what they are."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from layers.runtime.yaml import Value

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_PATH = re.compile(r"([A-Za-z_][\w-]*)((?:\.[\w-]+|\[\s*'[^']*'\s*\])*)")
_STEP = re.compile(r"\.([\w-]+)|\[\s*'([^']*)'\s*\]")
_COMBINATIONS = 256
"""Jobs of one matrix, at most (GitHub's own limit)."""


@dataclass
class Scope:
    """What names mean at one place of a workflow."""

    values: Mapping[str, Mapping[str, Any]]
    """By context (``matrix``, ``env``, ``inputs``): by name, texts, or mappings of them."""
    closed: frozenset[str] = frozenset()
    """Contexts that are known whole: what they do not have is empty there."""
    used: set[str] = field(default_factory=set)
    """Names of ``matrix`` that were asked for."""


@dataclass(frozen=True)
class Text:
    """A text after its expressions were looked up."""

    text: str
    """With "\\0" where something is not known."""
    unknown: tuple[str, ...] = ()
    """The expressions that are not known, as written."""


UNKNOWN = "\0"


def expand(text: str, scope: Scope) -> Text:
    """Replace each expression by its value; unknown ones are listed."""
    unknown: list[str] = []

    def value(found: re.Match[str]) -> str:
        result = _either(found[1].strip(), scope)
        if result is None:
            unknown.append("${{ " + found[1].strip() + " }}")
            return UNKNOWN
        return result

    return Text(_EXPRESSION.sub(value, text), tuple(unknown))


def _either(text: str, scope: Scope) -> str | None:
    """The first part that is not empty of ``a || b``; None: not known."""
    result: str | None = ""
    for part in _split(text):
        result = _one(part.strip(), scope)
        if result is None or result:
            return result
    return result


def _split(text: str) -> Iterator[str]:
    quoted, begin = False, 0
    for at, sign in enumerate(text):
        if sign == "'":
            quoted = not quoted
        elif sign == "|" and not quoted and text[at : at + 2] == "||":
            yield text[begin:at]
            begin = at + 2
    yield text[begin:]


def _one(text: str, scope: Scope) -> str | None:
    if re.fullmatch(r"'(?:[^']|'')*'", text):
        return text[1:-1].replace("''", "'")
    if re.fullmatch(r"-?\d+(?:\.\d+)?|true|false", text):
        return text
    found = _PATH.fullmatch(text)
    if not found:
        return None
    context = found[1].lower()
    keys = [dotted or quoted for dotted, quoted in _STEP.findall(found[2])]
    if context not in scope.values or not keys:
        return None
    if context == "matrix":
        scope.used.add(keys[0])
    value: Any = scope.values[context]
    for key in keys:
        if not isinstance(value, Mapping) or key not in value:
            known = isinstance(value, Mapping) and context in scope.closed
            return "" if known else None
        value = value[key]
    return value if isinstance(value, str) else None


def plain(value: Value, scope: Scope) -> Any:
    """A value as texts, lists and mappings; None where an expression is not known."""
    if isinstance(value.data, dict):
        return {key: plain(each, scope) for key, each in value.data.items()}
    if isinstance(value.data, list):
        return [plain(each, scope) for each in value.data]
    if value.data is None:
        return ""
    found = expand(value.data, scope)
    return None if found.unknown else found.text


def combinations(matrix: Value | None, scope: Scope) -> list[dict[str, Any]] | None:
    """The jobs of a strategy's matrix, by GitHub's rules; None: not known from the file alone."""
    if matrix is None:
        return [{}]
    if not isinstance(matrix.data, dict):
        return None
    axes: dict[str, Sequence[Any]] = {}
    for key, value in matrix.data.items():
        if key in ("include", "exclude"):
            continue
        found = plain(value, scope)
        if not isinstance(found, list) or None in found:
            return None
        axes[key] = found
    jobs: list[dict[str, Any]] = []
    if axes:
        every = itertools.product(*axes.values())
        rows = itertools.islice(every, _COMBINATIONS * 4)
        jobs = [dict(zip(axes, row, strict=True)) for row in rows]
    rest = {}
    for key in ("exclude", "include"):
        found = plain(matrix.data[key], scope) if key in matrix.data else []
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            return None
        rest[key] = found
    jobs = [job for job in jobs if not any(_is_part(each, job) for each in rest["exclude"])]
    original = [dict(job) for job in jobs]
    for each in rest["include"]:
        fitting = [
            job
            for job, first in zip(jobs, original, strict=False)
            if all(first[key] == value for key, value in each.items() if key in axes)
        ]
        for job in fitting:
            job.update(each)
        if not fitting:
            jobs.append(dict(each))
    return jobs[:_COMBINATIONS] or [{}]


def _is_part(part: Mapping[str, Any], job: Mapping[str, Any]) -> bool:
    return all(job.get(key) == value for key, value in part.items())
