"""Probes and smoke tests: commands inside an image, and what their answers mean."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from hashes.errors import LayersError
from layers.config.spec import Image
from layers.engine.containers import TIMED_OUT, Containers, Ran

PATIENCE = 600.0
"""Seconds that a probe or a smoke test may take."""
SHOWN = 20
"""Lines of a failed command's output that its error has."""

_APT = """\
set -e
apt-get -o APT::Update::Error-Mode=any -o Acquire::Retries=2 -qq update >&2
upgrades=$(apt-get -qq --simulate dist-upgrade)
printf '%s\\n' "$upgrades" | sed -n 's/^Inst //p' | sort
"""
# apt-get update ends with 0 when no index could be fetched, unless told: apt-get(8), apt 2.1.
_APK = """\
set -e
apk --quiet update >&2
upgrades=$(apk --quiet list --upgradable)
printf '%s\\n' "$upgrades" | sort
"""
_PIP = """\
set -e
python=$(command -v python3 || command -v python)
exec "$python" -m pip --retries 2 --timeout 20 --disable-pip-version-check \\
    list --outdated --format=json
"""
_BUILT_IN = {"apt": (_APT, "0"), "apk": (_APK, "0"), "pip": (_PIP, "")}
"""Script and user; the image's own user may not be allowed to fetch indexes."""
_PIP_IN_VAIN = ("Retrying (", "Could not fetch URL", "There was a problem confirming")
# pip ends with 0 and an empty list when no index answers: pypa/pip#9031.


class ProbeFailed(LayersError):
    """A probe could not tell: that is no reason to build, and no reason not to."""


class SmokeFailed(LayersError):
    """A new build did not pass a test."""


def ask(containers: Containers, image: Image, name: str, env: Mapping[str, str]) -> str:
    """The hash of what an image's probe says inside ``name``, ``sha256:…``.

    Raises ProbeFailed, EngineError.
    """
    script, user = _BUILT_IN[image.probe] if isinstance(image.probe, str) else ("", "")
    argv = ("sh", "-c", script) if script else tuple(image.probe)
    ran = containers.run(name, argv, network=_network(image), env=env, timeout=PATIENCE, user=user)
    in_vain = image.probe == "pip" and any(text in ran.errors for text in _PIP_IN_VAIN)
    if ran.status != 0 or in_vain:
        what = image.probe if script else " ".join(argv)
        raise ProbeFailed(f"{image.name}: its probe {_failure(str(what), ran)}")
    said = "\n".join(line.rstrip() for line in ran.output.strip().splitlines())
    return f"sha256:{hashlib.sha256(said.encode()).hexdigest()}"


def smoke(containers: Containers, image: Image, name: str, env: Mapping[str, str]) -> None:
    """Run an image's smoke tests inside ``name``.  Raises SmokeFailed for the first that fails."""
    for argv in image.smoke:
        network = "none" if image.network == "none" else _network(image)
        ran = containers.run(name, argv, network=network, env=env, timeout=PATIENCE)
        if ran.status != 0:
            raise SmokeFailed(f"{image.name}: smoke test {_failure(_shown(argv), ran)}")


def _network(image: Image) -> str:
    return "host" if image.network == "host" else ""


def _shown(argv: Sequence[str]) -> str:
    return argv[2] if argv[:2] == ("sh", "-c") else " ".join(argv)


def _failure(what: str, ran: Ran) -> str:
    how = f"ended with status {ran.status}"
    if ran.status == TIMED_OUT:
        how = f"took more than {PATIENCE:.0f} s and was ended"
    lines = f"{ran.output}\n{ran.errors}".strip().splitlines()[-SHOWN:]
    return "\n".join([f"{what!r} {how}", *(f"  | {line}" for line in lines)])
