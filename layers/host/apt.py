"""Apt sources: which mirrors this machine uses, read from apt's own settings."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from layers.runtime.files import read_any

_FAMILIES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    # family: its suites, and the components that a system base takes from
    "debian": (("bullseye", "bookworm", "trixie", "forky", "sid"), ("main",)),
    "ubuntu": (("focal", "jammy", "noble", "questing", "resolute"), ("main", "universe")),
}
_PARTS = ("", "-updates", "-security")
_HTTP = ("http://", "https://")


class AptSource(NamedTuple):
    """One suite of one mirror (sources.list(5))."""

    uri: str
    suite: str
    components: tuple[str, ...]
    signed_by: str = ""
    """Path of a keyring, fingerprints or a whole key; empty when apt's default keys are meant."""
    trusted: bool | None = None
    """Whether it is trusted without a signature (True) or never (False); None: as apt decides."""

    @property
    def keyring(self) -> str:
        """The path of its keyring, "" where it names none."""
        return self.signed_by if re.fullmatch(r"/\S+", self.signed_by) else ""

    def line(self) -> str:
        """The source in one-line form; only a path of a keyring fits into that."""
        options = []
        if self.keyring:
            options.append(f"signed-by={self.keyring}")
        if self.trusted:
            options.append("trusted=yes")
        bracket = f"[{' '.join(options)}] " if options else ""
        return f"deb {bracket}{self.uri} {self.suite} {' '.join(self.components)}".rstrip()

    def stanza(self) -> str:
        """The source in deb822 form."""
        lines = ["Types: deb", f"URIs: {self.uri}", f"Suites: {self.suite}"]
        if self.components:
            lines.append(f"Components: {' '.join(self.components)}")
        if self.signed_by:
            lines.append(f"Signed-By: {self.signed_by}")
        if self.trusted is not None:
            lines.append(f"Trusted: {'yes' if self.trusted else 'no'}")
        return "\n".join(lines)


def family(suite: str) -> str:
    """``debian`` or ``ubuntu``, by the suite's name; a suite unknown counts as Debian's."""
    return next((name for name, (suites, _) in _FAMILIES.items() if suite in suites), "debian")


_ONE_LINE = re.compile(r"\s*deb\s+(?:\[([^]]*)\]\s*)?([^\s#]+)\s+([^\s#]+)([^#]*)")


def parse_list(text: str) -> list[AptSource]:
    """Sources in one-line form; what is not a binary source is left out."""
    found = []
    for line in text.splitlines():
        match = _ONE_LINE.match(line)
        if match:
            raw, uri, suite, rest = match.groups()
            pairs = (each.partition("=") for each in (raw or "").split())
            options = {name.lower(): value for name, _, value in pairs}
            signed, trusted = options.get("signed-by", ""), _truth(options.get("trusted", ""))
            found.append(AptSource(uri, suite, tuple(rest.split()), signed, trusted))
    return found


def parse_deb822(text: str) -> list[AptSource]:
    """Sources in deb822 form (stanzas); no disabled ones; an inline key stays whole."""
    found = []
    for stanza in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")):
        fields: dict[str, str] = {}
        name = ""
        for line in stanza.split("\n"):
            if line.startswith("#"):
                continue
            if line[:1] in (" ", "\t"):
                if name:
                    fields[name] += f"\n{line.rstrip()}"
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                fields[name] = value.strip()
        if "deb" not in fields.get("types", "").split():
            continue
        if _truth(fields.get("enabled", "")) is False:
            continue
        found += [
            AptSource(
                uri,
                suite,
                tuple(fields.get("components", "").split()),
                fields.get("signed-by", ""),
                _truth(fields.get("trusted", "")),
            )
            for uri in fields.get("uris", "").split()
            for suite in fields.get("suites", "").split()
        ]
    return found


def _truth(word: str) -> bool | None:
    """A word as apt's StringToBool takes it; None where it means neither."""
    if word.lower() in ("yes", "true", "with", "on", "enable", "1"):
        return True
    return False if word.lower() in ("no", "false", "without", "off", "disable", "0") else None


def system_sources(folder: str = "/etc/apt") -> list[AptSource]:
    """Every source that apt uses on this machine, in its order.

    Of a ``mirror+file:`` list the first mirror that is reached by HTTP takes its place.
    """
    paths = [os.path.join(folder, "sources.list")]
    paths += sorted(glob.glob(os.path.join(glob.escape(folder), "sources.list.d", "*")))
    found = []
    for path in paths:
        reader = {".list": parse_list, ".sources": parse_deb822}.get(os.path.splitext(path)[1])
        if reader is not None:
            found += reader(read_any(path))
    return [_resolved(source) for source in found]


def _resolved(source: AptSource) -> AptSource:
    if source.uri.startswith("mirror+file:"):  # cloud images: apt-transport-mirror(1)
        path = re.sub(r"^mirror\+file:/+", "/", source.uri)
        for line in read_any(path).splitlines():
            uri = re.split(r"\s", line, maxsplit=1)[0]
            if uri.startswith(_HTTP):
                return source._replace(uri=uri)
    return source


def for_suite(
    suite: str, sources: Iterable[AptSource], env: Mapping[str, str], keyrings: str = ""
) -> tuple[str, ...]:
    """Lines for a system of ``suite``: its own, its updates and its security updates.

    A mirror that serves another suite of the same family serves this one too; only those that are
    reached by HTTP serve a base.
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
    chosen: dict[str, AptSource] = {}
    own = env.get(f"LAYERS_{name.upper()}_MIRROR", "")
    if own:
        for part in _PARTS[:2] if name == "debian" else _PARTS:
            chosen[part] = AptSource(own, suite + part, components, keyring)
    else:
        # the wanted suite's own mirrors before those of its relatives
        reached = [source for source in sources if source.uri.startswith(_HTTP)]
        for source in sorted(reached, key=lambda s: not s.suite.startswith(suite)):
            for part in _PARTS:
                base = source.suite.removesuffix(part) if part else source.suite
                if base in suites and base + part == source.suite and part not in chosen:
                    signed = source.keyring
                    chosen[part] = AptSource(
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
