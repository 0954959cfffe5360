"""Apt sources: which mirrors this machine uses, read from apt's own settings."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

_FAMILIES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    # family: its suites, and the components that a system base takes from
    "debian": (("bullseye", "bookworm", "trixie", "forky", "sid"), ("main",)),
    "ubuntu": (("focal", "jammy", "noble", "questing", "resolute"), ("main", "universe")),
}
_PARTS = ("", "-updates", "-security")


class Source(NamedTuple):
    """One suite of one mirror (sources.list(5))."""

    uri: str
    suite: str
    components: tuple[str, ...]
    signed_by: str = ""
    """Path of a keyring, empty when apt's default keys are meant."""
    trusted: bool = False

    def line(self) -> str:
        """The source in one-line form."""
        options = []
        if self.signed_by:
            options.append(f"signed-by={self.signed_by}")
        if self.trusted:
            options.append("trusted=yes")
        bracket = f"[{' '.join(options)}] " if options else ""
        return f"deb {bracket}{self.uri} {self.suite} {' '.join(self.components)}".rstrip()


def family(suite: str) -> str:
    """``debian`` or ``ubuntu``, by the suite's name; a suite unknown counts as Debian's."""
    return next((name for name, (suites, _) in _FAMILIES.items() if suite in suites), "debian")


def parse_list(text: str) -> list[Source]:
    """Sources in one-line form; what is not a binary source is left out."""
    found = []
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[([^]]*)\]\s+)?(\S+)\s+(\S+)([^#]*)", line)
        if match:
            raw, uri, suite, rest = match.groups()
            options = dict(p.partition("=")[::2] for p in (raw or "").lower().split() if "=" in p)
            paths = dict(p.partition("=")[::2] for p in (raw or "").split() if "=" in p)
            signed = next((v for k, v in paths.items() if k.lower() == "signed-by"), "")
            trusted = options.get("trusted") == "yes"
            found.append(Source(uri, suite, tuple(rest.split()), _keyring(signed), trusted))
    return found


def parse_deb822(text: str) -> list[Source]:
    """Sources in deb822 form (stanzas); disabled stanzas are left out."""
    found = []
    for stanza in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")):
        fields: dict[str, str] = {}
        name = ""
        for line in stanza.split("\n"):
            if line.startswith("#"):
                continue
            if line[:1] in (" ", "\t"):
                if name:
                    fields[name] += f"\n{line.strip()}"
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                fields[name] = value.strip()
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes") == "no":
            continue
        found += [
            Source(
                uri,
                suite,
                tuple(fields.get("components", "").split()),
                _keyring(fields.get("signed-by", "")),
                fields.get("trusted") == "yes",
            )
            for uri in fields.get("uris", "").split()
            for suite in fields.get("suites", "").split()
        ]
    return found


def _keyring(signed_by: str) -> str:
    # Signed-By may hold a whole key or fingerprints (sources.list(5)): only a path is of use here
    return signed_by if re.fullmatch(r"/\S+", signed_by) else ""


def system_sources(folder: str = "/etc/apt") -> list[Source]:
    """Every source that apt uses on this machine, ``mirror+file:`` lists resolved."""
    found = []
    paths = [os.path.join(folder, "sources.list")]
    paths += sorted(glob.glob(os.path.join(folder, "sources.list.d", "*.list")))
    paths += sorted(glob.glob(os.path.join(folder, "sources.list.d", "*.sources")))
    for path in paths:
        text = _read(path)
        found += parse_deb822(text) if path.endswith(".sources") else parse_list(text)
    return [source for raw in found for source in _resolved(raw)]


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _resolved(source: Source) -> Iterable[Source]:
    if source.uri.startswith("mirror+file:"):  # cloud images: apt-transport-mirror(1)
        path = re.sub(r"^mirror\+file:/+", "/", source.uri)
        for line in _read(path).splitlines():
            uri = line.split("\t")[0].split(" ")[0]
            if uri.startswith(("http://", "https://")):
                yield Source(uri, source.suite, source.components, source.signed_by, source.trusted)
                return
    elif source.uri.startswith(("http://", "https://")):
        yield source


def for_suite(
    suite: str, sources: Iterable[Source], env: Mapping[str, str], keyrings: str = ""
) -> tuple[str, ...]:
    """Lines for a system of ``suite``: its own, its updates and its security updates.

    A mirror that serves another suite of the same family serves this one too.
    ``LAYERS_DEBIAN_MIRROR`` and ``LAYERS_UBUNTU_MIRROR`` in ``env`` come first. ``keyrings`` is a
    folder with the families' keyrings. Empty when nothing is known: the maker's default holds.
    """
    name = family(suite)
    suites, components = _FAMILIES[name]
    keyring = ""
    for ending in (".pgp", ".gpg"):
        path = os.path.join(keyrings, f"{name}-archive-keyring{ending}")
        if keyrings and not keyring and os.path.exists(path):
            keyring = path
    chosen: dict[str, Source] = {}
    own = env.get(f"LAYERS_{name.upper()}_MIRROR", "")
    if own:
        for part in _PARTS[:2] if name == "debian" else _PARTS:
            chosen[part] = Source(own, suite + part, components, keyring)
    else:
        # the wanted suite's own mirrors before those of its relatives
        for source in sorted(sources, key=lambda s: not s.suite.startswith(suite)):
            for part in _PARTS:
                base = source.suite.removesuffix(part) if part else source.suite
                if base in suites and base + part == source.suite and part not in chosen:
                    signed = source.signed_by
                    chosen[part] = Source(
                        source.uri,
                        suite + part,
                        components,
                        signed if signed and os.path.exists(signed) else keyring,
                        source.trusted,
                    )
    if "" not in chosen:
        return ()
    if suite == "sid":  # has neither updates nor security
        chosen = {"": chosen[""]}
    return tuple(chosen[part].line() for part in _PARTS if part in chosen)
