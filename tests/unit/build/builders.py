"""Builders as a docker configuration has them, what they give, and how they fail."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from layers.oci.artifact import digest_of
from layers.oci.digest import Digest

FAILED = 'failed to push {0}/p/ch:c: failed to do request: Head "https://{0}/v2/p/": dial tcp {0}: '


def digest(text: str) -> Digest:
    """The digest of a text."""
    return digest_of(text.encode())


def known(folder: Path, *, builders: str = "", contexts: str = "") -> str:
    """A docker configuration folder that has these."""
    for name in builders.split():
        (folder / "buildx" / "instances").mkdir(parents=True, exist_ok=True)
        (folder / "buildx" / "instances" / name).write_text("{}")
    for name in contexts.split():
        at = folder / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
        at.mkdir(parents=True)
        (at / "meta.json").write_text(json.dumps({"Name": name}))
    return str(folder)
