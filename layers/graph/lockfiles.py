"""Lock files: which versions of which packages a file asks for, so that two can be compared."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase, translate
from typing import Any

import xxhash

_NAME = re.compile(
    r"^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(\[[^\]]*\])?\s*(.*)$"
)  # PEP 508
_HASH = re.compile(r"--hash[= ](\S+)")
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*@")
_QUERY = re.compile(r"\?[^#\s]*")
_NODE_MODULES = "node_modules/"


def is_lockfile(path: str) -> bool:
    """True for a name that `packages_of` may know."""
    return _KNOWN.match(path.rpartition("/")[2].lower()) is not None


def packages_of(path: str, content: bytes) -> Packages | None:
    """What a file asks for; None when it is no lock file of a known kind.

    Addresses lose the credentials and queries that they may hold.
    """
    read = _reader(path)
    if read is None:
        return None
    try:
        found = read(content.decode())
        return {name: _clean(version) for name, version in found.items()} or None
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return None


def _reader(path: str) -> Callable[[str], dict[str, str]] | None:
    name = path.rpartition("/")[2].lower()
    for pattern, reader in _READERS.items():
        if fnmatchcase(name, pattern):
            return reader
    return None


def _pinned(version: str, checksums: Iterable[str]) -> str:
    found = sorted(checksums)
    if not found:
        return version
    return f"{version}{PINS}{xxhash.xxh3_64_hexdigest(' '.join(found).encode())[:8]}"


def _clean(version: str) -> str:
    return _QUERY.sub("", _CREDENTIALS.sub("", version)) if "://" in version else version


# -- pip -------------------------------------------------------------------------------------


def _requirements(text: str) -> dict[str, str]:
    """A file in pip's requirements format; options such as ``--index-url`` name no package."""
    found: dict[str, str] = {}
    for line in text.replace("\\\n", " ").splitlines():
        line = _COMMENT.sub("", line).strip()
        checksums = _HASH.findall(line)
        line = line.partition(" --")[0].strip()
        if line and not line.startswith("-"):
            name, version = _requirement(line)
            found[name] = _pinned(version, checksums)
    return found


def _requirement(text: str) -> tuple[str, str]:
    match = _NAME.match(text)
    if match is None or "://" in text.partition("@")[0]:
        return _clean(text), ""
    name, extras, rest = match.groups()
    version, _, marker = rest.partition(";")
    version = version.strip().removeprefix("@").strip()
    if version.startswith("==") and "," not in version:
        version = version.lstrip("=").strip()
    # A name may stand there once for each platform or version of Python.
    marker = " ".join(marker.split())
    return f"{name}{extras or ''}{f' ({marker})' if marker else ''}", version


# -- npm -------------------------------------------------------------------------------------


def _npm_lock(text: str) -> dict[str, str]:
    """package-lock.json, versions 1 to 3."""
    data = json.loads(text)
    found: dict[str, str] = {}
    if "packages" in data:
        for path, entry in data["packages"].items():
            name = _npm_name(path) or data.get("name", "")
            if name and not entry.get("link"):
                found[name] = _npm_version(entry)
        return found
    _npm_tree(data.get("dependencies", {}), "", found)
    return found


def _npm_tree(entries: Mapping[str, Any], below: str, found: dict[str, str]) -> None:
    for name, entry in entries.items():
        full = f"{name} (in {below})" if below else name
        found[full] = _npm_version(entry)
        _npm_tree(entry.get("dependencies", {}), name, found)


def _npm_name(path: str) -> str:
    head, sign, name = path.rpartition(_NODE_MODULES)
    outer = head.rstrip("/").removeprefix(_NODE_MODULES)
    if not sign or not outer:
        return name
    return f"{name} (in {outer.rpartition(_NODE_MODULES)[2]})"


def _npm_version(entry: Mapping[str, Any]) -> str:
    checksum = entry.get("integrity")
    return _pinned(str(entry.get("version", "")), [checksum] if checksum else [])


def _package_json(text: str) -> dict[str, str]:
    data = json.loads(text)
    found: dict[str, str] = {}
    kinds = {"": "", "dev": " (dev)", "peer": " (peer)", "optional": " (optional)"}
    for kind, mark in kinds.items():
        field = f"{kind}Dependencies" if kind else "dependencies"
        found.update({f"{name}{mark}": str(v) for name, v in data.get(field, {}).items()})
    return found


# -- Poetry, uv, Cargo, Pipenv, PEP 621 -----------------------------------------------------------


def _toml(text: str) -> Any:
    from layers.config.toml import tomllib

    return tomllib.loads(text)


def _package_tables(text: str) -> dict[str, str]:
    """Files with one ``[[package]]`` a package: poetry.lock, uv.lock, pylock.toml, Cargo.lock."""
    found: dict[str, str] = {}
    data = _toml(text)
    for entry in [*data.get("package", ()), *data.get("packages", ())]:
        files = [*entry.get("files", ()), *entry.get("wheels", ()), entry.get("sdist") or {}]
        checksums = [str(each["hash"]) for each in files if "hash" in each]
        checksums += [entry["checksum"]] if "checksum" in entry else []
        name, version = entry["name"], str(entry.get("version", ""))
        if name in found:  # two versions at once, as Cargo has them
            name = f"{name} {version}"
        found[name] = _pinned(version, checksums)
    return found


def _pyproject(text: str) -> dict[str, str]:
    data = _toml(text)
    project = data.get("project", {})
    groups = {"": project.get("dependencies", ()), **project.get("optional-dependencies", {})}
    groups |= data.get("dependency-groups", {})
    groups["build"] = data.get("build-system", {}).get("requires", ())
    found: dict[str, str] = {}
    for group, requirements in groups.items():
        for each in requirements:
            if isinstance(each, str):
                name, version = _requirement(each)
                found[f"{name} ({group})" if group else name] = version
    poetry = data.get("tool", {}).get("poetry", {}).get("dependencies", {})
    for name, wanted in poetry.items():
        found[name] = wanted if isinstance(wanted, str) else str(wanted.get("version", ""))
    return found


def _pipfile_lock(text: str) -> dict[str, str]:
    data = json.loads(text)
    found: dict[str, str] = {}
    for group, mark in (("default", ""), ("develop", " (dev)")):
        for name, entry in data.get(group, {}).items():
            version = str(entry.get("version", "")).lstrip("=")
            found[f"{name}{mark}"] = _pinned(version, entry.get("hashes", ()))
    return found


_READERS: Mapping[str, Callable[[str], dict[str, str]]] = {
    "package-lock.json": _npm_lock,
    "npm-shrinkwrap.json": _npm_lock,
    ".package-lock.json": _npm_lock,
    "package.json": _package_json,
    "pyproject.toml": _pyproject,
    "pipfile.lock": _pipfile_lock,
    "uv.lock": _package_tables,
    "poetry.lock": _package_tables,
    "cargo.lock": _package_tables,
    "pylock.toml": _package_tables,
    "pylock.*.toml": _package_tables,
    "*requirements*.txt": _requirements,
    "*constraints*.txt": _requirements,
    "*requirements*.lock": _requirements,
    "*constraints*.lock": _requirements,
    "*requirements*.in": _requirements,
}
"""By pattern of the base name, in lower case; the first that matches."""
_KNOWN = re.compile("|".join(map(translate, _READERS)))


Packages = Mapping[str, str]
"""By name: the version, then `PINS` and a short hash of the checksums where a file has any."""

PINS = " #"


def differences(old: Packages, new: Packages) -> Iterator[tuple[str, str | None, str | None]]:
    """Name, old and new version, in the order of the new file; then what is gone.

    The same version twice: only its checksums are others.
    """
    for name, version in new.items():
        was = old.get(name)
        if was != version:
            yield name, None if was is None else _shown(was), _shown(version)
    for name, was in old.items():
        if name not in new:
            yield name, _shown(was), None


def _shown(version: str) -> str:
    return version.rpartition(PINS)[0] if PINS in version else version
