"""A stand-in for PyTorch3D: a compiled module that knows which torch it was built with."""

from pytorch3d._C import built_with

__version__ = "0.7.0+standin"
STAND_IN = True
BUILT_WITH_TORCH = built_with()
