"""Order: packages built from source before what their build imports is there."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from hashes.dockerfile.state import BASE
from layers.check.families import blank, python_of
from layers.check.finding import Finding, Rule, Severity
from layers.check.rules.build_needs import ALIASES, BRING, NEEDS, Need
from layers.check.shell.pip_calls import Request, Requirement, project, requests
from layers.check.subject import Step, Subject

BUILD_NEEDS = Rule("build-needs", "error", "a source build before what it imports is installed")
BUILD_ISOLATION = Rule("build-isolation", "error", "a source build that cannot see what it imports")
RULES = (BUILD_NEEDS, BUILD_ISOLATION)

_INSTALLERS = frozenset(
    ("poetry", "pipenv", "uv", "conda", "mamba", "micromamba", "pdm", "hatch", "make", "tar")
)
_ENVIRONMENT = re.compile(r"venv|site-packages|dist-packages|conda|/usr/local|/opt/|^/usr/?$|^/$")


def check(subject: Subject) -> Iterator[Finding]:
    """Every pip call that asks for a build which cannot work."""
    for step in subject.all_steps():
        if step.item.keyword == "RUN":
            for request in requests(step):
                yield from _request(request)


def _request(request: Request) -> Iterator[Finding]:
    if request.has("--no-index", "--only-binary", "-f", "--find-links"):
        return  # wheels that were built elsewhere
    bare = request.call.has("--no-deps")
    for wanted in request.wanted:
        found = _cloned(request, wanted) if wanted.local else wanted.name
        name = ALIASES.get(found, found)
        fetched = bool(wanted.address) or wanted.local
        for need in NEEDS.get(name, ()):
            if need.cloned and not fetched:
                continue
            if bare if need.later else not (bare and need.below):
                yield from _judged(request, wanted, name, need)


def _judged(request: Request, wanted: Requirement, name: str, need: Need) -> Iterator[Finding]:
    there = need.imports == "pip" or _there(request, need)
    together = any(each.name == need.imports for each in request.wanted)
    before = f"install {need.imports} in a step before this one ({need.source})"
    if need.later:
        if not there and not together:
            what = f"{name} imports {need.imports}, --no-deps leaves it out, and nothing before"
            yield _finding(request, wanted, BUILD_NEEDS.name, f"{what} installs it", before)
        return
    builder = f"{name} brings {need.below}, which" if need.below else name
    if _lacks_flag(request) and not _sees(request, wanted):
        yield _finding(
            request,
            wanted,
            BUILD_ISOLATION.name,
            f"{builder} imports {need.imports} while it is built, and pip's isolated build does"
            " not have it",
            f"add --no-build-isolation ({need.source})",
            "error" if _isolates(request) else "warning",
        )
    if not there:
        where = "in the same pip call" if together else "nowhere before"
        yield _finding(
            request,
            wanted,
            BUILD_NEEDS.name,
            f"{builder} imports {need.imports} while it is built; that is installed {where}",
            before,
        )


def _cloned(request: Request, wanted: Requirement) -> str:
    """The project that was cloned into a folder that is installed; empty: none was."""
    steps = request.step.subject.chain(request.step.stage)
    for step in steps[: steps.index(request.step) + 1]:
        for call in step.calls or ():
            words = call.split(
                "-b", "--branch", "--depth", "-c", "--origin", "-o", "-j", "--filter"
            )
            if call.name != "git" or words[:1] != ("clone",) or len(words) < 2:
                continue
            folder = words[2] if len(words) > 2 else project(words[1], plain=True)
            place = posixpath.normpath(posixpath.join(call.cwd or BASE, folder))
            if wanted.path == place:
                return project(words[1])
    return ""


def _lacks_flag(request: Request) -> bool:
    call = request.call
    return (
        call.whole
        and not any(each.startswith("--no-build-isolation") for each in call.args)
        and "PIP_NO_BUILD_ISOLATION" not in call.env
        and "UV_NO_BUILD_ISOLATION" not in call.env
    )


def _sees(request: Request, wanted: Requirement) -> bool:
    """Whether the package may be there already, or an old pip builds beside what is installed."""
    step = request.step
    fetched = bool(wanted.address) or wanted.local
    if not fetched and not blank(step.subject.root(step.stage)):
        return True
    if _isolates(request):
        return False
    steps = step.subject.chain(step.stage)
    for before in steps[: steps.index(step) + 1]:
        for other in requests(before):
            if other.call == request.call:
                return False
            if any(each.name == "wheel" for each in other.wanted):
                return True
        if any(arg.endswith("get-pip.py") for call in before.calls or () for arg in call.args):
            return True  # it brings wheel along, except to a Python that is too new for that
    return False


def _isolates(request: Request) -> bool:
    """Whether the pip in use surely builds apart from what is installed.

    Before 25.3, which needs Python 3.9, pip did not where a package has no pyproject.toml and
    ``wheel`` is installed (pip's changelog, 23.1 and 25.3); from Python 3.12 on nothing brings it.
    """
    step = request.step
    if request.call.name == "uv":
        return True
    python = python_of(step.subject.root(step.stage), dict(step.env))
    minor = int(python.partition(".")[2]) if re.fullmatch(r"3\.\d+", python) else 0
    steps = step.subject.chain(step.stage)
    newest = any(
        each.name == "pip" and not each.pin and other.call.has("-U", "--upgrade")
        for before in steps[: steps.index(step) + 1]
        for other in requests(before)
        for each in other.wanted
    )
    return minor >= 12 or (minor >= 9 and newest)


def _there(request: Request, need: Need) -> bool:
    """Whether a package may be installed when a request begins: it is, or nobody knows."""
    subject, step = request.step.subject, request.step
    if not blank(subject.root(step.stage)):
        return True
    steps = subject.chain(step.stage)
    for each in steps[: steps.index(step)]:
        if _brings(each, need.imports):
            return True
    return _brings(step, need.imports, before=request)


def _brings(step: Step, name: str, before: Request | None = None) -> bool:
    keyword = step.item.keyword
    if keyword in ("COPY", "ADD"):
        from_outside = step.item.flag("from") is not None or keyword == "ADD"
        return from_outside and bool(_ENVIRONMENT.search(step.target))
    if keyword != "RUN":
        return False
    if step.calls is None:
        return True
    for call in step.calls:
        if before is not None and call == before.call:
            break
        if call.name in _INSTALLERS and not (call.name == "uv" and call.args[:1] == ("pip",)):
            return True
        if f"python3-{name}" in call.args:
            return True
    for request in requests(step):
        if before is not None and request.call == before.call:
            return False
        if request.verb != "install":
            continue
        local = any(each.local and not each.name for each in request.wanted)
        if not request.whole or local:
            return True
        names = {each.name for each in request.wanted}
        deps = not request.call.has("--no-deps")
        if name in names or (deps and names & BRING.get(name, frozenset())):
            return True
        if deps and any(each.address for each in request.wanted):
            return True
    return False


def _finding(
    request: Request,
    wanted: Requirement,
    rule: str,
    message: str,
    hint: str,
    severity: Severity = "error",
) -> Finding:
    line = request.call.line if wanted.file else wanted.line
    if not request.call.needed:
        severity = "warning"  # the step goes on without it, or may not come to it
    return request.step.finding(rule, severity, message, hint, line)
