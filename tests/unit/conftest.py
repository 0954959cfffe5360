"""What every unit test starts from."""

from __future__ import annotations

import pytest

from layers.build.push import lease
from layers.build.push.claim import Timing

QUICK = Timing(prompt=0.04, settle=0.07, renew=0.04, lease=4.0, poll=0.04)
"""A fifth of `NEAR`."""


@pytest.fixture(autouse=True)
def _at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registries of these tests answer at once, so that a claim need not stand for long."""
    monkeypatch.setattr(lease, "NEAR", QUICK)
