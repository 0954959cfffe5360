"""A stand-in for torchvision: a name and a version, and the import of torch that it needs."""

import torch

__version__ = "0.15.2+cpu"
STAND_IN = torch.STAND_IN
