"""A stand-in for 4D-Humans (hmr2): a name and a version, built and imported only where PHALP is."""

import phalp

__version__ = "0.0.0+standin"
STAND_IN = phalp.STAND_IN
