"""Values of a YAML file, each with its line: what PyYAML composes, without tags or cycles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hashes.errors import LayersError

_DEEPEST = 60
"""Levels; a file of people's has ten."""


@dataclass(frozen=True)
class Value:
    """One value: text, None for null, a list or a mapping by text."""

    data: str | list[Value] | dict[str, Value] | None
    line: int

    def get(self, *path: str) -> Value | None:
        """What stands below a mapping's keys; None: nothing."""
        found: Value | None = self
        for key in path:
            found = found.data.get(key) if found and isinstance(found.data, dict) else None
        return found

    def text(self, *path: str) -> str:
        """The text there; empty for anything else."""
        found = self.get(*path)
        return found.data if found and isinstance(found.data, str) else ""

    def items(self, *path: str) -> list[tuple[str, Value]]:
        """Keys and values of the mapping there; empty for anything else."""
        found = self.get(*path)
        return list(found.data.items()) if found and isinstance(found.data, dict) else []

    def list(self, *path: str) -> list[Value]:
        """The list there; empty for anything else."""
        found = self.get(*path)
        return list(found.data) if found and isinstance(found.data, list) else []


def read_yaml(path: str, name: str) -> Value:
    """Read a file's first document; ``name`` is how errors call it.  Raises LayersError."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        with open(path, encoding="utf-8") as file:
            node = yaml.compose(file, Loader=loader)
    except UnicodeDecodeError as error:
        raise LayersError(f"no YAML: not UTF-8 at byte {error.start}", file=name) from None
    except OSError as error:
        raise LayersError(f"cannot be read: {error.strerror}", file=name) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = error.problem or error.context or "no YAML"
        raise LayersError(words, file=name, line=mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        words = str(error).partition("\n")[0]
        raise LayersError(f"no YAML: {words}", file=name) from None
    except RecursionError:
        raise LayersError("no YAML that anybody wrote: too deep", file=name) from None
    return _value(node, name, 0, {}) if node is not None else Value(None, 1)


def _value(node: Any, name: str, depth: int, known: dict[int, Value]) -> Value:
    line = node.start_mark.line + 1
    if (found := known.get(id(node))) is not None:
        return found
    if depth > _DEEPEST:  # an alias may stand inside of what it means
        raise LayersError("values within values without end", file=name, line=line)
    kind = node.id
    data: Any
    if kind == "mapping":
        data = {}
        for key, value in node.value:
            if key.id != "scalar":
                continue
            below = _value(value, name, depth + 1, known)
            if key.value == "<<":
                merged = below.data if isinstance(below.data, list) else [below]
                for each in merged:
                    data = {**dict(each.items()), **data}
            else:
                data[key.value] = Value(below.data, key.start_mark.line + 1)
    elif kind == "sequence":
        data = [_value(each, name, depth + 1, known) for each in node.value]
    else:
        data = None if node.tag == "tag:yaml.org,2002:null" else node.value
    known[id(node)] = found = Value(data, line)
    return found
