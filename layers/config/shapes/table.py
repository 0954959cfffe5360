"""Shapes of tables: those whose keys are the user's own, and those whose keys are ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hashes.errors import did_you_mean
from layers.config.faults import Faults
from layers.config.shapes.shape import BAD, Shape, Text, described, wrong
from layers.config.toml import Path


class Map:
    """A table whose keys are the user's own."""

    def __init__(self, about: str, key: Text, value: Shape) -> None:
        self.about = about
        self.key = key
        self.value = value

    def check(self, value: Any, path: Path, faults: Faults) -> Any:
        if not isinstance(value, dict):
            return wrong(value, "a table", path, faults)
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
        return described(self.about, rule)


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
            return wrong(value, "a table", path, faults)
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
        return described(self.about, rule)
