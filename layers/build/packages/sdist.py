"""Source distributions: a package's folder as a tar.gz that is the same bytes every time."""

from __future__ import annotations

import ast
import configparser
import gzip
import io
import os
import sys
import tarfile
from dataclasses import dataclass
from typing import Any

from hashes.errors import LayersError

_LEFT_OUT = {"__pycache__", ".git", ".hg", ".tox", ".venv", ".mypy_cache", ".pytest_cache"}
_MARKERS = ("pyproject.toml", "setup.cfg", "setup.py")


class PackageError(LayersError):
    """A package source whose name and version cannot be read without running it."""


@dataclass(frozen=True)
class Metadata:
    """What an index tells of a package (PEP 503, PEP 621)."""

    name: str
    version: str
    requires_python: str = ""

    @property
    def normal(self) -> str:
        """The name as indexes compare it (PEP 503)."""
        from packaging.utils import canonicalize_name

        return canonicalize_name(self.name)

    @property
    def stem(self) -> str:
        """``name-version`` as file names have it (PEP 625)."""
        return f"{self.normal.replace('-', '_')}-{self.version}"


def is_source(folder: str) -> bool:
    """Whether ``folder`` holds a package's source."""
    return any(os.path.isfile(os.path.join(folder, m)) for m in ("pyproject.toml", "setup.py"))


def read_metadata(folder: str) -> Metadata:
    """Name and version from pyproject.toml, else setup.cfg, else constants in setup.py.

    Nothing is run. Raises PackageError.
    """
    found: dict[str, str] = {}
    for marker, read in zip(_MARKERS, (_pyproject, _setup_cfg, _setup_py), strict=True):
        path = os.path.join(folder, marker)
        if os.path.isfile(path):
            try:
                with open(path, encoding="utf-8") as file:
                    values = read(file.read())
            except (ValueError, SyntaxError, configparser.Error) as error:
                raise PackageError(f"cannot be read: {error}", file=path) from None
            found = {**{k: v for k, v in values.items() if isinstance(v, str)}, **found}
    missing = [name for name in ("name", "version") if not found.get(name)]
    if missing:
        raise PackageError(
            f"the package's {' and '.join(missing)} cannot be read",
            file=os.path.join(folder, "pyproject.toml"),
            hint="write them as plain text in [project]; nothing is run to find them out",
        )
    return Metadata(found["name"], found["version"], found.get("requires-python", ""))


def _pyproject(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    project = tomllib.loads(text).get("project", {})
    return project if isinstance(project, dict) else {}


def _setup_cfg(text: str) -> dict[str, Any]:
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    found = dict(parser.items("metadata")) if parser.has_section("metadata") else {}
    found = {k: v for k, v in found.items() if not v.startswith(("attr:", "file:"))}
    if parser.has_option("options", "python_requires"):
        found["requires-python"] = parser.get("options", "python_requires")
    return found


def _setup_py(text: str) -> dict[str, Any]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("setup", "setuptools.setup"):
            return {
                (keyword.arg or "").replace("python_requires", "requires-python"): (
                    keyword.value.value
                )
                for keyword in node.keywords
                if isinstance(keyword.value, ast.Constant)
            }
    return {}


def make_sdist(folder: str, metadata: Metadata) -> bytes:
    """The tar.gz of ``folder``: sorted, no times, no owners, modes 644 and 755 only."""
    info = f"Metadata-Version: 2.1\nName: {metadata.name}\nVersion: {metadata.version}\n"
    if metadata.requires_python:
        info += f"Requires-Python: {metadata.requires_python}\n"
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        files = {name: os.path.join(folder, name) for name in _files(folder)}
        for name in sorted({*files, "PKG-INFO"}, key=os.fsencode):
            member = tarfile.TarInfo(f"{metadata.stem}/{name}")
            content = info.encode()
            member.mode = 0o644
            if name != "PKG-INFO":
                with open(files[name], "rb") as file:
                    content = file.read()
                    member.mode = 0o755 if os.fstat(file.fileno()).st_mode & 0o100 else 0o644
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(raw.getvalue(), mtime=0)


def _files(folder: str) -> list[str]:
    found = []
    for at, folders, names in os.walk(folder):
        top = at == folder
        folders[:] = [
            name
            for name in folders
            if name not in _LEFT_OUT
            and not name.endswith(".egg-info")
            and not (top and name in ("build", "dist"))
        ]
        found += [
            os.path.relpath(os.path.join(at, name), folder)
            for name in names
            if not name.endswith(".pyc") and os.path.isfile(os.path.join(at, name))
        ]
    return found
