"""What several tests of a clean-up start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers.runtime.state import StateFolder


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    """An empty ``.layers``."""
    return StateFolder(str(tmp_path))
