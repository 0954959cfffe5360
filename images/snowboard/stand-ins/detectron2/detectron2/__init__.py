"""A stand-in for detectron2: a name and a version, built only where torch is."""

import torch  # noqa: F401

__version__ = "0.6+standin"
STAND_IN = True
