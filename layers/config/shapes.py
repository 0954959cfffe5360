"""Shapes of tables: what a file may hold, said once for the reader and for the JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
    """A string; also the shape of a key of a `Map`.

    Python and JavaScript must read ``pattern`` alike; ``choices`` are all that is allowed, if there
    are any; words that are ``taken`` fit the pattern and have another meaning.
    """

    def __init__(
        self,
        about: str = "",
        pattern: str = r"^[\s\S]+$",
        expected: str = "some text",
        choices: tuple[str, ...] = (),
        taken: frozenset[str] = frozenset(),
    ) -> None:
        self.about = about
        self.pattern = pattern
        self.expected = expected
        self.choices = choices
        self.taken = taken

    def check(self, value: Any, path: Path, faults: Faults) -> Any:
        if not isinstance(value, str):
            return _wrong(value, "a string", path, faults)
        if self.choices and value not in self.choices:
            options = ", ".join(map(repr, self.choices))
            tail = did_you_mean(value, self.choices)
            faults.add(path, f"expected one of {options}, found {value!r}{tail}")
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
            return _described(self.about, {"enum": list(self.choices)})
        rule: dict[str, Any] = {"type": "string", "pattern": self.pattern}
        if self.taken:
            rule["not"] = {"enum": sorted(self.taken)}
        return _described(self.about, rule)


class Flag:
    """true or false."""

    def __init__(self, about: str) -> None:
        self.about = about

    def check(self, value: Any, path: Path, faults: Faults) -> Any:
        return value if isinstance(value, bool) else _wrong(value, "true or false", path, faults)

    def schema(self) -> dict[str, Any]:
        return _described(self.about, {"type": "boolean"})


class Whole:
    """A whole number, not below 0."""

    def __init__(self, about: str) -> None:
        self.about = about

    def check(self, value: Any, path: Path, faults: Faults) -> Any:
        if type(value) is int and value >= 0:
            return value
        return _wrong(value, "a whole number, 0 or more", path, faults)

    def schema(self) -> dict[str, Any]:
        return _described(self.about, {"type": "integer", "minimum": 0})


class Constant:
    """One integer and no other."""

    def __init__(self, about: str, value: int) -> None:
        self.about = about
        self.value = value

    def check(self, value: Any, path: Path, faults: Faults) -> Any:
        if type(value) is int and value == self.value:
            return value
        return _wrong(value, f"the number {self.value}", path, faults)

    def schema(self) -> dict[str, Any]:
        return _described(self.about, {"const": self.value})


class Number:
    """An integer that is not below ``least``."""

    def __init__(self, about: str, least: int = 0) -> None:
        self.about = about
        self.least = least

    def check(self, value: Any, path: Path, faults: Faults) -> Any:
        if type(value) is int and value >= self.least:
            return value
        return _wrong(value, f"an integer from {self.least}", path, faults)

    def schema(self) -> dict[str, Any]:
        return _described(self.about, {"type": "integer", "minimum": self.least})


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
        return _wrong(value, "a string or an array", path, faults)

    def schema(self) -> dict[str, Any]:
        return _described(self.about, {"anyOf": [self.text.schema(), self.array.schema()]})


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
            return _wrong(value, "an array", path, faults)
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
        return _described(self.about, rule)


class Map:
    """A table whose keys are the user's own."""

    def __init__(self, about: str, key: Text, value: Shape) -> None:
        self.about = about
        self.key = key
        self.value = value

    def check(self, value: Any, path: Path, faults: Faults) -> Any:
        if not isinstance(value, dict):
            return _wrong(value, "a table", path, faults)
        result = {}
        for key, inner in value.items():
            good = self.key.check(key, (*path, key), faults)
            checked = self.value.check(inner, (*path, key), faults)
            if good is not BAD and checked is not BAD:
                result[key] = checked
        return result

    def schema(self) -> dict[str, Any]:
        names = self.key.schema()
        inner = self.value.schema()
        rule = {"type": "object", "propertyNames": names, "additionalProperties": inner}
        return _described(self.about, rule)


class Table:
    """A table whose keys are ours.

    Exactly one key of ``one_of`` must be there, if it has any; ``apart`` tells by key which others
    have no meaning beside it.
    """

    def __init__(
        self,
        about: str,
        keys: Mapping[str, Shape],
        required: tuple[str, ...] = (),
        one_of: tuple[str, ...] = (),
        apart: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self.about = about
        self.keys = keys
        self.required = required
        self.one_of = one_of
        self.apart = apart or {}

    def check(self, value: Any, path: Path, faults: Faults) -> Any:
        if not isinstance(value, dict):
            return _wrong(value, "a table", path, faults)
        result = {}
        for key, inner in value.items():
            shape = self.keys.get(key)
            if shape is None:
                what = "table" if isinstance(inner, dict) else "key"
                tail = did_you_mean(key, self.keys)
                hint = "" if tail else f"known here: {', '.join(sorted(self.keys))}"
                faults.add((*path, key), f"unknown {what}{tail}", hint)
                continue
            checked = shape.check(inner, (*path, key), faults)
            if checked is not BAD:
                result[key] = checked
        self.check_keys(value, path, faults)
        return result

    def check_keys(self, value: Mapping[str, Any], path: Path, faults: Faults) -> None:
        """Tell only of keys that are missing or do not go together."""
        for key in self.required:
            if key not in value:
                faults.add(path, f"{key!r} is missing")
        there = [key for key in self.one_of if key in value]
        if self.one_of and len(there) != 1:
            found = " and ".join(map(repr, there)) or "none"
            options = ", ".join(map(repr, self.one_of))
            faults.add(path, f"expected exactly one of {options}, found {found}")
        for key, others in self.apart.items():
            for other in others:
                if key in value and other in value and not {key, other} <= set(there):
                    faults.add((*path, other), f"has no meaning beside {key!r}")

    def schema(self) -> dict[str, Any]:
        rule: dict[str, Any] = {
            "type": "object",
            "properties": {key: shape.schema() for key, shape in self.keys.items()},
            "additionalProperties": False,
        }
        if self.required:
            rule["required"] = list(self.required)
        if self.one_of:
            rule["oneOf"] = [{"required": [key]} for key in self.one_of]
        if self.apart:
            rule["dependentSchemas"] = {
                key: {"properties": dict.fromkeys(others, False)}
                for key, others in self.apart.items()
            }
        return _described(self.about, rule)


def _described(about: str, rule: dict[str, Any]) -> dict[str, Any]:
    return {"description": about, **rule} if about else rule


def _wrong(value: Any, expected: str, path: Path, faults: Faults) -> Any:
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
