"""Texts of images.toml, and how the tests of a file's values and of its faults load them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from layers.config.load import load
from layers.config.spec import Spec

ROOT = Path(__file__).parents[3]
HEAD = 'version = 1\nproject.name = "snow"\n'
TWO = HEAD + '[images.base]\ncontext = "b"\n[images.pose]\ncontext = "p"\n'
PAGE = (ROOT / "docs" / "images-toml.md").read_text(encoding="utf-8")
EXAMPLE = PAGE.split("```toml\n")[1].split("```")[0]


def spec(
    text: str,
    profile: str | None = None,
    registry: str | None = None,
    missing: Collection[str] = (),
) -> Spec:
    """Load with everything there but ``missing``."""
    return load(
        text,
        profile=profile,
        registry=registry,
        platform="linux/riscv64",
        exists=lambda path: path not in missing,
    )
