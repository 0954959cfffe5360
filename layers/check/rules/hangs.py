"""Hangs: steps that wait for an answer which nobody can give."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from layers.check.families import family
from layers.check.finding import Finding, Rule
from layers.check.shell.calls import Call
from layers.check.subject import Step, Subject

APT_ASKS = Rule("apt-asks", "error", "apt installs without DEBIAN_FRONTEND=noninteractive")
INSTALL_ASKS = Rule("install-asks", "error", "a package manager that asks before it installs")
COMMAND_ASKS = Rule("command-asks", "error", "a program that waits for an answer")
RULES = (APT_ASKS, INSTALL_ASKS, COMMAND_ASKS)

APT = frozenset(("apt", "apt-get", "aptitude"))
APT_VALUED = ("-o", "--option", "-t", "--target-release", "--default-release", "-c", "-a")
_CHANGES = frozenset(("install", "upgrade", "dist-upgrade", "full-upgrade", "build-dep"))
_REMOVES = frozenset(("remove", "purge", "autoremove", "autopurge"))
_APT_YES = (
    *("-y", "--yes", "--assume-yes", "--force-yes", "-qq", "-s", "--simulate", "--dry-run"),
    *("--print-uris", "--just-print", "--no-act", "--recon", "-d", "--assume-no"),
)

QUESTIONS = frozenset(
    (
        *("tzdata", "keyboard-configuration", "console-setup", "locales", "postfix", "krb5-config"),
        *("wireshark-common", "slapd", "iptables-persistent", "msmtp", "ttf-mscorefonts-installer"),
        *(
            "libpam-krb5",
            "krb5-user",
            "mysql-server",
            "ca-certificates-java",
            "nullmailer",
            "exim4",
        ),
        *("dash", "libssl1.1", "wireshark", "tshark", "jackd2", "davfs2", "grub-pc", "lirc"),
    )
)
"""Packages with debconf questions of a priority that is shown (their .templates and .config)."""

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
    **dict.fromkeys(
        ("conda", "mamba", "micromamba"),
        (
            frozenset(("install", "create", "update", "remove", "upgrade", "uninstall", "clean")),
            ("-y", "--yes", "-q", "--dry-run", "--json"),
            "--yes",
        ),
    ),
}
"""By program: verbs that ask, options after which they do not, and the one to add."""


def check(subject: Subject) -> Iterator[Finding]:
    """Every RUN that would wait."""
    for step in subject.all_steps():
        if step.item.keyword != "RUN":
            continue
        asked = False
        for call in step.calls or ():
            if call.name in ("debconf-set-selections", "debconf-set"):
                asked = True
            if call.fed:
                continue
            if call.name in APT:
                yield from _apt(step, call, asked)
            else:
                yield from _managers(step, call)
                yield from _others(step, call)


def apt_verb(call: Call) -> str:
    """The verb of an apt call; empty: there is none."""
    return (*call.split(*APT_VALUED), "")[0]


def _apt(step: Step, call: Call, answered: bool) -> Iterator[Finding]:
    verb = apt_verb(call)
    if verb not in _CHANGES | _REMOVES:
        return
    shown = f"{call.name} {verb}"
    simulated = call.has("-s", "--simulate", "--dry-run", "--just-print", "--print-uris", "-d")
    yes = call.has(*_APT_YES) or not call.whole or _set_up(step)
    if not yes and "assume-yes" not in " ".join(call.args).lower():
        yield step.finding(
            INSTALL_ASKS.name,
            "error",
            f"`{shown}` asks whether to go on, and nobody answers",
            "add -y",
            call.line,
        )
    if verb in _REMOVES or simulated or answered:
        return
    if call.env.get("DEBIAN_FRONTEND") in ("noninteractive", "Noninteractive"):
        return
    packages = {each.partition("=")[0].partition(":")[0] for each in call.split(*APT_VALUED)[1:]}
    known = sorted(packages & QUESTIONS)
    waits = bool(known) or family(step.subject.root(step.stage)) == "ubuntu"
    what = f"`{shown}` may stop at a question of a package"
    if known:
        what = f"`{shown}` stops at the questions of {' and '.join(known)}"
    yield step.finding(
        APT_ASKS.name,
        "error" if waits else "warning",
        what,
        f"DEBIAN_FRONTEND=noninteractive {shown} …, with TZ set beforehand if it matters",
        call.line,
    )


def _set_up(step: Step) -> bool:
    """Whether apt was told before, in a file of its own, not to ask."""
    if "assume-yes" in step.item.text.lower():
        return True
    chain = step.subject.chain(step.stage)
    for each in chain:
        if each is step:
            return False
        text = each.item.text.lower()
        if "assume-yes" in text or "/etc/apt/apt.conf" in text:
            return True
    return False


def _managers(step: Step, call: Call) -> Iterator[Finding]:
    name = call.name
    words = call.split("-n", "-p", "-c", "-f", "--name", "--prefix", "--channel", "--file", "-o")
    verb = (*words, "")[0]
    lacks = ""
    if name in YES:
        verbs, options, lacks = YES[name]
        quiet = "always_yes" in step.item.text.lower() or "CONDA_ALWAYS_YES" in call.env
        if verb not in verbs or call.has(*options) or quiet:
            return
    elif name == "pacman":
        lacks = "--noconfirm"
        asks = any(each.startswith(("-S", "-U", "-R")) for each in call.args)
        if not asks or call.has(lacks):
            return
    elif name in ("add-apt-repository", "apt-add-repository"):
        lacks, verb = "-y", ""
        if call.has("-y", "--yes", "-r", "-h", "--help", "-L", "--list"):
            return
    else:
        return
    if call.whole:
        yield step.finding(
            INSTALL_ASKS.name,
            "error",
            f"`{f'{name} {verb}'.strip()}` asks whether to go on, and nobody answers",
            f"add {lacks}",
            call.line,
        )


def _first(call: Call) -> str:
    return (*call.split(), "")[0]


def _adduser(call: Call) -> bool:
    if call.has("-D", "-S", "--system", "-r", "--group", "-h", "--help"):
        return False
    silent = call.has("--disabled-password", "--disabled-login", "--no-create-home-only")
    gecos = call.has("--gecos", "--comment", "-c")
    names = call.split("--uid", "--gid", "--home", "--shell", "--ingroup", "--gecos", "--comment")
    return len(names) < 2 and not (silent and gecos)


_ADD_GECOS = "add --disabled-password --gecos '' (Debian) or -D (Alpine), or take useradd"
ASKING: dict[str, tuple[Callable[[Call], bool], str]] = {
    "read": (lambda call: not call.has("-u"), "give it its input by a pipe or a file"),
    "passwd": (
        lambda call: not call.has("-d", "-l", "-u", "-e", "-S", "--stdin", "--delete", "--lock"),
        "use chpasswd with a secret, or `passwd -l`",
    ),
    "dpkg-reconfigure": (
        lambda call: (
            call.env.get("DEBIAN_FRONTEND") != "noninteractive"
            and "noninteractive" not in " ".join(call.args)
        ),
        "add -f noninteractive",
    ),
    "ssh-keygen": (
        lambda call: (
            not call.has("-A", "-F", "-R", "-l", "-y", "-e", "-H", "-i")
            and not (call.has("-N") and call.has("-f"))
        ),
        "add -N '' and -f FILE; a key made in a build is the same in every container",
    ),
    "openssl": (
        lambda call: (
            _first(call) == "req"
            and call.has("-new", "-x509", "-newkey")
            and not any(each in call.args for each in ("-subj", "-config", "-batch"))
        ),
        "add -subj /CN=NAME",
    ),
    "gpg": (
        lambda call: (
            call.has("--gen-key", "--full-generate-key", "--full-gen-key")
            and not call.has("--batch")
        ),
        "add --batch and a parameter file",
    ),
    "npm": (
        lambda call: (
            _first(call) in ("init", "login", "adduser") and not call.has("-y", "--yes", "-f")
        ),
        "add --yes; log in with a secret",
    ),
    "yarn": (lambda call: _first(call) == "init" and not call.has("-y", "--yes"), "add --yes"),
    "poetry": (
        lambda call: _first(call) == "init" and not call.has("-n", "--no-interaction"),
        "add --no-interaction",
    ),
    "sdkmanager": (lambda call: call.has("--licenses"), "yes | sdkmanager --licenses"),
    "mysql_secure_installation": (lambda _: True, "write the statements it would run"),
    "docker": (
        lambda call: _first(call) == "login" and not call.has("--password-stdin", "-p"),
        "add --password-stdin, with a secret mount",
    ),
    **dict.fromkeys(
        ("vi", "vim", "nano", "emacs", "less", "more", "man", "top", "htop"),
        (lambda call: not call.has("-c", "-es", "-E", "--version", "--help"), "leave it out"),
    ),
}
"""Programs that read from the terminal: whether a call of theirs does, and what to do."""


def _others(step: Step, call: Call) -> Iterator[Finding]:
    asks, hint = ASKING.get(call.name, (None, ""))
    if call.name == "adduser" and family(step.subject.root(step.stage)):
        asks, hint = _adduser, _ADD_GECOS
    if asks is not None and call.whole and asks(call):
        yield step.finding(
            COMMAND_ASKS.name,
            "error",
            f"`{call.name}` waits for an answer, and nobody gives one",
            hint,
            call.line,
        )
