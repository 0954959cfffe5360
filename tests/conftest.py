"""What every test starts from."""

from __future__ import annotations

import signal
from importlib.util import find_spec

import pytest
from hypothesis import settings

from layers.setup.private.paths import STORES, VERSIONS

# `./run browser` brings a driver for browsers; no other run of the tests has it
collect_ignore = [] if find_spec("playwright") else ["browser"]


# no test is timed: machines are busy
settings.register_profile("busy", deadline=None)
settings.load_profile("busy")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which engine the end-to-end tests start for themselves."""
    parser.addoption("--engine", choices=VERSIONS, default=VERSIONS[0], help="version of Docker")
    keep = "keep what the tests' own engines and registries hold, for the next run"
    parser.addoption("--keep-labs", action="store_true", help=keep)
    parser.addoption("--store", choices=STORES, default=STORES[0], help="its image store")


def pytest_configure() -> None:
    """Let Ctrl-C reach what the tests start, also where they run in a background job.

    A shell starts such a job with SIGINT ignored, and a process hands that on to its children.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
