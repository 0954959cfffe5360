"""Builds the stand-in of PHALP; joblib must be there, as the stack's own history tells."""

import sys

from setuptools import setup

try:
    import joblib  # noqa: F401
except ModuleNotFoundError as error:
    sys.exit(f"phalp: {error}: joblib must be installed before phalp is built")

setup()
