"""The system: which distribution this is, what it may do, and programs of its own."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hashes.errors import LayersError
from layers.runtime import process

BY_HAND = "install Docker Engine with buildx >= 0.13: https://docs.docker.com/engine/install/"
APT_PATIENCE = ("-o", "DPkg::Lock::Timeout=600")
"""Wait this many seconds for another apt or dpkg, such as unattended-upgrades (apt >= 2.0)."""
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class System(NamedTuple):
    """A Debian or Ubuntu that can carry a private engine."""

    id: str
    """``debian`` or ``ubuntu``."""
    codename: str
    """Of its release, as in the suites of its package sources."""


def recognise(fields: Mapping[str, str], uid: int) -> System:
    """The system that os-release describes (os-release(5)), for the user ``uid``.

    Raises LayersError where no private engine can be set up, saying what to do instead.
    """
    name = fields.get("PRETTY_NAME") or fields.get("ID") or "this system"
    kind = fields.get("ID", "")
    least = {"debian": 12.0, "ubuntu": 22.04}.get(kind)
    if least is None:
        raise LayersError(
            f"no Docker engine answers, and a private one needs Debian or Ubuntu (this is {name})",
            hint=f"start your engine, or {BY_HAND}",
        )
    try:
        version = float(fields.get("VERSION_ID", "inf"))  # Debian testing has none
    except ValueError:
        version = float("inf")
    if version < least:
        raise LayersError(
            f"no Docker engine answers, and {name} is too old for a private one "
            f"(Debian 12, Ubuntu 22.04 or newer)",
            hint=BY_HAND,
        )
    if uid != 0:
        raise LayersError(
            "no Docker engine answers, and only root can set up a private one",
            hint=f"run this as root, start your engine, or {BY_HAND}",
        )
    return System(kind, fields.get("VERSION_CODENAME") or fields.get("UBUNTU_CODENAME", ""))


def os_release(text: str) -> dict[str, str]:
    """The assignments of an os-release file."""
    fields = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            fields[name] = "".join(shlex.split(value))
    return fields


def this_system() -> System:
    """The system that we run on; raises LayersError as `recognise` does."""
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        try:
            with open(path, encoding="utf-8") as file:
                return recognise(os_release(file.read()), os.geteuid())
        except OSError:
            continue
    return recognise({}, os.geteuid())


def which(program: str) -> str | None:
    """A program of the system; the folders of root are searched whatever PATH says."""
    return shutil.which(program) or shutil.which(program, path=SYSTEM_PATH)


def run(
    command: Sequence[str], env: Mapping[str, str] | None = None, cwd: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program of the system and keep what it says; never raises for its exit status.

    Raises LayersError when the program is missing.
    """
    program = which(command[0])
    if program is None:
        raise LayersError(f"the program `{command[0]}` is missing")
    env = {**os.environ, "LC_ALL": "C.UTF-8", **(env or {})}
    return process.run([program, *command[1:]], env=env, cwd=cwd)


def must(
    command: Sequence[str],
    why: str,
    hint: str = "",
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
) -> str:
    """Run a program that has to succeed and return what it says.

    Raises LayersError: ``why``, the command, its status and its last lines.
    """
    done = run(command, env, cwd)
    if done.returncode != 0:
        tail = "\n  ".join(done.stdout.strip().splitlines()[-8:])
        raise LayersError(
            f"{why}: `{shlex.join(command)}` ended with status {done.returncode}\n  {tail}",
            hint=hint,
        )
    return done.stdout


def install(programs: Mapping[str, str]) -> list[str]:
    """Install the packages of those programs that are missing; returns the packages' names.

    ``programs`` maps a program to its package. Raises LayersError when apt cannot.
    """
    packages = sorted({package for program, package in programs.items() if not which(program)})
    if packages:
        env = {"DEBIAN_FRONTEND": "noninteractive"}
        command = ["apt-get", *APT_PATIENCE, "install", "-q", "-y", "--no-install-recommends"]
        command += packages
        if run(command, env).returncode != 0:  # a bare machine has no package lists yet
            why, hint = f"could not install {' '.join(packages)}", "install them by hand"
            must(["apt-get", "update", "-q"], why, hint, env)
            must(command, why, hint, env)
    return packages
