"""Hangs: steps that wait for an answer which nobody can give.

What is called an error has a row in `claims`; anything else is a warning, or is not said.
"""

from __future__ import annotations

from collections.abc import Iterator

from layers.check.families import Ground, family, ground
from layers.check.finding import Finding, Rule
from layers.check.rules.asking import ASKING, YES, verb_of
from layers.check.rules.claims import (
    ASKS_ON_DEBIAN,
    ASKS_ON_UBUNTU,
    BRINGS_TZDATA,
    MORE,
    TZDATA_HANGS,
)
from layers.check.shell.calls import Call
from layers.check.subject import Step, Subject

APT_ASKS = Rule("apt-asks", "error", "apt installs a package that asks, and nobody answers")
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
_NO_PACKAGES = frozenset(
    (
        *("echo", "printf", "sed", "rm", "mkdir", "ln", "cp", "mv", "cat", "chmod", "chown"),
        *("groupadd", "useradd", "usermod", "set", "test", "[", "[[", "grep", "touch", "tee", "ls"),
        *("true", ":", "id", "uname", "dpkg-query", "install", "find", "sleep", "date"),
    )
)
"""Programs that install nothing: what ran before is known to have left a base's packages alone."""


def check(subject: Subject) -> Iterator[Finding]:
    """Every RUN that would wait, or end because nobody answers."""
    for step in subject.all_steps():
        if step.item.keyword != "RUN":
            continue
        answered = False
        for call in step.calls or ():
            if call.name in ("debconf-set-selections", "debconf-set"):
                answered = True
            if call.fed:
                continue
            if call.name in APT:
                yield from _unanswered(step, call)
                if not answered:
                    yield from _questions(step, call)
            else:
                yield from _managers(step, call)
                yield from _programs(step, call)


def apt_verb(call: Call) -> str:
    """The verb of an apt call; empty: there is none."""
    return (*call.split(*APT_VALUED), "")[0]


def _packages(call: Call) -> frozenset[str]:
    return frozenset(
        each.partition("=")[0].partition(":")[0] for each in call.split(*APT_VALUED)[1:]
    )


def _unanswered(step: Step, call: Call) -> Iterator[Finding]:
    """Apt without -y: it asks as soon as it would do more than what is named (apt-get(8))."""
    verb = apt_verb(call)
    shown = f"{call.name} {verb}"
    yes = call.has(*_APT_YES) or not call.whole or _set_up(step)
    if verb not in _CHANGES | _REMOVES or yes or "assume-yes" in " ".join(call.args).lower():
        return
    more = sorted(_packages(call) & MORE.keys()) if verb == "install" else []
    base = ground(step.subject.root(step.stage))
    if more and base.plain and call.needed and _untouched(step, call):
        what = f"`{shown}` asks whether {more[0]} may bring {MORE[more[0]]}, nobody answers, and"
        yield step.finding(INSTALL_ASKS.name, "error", f"{what} it fails", "add -y", call.line)
        return
    what = "it does nothing, or it fails"
    if verb in ("install", "build-dep"):
        what = "it fails as soon as it would install more than what is named"
    yield step.finding(
        INSTALL_ASKS.name, "warning", f"`{shown}` without -y: {what}", "add -y", call.line
    )


def _questions(step: Step, call: Call) -> Iterator[Finding]:
    """Packages that ask while they are configured."""
    if apt_verb(call) != "install" or call.has("-s", "--simulate", "--dry-run", "-d"):
        return
    if call.env.get("DEBIAN_FRONTEND", "").lower() in ("noninteractive", "teletype"):
        return
    base, packages = ground(step.subject.root(step.stage)), _packages(call)
    shown = f"{call.name} install"
    hint = f"DEBIAN_FRONTEND=noninteractive {shown} …, with TZ set beforehand if it matters"
    if base.family == "ubuntu":
        severity, what = _ubuntu(step, call, base, packages)
    elif base.family == "debian":
        asks = packages & ASKS_ON_DEBIAN.get(base.release, frozenset())
        sure = base.plain and call.needed and _untouched(step, call)
        severity, what = "error" if sure else "warning", ""
        if asks:
            what = f"fails at the questions of {' and '.join(sorted(asks))}"
    else:
        return
    if what:
        yield step.finding(
            APT_ASKS.name,
            "error" if severity == "error" else "warning",
            f"`{shown}` {what}",
            hint,
            call.line,
        )


def _ubuntu(step: Step, call: Call, base: Ground, packages: frozenset[str]) -> tuple[str, str]:
    """How bad it is, and what happens; empty: nothing."""
    if not base.release:
        return "", ""  # somebody's image on Ubuntu, which has what that one put into it
    if "tzdata" in packages and base.release != "16.04" and not _zone(step):
        sure = base.release in TZDATA_HANGS and call.sure and "TZ" not in call.env
        if sure and _untouched(step, call):
            return "error", "stands still at the question of tzdata"
        return "warning", "stands still at the question of tzdata, unless it is there already"
    asks = sorted(packages & ASKS_ON_UBUNTU)
    if asks:
        return "warning", f"may stand still at the questions of {' and '.join(asks)}"
    brings = sorted(packages & BRINGS_TZDATA)
    if brings and base.release != "16.04" and not _zone(step) and _untouched(step, call):
        return "warning", f"may stand still at the question of tzdata, which {brings[0]} brings"
    return "", ""


def _zone(step: Step) -> bool:
    """Whether a time zone was set up by hand, so that tzdata may have nothing to ask."""
    for each in step.subject.chain(step.stage):
        if _sets_zone(each):
            return True
        if each is step:
            break
    return False


def _sets_zone(step: Step) -> bool:
    """Whether a step writes the files that tzdata looks for."""
    return "/etc/timezone" in step.item.whole or "/etc/localtime" in step.item.whole


def _untouched(step: Step, call: Call) -> bool:
    """Whether the base has its own packages alone when a call begins."""
    for each in step.subject.chain(step.stage):
        if each.item.keyword in ("COPY", "ADD"):
            if each.target in ("", "/") or each.target.startswith(
                ("/etc/apt", "/usr/bin", "/var/lib/dpkg")
            ):
                return False
        elif each.item.keyword == "RUN":
            if each.calls is None:
                return False
            for other in each.calls:
                if other is call:
                    return True
                quiet = other.name in APT and apt_verb(other) in ("update", "clean", "upgrade", "")
                if not quiet and other.name not in _NO_PACKAGES:
                    return False
    return False


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
        if each.item.keyword in ("COPY", "ADD") and each.target.startswith("/etc/apt"):
            return True
    return False


def _managers(step: Step, call: Call) -> Iterator[Finding]:
    if not call.whole:
        return
    lacks = ""
    verb = verb_of(call)
    if call.name in YES:
        verbs, options, lacks = YES[call.name]
        if verb not in verbs or call.has(*options):
            return
    elif call.name == "pacman":
        lacks, verb = "--noconfirm", "-S"
        asks = any(each.startswith(("-S", "-U", "-R")) for each in call.args)
        if not asks or call.has(lacks):
            return
    if lacks:
        yield step.finding(
            INSTALL_ASKS.name,
            "warning",
            f"`{call.name} {verb}` asks as soon as there is something to do, and nobody answers",
            f"add {lacks}",
            call.line,
        )


def _programs(step: Step, call: Call) -> Iterator[Finding]:
    asking = ASKING.get(call.name)
    system = family(step.subject.root(step.stage))
    if asking is None or not call.whole or not asking.asks(call):
        return
    if asking.on and system not in asking.on:
        return
    surely = asking.surely is None or system in asking.surely
    if asking.outcome == "hangs" and surely and call.sure:
        severity, what = "error", "waits for an answer, and nobody gives one"
    elif asking.outcome == "fails" and surely and call.needed:
        severity, what = "error", "asks, nobody answers, and it fails"
    else:
        severity, what = "warning", "asks, and nobody answers: it may fail or wait"
    yield step.finding(
        COMMAND_ASKS.name,
        "error" if severity == "error" else "warning",
        f"`{call.name}` {what}",
        asking.hint,
        call.line,
    )
