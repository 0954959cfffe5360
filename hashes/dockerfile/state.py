"""State: what an instruction sees of those before it, and what the image's configuration became."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping
from hashlib import blake2b
from typing import NamedTuple

from hashes.dockerfile.arguments import looks_secret
from hashes.dockerfile.expand import expand
from hashes.manifest import CONFIG, Entry

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""The PATH that BuildKit gives to a base without one."""

BASE = "<base>"
"""Stands for the working directory that a base image brings."""


class Word(NamedTuple):
    """An expanded word."""

    text: str
    known: bool
    """False: it depends on a variable of the base image; `text` then holds all that it is made
    of instead, so that it still differs whenever the result may."""


def hidden(value: str) -> str:
    """A secret's stand-in: as different as the secret is, and useless to those who read it."""
    return f"hidden:{blake2b(value.encode('utf-8', 'surrogatepass'), digest_size=16).hexdigest()}"


def told(name: str, value: str) -> str:
    """A variable's value as it stands in a manifest: that of a secret is `hidden`."""
    return hidden(value) if looks_secret(name) else value


class State:
    """The environment of the next instruction of a stage."""

    def __init__(
        self,
        escape: str,
        env: Mapping[str, str] | None,
        cwd: str | None = None,
        user: str | None = None,
    ) -> None:
        """``env``, ``cwd`` and ``user`` are the base image's; None where it is not known."""
        self.escape = escape
        self.open = env is None
        self.env: dict[str, str] = dict(env or {})
        if env is not None:
            self.env.setdefault("PATH", DEFAULT_PATH)
        self.image_env = dict(self.env)
        self.vague: set[str] = set()
        """Variables whose value depends on the base image's unknown environment."""
        self.image_vague: set[str] = set()
        """The same of the image's own."""
        self.args: set[str] = set()
        self.cwd = cwd
        self.user = user
        self.pending: dict[tuple[str, str], Entry] = {}
        """What the next RUN sees and no RUN has seen yet, in BuildKit's order."""
        self.config: dict[str, Entry] = {}
        self.onbuild: list[str] = []

    def child(self) -> State:
        """The state in which a stage FROM this one begins.

        The image's variables are what they are in the image, whatever an ARG made of them
        (dockerfile2llb, convert.go: "initialize base metadata from image conf").
        """
        new = self.copy()
        new.env.update(self.image_env)
        new.vague -= self.image_env.keys()
        new.vague |= self.image_vague
        if self.open:
            new.vague |= (self.args & self.env.keys()) - self.image_env.keys()
        return new

    def copy(self) -> State:
        """The same state, for the next instruction of the same stage."""
        new = State(self.escape, self.env, self.cwd, self.user)
        new.open = self.open
        new.env = dict(self.env)
        new.image_env = dict(self.image_env)
        new.vague = set(self.vague)
        new.image_vague = set(self.image_vague)
        new.args = set(self.args)
        new.pending = dict(self.pending)
        new.config = {name: entry for name, entry in self.config.items() if name[:7] != "ONBUILD"}
        return new

    def expand(self, text: str, *, escape: str = "", quotes: bool = True) -> Word:
        """Expand a word as BuildKit does at this point; raises `WordError`."""
        env = self.env
        if self.vague:
            env = {name: value for name, value in env.items() if name not in self.vague}
        lenient = self.open or bool(self.vague)
        found = expand(text, env, escape=escape or self.escape, quotes=quotes, lenient=lenient)
        if not found.unset or not (self.open or found.unset & self.vague):
            return Word(found.text, True)
        parts = {name: self.env.get(name) for name in sorted(found.read)}
        return Word(json.dumps([text, parts], ensure_ascii=False), False)

    def inherit(self, env: Mapping[str, str]) -> None:
        """Take variables that the base image has for sure, though not all of it is known."""
        self.env.update(env)
        self.image_env.update(env)

    def settle(self, env: Mapping[str, str]) -> None:
        """Take the environment of an image that has all steps so far.

        Nothing is left open but arguments, of which an image knows nothing.
        """
        for name, value in env.items():
            if name not in self.args or name not in self.env:
                self.env.pop(name, None)
                self.env[name] = value
                self.vague.discard(name)
        self.image_env = dict(env)
        self.image_vague.clear()
        self.open = False

    def become(self, user: str, line: int) -> None:
        """Go on as another user."""
        self.user = user
        self.see("user", "", Entry("user", "", user, line))
        self.configure("USER", user, line)

    def set(self, kind: str, name: str, word: Word, line: int) -> None:
        """Give a variable a value, by ``env`` or by ``arg``."""
        self.env.pop(name, None)  # BuildKit moves a variable that is set again to the end
        self.env[name] = word.text
        self.vague.discard(name)
        if not word.known:
            self.vague.add(name)
        shown = told(name, word.text)
        self.see("env", name, Entry(kind, name, shown, line))
        if kind == "env":
            self.image_env[name] = word.text
            self.image_vague.discard(name)
            if not word.known:
                self.image_vague.add(name)
            self.configure(f"ENV {name}", shown, line)

    def see(self, group: str, name: str, entry: Entry) -> None:
        """Remember something for the next RUN."""
        self.pending.pop((group, name), None)
        self.pending[group, name] = entry

    def flush(self) -> list[Entry]:
        """What a RUN at this point sees and none before it did."""
        entries = list(self.pending.values())
        self.pending.clear()
        return entries

    def configure(self, name: str, value: str, line: int) -> None:
        """Set a field of the image's configuration."""
        self.config[name] = Entry(CONFIG, name, value, line)

    def workdir(self, path: str, line: int) -> str:
        """Change the working directory; the answer is its clean form."""
        if not path.startswith("/"):
            path = posixpath.normpath(posixpath.join(self.cwd or BASE, path))
        self.cwd = path
        self.see("workdir", "", Entry("workdir", "", path, line))
        self.configure("WORKDIR", path, line)
        return posixpath.normpath(path)

    def destination(self, path: str) -> str:
        """A COPY's destination: absolute, clean, with its trailing slash."""
        slash = path in ("", ".", "..") or path.endswith(("/", "/.", "/.."))
        whole = posixpath.normpath(posixpath.join(self.cwd or BASE, path))
        return whole + "/" if slash and whole != "/" else whole

    def environment(self) -> dict[str, str] | None:
        """The finished image's environment; None when the base's is not known."""
        if self.open or self.image_vague:
            return None
        return dict(self.image_env)
