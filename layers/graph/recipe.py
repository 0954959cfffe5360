"""Recipes: what a system base is made from, as a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from hashes.dockerfile.state import told
from hashes.manifest import CONFIG, EPOCH, Entry, Manifest
from hashes.nothing import NOTHING
from layers.host import ca

ENV = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    **dict.fromkeys(ca.VARIABLES, ca.BUNDLE),
}
"""Variables of every base, whatever the host: bases of two machines do not differ in shape."""


RECIPE_VERSION = "1"
"""A change in what `make` puts into a base, beside the packages, is a new version."""
VARIANTS = ("apt", "minbase", "buildd", "required", "important", "standard")


class Recipe(NamedTuple):
    """All that decides what a system base holds; mirrors do not."""

    suite: str
    """Debian's or Ubuntu's code name: ``bookworm``."""
    packages: tuple[str, ...] = ()
    """Beside the essential ones, apt and ca-certificates."""
    variant: str = "apt"
    """mmdebstrap(1), one of `VARIANTS`."""
    env: Mapping[str, str] = NOTHING
    """Variables of the image, over the ones that every base has."""
    architecture: str = "amd64"
    """As Docker writes it, without the system: ``arm64``, ``arm/v7``."""
    ca: str | None = None
    """`hostca.fingerprint` of the certificates that the host adds, None when it adds none."""

    def manifest_entries(self) -> list[tuple[str, str]]:
        """What a base's key covers, in a fixed order."""
        return [
            ("rootfs", RECIPE_VERSION),
            ("suite", self.suite),
            ("variant", self.variant),
            ("architecture", self.architecture),
            *(("package", name) for name in self.all_packages()),
            *(("env", f"{name}={told(name, value)}") for name, value in sorted(self.env.items())),
            ("ca", self.ca or "none"),
        ]

    @property
    def whole_env(self) -> dict[str, str]:
        """The image's environment."""
        return {**ENV, **self.env}

    def manifest(self, epoch: int, algorithm: str) -> Manifest:
        """What the key of the base in one of its epochs covers; 0: it was never refreshed."""
        head = [Entry(EPOCH, "", str(epoch))] if epoch else []
        own = [Entry(kind, "", value) for kind, value in self.manifest_entries()]
        config = [Entry(CONFIG, f"ENV {k}", told(k, v)) for k, v in sorted(self.whole_env.items())]
        return Manifest((*head, *own, *config), algorithm=algorithm)

    def all_packages(self) -> list[str]:
        """The packages asked for and the ones that every base gets; sorted, each once."""
        return sorted({*self.packages, "ca-certificates"})

    def faults(self) -> list[str]:
        """What is wrong with the recipe, one sentence each."""
        found = []
        if not re.fullmatch(r"[a-z][a-z0-9-]*", self.suite):
            found.append(f"suite {self.suite!r} is not a code name like 'bookworm'")
        if self.variant not in VARIANTS:
            found.append(f"variant {self.variant!r} is not one of {', '.join(VARIANTS)}")
        found += [
            f"package {name!r} is not a package name"
            for name in self.packages
            # Debian Policy 5.6.7, with ":arch" and "=version" as apt-get takes them
            if not re.fullmatch(r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9]+)?(=[A-Za-z0-9.+:~-]+)?", name)
        ]
        found += [
            f"environment variable {name!r} is not a name"
            for name in self.env
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name)
        ]
        return found
