"""Files that a system base gets beside its packages, and the hooks that put them there."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from layers.graph.recipe import ENV
from layers.host import ca

_SLIM = """\
path-exclude=/usr/share/doc/*
path-include=/usr/share/doc/*/copyright
path-exclude=/usr/share/man/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
path-include=/usr/share/locale/locale.alias
path-exclude=/usr/share/lintian/*
"""
_APT = """\
Acquire::Languages "none";
Acquire::GzipIndexes "true";
APT::Keep-Downloaded-Packages "false";
"""
# a package that starts its service while an image is built would fail: invoke-rc.d(8)
_POLICY = "#!/bin/sh\nexit 101\n"

_KEYRINGS = (
    "/usr/share/keyrings/debian-archive-keyring.pgp",
    "/usr/share/keyrings/debian-archive-keyring.gpg",
    "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
)


def dockerfile(env: Mapping[str, str], tar: str) -> str:
    """The text of the Dockerfile that makes an image of the tar beside it."""
    lines = ["FROM scratch", f"ADD {tar} /"]
    # JSON's quotes and escapes are the Dockerfile's as well, but for the dollar sign
    lines += [
        f"ENV {name}={json.dumps(value, ensure_ascii=False)}".replace("$", "\\$")
        for name, value in sorted({**ENV, **env}.items())
    ]
    return "\n".join([*lines, 'CMD ["bash"]', ""])


def sources_list(mirrors: Sequence[str]) -> str:
    """The text of the base's sources.list: the mirrors used, no keyring path, no password."""
    lines = []
    for mirror in mirrors:
        words = mirror.split()
        if len(words) > 1 and words[1].startswith("["):
            close = next(i for i, word in enumerate(words) if word.endswith("]"))
            options = " ".join(words[1 : close + 1]).strip("[]").split()
            kept = [option for option in options if not option.startswith("signed-by=")]
            words[1 : close + 1] = [f"[{' '.join(kept)}]"] if kept else []
        lines.append(" ".join(_without_password(word) for word in words) + "\n")
    return "".join(lines)


def _without_password(word: str) -> str:
    parts = urlsplit(word)
    if not parts.scheme or "@" not in parts.netloc:
        return word
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def write_overlay(folder: str, mirrors: Sequence[str], ca_pem: bytes | None) -> None:
    """Write the tree that is copied over the base's own."""
    files: dict[str, bytes] = {
        "etc/dpkg/dpkg.cfg.d/docker": _SLIM.encode(),
        "etc/apt/apt.conf.d/docker-clean": _APT.encode(),
        "usr/sbin/policy-rc.d": _POLICY.encode(),
    }
    if mirrors:
        files["etc/apt/sources.list"] = sources_list(mirrors).encode()
    for number, block in enumerate(ca.blocks(ca_pem or b""), 1):
        files[f"usr/local/share/ca-certificates/host-{number}.crt"] = block
    for name, content in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        os.chmod(path, 0o755 if name == "usr/sbin/policy-rc.d" else 0o644)


def hooks(overlay: str, seed: str) -> list[tuple[str, str]]:
    """Shell texts by the time of mmdebstrap's run at which they are due; ``$1`` is the root."""
    over, debs = shlex.quote(overlay), shlex.quote(seed)
    archives = '"$1/var/cache/apt/archives"'
    keyrings = " ".join(_KEYRINGS)
    return [
        ("setup", f"mkdir -p {archives} && cp -R {debs}/. {archives}/"),
        # as a dpkg option the same excludes would be applied by a slow filter: mmtarfilter(1)
        (
            "extract",
            'rm -rf "$1"/usr/share/doc/* "$1"/usr/share/man/* "$1"/usr/share/info/*'
            ' "$1"/usr/share/locale/* "$1"/usr/share/lintian/*;'
            f' cp -R {over}/etc/dpkg "$1/etc/" && cp -R {over}/usr/sbin "$1/usr/"',
        ),
        ("customize", f"cp -n {archives}/*.deb {debs}/ && rm -f {archives}/*.deb"),
        (
            "customize",
            f'cp -R {over}/. "$1/" && rm -f "$1/etc/resolv.conf" "$1/etc/hostname"'
            ' "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap',
        ),
        (
            "customize",
            f'for key in {keyrings}; do if [ -e "$1$key" ]; then'
            ' sed -i "s|^deb http|deb [signed-by=$key] http|" "$1/etc/apt/sources.list";'
            " break; fi; done",
        ),
        ("customize", 'chroot "$1" update-ca-certificates'),
    ]
