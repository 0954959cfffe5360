"""Keys: what a layer is, computed from its inputs alone, as a short text that can be a tag."""

from __future__ import annotations

from typing import NamedTuple

from hashes.algorithm import DEFAULT, HEX_LENGTHS, hasher
from hashes.errors import LayersError

KEY_VERSION = 1
"""Goes into every key first; a change of meaning of any field is a new version."""


class BadKey(LayersError):
    """A text that is not a key."""


class Key(NamedTuple):
    """Names a layer by the hash of its inputs: ``xxh3-<32 hex>`` or ``blake3-<64 hex>``."""

    hex: str
    """Lower-case hexadecimal digits, as many as the algorithm gives."""
    algorithm: str = DEFAULT

    def __str__(self) -> str:
        return f"{self.algorithm}-{self.hex}"

    @classmethod
    def parse(cls, text: str) -> Key:
        """Read the text form back; the exact inverse of ``str``."""
        algorithm, _, digits = text.partition("-")
        length = HEX_LENGTHS.get(algorithm)
        if length is None:
            known = " or ".join(f"'{name}-'" for name in HEX_LENGTHS)
            raise BadKey(f"key {text!r}: expected it to start with {known}")
        if len(digits) != length or set(digits) - set("0123456789abcdef"):
            raise BadKey(
                f"key {text!r}: expected {length} lower-case hex digits after '{algorithm}-'"
            )
        return cls(digits, algorithm)


class Hasher:
    """Hashes named fields, each framed by its length, so that no two lists of fields look alike."""

    def __init__(self, algorithm: str = DEFAULT) -> None:
        """Raises MissingAlgorithm."""
        self.algorithm = algorithm
        self._state = hasher(algorithm)()
        self.field("doit-layers", str(KEY_VERSION).encode())

    def field(self, name: str, *value: bytes) -> None:
        """``value`` may come in parts; they count as one."""
        for parts in ((name.encode(),), value):
            self._state.update(sum(map(len, parts)).to_bytes(8, "little"))
            for part in parts:
                self._state.update(part)

    def key(self) -> Key:
        return Key(self._state.hexdigest(), self.algorithm)
