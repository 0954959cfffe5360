"""Builds the stand-in of 4D-Humans; PHALP must be there."""

import sys

from setuptools import setup

try:
    import phalp  # noqa: F401
except ModuleNotFoundError as error:
    sys.exit(f"hmr2: {error}: phalp must be installed before hmr2 is built")

setup()
