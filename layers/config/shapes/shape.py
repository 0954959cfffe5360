"""Shapes of values: what a file may hold, said once for the reader and for the JSON Schema."""

from __future__ import annotations

import re
from typing import Any, Protocol

from hashes.errors import did_you_mean
from layers.config.faults import Faults
from layers.config.toml import Path

BAD: Any = object()
"""Stands for a value that has a fault; whoever gets it leaves it out."""


class Shape(Protocol):
    """What a value may be."""

    def check(self, value: Any, path: Path, faults: Faults) -> Any:
        """The value without its faulty parts, or BAD; every fault is told to ``faults``."""

    def schema(self) -> dict[str, Any]:
        """The same as JSON Schema."""


class Text:
    """A string; also the shape of a key of a `layers.config.shapes.table.Map`.

    Python and JavaScript must read ``pattern`` alike; ``choices`` are all that is allowed, if there
    are any, for the reason ``why``; words that are ``taken`` fit the pattern and have another
    meaning.
    """

    def __init__(
        self,
        about: str = "",
        pattern: str = r"^[\s\S]+$",
        expected: str = "some text",
        choices: tuple[str, ...] = (),
        taken: frozenset[str] = frozenset(),
        why: str = "",
    ) -> None:
        self.about = about
        self.pattern = pattern
        self.expected = expected
        self.choices = choices
        self.taken = taken
        self.why = why

    def check(self, value: Any, path: Path, faults: Faults) -> Any:
        if not isinstance(value, str):
            return wrong(value, "a string", path, faults)
        if self.choices and value not in self.choices:
            options = ", ".join(map(repr, self.choices))
            tail = did_you_mean(value, self.choices)
            faults.add(path, f"expected one of {options}, found {value!r}{tail}", self.why)
            return BAD
        if not re.fullmatch(self.pattern, value):
            faults.add(path, f"expected {self.expected}, found {value!r}")
            return BAD
        if value in self.taken:
            faults.add(path, f"{value!r} is a command of doit and cannot name anything else")
            return BAD
        return value

    def schema(self) -> dict[str, Any]:
        if self.choices:
            return described(self.about, {"enum": list(self.choices)})
        rule: dict[str, Any] = {"type": "string", "pattern": self.pattern}
        if self.taken:
            rule["not"] = {"enum": sorted(self.taken)}
        return described(self.about, rule)


class Flag:
    """true or false."""

    def __init__(self, about: str) -> None:
        self.about = about

    def check(self, value: Any, path: Path, faults: Faults) -> Any:
        return value if isinstance(value, bool) else wrong(value, "true or false", path, faults)

    def schema(self) -> dict[str, Any]:
        return described(self.about, {"type": "boolean"})


class Constant:
    """One integer and no other."""

    def __init__(self, about: str, value: int) -> None:
        self.about = about
        self.value = value

    def check(self, value: Any, path: Path, faults: Faults) -> Any:
        if type(value) is int and value == self.value:
            return value
        return wrong(value, f"the number {self.value}", path, faults)

    def schema(self) -> dict[str, Any]:
        return described(self.about, {"const": self.value})


class Whole:
    """A whole number that is not below ``least``."""

    def __init__(self, about: str, least: int = 0) -> None:
        self.about = about
        self.least = least

    def check(self, value: Any, path: Path, faults: Faults) -> Any:
        if type(value) is int and value >= self.least:
            return value
        return wrong(value, f"a whole number, {self.least} or more", path, faults)

    def schema(self) -> dict[str, Any]:
        return described(self.about, {"type": "integer", "minimum": self.least})


class Either:
    """A string of one shape or an array of another."""

    def __init__(self, about: str, text: Text, array: List) -> None:
        self.about = about
        self.text = text
        self.array = array

    def check(self, value: Any, path: Path, faults: Faults) -> Any:
        if isinstance(value, str):
            return self.text.check(value, path, faults)
        if isinstance(value, list):
            return self.array.check(value, path, faults)
        return wrong(value, "a string or an array", path, faults)

    def schema(self) -> dict[str, Any]:
        return described(self.about, {"anyOf": [self.text.schema(), self.array.schema()]})


class List:
    """An array of one kind of element.

    In a ``distinct`` one no element may come twice; a ``filled`` one must not be empty.
    """

    def __init__(
        self, about: str, item: Shape, distinct: bool = True, filled: bool = False
    ) -> None:
        self.about = about
        self.item = item
        self.distinct = distinct
        self.filled = filled

    def check(self, value: Any, path: Path, faults: Faults) -> Any:
        if not isinstance(value, list):
            return wrong(value, "an array", path, faults)
        if self.filled and not value:
            faults.add(path, "expected at least one element")
        for position, element in enumerate(value):
            if self.distinct and element in value[:position]:
                faults.add((*path, position), f"{element!r} comes twice")
        checked = (self.item.check(one, (*path, n), faults) for n, one in enumerate(value))
        return [one for one in checked if one is not BAD]

    def schema(self) -> dict[str, Any]:
        rule: dict[str, Any] = {"type": "array", "items": self.item.schema()}
        if self.distinct:
            rule["uniqueItems"] = True
        if self.filled:
            rule["minItems"] = 1
        return described(self.about, rule)


def described(about: str, rule: dict[str, Any]) -> dict[str, Any]:
    """A rule with what it is about."""
    return {"description": about, **rule} if about else rule


def wrong(value: Any, expected: str, path: Path, faults: Faults) -> Any:
    """Tell that a value is of another kind than expected; BAD."""
    faults.add(path, f"expected {expected}, found {_kind(value)}")
    return BAD


def _kind(value: Any) -> str:
    for kinds, name in (
        (str, f"the string {value!r}"),
        (bool, str(value).lower()),
        (int, f"the integer {value}"),
        (float, f"the number {value}"),
        (list, "an array"),
        (dict, "a table"),
    ):
        if isinstance(value, kinds):
            return name
    return "a date or time"
