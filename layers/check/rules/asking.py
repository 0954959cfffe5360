"""Asking: programs that read answers, and how a call of theirs shows that it will."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from layers.check.shell.calls import Call

YES: dict[str, tuple[frozenset[str], tuple[str, ...], str]] = {
    **dict.fromkeys(
        ("yum", "dnf", "microdnf", "tdnf"),
        (
            frozenset(("install", "update", "upgrade", "remove", "groupinstall", "erase")),
            ("-y", "--assumeyes", "--assumeno", "--downloadonly"),
            "-y",
        ),
    ),
    "zypper": (
        frozenset(("install", "in", "update", "up", "dup", "remove", "rm", "patch")),
        ("-n", "--non-interactive", "-y", "--no-confirm"),
        "--non-interactive",
    ),
}
"""By program: verbs that ask, options after which they do not, and the one to add.

Not here, since they take yes when nobody answers: conda, mamba and micromamba; nor
add-apt-repository, which asks only on a terminal.
"""


def verb_of(call: Call) -> str:
    """The first argument that is no option; empty: there is none."""
    return (*call.split("-n", "-p", "-c", "-f", "-o"), "")[0]


class Asking(NamedTuple):
    """A program that reads answers."""

    asks: Callable[[Call], bool]
    hint: str
    outcome: Literal["fails", "hangs", ""] = ""
    """What happens with nobody to answer; empty: that is not known."""
    surely: tuple[str, ...] | None = None
    """The families of systems on which that is known; None: on all."""
    on: tuple[str, ...] = ()
    """The families on which it asks at all; empty: on all."""


def _first(call: Call) -> str:
    return (*call.split(), "")[0]


_DEBIAN = ("debian", "ubuntu")
_EDITOR = "leave it out, or edit with sed"

ASKING: dict[str, Asking] = {
    "read": Asking(lambda call: not call.has("-u"), "give it its input by a pipe or a file",
                   "fails"),
    "passwd": Asking(
        lambda call: not call.has("-d", "-l", "-u", "-e", "-S", "--stdin", "--delete", "--lock",
                                  "--unlock", "--expire", "--status"),
        "use chpasswd with a secret, or `passwd -l`", "fails", _DEBIAN,
    ),
    "adduser": Asking(
        lambda call: not call.has("-D", "-S", "-h", "--help", "--disabled-password", "--system")
        and len(call.split("-h", "-g", "-s", "-G", "-u", "-k")) < 2,
        "add -D", on=("alpine",),
    ),
    "dpkg-reconfigure": Asking(
        lambda call: call.env.get("DEBIAN_FRONTEND") != "noninteractive"
        and "noninteractive" not in " ".join(call.args),
        "add -f noninteractive", on=("ubuntu",),
    ),
    "ssh-keygen": Asking(
        lambda call: not call.has("-A", "-F", "-R", "-l", "-y", "-e", "-H", "-i", "-f", "-Y", "-Q",
                                  "-h", "-V"),
        "add -N '' and -f FILE; a key made in a build is the same in every container", "fails",
    ),
    "openssl": Asking(
        lambda call: _first(call) == "req"
        and call.has("-new", "-x509", "-newkey")
        and not any(each in call.args for each in ("-subj", "-config", "-batch", "-in"))
        and "OPENSSL_CONF" not in call.env,
        "add -subj /CN=NAME", "fails",
    ),
    "gpg": Asking(
        lambda call: call.has("--gen-key", "--full-generate-key", "--full-gen-key")
        and not call.has("--batch"),
        "add --batch and a parameter file", "fails",
    ),
    "npm": Asking(
        lambda call: _first(call) in ("init", "login", "adduser")
        and not call.has("-y", "--yes", "-f"),
        "add --yes; log in with a secret",
    ),
    "sdkmanager": Asking(lambda call: call.has("--licenses"), "yes | sdkmanager --licenses"),
    "mysql_secure_installation": Asking(lambda _: True, "write the statements it would run"),
    "docker": Asking(
        lambda call: _first(call) == "login" and not call.has("--password-stdin", "-p",
                                                              "--password"),
        "add --password-stdin, with a secret mount", "fails",
    ),
    **dict.fromkeys(
        ("vi", "vim"),
        Asking(
            lambda call: not call.has("-c", "-es", "-E", "-s", "-e", "--version", "--help", "-h"),
            _EDITOR, "hangs", _DEBIAN,
        ),
    ),
    **dict.fromkeys(
        ("nano", "emacs"),
        Asking(lambda call: not call.has("--version", "--help", "--batch", "-batch", "--script"),
               _EDITOR, "fails", _DEBIAN),
    ),
    **dict.fromkeys(
        ("top", "htop"),
        Asking(lambda call: not call.has("-b", "--version", "--help", "-v", "-h"), "leave it out",
               "fails", _DEBIAN),
    ),
}  # fmt: skip
"""By program; what is known of each has its row in `claims`."""
