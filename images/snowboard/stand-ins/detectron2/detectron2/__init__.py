"""A stand-in for detectron2: a name and a version, built only where torch is."""

import torch

__version__ = "0.6+standin"
STAND_IN = torch.STAND_IN
