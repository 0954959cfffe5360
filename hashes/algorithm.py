"""Algorithms: the hash functions that keys and file hashes can be made with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import xxhash

from hashes.errors import LayersError

DEFAULT = "xxh3"
"""128 bits, not collision resistant: right where everybody who writes to the cache is trusted."""

HEX_LENGTHS = {DEFAULT: 32, "blake3": 64}
"""Hexadecimal digits of each; a registry's tag may have 128 characters, so the longest fits."""


class Hash(Protocol):
    """A hash that is being made."""

    def update(self, data: bytes | bytearray | memoryview, /) -> object: ...
    def hexdigest(self) -> str: ...


class MissingAlgorithm(LayersError):
    """An algorithm whose library is not installed."""


def hasher(algorithm: str) -> Callable[[], Hash]:
    """What begins a hash; raises MissingAlgorithm."""
    if algorithm == DEFAULT:
        return xxhash.xxh3_128
    try:
        from blake3 import blake3
    except ImportError:
        raise MissingAlgorithm(
            f'hash = "{algorithm}" needs the Python package {algorithm}',
            hint=f"pip install 'doit-layers[{algorithm}]'",
        ) from None
    return blake3


def digest(algorithm: str, data: bytes) -> str:
    """The hexadecimal hash of bytes that are at hand; raises MissingAlgorithm."""
    if algorithm == DEFAULT:
        return xxhash.xxh3_128_hexdigest(data)
    state = hasher(algorithm)()
    state.update(data)
    return state.hexdigest()
