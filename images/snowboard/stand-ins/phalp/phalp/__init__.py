"""A stand-in for PHALP: a name and a version, built and imported only where joblib is."""

import joblib  # noqa: F401

__version__ = "0.1.3+standin"
STAND_IN = True
