"""What these tests have in common."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A build context of two files."""
    for name in ("f", "g"):
        (tmp_path / name).write_text(name)
    return tmp_path
