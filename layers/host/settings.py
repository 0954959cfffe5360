"""Host settings: proxies, and what pip and npm are told on this machine, for its builds."""

from __future__ import annotations

import configparser
import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from hashes.errors import LayersError
from layers.oci.reference import is_loopback

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")


class SecretSource(Protocol):
    """Where a secret comes from; `spec.Secret` is one."""

    @property
    def file(self) -> str | None: ...
    @property
    def env(self) -> str | None: ...
    @property
    def builtin(self) -> str | None: ...


def proxies(env: Mapping[str, str]) -> dict[str, str]:
    """The proxy settings in ``env``, by the names that BuildKit predefines as build args."""
    names = [form for name in _PROXIES for form in (name, name.lower())]
    return {name: env[name] for name in names if env.get(name)}


@dataclass(frozen=True)
class PipSettings:
    """Package indexes of pip that another machine, or a container, reaches as well."""

    index: str = field(default="", repr=False)  # may hold a password
    """Empty: pip's default."""
    extra: tuple[str, ...] = field(default=(), repr=False)
    trusted: tuple[str, ...] = ()
    """Hosts that need no valid certificate."""

    def conf(self, *more: str) -> str:
        """The text of a pip.conf with these indexes and ``more`` ones."""
        lines = ["[global]"]
        if self.index:
            lines.append(f"index-url = {self.index}")
        for name, values in (
            ("extra-index-url", (*self.extra, *more)),
            ("trusted-host", self.trusted),
        ):
            if values:
                lines.append(f"{name} =")
                lines += [f"    {value}" for value in dict.fromkeys(values)]
        return "\n".join([*lines, ""])


def pip_files(env: Mapping[str, str]) -> list[str]:
    """pip's own configuration files, weakest first (pip's manual, «Configuration»)."""
    own = env.get("PIP_CONFIG_FILE", "")
    if own == os.devnull:
        return []
    home = env.get("HOME", "")
    config = env.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    shared = [p for p in reversed((env.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")) if p]
    files = [os.path.join(folder, "pip", "pip.conf") for folder in shared]
    files.append("/etc/pip.conf")
    if home:
        files += [os.path.join(home, ".pip", "pip.conf"), os.path.join(config, "pip", "pip.conf")]
    files.append(os.path.join(sys.prefix, "pip.conf"))
    return [*files, own] if own else files


def pip_settings(env: Mapping[str, str], files: Iterable[str] | None = None) -> PipSettings:
    """What pip would use, from ``files`` and then ``env``; indexes on this machine are left out."""
    found: dict[str, str] = {}
    for path in pip_files(env) if files is None else files:
        parser = configparser.RawConfigParser(strict=False)
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                parser.read_string(file.read())
        except (OSError, configparser.Error):
            continue  # pip itself says what is wrong with it
        for section in ("global", "install"):
            if parser.has_section(section):
                found.update({k.replace("_", "-"): v for k, v in parser.items(section)})
    for name in ("index-url", "extra-index-url", "trusted-host"):
        value = env.get("PIP_" + name.upper().replace("-", "_"))
        if value:
            found[name] = value
    index = [url for url in found.get("index-url", "").split() if _reachable(url)]
    return PipSettings(
        index[0] if index else "",
        tuple(url for url in found.get("extra-index-url", "").split() if _reachable(url)),
        tuple(host for host in found.get("trusted-host", "").split() if not _loopback(host)),
    )


def npm_files(env: Mapping[str, str]) -> list[str]:
    """npm's own configuration files, weakest first (npm's manual, «npmrc»)."""
    home = env.get("HOME", "")
    files = [env.get("NPM_CONFIG_GLOBALCONFIG", ""), "/etc/npmrc", "/usr/etc/npmrc"]
    files += ["/usr/local/etc/npmrc", env.get("NPM_CONFIG_USERCONFIG", "")]
    files.append(os.path.join(home, ".npmrc") if home else "")
    return [path for path in files if path]


def npm_conf(env: Mapping[str, str], files: Iterable[str] | None = None) -> str:
    """The text of an .npmrc with this machine's registries and what logs in to them.

    Holds tokens: for secret mounts only, never for a log.
    """
    found: dict[str, str] = {}
    for path in npm_files(env) if files is None else files:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                lines = file.read().splitlines()
        except OSError:
            continue
        for line in lines:
            name, equals, value = line.partition("=")
            if equals and not line.lstrip().startswith((";", "#")):
                value = re.sub(r"\$\{(\w+)\}", lambda m: env.get(m[1], m[0]), value.strip())
                found[name.strip()] = value.strip("\"'")
    for name, value in env.items():
        if name.lower() == "npm_config_registry" and value:
            found["registry"] = value
    kept = {
        name: value
        for name, value in found.items()
        if (name == "registry" or name.endswith(":registry")) and _reachable(value)
    }
    roots = [re.sub(r"^https?:", "", url).rstrip("/") for url in kept.values()]
    for name, value in found.items():
        # "//host/path/:_authToken": the slash before the colon is npm's way, not everybody's
        where, colon, _ = name.rpartition(":")
        if colon and any(_within(root, where.rstrip("/")) for root in roots):
            kept[name] = value
    return "".join(f"{name}={value}\n" for name, value in sorted(kept.items()))


def secret(source: SecretSource, env: Mapping[str, str], *, index: str = "") -> bytes | None:
    """A secret's content; None where its file or variable is not there.

    ``index`` is one more package index for the builtin ``pip``. Raises LayersError when a file is
    there and cannot be read.
    """
    if source.builtin == "pip":
        return pip_settings(env).conf(*([index] if index else [])).encode()
    if source.builtin == "npm":
        return npm_conf(env).encode()
    if source.env is not None:
        value = env.get(source.env)
        return None if value is None else value.encode("utf-8", "surrogateescape")
    if source.file is None:
        return None
    path = os.path.expanduser(source.file)
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LayersError(f"a secret's file cannot be read: {error.strerror}", file=path) from None


def _within(root: str, where: str) -> bool:
    return bool(where) and (root == where or root.startswith(where + "/"))


def _reachable(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and not _loopback(parts.netloc.rpartition("@")[2])


def _loopback(host: str) -> bool:
    return not host.partition(":")[0] or is_loopback(host.lower())
