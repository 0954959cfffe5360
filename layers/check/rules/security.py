"""Security: more rights and more programs than a service needs."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace

from layers.check.families import blank
from layers.check.finding import Finding, Rule
from layers.check.rules.hangs import APT, APT_VALUED, apt_verb
from layers.check.shell.calls import Call
from layers.check.shell.pip_calls import find
from layers.check.subject import Step, Subject

ROOT_USER = Rule("root-user", "warning", "a service that runs as root")
COMPILER = Rule("compiler-at-runtime", "warning", "compilers in the image that runs")
WORLD_WRITABLE = Rule("world-writable", "warning", "files that everybody may change")
RULES = (ROOT_USER, COMPILER, WORLD_WRITABLE)

_SERVICE = frozenset(("CMD", "ENTRYPOINT", "HEALTHCHECK", "EXPOSE"))
_PROMPTS = frozenset(
    (
        *("sh", "bash", "ash", "dash", "zsh", "fish", "python", "python3", "ipython", "node"),
        *("irb", "R", "julia", "php", "ghci", "jshell", "pwsh", "lua", "psql"),
    )
)
"""Programs that, alone, are for somebody who sits in front of them."""
_DROPS = re.compile(
    r"\b(?:gosu|su-exec|setpriv|runuser|chpst|s6-setuidgid|s6-overlay)\b|\bsu -|\bsudo\s+-\w*u"
)
"""Programs by which an entrypoint goes on as another user."""
_COMPILERS = re.compile(
    r"^(?:(?:gcc|g\+\+|clang|gfortran|cpp|cc)(?:-\d+)?|build-essential|build-base|cmake"
    r"|libc6-dev|musl-dev|(?:python3|python)(?:\.\d+)?-dev|cargo|rustc|golang(?:-go)?|go|alpine-sdk"
    r"|cuda-toolkit[\w.-]*)$"
)
_EVERYBODY = re.compile(r"^0?[0-7]?[0-7][0-7][2367]$")
_STICKY = re.compile(r"^0?[1-7][0-7][0-7][0-7]$")
_SYMBOLIC = re.compile(r"(?:^|,)[ugoa]*[oa][ugoa]*[+=][rxXst]*w")


def check(subject: Subject) -> Iterator[Finding]:
    """Everything that the finished image, or its history, should not hold."""
    service = _service(subject)
    if service is not None:
        yield from _user(subject, service)
        yield from _compilers(subject)
    for step in subject.all_steps():
        yield from _modes(step)


def _service(subject: Subject) -> Step | None:
    """The first instruction that says that the target is a service; a shell alone is none."""
    steps = subject.steps(subject.target.index)
    found = {each.item.keyword: each for each in steps}
    program = found.get("CMD", found.get("ENTRYPOINT"))
    words = " ".join(program.item.words).split() if program is not None else []
    shell = bool(words) and posixpath.basename(words[0]) in _PROMPTS
    alone = all(each in ("-l", "-i", "--login") for each in words[1:])
    for each in steps:
        if each.item.keyword in ("EXPOSE", "HEALTHCHECK"):
            return each
        if each.item.keyword in _SERVICE and not (shell and alone):
            return each
    return None


def _steps_down(subject: Subject) -> bool:
    """Whether the image has a program that takes another user, or its entrypoint does."""
    for step in subject.chain(subject.target.index):
        if _DROPS.search(step.item.whole):
            return True
        if step.item.keyword in ("ENTRYPOINT", "CMD"):
            if step.item.words[:1] == ("/init",):
                return True  # s6-overlay's
            for word in " ".join(step.item.words).split()[:2]:
                for path in (word, f"/usr/local/bin/{word}", f"/{word}"):
                    found = find(step, step.cwd, path)
                    script = None if found is None else step.subject.context.read(found)
                    if script is not None and _DROPS.search(script):
                        return True
    return False


def _user(subject: Subject, service: Step) -> Iterator[Finding]:
    user = subject.state(subject.target.index).user
    if user is None and not blank(subject.root(subject.target.index)):
        return  # an upstream that may set a user of its own
    if (user or "root").partition(":")[0] in ("root", "0") and not _steps_down(subject):
        said = "it sets no USER" if user is None else f"its USER is {user}"
        yield service.finding(
            ROOT_USER.name,
            "warning",
            f"{subject.image.name} runs as root: {said}",
            "USER 10001:10001 behind the last RUN that needs root",
        )


def _compilers(subject: Subject) -> Iterator[Finding]:
    where: dict[tuple[str, int], tuple[Step, int, list[str]]] = {}
    for step in subject.chain(subject.target.index):
        for call in (step.item.keyword == "RUN" and step.calls) or ():
            bad = [each for each in installed(call) if _COMPILERS.match(each)]
            if bad and not any(_removes(each) for each in step.calls or ()):
                key = (step.subject.dockerfile.path, step.item.line)
                known = where.setdefault(key, (step, call.line, []))
                known[2].extend(each for each in bad if each not in known[2])
    for step, line, packages in where.values():
        hint = "build in a stage of its own, and COPY --from it what was made"
        if step.subject is subject:
            message = f"{' '.join(packages)} stay in the image that runs"
            yield step.finding(COMPILER.name, "warning", message, hint, line)
        else:
            at = subject.at(_bottom(subject))
            message = (
                f"{' '.join(packages)} of {step.subject.image.name}"
                f" ({step.subject.dockerfile.path}:{line}) stay in the image that runs"
            )
            yield replace(at, rule=COMPILER.name, message=message, hint=hint)


def _bottom(subject: Subject) -> int:
    """The stage of this file that the target is built on in the end."""
    stages = {each.index: each for each in subject.reached}
    at = subject.target
    while at.base.stage is not None:
        at = stages[at.base.stage]
    return at.index


def installed(call: Call) -> tuple[str, ...]:
    """The names that apt or apk is told to install, versions and releases cut off."""
    words: tuple[str, ...] = ()
    if call.name in APT and apt_verb(call) == "install":
        words = call.split(*APT_VALUED)[1:]
    elif call.name == "apk" and "add" in call.args:
        words = call.split("-t", "--virtual", "-X", "--repository", "-p", "--root")
        words = tuple(each for each in words if each != "add")
    return tuple(re.split(r"[=<>~@/:]", each)[0] for each in words if not each.startswith("."))


def _removes(call: Call) -> bool:
    if call.name == "apk":
        return "del" in call.args
    return call.name in APT and apt_verb(call) in ("purge", "remove", "autoremove")


def _modes(step: Step) -> Iterator[Finding]:
    hint = "give the files to the user who needs them: COPY --chown, or 755 and 644"
    mode = step.item.flag("chmod")
    if mode and _open_to_all(mode):
        yield step.finding(
            WORLD_WRITABLE.name, "warning", f"--chmod={mode} lets everybody change them", hint
        )
    for call in (step.item.keyword == "RUN" and step.calls) or ():
        wanted = ""
        if call.name == "chmod":
            wanted = next((each for each in call.args if _open_to_all(each)), "")
        elif call.name in ("install", "mkdir"):
            value = call.value("-m", "--mode") or ""
            wanted = value if _open_to_all(value) else ""
        if wanted:
            yield step.finding(
                WORLD_WRITABLE.name,
                "warning",
                f"`{call.name} {wanted}` lets everybody change them",
                hint,
                call.line,
            )


def _open_to_all(mode: str) -> bool:
    if _STICKY.match(mode) and mode.lstrip("0")[0] in "1357" and len(mode.lstrip("0")) == 4:
        return False  # as /tmp has it: only a file's owner may remove it
    return bool(_EVERYBODY.match(mode) or _SYMBOLIC.search(mode))
