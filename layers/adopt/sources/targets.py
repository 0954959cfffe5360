"""Targets: what bake files say before bake makes anything of it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hashes.errors import LayersError

_OWN = frozenset(("context", "dockerfile", "target", "inherits", "dockerfile-inline", "contexts"))
"""Attributes of a target that is an image of its own."""


@dataclass(frozen=True)
class Written:
    """The targets and groups of bake files, as they are written."""

    targets: Mapping[str, Mapping[str, Any]]
    groups: Mapping[str, Mapping[str, Any]]

    @property
    def inherited(self) -> set[str]:
        """Targets that another one is made from."""
        return {name for each in self.targets.values() for name in names(each.get("inherits"))}

    @property
    def grouped(self) -> set[str]:
        """Targets that a group has."""
        return {name for each in self.groups.values() for name in names(each.get("targets"))}

    def literal(self, name: str, key: str) -> Any:
        """An attribute of a target, or of one that it inherits from, as written; None: it has none,
        or only bake knows what its variables make of it.
        """
        seen: set[str] = set()
        todo = [name]
        while todo:
            at = todo.pop(0)
            own = self.targets.get(at, {})
            if at not in seen and key in own:
                return _plain(own[key])
            seen.add(at)
            todo += [each for each in reversed(names(own.get("inherits"))) if each not in seen]
        return None

    def is_pattern(self, name: str) -> bool:
        """Whether a target is there for others alone."""
        own = self.targets.get(name, {})
        alone = name in self.inherited and name not in self.grouped and not _OWN & set(own)
        return name.startswith("_") or alone


def read_targets(root: str, files: Sequence[str]) -> Written:
    """The targets and groups of files that bake reads as one.  Raises LayersError."""
    targets: dict[str, dict[str, Any]] = {}
    groups: dict[str, dict[str, Any]] = {}
    for path in files:
        data = _load(os.path.join(root, path), path)
        for key, into in (("target", targets), ("group", groups)):
            blocks = data.get(key) or {}
            for block in blocks if isinstance(blocks, list) else [blocks]:
                for name, body in block.items() if isinstance(block, dict) else ():
                    if isinstance(body, dict):
                        into.setdefault(_bare(name), {}).update(body)
    return Written(targets, groups)


def declared(root: str, path: str) -> frozenset[tuple[str, str]]:
    """The variables, functions and targets that a bake file declares, as ``("variable", NAME)``;
    none for one that cannot be read.
    """
    try:
        data = _load(os.path.join(root, path), path, fragment=True)
    except LayersError:
        return frozenset()
    found = {("variable", key) for key in data if not key.startswith("__")}  # NAME = value
    for kind in ("variable", "function", "target"):
        blocks = data.get(kind) or {}
        for block in blocks if isinstance(blocks, list) else [blocks]:
            found |= {(kind, _bare(key)) for key in (block if isinstance(block, dict) else ())}
    return frozenset(found)


def _load(path: str, name: str, *, fragment: bool = False) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except UnicodeDecodeError as error:
        raise LayersError(f"no text: not UTF-8 at byte {error.start}", file=name) from None
    except OSError as error:
        raise LayersError(f"cannot be read: {error.strerror}", file=name) from None
    if name.endswith(".json"):
        try:
            found = json.loads(text)
        except ValueError as error:
            line = getattr(error, "lineno", None)
            raise LayersError(f"no JSON: {error}", file=name, line=line) from None
        except RecursionError:
            raise LayersError("no JSON that anybody wrote: too deep", file=name) from None
        return found if isinstance(found, dict) else {}
    if not fragment and not re.search(r"^\s*target\b", text, re.MULTILINE):
        return {}  # Terraform, Nomad or Packer
    import hcl2

    try:
        loaded: dict[str, Any] = hcl2.loads(text)
    except Exception as error:  # noqa: BLE001 - lark raises its own kinds, RecursionError among them
        line = getattr(error, "line", None)
        words = str(error).strip().partition("\n")[0] or type(error).__name__
        raise LayersError(
            f"no HCL: {words}", file=name, line=line if isinstance(line, int) and line > 0 else None
        ) from None
    return loaded


def names(value: Any) -> list[str]:
    """The texts of a list, as HCL or JSON has it; empty for anything else."""
    found = value if isinstance(value, list) else []
    return [_bare(each) for each in found if isinstance(each, str)]


def _plain(value: Any) -> Any:
    """Texts, lists and tables of texts without HCL's quotes; None for what has a variable in it."""
    if isinstance(value, str):
        return None if "${" in value else _bare(value)
    if isinstance(value, list):
        found = [_plain(each) for each in value]
        return None if None in found else found
    if isinstance(value, dict):
        table = {_bare(k): _plain(each) for k, each in value.items() if not k.startswith("__")}
        return None if None in table.values() else table
    return value


def _bare(text: str) -> str:
    return text.strip('"')


def line_of(root: str, files: Sequence[str], name: str) -> int | None:
    """Where a target stands in the first file; None: it is made by a matrix, or JSON's."""
    with open(os.path.join(root, files[0]), encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if re.match(rf'\s*target\s+"?{re.escape(name)}"?\s*\{{', line):
                return number
    return None
