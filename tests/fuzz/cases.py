"""Named cases: two worlds and what BuildKit made of them, kept as files."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from tests.fuzz.world import World, dump, from_json, to_json

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases")


@dataclass(frozen=True)
class Named:
    """A case with the truth that an engine told once."""

    name: str
    before: World
    after: World
    truth: str
    """``moved`` or ``same``; ``refused before`` or ``refused after``."""
    note: str = ""
    """Why our key says otherwise, where it knowingly does."""


def write(folder: str, case: Named) -> str:
    """Keep a case; the answer is the file's path."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"{case.name}.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write(dump(_plain(case)))
    return path


def read(folder: str = FOLDER) -> list[Named]:
    """Every case of a folder; a file holds one, or a list of them."""
    found: list[Named] = []
    for name in sorted(os.listdir(folder)):
        if name.endswith(".json"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                value = json.load(file)
            found += map(_named, value if isinstance(value, list) else [value])
    return found


def append(path: str, case: Named) -> None:
    """Add a case to a file that holds a list."""
    values: list[Any] = []
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            values = json.load(file)
    values.append(_plain(case))
    with open(path, "w", encoding="utf-8") as file:
        rows = ",\n".join(json.dumps(each, sort_keys=True) for each in values)
        file.write(f"[\n{rows}\n]\n")


def _plain(case: Named) -> dict[str, Any]:
    found = {"name": case.name, "truth": case.truth}
    if case.note:
        found["note"] = case.note
    return {**found, "before": to_json(case.before), "after": to_json(case.after)}


def _named(value: dict[str, Any]) -> Named:
    return Named(
        value["name"],
        from_json(value["before"]),
        from_json(value["after"]),
        value["truth"],
        value.get("note", ""),
    )
