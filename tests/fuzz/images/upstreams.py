"""Upstreams: small images of others, made once and kept in the registry."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.fuzz.images.project import REGISTRY

_PROGRAMS = [
    "sh",
    "cat",
    "cp",
    "echo",
    "env",
    "ln",
    "ls",
    "mkdir",
    "printf",
    "rm",
    "sort",
    "touch",
    "true",
    "chmod",
    "chown",
    "test",
]


@dataclass(frozen=True)
class Upstream:
    """One of them."""

    lines: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    platforms: tuple[str, ...] = ()
    """Several: then the tag points at an index."""

    def lay(self, folder: str, busybox: str, registry: str) -> None:
        """Write the context, with a busybox in it."""
        root = os.path.join(folder, "context", "root")
        os.makedirs(os.path.join(root, "bin"))
        shutil.copy(busybox, os.path.join(root, "bin", "busybox"))
        os.chmod(os.path.join(root, "bin", "busybox"), 0o755)
        for name in _PROGRAMS:
            os.symlink("busybox", os.path.join(root, "bin", name))
        os.makedirs(os.path.join(root, "etc"))
        files = {"root/etc/passwd": "root:x:0:0::/:/bin/sh\nu:x:1000:1000::/:/bin/sh\n"}
        files |= {"root/etc/group": "root:x:0:\nu:x:1000:\n", **self.files}
        files["Dockerfile"] = "\n".join(self.lines).replace(REGISTRY, registry) + "\n"
        for path, text in files.items():
            with open(os.path.join(folder, "context", path), "w", encoding="utf-8") as file:
                file.write(text)


_BUSYBOX = f"FROM {REGISTRY}/up/busybox:1"
UPSTREAMS = {
    "busybox": Upstream(("FROM scratch", "COPY root /", "ENV PATH=/bin")),
    "files": Upstream(
        ("FROM scratch", "COPY a.txt b.txt /up/", "ENV UP=files", "LABEL up=files"),
        {"a.txt": "upstream a\n", "b.txt": "upstream b\n"},
    ),
    "rich": Upstream(
        (
            *(_BUSYBOX, "RUN mkdir /srv && echo rich > /srv/rich", "WORKDIR /srv"),
            *("ENV RICH=1 UP=rich", "LABEL up=rich other='a b'", "EXPOSE 80 90/udp"),
            *("VOLUME /data", 'ENTRYPOINT ["/bin/cat"]', 'CMD ["/srv/rich"]', "STOPSIGNAL SIGINT"),
            *("HEALTHCHECK --interval=7s CMD true", 'SHELL ["/bin/sh", "-ec"]', "USER 1000:1000"),
        )
    ),
    "onbuild": Upstream(
        (
            *(_BUSYBOX, "ENV UP=onbuild", "ONBUILD ENV TRIGGERED=yes"),
            *("ONBUILD COPY trigger.txt /triggered/", "ONBUILD RUN cat /triggered/* > /both"),
        )
    ),
    "onbuild-env": Upstream(
        (
            *("FROM scratch", "COPY root/etc /etc", "ONBUILD ARG WHO=nobody"),
            *("ONBUILD ENV WHO=$WHO", "ONBUILD LABEL on=build"),
        )
    ),
    "multi": Upstream(
        (
            *("FROM scratch", "ARG TARGETARCH", "ARG TARGETVARIANT"),
            *("COPY a.txt /arch-$TARGETARCH$TARGETVARIANT", "ENV ARCH=$TARGETARCH"),
        ),
        {"a.txt": "for any\n"},
        ("linux/amd64", "linux/arm64", "linux/arm/v7"),
    ),
}
"""Name → image: ``REGISTRY/up/NAME:1``."""
SHELLS = ("busybox", "rich")
"""Those in which RUN works without anything else."""
