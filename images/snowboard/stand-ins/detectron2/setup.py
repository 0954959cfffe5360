"""Builds the stand-in as detectron2 itself is built: torch must be importable."""

import sys

from setuptools import setup

try:
    import torch  # noqa: F401
except ModuleNotFoundError as error:
    sys.exit(f"detectron2: {error}: torch must be installed before detectron2 is built, "
             "and pip told --no-build-isolation")

setup()
