"""Pip resolve: whether pip could meet a RUN's requirements, by dry runs that install nothing.

The machine's own pip is asked, for the image's Python: first which versions there are, then, where
pip's markers hold for that Python, whether they go together. No package's code runs.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from layers.check.finding import Finding, Severity
from layers.check.shell.pip_calls import Request, Requirement, indexed, meets

RULE = "pip-pin"
ROUNDS = 4
"""Dry runs for one call; each leaves out one requirement more."""
LANES = 4
"""Look-ups at a time."""

_GLIBC = ("manylinux1", "manylinux2010", "manylinux2014", "linux")
_GLIBC_NEW = (17, 24, 26, 27, 28, 31, 34, 35)
_NONE = re.compile(r"Could not find a version that satisfies the requirement (.+?) \(from versions")
_CONFLICT = re.compile(
    r"Cannot install .+? because these package versions have conflicting dependencies"
)
_CAUSE = re.compile(
    r"^    (?:(The user requested) (?:\(constraint\) )?(.+)|(\S+) (\S+) depends on (.+))$"
)
_AVAILABLE = re.compile(r"^Available versions: (.+)$", re.MULTILINE)
_INDEX = ("-i", "--index-url", "--extra-index-url", "--trusted-host")


@dataclass(frozen=True)
class Said:
    """How a run of pip ended."""

    status: int
    text: str


Pip = Callable[[Sequence[str], str, str], Said]
"""Run pip with these arguments; the texts of a requirements and a constraints file go with it,
and their paths take the place of ``{wanted}`` and ``{constraints}``."""


@dataclass(frozen=True)
class Target:
    """What is resolved for."""

    python: str
    """Such as ``3.10``."""
    platform: str
    """Such as ``linux/amd64``."""
    musl: bool = False


def resolve(request: Request, target: Target, pip: Pip, notes: list[str]) -> Iterator[Finding]:
    """Findings for requirements that no index can meet; what is not known goes to ``notes``."""
    place = f"{request.step.subject.dockerfile.path}:{request.call.line}"
    wanted = _askable(request, target)
    if not wanted or request.has("--no-index", "-f", "--find-links"):
        return
    if not request.whole:
        notes.append(f"{place}: what pip gets is known only in the build; not looked up")
        return
    options = _options(request)
    versions = _Versions(pip, options, target)
    with ThreadPoolExecutor(LANES) as pool:
        fitting = list(pool.map(versions.fitting, wanted))
    lacking = [each for each, found in zip(wanted, fitting, strict=True) if not _has(found, each)]
    if lacking and not versions.answered():
        notes.append(f"{place}: the index does not answer; not looked up")
        return
    for each in lacking:
        yield _missing(request, each, target, versions)
    if not lacking and not request.call.has("--no-deps") and target.python == _here():
        yield from _together(request, wanted, target, options, pip, notes, place)


class _Versions:
    """What an index has of a project; asking costs one start of pip, and downloads nothing."""

    def __init__(self, pip: Pip, options: Sequence[str], target: Target) -> None:
        self.pip = pip
        self.options = options
        self.target = target

    def fitting(self, wanted: Requirement) -> list[str]:
        """Versions for the target's Python, the newest first."""
        return self._ask(wanted.name)

    def any(self, wanted: Requirement) -> list[str]:
        """Versions for whatever Python."""
        return self._ask(wanted.name, "--ignore-requires-python")

    def answered(self) -> bool:
        """Whether anything comes at all: pip itself is on every index that is whole."""
        return bool(self._ask("pip"))

    def _ask(self, name: str, *more: str) -> list[str]:
        python = ("--python-version", self.target.python)
        pre = ("--pre", *more)
        said = self.pip(["index", "versions", name, *self.options, *python, *pre], "", "")
        match = _AVAILABLE.search(said.text)
        return [each.strip() for each in match[1].split(",")] if match else []


def _together(
    request: Request,
    wanted: list[Requirement],
    target: Target,
    options: Sequence[str],
    pip: Pip,
    notes: list[str],
    place: str,
) -> Iterator[Finding]:
    """Whether pins hold together, by pip's own resolver; wheels only, so that no code runs."""
    limits = "".join(f"{each.text}\n" for each in request.constraints if not each.marked)
    args = [*_dry_run(target), *options, "-r", "{wanted}", "-c", "{constraints}"]
    for _ in range(ROUNDS):
        if not wanted:
            return
        said = pip(args, "".join(f"{each.text}\n" for each in wanted), limits)
        missing = _NONE.search(said.text)
        at = _find(wanted, missing[1]) if missing is not None else None
        if said.status and missing is None and _CONFLICT.search(said.text):
            yield from _conflict(request, said.text)
        if said.status == 0 or missing is None or at is None or "(from " in missing[1]:
            return  # they hold; or something below exists as source alone, and only a build knows
        wanted = [*wanted[:at], *wanted[at + 1 :]]
    notes.append(f"{place}: too much of it exists as source alone to tell whether it goes together")


def _askable(request: Request, target: Target) -> list[Requirement]:
    """What an index can be asked for; markers are read for this machine's Python alone."""
    here = target.python == _here()
    return [each for each in indexed(request.wanted) if here or not each.marked]


def _here() -> str:
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def _options(request: Request) -> list[str]:
    found: list[str] = []
    args = request.options
    for at, arg in enumerate(args):
        name, equals, value = arg.partition("=")
        if name in _INDEX:
            found += [name, value if equals else (*args, "")[at + 1]]
    for variable, option in (
        ("PIP_INDEX_URL", "--index-url"),
        ("PIP_EXTRA_INDEX_URL", "--extra-index-url"),
    ):
        if request.call.env.get(variable) and option not in found:
            found += [option, request.call.env[variable]]
    return found


def _dry_run(target: Target) -> list[str]:
    return [
        *("install", "--dry-run", "--ignore-installed", "--only-binary=:all:"),
        *("--python-version", target.python, "--implementation", "cp"),
        *(word for each in platforms(target) for word in ("--platform", each)),
        *("--target", "{target}"),
    ]


def platforms(target: Target) -> list[str]:
    """Tags of wheels that the image can use (PEP 600, PEP 656)."""
    machine = {"amd64": "x86_64", "arm64": "aarch64", "386": "i686"}
    arch = machine.get(target.platform.split("/")[1], target.platform.split("/")[1])
    if target.musl:
        return [f"musllinux_1_{minor}_{arch}" for minor in (1, 2)]
    new = [f"manylinux_2_{minor}_{arch}" for minor in _GLIBC_NEW]
    return [*new, *(f"{each}_{arch}" for each in _GLIBC)]


def _find(wanted: Sequence[Requirement], text: str) -> int | None:
    name = re.split(r"[\s\[=<>!~;(]", text)[0]
    return next(
        (at for at, each in enumerate(wanted) if each.name == canonicalize_name(name)), None
    )


def _missing(request: Request, wanted: Requirement, target: Target, versions: _Versions) -> Finding:
    """Why there is nothing: another Python, another version, or no such project."""
    fits, every = versions.fitting(wanted), versions.any(wanted)
    where = f" ({wanted.file}:{wanted.line})" if wanted.file else ""
    text = wanted.text.partition(";")[0].strip()
    if _has(every, wanted):
        message = f"{text}{where} does not take Python {target.python}"
        hint = f"for this Python there are {_newest(fits)}" if fits else "take another Python"
    elif every:
        message = f"there is no {text}{where}"
        hint = f"there are {_newest(fits or every)}"
    else:
        message = f"no index has a package {wanted.name}{where}"
        hint = "check its name, or name its index: --index-url"
    return request.step.finding(RULE, _severity(request), message, hint, request.call.line)


def _severity(request: Request) -> Severity:
    return "error" if request.call.needed else "warning"


def _has(versions: Sequence[str], wanted: Requirement) -> bool:
    if wanted.pin:
        return any(meets(each, wanted.pin) for each in versions)
    return bool(versions)  # a range: there is something, and only pip could say whether it fits


def _newest(versions: Sequence[str]) -> str:
    more = f" and {len(versions) - 3} older ones" if len(versions) > 3 else ""
    return ", ".join(versions[:3]) + more


def _conflict(request: Request, text: str) -> Iterator[Finding]:
    """A conflict between exact pins; any other may come from packages that are source alone."""
    pinned = {each.name: each for each in request.wanted if each.pin}
    causes = [match for line in text.splitlines() if (match := _CAUSE.match(line))]
    asked = [match for match in causes if match[1]]
    below = [match for match in causes if not match[1]]
    if not below or any(
        canonicalize_name(match[3].partition("[")[0]) not in pinned for match in below
    ):
        return
    if any("==" not in match[2] for match in asked) and len(below) < 2:
        return
    told = [f"{match[3]} {match[4]} wants {match[5]}" for match in below]
    told += [f"{match[2]} is asked for" for match in asked]
    first = pinned[canonicalize_name(below[0][3].partition("[")[0])]
    where = f" ({first.file}:{first.line})" if first.file else ""
    yield request.step.finding(
        RULE,
        _severity(request),
        f"these pins cannot hold together{where}: {', '.join(dict.fromkeys(told))}",
        "change one of the pins",
        request.call.line,
    )
