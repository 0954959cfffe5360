"""System bases: a root file system made of Debian packages, the same bytes every time."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from hashes.errors import LayersError
from layers.build.rootfs import overlay as rootfsfiles
from layers.build.rootfs.cache import DebCache
from layers.graph.recipe import Recipe
from layers.host import ca as hostca
from layers.host.apt import family, for_suite, system_sources
from layers.host.system import APT_PATIENCE
from layers.runtime import process

EPOCH = 1_700_000_000
"""Seconds since 1970; no file in a base is younger."""

_TAR = "rootfs.tar"
_INSTALLING = threading.Lock()
KEYRINGS = "/usr/share/keyrings"
_ARCHITECTURES = {"arm/v7": "armhf", "arm/v5": "armel", "386": "i386", "ppc64le": "ppc64el"}
_TMPFS_BYTES = 3 << 30  # a base with compilers and its archives fits into this


class RootfsError(LayersError):
    """A system base that cannot be made."""


def system_mirrors(suite: str, env: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Source lines for ``suite`` from this machine's apt settings; see `for_suite`."""
    return for_suite(suite, system_sources(), os.environ if env is None else env, KEYRINGS)


def make(
    recipe: Recipe,
    folder: str,
    output: Callable[[str], None],
    *,
    mirrors: Sequence[str] | None = None,
    ca_pem: bytes | None = None,
    cache: str | None = None,
) -> None:
    """Make the base in ``folder``, as ``rootfs.tar`` and a Dockerfile: a context ready to build.

    ``output`` takes each line of the log. ``mirrors`` are one-line apt sources, none for
    mmdebstrap's default; ``ca_pem`` the certificates that ``recipe.ca`` names: each is this
    machine's when None. ``cache`` is a folder that keeps fetched packages. Raises RootfsError.
    """
    if faults := recipe.faults():
        raise RootfsError("a system base cannot be made:\n  " + "\n  ".join(faults))
    if ca_pem is None and recipe.ca is not None:
        ca_pem = hostca.extra_certificates()
    if hostca.fingerprint(ca_pem) != recipe.ca:
        raise RootfsError("the machine's CA certificates changed while its base was planned")
    _need_tools(recipe.suite, output)
    if mirrors is None:
        mirrors = system_mirrors(recipe.suite)
    folder = os.path.abspath(folder)
    work = os.path.join(folder, "work")
    debs = DebCache(cache) if cache else None
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    try:
        overlay = os.path.join(work, "overlay")
        rootfsfiles.write_overlay(overlay, mirrors, ca_pem)
        seed = os.path.join(work, "debs")
        os.makedirs(seed)
        if debs:
            debs.lend(seed)
        argv = _argv(recipe, os.path.join(work, _TAR), mirrors, overlay, seed)
        size = _tmpfs_size()
        tail = _run(argv, work, size, output)
        if tail and size and any("No space left on device" in line for line in tail):
            output("the base does not fit into memory: once more on disk")
            tail = _run(argv, work, 0, output)
        if tail:
            last = "\n  ".join(tail)
            raise RootfsError(
                f"mmdebstrap could not make a {recipe.suite} base:\n  {last}",
                hint="are the package names right for this suite, and can its mirror be reached?",
            )
        if debs:
            debs.keep(seed)
        with open(os.path.join(folder, "Dockerfile"), "w", encoding="utf-8") as file:
            file.write(rootfsfiles.dockerfile(recipe.env, _TAR))
        os.replace(os.path.join(work, _TAR), os.path.join(folder, _TAR))
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _need_tools(suite: str, output: Callable[[str], None]) -> None:
    with _INSTALLING:  # two bases are made at once, and the second one finds the tools there
        _install_tools(suite, output)


def _install_tools(suite: str, output: Callable[[str], None]) -> None:
    wanted = [] if shutil.which("mmdebstrap") else ["mmdebstrap"]
    keyring = f"{family(suite)}-archive-keyring"
    if not any(os.path.exists(f"{KEYRINGS}/{keyring}{end}") for end in (".gpg", ".pgp")):
        wanted.append("ubuntu-keyring" if family(suite) == "ubuntu" else keyring)
    if not wanted:
        return
    names = " ".join(wanted)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise RootfsError(
            f"a system base needs {names}, which this machine lacks",
            hint=f"install it as root: apt-get install {names}",
        )
    output(f"installing {names}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    lines: list[str] = []
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", *wanted]):
        done = process.run(["apt-get", "-q", *APT_PATIENCE, *arguments], env=env)
        lines += done.stdout.splitlines()
        if done.returncode and arguments != ["update"]:
            last = "\n  ".join(lines[-10:])
            raise RootfsError(f"apt-get could not install {names}:\n  {last}")


def _argv(recipe: Recipe, tar: str, mirrors: Sequence[str], overlay: str, seed: str) -> list[str]:
    architecture = _ARCHITECTURES.get(recipe.architecture, recipe.architecture.split("/")[0])
    return [
        "mmdebstrap",
        "--verbose",
        f"--variant={recipe.variant}",
        f"--architectures={architecture}",
        f"--include={','.join(recipe.all_packages())}",
        "--components=" + ("main universe" if family(recipe.suite) == "ubuntu" else "main"),
        "--dpkgopt=force-unsafe-io",
        '--aptopt=Apt::Install-Recommends "false"',
        '--aptopt=Acquire::Languages "none"',
        "--skip=essential/unlink",  # the cache keeps the essential packages' archives too
        "--skip=chroot/policy-rc.d",  # ours stays, as in any image of Debian
        *(f"--{name}-hook={text}" for name, text in rootfsfiles.hooks(overlay, seed)),
        *(f"--aptopt={line}" for line in _apt_network_options()),
        "--format=tar",
        recipe.suite,
        tar,
        *mirrors,
    ]


def _apt_network_options() -> list[str]:
    """Proxy and date settings of this machine's apt: mmdebstrap starts without them."""
    if not shutil.which("apt-config"):
        return []
    done = process.run(["apt-config", "dump"], apart=True)
    wanted = r'Acquire::(https?::Proxy(::\S+)?|Check-Valid-Until|Check-Date) ".*"'
    lines = [line.rstrip(";") for line in done.stdout.splitlines()]
    return [line for line in lines if re.fullmatch(wanted, line) and not line.endswith(' ""')]


def _tmpfs_size() -> int:
    """Bytes of memory that a base may take while it is made, 0 for none."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return 0
    with contextlib.suppress(OSError, ValueError, IndexError), open("/proc/meminfo") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                half = int(line.split()[1]) * 1024 // 2
                return half if half >= _TMPFS_BYTES else 0
    return 0


def _run(argv: list[str], work: str, tmpfs: int, output: Callable[[str], None]) -> list[str]:
    """Run mmdebstrap; its last lines when it failed, nothing when it did not."""
    scratch = os.path.join(work, "scratch")
    os.makedirs(scratch, exist_ok=True)
    # dpkg and apt close every descriptor up to the limit at each fork: bugs.debian.org/933528
    script = "ulimit -n 1024; umask 022; "
    if tmpfs:
        script += f"mount -t tmpfs -o size={tmpfs},mode=755 layers {shlex.quote(scratch)} || :; "
    script += f"export TMPDIR={shlex.quote(scratch)}; exec " + shlex.join(argv)
    command = ["sh", "-c", script]
    if os.geteuid() == 0 and shutil.which("unshare"):
        # whatever is mounted and whoever runs in there goes with the first process
        command = [
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            *command,
        ]
        if shutil.which("setpriv"):
            # it ends with us, even killed: nothing works on in a folder that the next run removes
            command = ["setpriv", "--pdeathsig", "KILL", *command]
    env = {
        **os.environ,
        "SOURCE_DATE_EPOCH": str(EPOCH),
        "LC_ALL": "C.UTF-8",
        "DEBIAN_FRONTEND": "noninteractive",
        "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin",
    }
    tail: deque[str] = deque(maxlen=15)
    with process.started(command, env=env) as child:
        assert child.stdout is not None
        for line in child.stdout:
            text = line.rstrip()
            if text:
                tail.append(text)
                output(text)
    status = child.returncode
    return (list(tail) or [f"exit status {status}"]) if status else []
