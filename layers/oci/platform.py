"""Platforms: what this machine is, in the words of the image specification."""

from __future__ import annotations

import os

from hashes.dockerfile.arguments import ARCHITECTURES


def machine_platform() -> str:
    """This machine's platform as BuildKit writes it, e.g. ``linux/amd64``."""
    machine = os.uname().machine
    known = {**ARCHITECTURES, "armv7l": "arm/v7", "i686": "386"}
    return f"linux/{known.get(machine, machine)}"
