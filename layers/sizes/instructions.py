"""Instructions: what made each layer of an image, by the history in its configuration."""

from __future__ import annotations

import json
import re
from typing import Any

_NOP = re.compile(r"^/bin/sh -c #\(nop\)\s+")
_ARGS = re.compile(r"^RUN \|\d+ .*?(?=/\S+ (?:\S+ )*?-\w*c )", re.DOTALL)
_SHELL = re.compile(r"^(?:RUN )?/bin/sh -c ")
_SHELLS = re.compile(r"^RUN (?:\S+ )+?-\w*c ")


def instructions(configuration: bytes) -> list[str]:
    """One a filesystem layer, the lowest first, as near to the Dockerfile as it can be told.

    What build args were set to is left out.
    """
    try:
        history: list[dict[str, Any]] = json.loads(configuration or b"{}").get("history") or []
    except ValueError:
        return []
    return [
        instruction(str(each.get("created_by") or each.get("comment") or ""))
        for each in history
        if not each.get("empty_layer")
    ]


def instruction(created_by: str) -> str:
    """One of them, on one line: ``RUN apt-get install -y curl``."""
    text = created_by.removesuffix("# buildkit").strip()
    if _NOP.match(text):
        text = _NOP.sub("", text)
    elif text.startswith("RUN |"):
        found = _ARGS.sub("RUN ", text)
        text = found if found != text else "RUN"
    if _SHELL.match(text):
        text = _SHELL.sub("RUN ", text)
    elif text.startswith("RUN /"):
        text = _SHELLS.sub("RUN ", text)
    return " ".join(text.split())
