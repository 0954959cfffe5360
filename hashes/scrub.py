"""Scrubbing: values of secret build arguments never get into a manifest."""

from __future__ import annotations

import json
from collections.abc import Iterable

from hashes.dockerfile.state import hidden
from hashes.manifest import Entry


class Scrub:
    """Puts stand-ins where secrets are."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = _spellings(secrets)

    def names(self, names: Iterable[str]) -> tuple[str, ...]:
        """Texts without secrets, each once."""
        found = tuple(dict.fromkeys(names))
        for secret in self._secrets:
            found = tuple(name.replace(secret, hidden(secret)) for name in found)
        return found

    def entries(self, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        """Entries without secrets."""
        if not self._secrets:
            return entries
        return tuple(self._without_secrets(entry) for entry in entries)

    def _without_secrets(self, entry: Entry) -> Entry:
        found = [text for text in self._secrets if any(text in part for part in entry[:3])]
        for text in found:
            kind, name, value, line, label = entry
            stand_in = hidden(text)
            name, value = name.replace(text, stand_in), value.replace(text, stand_in)
            entry = Entry(kind, name, value, line, label.replace(text, stand_in))
        return entry


def _spellings(secrets: Iterable[str]) -> tuple[str, ...]:
    """Secrets as they may stand in an entry: plain, and inside JSON."""
    found: set[str] = set()
    for secret in secrets:
        once = json.dumps(secret, ensure_ascii=False)[1:-1]
        found.update((secret, once, json.dumps(once, ensure_ascii=False)[1:-1]))
    return tuple(sorted(found, key=lambda text: (-len(text), text)))
