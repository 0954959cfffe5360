"""Builds the stand-in as PyTorch3D itself is built: torch must be importable, and a C compiler there.

The true setup.py begins with ``import torch`` as well, which is why a build in isolation, or
before torch, fails.
"""

import sys

from setuptools import Extension, setup

try:
    import torch
except ModuleNotFoundError as error:
    sys.exit(f"pytorch3d: {error}: torch must be installed before pytorch3d is built, "
             "and pip told --no-build-isolation")

setup(
    ext_modules=[
        Extension(
            "pytorch3d._C",
            ["pytorch3d/_C.c"],
            define_macros=[("BUILT_WITH_TORCH", f'"{torch.__version__}"')],
        )
    ]
)
