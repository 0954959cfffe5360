"""Ignore files: which paths of a build context BuildKit leaves out (`.dockerignore`)."""

from __future__ import annotations

import os
import re
import stat

from hashes.context.gopath import SPACES, BadPattern, clean
from hashes.context.gopatterns import Pattern, Patterns, Scope, runes
from hashes.errors import IgnoreError

LONGEST_LINE = 64 * 1024
"""Bytes; Go's bufio.Scanner gives up on a line of this length."""

_MOST_LINKS = 255


class Ignore:
    """The patterns of one ignore file; BUILDKIT's grammar, not git's."""

    def __init__(self, path: str, patterns: Patterns) -> None:
        self.path = path
        """As it stands in messages."""
        self.patterns = patterns
        self._scopes: dict[str, Scope] = {}
        self.refusal: IgnoreError | None = None
        """Raised by the first who asks what is left out: a build that reads no context goes well
        with patterns that no other build could use (docker 26.1.5, tried)."""

    @classmethod
    def parse(cls, text: bytes, path: str) -> Ignore:
        """Read an ignore file; IgnoreError with its line for what BuildKit refuses."""
        patterns = []
        for number, text_of_line in _lines(text, path):
            try:
                patterns.append(Pattern(text_of_line, number))
            except BadPattern as error:
                raise _refusal(path, number, text_of_line) from error
        _check_transfer(patterns, path)
        return cls(path, Patterns(patterns))

    @classmethod
    def empty(cls) -> Ignore:
        return cls("", Patterns(()))

    def matches(self, path: str) -> bool:
        """Tell whether a path (relative to the context, slashes) is left out.

        Errors: IgnoreError when it is the first to reach a pattern that Go cannot compile.
        A directory that is left out still is there when something below it is not.
        """
        directory, _, name = path.rpartition("/")
        return self.match(self._scope(directory), name)

    def root(self) -> Scope:
        """Give the scope of the context's own entries, to walk from."""
        return self._scope("")

    def match(self, scope: Scope, name: str) -> bool:
        """Do as `matches` for an entry of a directory whose scope is known."""
        try:
            return scope.match(name)
        except BadPattern as error:
            raise self._bad(error) from error

    def enter(self, scope: Scope, name: str) -> Scope:
        try:
            return scope.enter(name)
        except BadPattern as error:
            raise self._bad(error) from error

    def excluded_by(self, path: str) -> int | None:
        """Give the line that leaves a path out; None when none does, or a bad one is met first.

        Nothing may have reached that pattern, and then BuildKit does not complain of it either.
        """
        try:
            found = self.patterns.last_match(path)
        except BadPattern:
            return None
        return found.line if found else None

    def _scope(self, directory: str) -> Scope:
        found = self._scopes.get(directory)
        if found is None:
            if self.refusal is not None:
                raise self.refusal
            if directory:
                parent, _, name = directory.rpartition("/")
                found = self.enter(self._scope(parent), name)
            else:
                found = self.patterns.root()
            self._scopes[directory] = found
        return found

    def _bad(self, error: BadPattern) -> IgnoreError:
        for pattern in self.patterns.all:
            if pattern.kind == "regex" and pattern.source == str(error):
                return _refusal(self.path, pattern.line, pattern.text)
        return IgnoreError(f"bad pattern {error}", file=self.path)


def _lines(text: bytes, path: str) -> list[tuple[int, str]]:
    """Read the lines that hold patterns, cleaned as moby's ignorefile.ReadAll cleans them."""
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):  # BuildKit takes it, and leaves nothing out
        raise IgnoreError(
            "written in UTF-16: expected UTF-8",
            file=path,
            line=1,
            hint="save it as UTF-8, e.g. iconv -f UTF-16 -t UTF-8",
        )
    found = []
    for number, raw in enumerate(text.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if len(raw) >= LONGEST_LINE:
            raise IgnoreError("a line of 64 KiB or more", file=path, line=number)
        if raw.startswith(b"#"):
            continue
        line = runes(raw.removesuffix(b"\r").decode("utf-8", "surrogateescape")).strip(SPACES)
        if not line:
            continue
        negative = line.startswith("!")
        if negative:
            line = line[1:].strip(SPACES)
        if line:
            line = clean(line)
            line = line[1:] if len(line) > 1 and line[0] == "/" else line
        found.append((number, "!" + line if negative else line))
    return found


def _check_transfer(patterns: list[Pattern], path: str) -> None:
    """Refuse control characters: patterns travel as a header, escaped only if one is not ASCII."""
    if not all(pattern.text.isascii() for pattern in patterns):
        return
    for pattern in patterns:
        if any(char < " " or char == "\x7f" for char in pattern.text):
            raise IgnoreError(
                f"pattern {pattern.text!r} holds a control character",
                file=path,
                line=pattern.line,
                hint="BuildKit cannot send it; put '?' in its place, or end lines with LF",
            )


def _refusal(path: str, line: int, pattern: str) -> IgnoreError:
    if pattern in ("!", "!/"):
        return IgnoreError('illegal exclusion pattern: "!"', file=path, line=line)
    return IgnoreError(
        f"pattern {pattern!r}: syntax error",
        file=path,
        line=line,
        hint="check its brackets and backslashes; a backslash before a character takes it as is",
    )


def ignore_file(context_root: str, dockerfile_path: str) -> str | None:
    """Find the ignore file of a build: the Dockerfile's own, or else the context's.

    Links are followed, but only inside the folder that BuildKit is sent; one that leads nowhere
    is as good as no file.
    """
    found = _find(context_root, dockerfile_path)
    return found[0] if found else None


def left_out(text: bytes, path: str) -> bytes:
    """An ignore file that leaves out one more path of its context, whatever else it says."""
    pattern = re.sub(r"([\\*?\[\]])", r"\\\1", path).encode("utf-8", "surrogateescape")
    return text + b"\n/" + pattern + b"\n"


def read_ignore(context_root: str, dockerfile_path: str | None, beyond: str = "") -> Ignore:
    """Read the ignore file of a build; an empty one when there is none.

    A local named context has no Dockerfile (None): only its own `.dockerignore` counts.
    ``beyond`` is a path of the context that is left out in any case (`left_out`).
    Errors: IgnoreError for what BuildKit or nobody can read; for a bad pattern, once it is used.
    """
    found = _find(context_root, dockerfile_path)
    if found is None:
        return Ignore.parse(left_out(b"", beyond), "") if beyond else Ignore.empty()
    path, real = found
    try:
        with open(real, "rb") as file:
            text = file.read()
    except OSError as error:
        raise IgnoreError(f"cannot be read: {error.strerror}", file=path) from error
    _lines(text, path)
    if beyond:
        text = left_out(text, beyond)
    try:
        return Ignore.parse(text, path)
    except IgnoreError as error:
        broken = Ignore(path, Patterns(()))
        broken.refusal = error
        return broken


def _find(context_root: str, dockerfile_path: str | None) -> tuple[str, str] | None:
    candidates = [(context_root, ".dockerignore")]
    if dockerfile_path is not None:
        own = os.path.basename(dockerfile_path) + ".dockerignore"
        candidates.insert(0, (os.path.dirname(dockerfile_path), own))
    for folder, name in candidates:
        real = _resolves(folder, name)
        if real is not None:
            return os.path.join(folder, name), real
    return None


def _resolves(folder: str, name: str) -> str | None:
    """Follow links inside a folder; the path of the file at their end."""
    at, rest, links = "", name, 0
    while rest:
        part, _, rest = rest.partition("/")
        path = f"{at}/{part}".lstrip("/")
        try:
            status = os.lstat(os.path.join(folder, path))
        except OSError:
            return None
        if stat.S_ISLNK(status.st_mode):
            links += 1
            if links > _MOST_LINKS:
                return None
            target = os.readlink(os.path.join(folder, path))
            target = clean("/" + (target if target.startswith("/") else f"{at}/{target}"))[1:]
            at, rest = "", f"{target}/{rest}" if rest else target
        else:
            at = path
            if not rest and not stat.S_ISREG(status.st_mode):
                return None
    return os.path.join(folder, at) if at else None
