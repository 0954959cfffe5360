"""The JSON Schema of ``images.toml``; ``python -m layers.config.json_schema`` writes it."""

from __future__ import annotations

import json
import os
from typing import Any

from layers.config.schema import FILE

PATH = os.path.join(os.path.dirname(__file__), "images.schema.json")


def schema() -> dict[str, Any]:
    """The tables that the reader itself goes by, as JSON Schema draft 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "images.toml of doit-layers",
        **FILE.schema(),
    }


def text() -> str:
    """What the published file holds."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    with open(PATH, "w", encoding="utf-8") as file:
        file.write(text())
