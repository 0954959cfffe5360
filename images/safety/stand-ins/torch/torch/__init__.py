"""A stand-in for PyTorch: a name and a version for builds that cannot reach PyTorch's own index.

It computes nothing. What must be built with torch present can be proved to be built so.
"""

__version__ = "2.0.1+cpu"
STAND_IN = True


class cuda:  # noqa: N801 - torch's own name
    """Never available, as on a machine without a GPU."""

    @staticmethod
    def is_available() -> bool:
        return False
