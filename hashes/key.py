"""Keys: what a layer is, computed from its inputs alone, as a short text that can be a tag."""

from __future__ import annotations

from dataclasses import dataclass

import xxhash

from hashes.errors import LayersError

KEY_VERSION = 1
"""Goes into every key first; a change of meaning of any field is a new version."""

HEX_LENGTH = 32  # 128 bits


class BadKey(LayersError):
    """A text that is not a key."""


@dataclass(frozen=True, order=True)
class Key:
    """Names a layer by the hash of its inputs; the text form is ``xxh3-<32 hex>``."""

    hex: str
    """Lower-case hexadecimal digits, always `HEX_LENGTH` of them."""
    algorithm: str = "xxh3"

    def __str__(self) -> str:
        return f"{self.algorithm}-{self.hex}"

    @classmethod
    def parse(cls, text: str) -> Key:
        """Read the text form back; the exact inverse of ``str``."""
        algorithm, _, digits = text.partition("-")
        if algorithm != "xxh3":
            raise BadKey(f"key {text!r}: expected it to start with 'xxh3-'")
        if len(digits) != HEX_LENGTH or set(digits) - set("0123456789abcdef"):
            raise BadKey(f"key {text!r}: expected {HEX_LENGTH} lower-case hex digits after 'xxh3-'")
        return cls(digits, algorithm)


class Hasher:
    """Hashes named fields, each framed by its length, so that no two lists of fields look alike."""

    def __init__(self) -> None:
        self._state = xxhash.xxh3_128()
        self.field("doit-layers", str(KEY_VERSION).encode())

    def field(self, name: str, value: bytes) -> None:
        for part in (name.encode(), value):
            self._state.update(len(part).to_bytes(8, "little"))
            self._state.update(part)

    def key(self) -> Key:
        return Key(self._state.hexdigest())
