"""Settings: the instructions that change environment and configuration, and read no file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from hashes.dockerfile import arguments
from hashes.dockerfile.instruction import Instruction
from hashes.dockerfile.state import State, Word
from hashes.manifest import Entry

_NO_ENV = frozenset(("BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"))


class Settings:
    """A method for each such instruction."""

    def __init__(self, state: State, given: Mapping[str, str], outer: Mapping[str, str]) -> None:
        """``given`` are the build arguments, ``outer`` what stands before the first FROM."""
        self.state = state
        self.given = given
        self.outer = outer
        self.entries: list[Entry] = []
        self.own_cmd = False

    def _note(self, kind: str, name: str, parts: Sequence[object], item: Instruction) -> None:
        value = json.dumps(parts, ensure_ascii=False)
        self.entries.append(Entry(kind, name, value, item.line))

    def _arg(self, item: Instruction) -> None:
        state = self.state
        names = [name for name, _ in arguments.pairs(item)]
        before = state.copy() if len(names) > 1 else state
        for name, default in arguments.pairs(item):
            name = state.expand(name).text
            state.args.add(name)
            word: Word | None = None
            if name in self.given:
                word = Word(self.given[name], True)
            elif default is not None:
                word = before.expand(default)
                # Frontend 1.7 expands all defaults of one line first, later ones go step by step.
                later = state.expand(default)
                if later != word:
                    word = Word(json.dumps([word.text, later.text], ensure_ascii=False), False)
            elif name in self.outer:
                word = Word(self.outer[name], True)
            if word is not None and name not in _NO_ENV:
                state.set("arg", name, word, item.line)

    def _env(self, item: Instruction) -> None:
        words = [self.state.expand(word) for word in item.words]
        for name, value in zip(words[::2], words[1::2], strict=True):
            self.state.set("env", name.text, value, item.line)

    def _workdir(self, item: Instruction) -> None:
        word = self.state.expand(item.words[0])
        clean = self.state.workdir(word.text, item.line)
        if clean != "/":
            self._note("workdir", "WORKDIR", [clean, self.state.user or ""], item)

    def _user(self, item: Instruction) -> None:
        self.state.become(self.state.expand(item.words[0]).text, item.line)

    def _shell(self, item: Instruction) -> None:
        value = json.dumps(item.words, ensure_ascii=False)
        self.state.see("shell", "", Entry("shell", "", value, item.line))
        self.state.configure("SHELL", value, item.line)

    def _label(self, item: Instruction) -> None:
        words = [self.state.expand(word).text for word in item.words]
        for name, value in zip(words[::2], words[1::2], strict=True):
            self.state.configure(f"LABEL {name}", value, item.line)

    def _expose(self, item: Instruction) -> None:
        for word in item.words:
            port = self.state.expand(word).text.lower()
            self.state.configure(f"EXPOSE {port if '/' in port else f'{port}/tcp'}", "", item.line)

    def _volume(self, item: Instruction) -> None:
        for word in item.words:
            self.state.configure(f"VOLUME {self.state.expand(word.strip()).text}", "", item.line)

    def _stopsignal(self, item: Instruction) -> None:
        self.state.configure("STOPSIGNAL", self.state.expand(item.words[0]).text, item.line)

    def _maintainer(self, item: Instruction) -> None:
        self.state.configure("MAINTAINER", item.words[0], item.line)

    def _cmd(self, item: Instruction) -> None:
        self.own_cmd = True
        self.state.configure("CMD", self._started(item), item.line)

    def _entrypoint(self, item: Instruction) -> None:
        if not self.own_cmd:  # BuildKit drops a CMD that was set in another stage or image
            self.state.config.pop("CMD", None)
        self.state.configure("ENTRYPOINT", self._started(item), item.line)

    def _healthcheck(self, item: Instruction) -> None:
        parts = [*sorted(item.flags), item.words[0].upper(), list(item.words[1:])]
        value = json.dumps([item.json, *parts], ensure_ascii=False)
        self.state.configure("HEALTHCHECK", value, item.line)

    def _onbuild(self, item: Instruction) -> None:
        self.state.onbuild.append(item.words[0])
        number = len(self.state.onbuild)
        self.state.configure(f"ONBUILD {number}", item.words[0], item.line)

    def _started(self, item: Instruction) -> str:
        if item.json:
            return json.dumps(item.words, ensure_ascii=False)
        shell = self.state.config.get("SHELL")
        return json.dumps([shell.value if shell else "", *item.words], ensure_ascii=False)
