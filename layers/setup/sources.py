"""Package sources: what the system's own apt settings say about mirrors."""

from __future__ import annotations

import glob
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from layers.host.system import System

DEBIAN_SUITE = "trixie"
"""Debian 13: the release whose docker packages run on Debian 12 and 13 alike."""


@dataclass(frozen=True)
class Source:
    """An archive of binary packages (sources.list(5))."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    options: Mapping[str, str] = field(default_factory=dict)
    """Those that decide over trust and transport, under their deb822 names."""

    def deb822(self) -> str:
        """As a stanza of a ``.sources`` file."""
        lines = ["Types: deb", f"URIs: {' '.join(self.uris)}", f"Suites: {' '.join(self.suites)}"]
        if self.components:
            lines.append(f"Components: {' '.join(self.components)}")
        return "\n".join(lines + [f"{name}: {value}" for name, value in self.options.items()])


_KEPT = {"signed-by": "Signed-By", "trusted": "Trusted"}
_ONE_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^\]]*)\]\s*)?(?P<rest>.+)")
_NEEDED_COMPONENTS = {"debian": ("main",), "ubuntu": ("main", "universe")}


def read_list(text: str) -> Iterator[Source]:
    """The sources of a file in the one-line style."""
    for line in text.splitlines():
        found = _ONE_LINE.fullmatch(line.partition("#")[0].strip())
        if found is None:
            continue
        uri, _, rest = found["rest"].strip().partition(" ")
        suite, *components = rest.split()
        options = {}
        for option in shlex.split(found["options"] or ""):
            name, _, value = option.partition("=")
            if name.lower() in _KEPT:
                options[_KEPT[name.lower()]] = value
        yield Source((uri,), (suite,), tuple(components), options)


def read_deb822(text: str) -> Iterator[Source]:
    """The sources of a file in the deb822 style; an inline key stays inline."""
    for stanza in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        name = ""
        for line in stanza.splitlines():
            if line.startswith("#"):
                continue
            if line[:1] in (" ", "\t"):
                fields[name] = f"{fields.get(name, '')}\n{line}"
            else:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                fields[name] = value.strip()
        if "deb" not in fields.get("types", "").split():
            continue
        if fields.get("enabled", "yes").lower() in ("no", "false", "0", "off", "without"):
            continue
        yield Source(
            tuple(fields.get("uris", "").split()),
            tuple(fields.get("suites", "").split()),
            tuple(fields.get("components", "").split()),
            {title: fields[name] for name, title in _KEPT.items() if name in fields},
        )


def system_sources(folder: str = "/etc/apt") -> list[Source]:
    """All sources that apt reads, in its order."""
    paths = [f"{folder}/sources.list"]
    paths += sorted(glob.glob(f"{glob.escape(folder)}/sources.list.d/*"))
    found: list[Source] = []
    for path in paths:
        reader = {".list": read_list, ".sources": read_deb822}.get(os.path.splitext(path)[1])
        if reader is not None and os.path.isfile(path):
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                found += reader(file.read())
    return found


def candidates(system: System, sources: Sequence[Source]) -> list[list[Source]]:
    """Lists of sources that may have the docker packages, likeliest first.

    Debian: each mirror of the system, asked for `DEBIAN_SUITE` instead of its own suite.
    Ubuntu: its own archive as it is, all pockets together (release, updates, security).
    """
    needed = _NEEDED_COMPONENTS[system.id]
    if system.id == "ubuntu":
        pockets = (system.codename, f"{system.codename}-updates", f"{system.codename}-security")
        own = [
            replace(source, suites=suites)
            for source in sources
            if (suites := tuple(suite for suite in source.suites if suite in pockets))
            and set(needed) & set(source.components)
        ]
        return [own] if own else []
    names = {system.codename, "stable", "testing", "unstable", "sid", DEBIAN_SUITE}
    found = [
        Source((uri,), (DEBIAN_SUITE,), needed, source.options)
        for source in sources
        if names & set(source.suites) and "main" in source.components
        for uri in source.uris
    ]
    # Other vendors name their suites after Debian's too; a mirror's path ends in "debian".
    found.sort(key=lambda source: not source.uris[0].rstrip("/").endswith("/debian"))
    return [[source] for n, source in enumerate(found) if source not in found[:n]]
