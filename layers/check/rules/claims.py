"""Claims: what steps do that ask with nobody to answer, or that hold a secret; each tried once.

A finding is called an error only for what is here; the pages of docs/rules have the same rows.
"""

from __future__ import annotations

from typing import Literal, NamedTuple


class Claim(NamedTuple):
    """One step that was tried, or of which somebody who builds it told."""

    rule: str
    step: str
    base: str
    """``any``: the program is the same everywhere. Of a secret: which stage has the step."""
    outcome: Literal["fails", "hangs", "goes on", "in the image", "not in the image"]
    seen: str
    """``tried``: in a RUN of BuildKit, on Debian images of mmdebstrap; otherwise who told."""


def _github(path: str) -> str:
    return f"https://github.com/{path}"


TRIED = "tried"
TARGET, OTHER = "the target", "a stage that is only copied from"
_FOCAL = _github("docker/containerd-packaging/pull/142")
_BIONIC = _github("osrf/docker_templates/pull/34")
_JAMMY = _github("ZoneMinder/zoneminder/pull/3469")

CLAIMS: tuple[Claim, ...] = (
    Claim("apt-asks", "apt-get install -y tzdata", "debian", "goes on", TRIED),
    Claim("apt-asks", "apt-get install -y tzdata", "ubuntu 16.04", "goes on", _BIONIC),
    Claim("apt-asks", "apt-get install -y tzdata", "ubuntu 18.04", "hangs", _BIONIC),
    Claim("apt-asks", "apt-get install -y tzdata", "ubuntu 20.04", "hangs", _FOCAL),
    Claim("apt-asks", "apt-get install -y tzdata", "ubuntu 22.04", "hangs", _JAMMY),
    Claim("apt-asks", "apt-get install -y console-setup", "debian bullseye", "fails", TRIED),
    Claim("apt-asks", "apt-get install -y console-setup", "debian bookworm", "fails", TRIED),
    Claim("apt-asks", "apt-get install -y console-setup", "debian trixie", "goes on", TRIED),
    *(
        Claim("apt-asks", f"apt-get install -y {name}", "debian", "goes on", TRIED)
        for name in (
            *("exim4", "iptables-persistent", "keyboard-configuration", "krb5-user", "locales"),
            *("libpam-krb5", "msmtp", "nullmailer", "postfix", "slapd", "wireshark-common"),
        )
    ),
    *(
        Claim("install-asks", f"apt-get install {name}", "debian", "fails", TRIED)
        for name in (
            *("build-essential", "cmake", "curl", "ffmpeg", "git", "nginx", "python3-pip", "vim"),
            "wget",
        )
    ),
    Claim("install-asks", "apt-get install git", "ubuntu", "fails", "apt-get(8)"),
    Claim("install-asks", "apt-get install tzdata", "debian", "goes on", TRIED),
    Claim("install-asks", "apt-get autoremove", "debian", "goes on", TRIED),
    Claim("install-asks", "apt-get upgrade", "debian", "goes on", TRIED),
    Claim("install-asks", "add-apt-repository 'deb …'", "debian", "goes on", TRIED),
    Claim(
        "install-asks",
        "conda install numpy",
        "any",
        "goes on",
        _github("conda/conda/blob/main/conda/reporters.py"),
    ),
    Claim(
        "install-asks",
        "micromamba install numpy",
        "any",
        "goes on",
        _github("mamba-org/mamba/blob/main/libmamba/src/core/output.cpp"),
    ),
    Claim("command-asks", "read answer", "any", "fails", TRIED),
    Claim("command-asks", "passwd root", "debian", "fails", TRIED),
    Claim("command-asks", "adduser app", "debian", "goes on", TRIED),
    Claim("command-asks", "adduser --disabled-password app", "debian", "goes on", TRIED),
    Claim("command-asks", "dpkg-reconfigure tzdata", "debian", "goes on", TRIED),
    Claim("command-asks", "ssh-keygen -t ed25519", "any", "fails", TRIED),
    Claim("command-asks", "ssh-keygen -t ed25519 -f /k", "any", "goes on", TRIED),
    Claim("command-asks", "openssl req -new -x509 -nodes -keyout k -out c", "any", "fails", TRIED),
    Claim("command-asks", "gpg --gen-key", "any", "fails", TRIED),
    Claim("command-asks", "docker login", "any", "fails", TRIED),
    Claim("command-asks", "vi /etc/hosts", "debian", "hangs", TRIED),
    Claim("command-asks", "nano /etc/hosts", "debian", "fails", TRIED),
    Claim("command-asks", "emacs /etc/hosts", "debian", "fails", TRIED),
    Claim("command-asks", "less /etc/hosts", "debian", "goes on", TRIED),
    Claim("command-asks", "more /etc/hosts", "debian", "goes on", TRIED),
    Claim("command-asks", "top", "debian", "fails", TRIED),
    Claim("command-asks", "htop", "debian", "fails", TRIED),
    *(
        claim
        for rule, step in (
            ("secret-in-env", "ENV API_TOKEN=…"),
            ("secret-in-env", "ARG API_TOKEN=…"),
            ("secret-in-env", "LABEL token=…"),
            ("secret-in-file", "COPY .env /"),
        )
        for claim in (
            Claim(rule, step, TARGET, "in the image", TRIED),
            Claim(rule, step, OTHER, "not in the image", TRIED),
        )
    ),
)

TZDATA_HANGS = frozenset(
    each.base.partition(" ")[2]
    for each in CLAIMS
    if each.outcome == "hangs" and each.step.endswith(" tzdata")
)
"""Releases of Ubuntu on which tzdata's question stops a build."""

ASKS_ON_DEBIAN = dict.fromkeys(("bullseye", "bookworm"), frozenset(("console-setup",)))
"""By release: packages whose installation fails when their questions get no answer."""

ASKS_ON_UBUNTU = frozenset(("console-setup", "keyboard-configuration"))
"""Packages of which builds on Ubuntu that stood still were told; not tried here."""

BRINGS_TZDATA = frozenset(
    (
        *(
            "devscripts",
            "libopencv-dev",
            "mono-complete",
            "php",
            "postgresql",
            "python3-matplotlib",
        ),
        *("python3-opencv", "python3-tk", "r-base", "r-base-core"),
    )
)
"""Packages that depend on tzdata (packages.debian.org); Ubuntu's images do not have it."""

MORE = {
    "build-essential": "gcc",
    "cmake": "cmake-data",
    "curl": "libcurl4",
    "ffmpeg": "libavcodec",
    "git": "git-man",
    "nginx": "nginx-common",
    "python3-pip": "python3",
    "vim": "vim-runtime",
}
"""Packages that need another one, which neither debian nor ubuntu images have."""
