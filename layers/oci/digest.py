"""Digests: what a build gave, in the registry's own words."""

from __future__ import annotations

import re
from typing import NamedTuple

from hashes.errors import LayersError

_TEXT = re.compile(r"sha256:[0-9a-f]{64}\Z")


class BadDigest(LayersError):
    """A text that is not a digest."""


class Digest(NamedTuple):
    """Names a manifest or blob by its content: ``sha256:<64 hex>`` (OCI image-spec, descriptor.md).

    Never compared with a `hashes.key.Key`: a key says what goes in, a digest what came out.
    """

    text: str

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Read the text form; the exact inverse of ``str``."""
        if not _TEXT.match(text):
            raise BadDigest(f"digest {text!r}: expected 'sha256:' and 64 lower-case hex digits")
        return cls(text)
