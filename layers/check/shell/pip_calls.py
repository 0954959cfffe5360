"""Pip requests: what a call of pip asks for, requirement files followed into the context."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Specified
from packaging.specifiers import InvalidSpecifier, Specifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from hashes.dockerfile import mounts
from hashes.dockerfile.state import BASE
from layers.check.shell.calls import Call
from layers.check.subject import Step

_PIP = re.compile(r"^pip(?:3(?:\.\d+)?)?$")
_PYTHON = re.compile(r"^python(?:3(?:\.\d+)?)?$")
_VALUED = (
    *("-c", "--constraint", "-e", "--editable", "-r", "--requirement", "-i", "--index-url"),
    *("--extra-index-url", "-f", "--find-links", "-t", "--target", "--prefix", "--root", "--src"),
    *("--platform", "--python-version", "--implementation", "--abi", "--progress-bar", "--report"),
    *("--no-binary", "--only-binary", "--upgrade-strategy", "-C", "--config-settings", "--proxy"),
    *("--global-option", "--config-setting", "--cache-dir", "--trusted-host", "--timeout", "-w"),
    *("--wheel-dir", "--retries", "--log", "-d", "--dest", "--python", "--cert", "--hash"),
    *("--exists-action", "--build-option", "--keyring-provider", "--root-user-action"),
)
_NAMED = re.compile(r"^\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(\[[^\]]*\])?\s*(.*)$")


@dataclass(frozen=True)
class Requirement:
    """One requirement."""

    name: str
    """As PEP 503 normalises it; empty for a file or folder without a known name."""
    text: str
    """As pip is given it, without hashes and comments."""
    file: str = ""
    """Relative to the context; empty: the Dockerfile itself."""
    line: int = 0
    pin: str = ""
    """The version behind ``==``; empty: any other way to choose one."""
    address: str = ""
    """Where its source is fetched from; empty: an index."""
    marked: bool = False
    """Whether an environment marker decides about it."""
    local: bool = False
    """A path in the image, or an archive's address."""
    path: str = ""
    """The folder or file in the image, absolute as far as that is known."""


@dataclass(frozen=True)
class Request:
    """One call of ``pip install``, ``wheel`` or ``download``."""

    step: Step
    call: Call
    verb: str
    wanted: tuple[Requirement, ...]
    constraints: tuple[Requirement, ...]
    whole: bool
    """False: it asks for more than is known here."""
    options: tuple[str, ...] = field(default=())
    """Its arguments, for their options, and the options that its files have."""

    def has(self, *options: str) -> bool:
        """Whether one of these options is in the call or in one of its files."""
        return self.call.has(*options) or self.call._replace(args=self.options).has(*options)


def requests(step: Step) -> Iterator[Request]:
    """The pip calls of a RUN."""
    for call in step.calls or ():
        found = pip(call)
        if found is None:
            continue
        verb, args = found
        if verb in ("install", "wheel", "download"):
            yield _request(step, call, verb, args)


def pip(call: Call) -> tuple[str, tuple[str, ...]] | None:
    """The verb and the other arguments of a call of pip or of uv's pip; None for other programs."""
    args = call.args
    if call.name == "uv" and args[:1] == ("pip",):
        args = args[1:]
    elif _PYTHON.match(call.name) and "-m" in args:
        at = args.index("-m")
        if args[at + 1 : at + 2] != ("pip",):
            return None
        args = args[at + 2 :]
    elif not _PIP.match(call.name):
        return None
    for at, arg in enumerate(args):
        if not arg.startswith("-") and (at == 0 or args[at - 1] not in _VALUED):
            return arg, (*args[:at], *args[at + 1 :])
    return None


def _request(step: Step, call: Call, verb: str, args: Sequence[str]) -> Request:
    mine = call._replace(args=tuple(args))
    wanted = [_wanted(each, call.line, cwd=call.cwd) for each in mine.split(*_VALUED)]
    constraints: list[Requirement] = []
    whole, options = call.whole, list(args)
    for option, value in _valued(args):
        if option in ("-e", "--editable"):
            edited = value if "://" in value or value.startswith(("/", ".")) else f"./{value}"
            wanted.append(_wanted(edited, call.line, cwd=call.cwd))
        elif option in ("-r", "--requirement", "-c", "--constraint"):
            found = _Files(step, call)
            found.follow(_place(call.cwd, value), option in ("-c", "--constraint"))
            wanted += found.wanted
            constraints += found.constraints
            options += found.options
            whole = whole and found.whole
    return Request(step, call, verb, tuple(wanted), tuple(constraints), whole, tuple(options))


def _valued(args: Sequence[str]) -> Iterator[tuple[str, str]]:
    for at, arg in enumerate(args):
        name, equals, value = arg.partition("=")
        if equals and name in _VALUED:
            yield name, value
        elif arg in _VALUED and at + 1 < len(args):
            yield arg, args[at + 1]
        elif arg[:2] in ("-r", "-c", "-e") and len(arg) > 2 and arg[2] not in "-=":
            yield arg[:2], arg[2:]


class _Files:
    """Requirement files of one option, with the files that they include (pip's format page)."""

    def __init__(self, step: Step, call: Call) -> None:
        self.step = step
        self.call = call
        self.wanted: list[Requirement] = []
        self.constraints: list[Requirement] = []
        self.options: list[str] = []
        self.whole = True
        """False: one of the files is not known here."""
        self._seen: set[tuple[str, bool]] = set()

    def follow(self, path: str, limits: bool) -> None:
        """Read a file of the image that came from the context; ``limits``: its lines are such."""
        if (path, limits) in self._seen:
            return
        self._seen.add((path, limits))
        inside = None if "://" in path else find(self.step, self.call.cwd, path)
        text = None if inside is None else self.step.subject.context.read(inside)
        if inside is None or text is None:
            self.whole = False
            return
        (self.constraints if limits else self.wanted).extend(read(self.call, inside, text))
        for option, value in read_options(text):
            if option in ("-r", "--requirement", "-c", "--constraint"):
                beside = posixpath.join(posixpath.dirname(path), value)
                self.follow(beside, limits or option in ("-c", "--constraint"))
            else:
                self.options += [option, value] if value else [option]


def _place(cwd: str | None, path: str) -> str:
    """A path in the image, absolute as far as that is known; an address stays as it is."""
    return path if "://" in path else posixpath.normpath(posixpath.join(cwd or BASE, path))


def find(step: Step, cwd: str | None, path: str) -> str | None:
    """The path in the context of a file in the image; None: it did not come from there."""
    if not path.startswith("/"):
        path = posixpath.join(cwd or BASE, path)
    path = posixpath.normpath(path)
    context = step.subject.context
    for text in step.item.flag_values("mount"):
        try:
            mount = mounts.parse(text, lambda raw: raw, step.cwd)
        except mounts.MountError:
            continue
        if mount.reads_context and "$" not in text:
            folder = context.is_folder(mount.source)
            target = mount.target.rstrip("/") + ("/" if folder else "")
            found = context.placed((mount.source or ".",), target, path)
            if found is not None:
                return found
    steps = step.subject.chain(step.stage)
    before = steps[: steps.index(step)] if step in steps else steps
    for each in reversed(before):
        if each.item.keyword in ("COPY", "ADD") and each.subject is step.subject:
            target = each.target
            if len(each.sources) > 1 and not target.endswith("/"):
                target += "/"
            found = context.placed(each.sources, target, path)
            if found is not None:
                return None if each.item.flag("from") else found
    return None


def read(call: Call, path: str, text: str) -> Iterator[Requirement]:
    """The requirements in a file's text; files that it includes are `read_options`."""
    for first, line in _lines(text):
        if not line.startswith("-"):
            yield _wanted(line, first, file=path, cwd=call.cwd)
        elif line.startswith(("-e ", "--editable ")):
            yield _wanted(line.split(None, 1)[1], first, file=path, cwd=call.cwd)


def read_options(text: str) -> Iterator[tuple[str, str]]:
    """The options in a file's text, with their values; ``-e`` is a requirement."""
    for _, line in _lines(text):
        match = re.match(r"^(--[A-Za-z][\w-]*|-[A-Za-z])(?:\s*=\s*|\s*)(.*)$", line)
        if match and match[1] not in ("-e", "--editable"):
            yield match[1], match[2].strip()


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines that say something, joined where a backslash ends them, with their first number."""
    number = 0
    lines = iter(text.splitlines())
    for raw in lines:
        number += 1
        first, line = number, raw
        while line.endswith("\\"):
            number += 1
            line = line[:-1] + next(lines, "")
        line = re.sub(r"(^|\s)#.*$", "", line).strip()
        line = re.sub(r"\s--hash[= ]\S+", "", line).strip()
        if line:
            yield first, line


def _wanted(text: str, line: int, *, file: str = "", cwd: str | None) -> Requirement:
    text = text.strip()
    address = re.match(r"^(?:git|hg|svn|bzr)\+\S+|^(?:https?|file)://\S+", text)
    if address:
        egg = re.search(r"[#&]egg=([A-Za-z0-9._-]+)", text)
        name = canonicalize_name(egg[1]) if egg else project(text)
        return Requirement(name, text, file, line, "", text, False, not text.startswith("git+"))
    match = _NAMED.match(text)
    path = text.startswith((".", "/")) or text.endswith((".whl", ".tar.gz", ".zip"))
    if path or (match and match[3].startswith("/")) or not match:
        place = posixpath.normpath(posixpath.join(cwd or BASE, text.partition("[")[0]))
        return Requirement(_of_path(place), text, file, line, local=True, path=place)
    name, rest = canonicalize_name(match[1]), match[3]
    try:
        found = Specified(text)
    except InvalidRequirement:  # options or a variable in it: what it pins is not known
        at = rest[1:].strip() if rest.startswith("@") else ""
        return Requirement(name, text, file, line, "", at, ";" in rest)
    marked = found.marker is not None
    return Requirement(name, text, file, line, _pin(found.specifier), found.url or "", marked)


def _pin(specifiers: SpecifierSet) -> str:
    """The version of the only specifier, if that is exact."""
    if len(specifiers) != 1:
        return ""
    (only,) = specifiers
    return only.version if only.operator in ("==", "===") and "*" not in only.version else ""


def meets(version: str, pin: str) -> bool:
    """Whether a version is what ``==pin`` asks for (PEP 440): 1.0rc1 is 1.0.0rc1.

    One with a local label, as 2.0.1+cu118, meets the pin without it, and not the other way round.
    """
    try:
        return Specifier(f"=={pin}").contains(version, prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return version == pin


def project(address: str, *, plain: bool = False) -> str:
    """The last part of a repository's address: what it is called there, ``plain`` as written."""
    path = re.sub(r"^[a-z+]+://", "", address).partition("#")[0]
    path = re.sub(r"(?<=[^/:])@[^/@]*$", "", path).rstrip("/")
    name = posixpath.basename(path).removesuffix(".git")
    return name if plain else canonicalize_name(name)


def _of_path(place: str) -> str:
    """What a folder's name says of the project in it: ``/src/pytorch3d``."""
    if place.endswith((".whl", ".tar.gz", ".zip")) or "*" in place:
        return ""
    return canonicalize_name(posixpath.basename(place).strip("<>"))


def indexed(wanted: Iterable[Requirement]) -> Iterator[Requirement]:
    """Those that come from an index."""
    return (each for each in wanted if each.name and not each.address and not each.local)
