"""Steps: what each instruction of a stage reads and changes, as entries of its manifest."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

from hashes.context.gopath import has_wildcard
from hashes.dockerfile import git, mounts
from hashes.dockerfile.expand import WordError
from hashes.dockerfile.frontend import NEWEST, PATHS_LIKE_GIT, REQUIRED_PARENTS, Frontend
from hashes.dockerfile.heredocs import chomp, heredoc
from hashes.dockerfile.instruction import Instruction
from hashes.dockerfile.settings import Settings
from hashes.dockerfile.state import State, Word
from hashes.errors import ContextError, DockerfileError
from hashes.manifest import Entry

if TYPE_CHECKING:
    from hashes.context.input import Input


class Sources(Protocol):
    """A build context, as far as a Dockerfile reads it."""

    def copy(
        self, source: str, *, exclude: tuple[str, ...] = (), parents: bool = False
    ) -> tuple[Input, ...]:
        """What ``COPY source`` reads; raises `ContextError` when a literal source is missing."""

    def mount(self, source: str) -> tuple[Input, ...]:
        """What a bind mount of a path shows; raises `ContextError` when it is missing."""

    def everything(self) -> tuple[Input, ...]:
        """All that is not ignored."""


class Origin(NamedTuple):
    """Where a ``from=`` leads."""

    entry: Entry
    """Names the place in the manifest."""
    sources: Sources | None
    """A named context on disk; None for stages and images, whose key says all."""


class Steps(Settings):
    """Walks through one stage; `entries` grows in the order in which BuildKit would work."""

    def __init__(
        self,
        path: str,
        state: State,
        sources: Sources,
        given: Mapping[str, str],
        outer: Mapping[str, str],
        network: str,
        frontend: Frontend = NEWEST,
        commit: Callable[[str], str] = lambda _address: "",
    ) -> None:
        super().__init__(state, given, outer)
        self.frontend = frontend
        self.commit = commit
        self.path = path
        self.sources = sources
        self.network = network
        self.unpinned: list[str] = []

    def step(self, item: Instruction, origins: Mapping[int, Origin]) -> None:
        """Take in one instruction; raises `DockerfileError` or `ContextError` with its line."""
        method = getattr(self, f"_{item.keyword.lower()}")
        try:
            if item.raw:
                self._whole(item)
            if item.keyword in ("RUN", "COPY", "ADD"):
                method(item, origins)
            elif not item.raw or item.keyword == "ONBUILD":
                method(item)
        except (WordError, mounts.MountError, git.GitError) as error:
            raise DockerfileError(
                f"{item.keyword}: {error}", file=self.path, line=item.line, hint=item.shown()
            ) from None
        except ContextError as error:
            raise ContextError(
                f"{item.keyword}: {error.message}",
                file=self.path,
                line=item.line,
                hint=error.hint or item.shown(),
                gone=error.gone,
            ) from None

    def _whole(self, item: Instruction) -> None:
        """Cover all that any version of BuildKit may read in an instruction.

        They differ in what is a flag and what is a JSON form; so its text counts, the values of
        its variables, and, by `_inputs`, the whole of a context that it may read.
        """
        try:
            text = self.state.expand(item.raw, quotes=False).text
        except WordError:
            text = json.dumps(sorted(self.state.env.items()), ensure_ascii=False)
        value = json.dumps([item.raw, text], ensure_ascii=False)
        if item.keyword in ("RUN", "COPY", "ADD"):
            self.entries.append(Entry("text", item.keyword, value, item.line))
        else:
            self.state.configure(f"{item.keyword} {item.raw}", value, item.line)

    def _run(self, item: Instruction, origins: Mapping[int, Origin]) -> None:
        state = self.state
        self.entries += state.flush()
        found: list[tuple[mounts.Mount, bool, Origin | None]] = []
        for number, text in enumerate(item.flag_values("mount")):
            words: list[Word] = []

            def word(raw: str, words: list[Word] = words) -> str:
                words.append(state.expand(raw))
                return words[-1].text

            mount = mounts.parse(text, word, state.cwd)
            found.append((mount, all(each.known for each in words), origins.get(number)))
        # BuildKit sorts its mounts by target; secrets and ssh sockets keep their order.
        private = ("secret", "ssh")
        found.sort(
            key=lambda each: (
                each[0].type in private,
                "" if each[0].type in private else each[0].target,
            )
        )
        flags = [f"--mount={mount.line()}" for mount, _, _ in found]
        network = item.flag("network") or self.network
        if network not in ("", "default"):
            flags.append(f"--network={network}")
        if item.flag("security") not in (None, "sandbox"):
            flags.append(f"--security={item.flag('security')}")
        flags += [f"--device={device}" for device in item.flag_values("device")]
        self._note("run", "RUN", [*([] if item.raw else flags), _command(item)], item)
        for mount, known, origin in found:
            if origin is not None:
                self.entries.append(origin.entry)
            if mount.type != "bind" or (origin is not None and origin.sources is None):
                continue
            context = self.sources if origin is None else origin.sources
            if context is None or mount.origin == "scratch":
                continue
            if item.raw:
                self._inputs(context.everything(), item)
                continue
            self._mark("mount", mount.source, item)
            if mount.source and known:
                self._inputs(context.mount(mount.source), item)
            else:
                self._inputs(context.everything(), item)

    def _copy(self, item: Instruction, origins: Mapping[int, Origin]) -> None:
        state = self.state
        *heads, last = item.words
        bodies = {each.name: each.content for each in item.heredocs}
        documents: list[tuple[str, str]] = []
        words: list[Word] = []
        for head in heads:
            document = heredoc(head)
            if document is None or document.name not in bodies:
                words.append(state.expand(head))
                continue
            body = bodies[document.name]
            body = chomp(body) if document.chomp else body
            if document.expand:
                body = state.expand(body, escape="\\", quotes=False).text
            documents.append((document.name, body))
        sources = [self._spelling(word, item) for word in words]
        target = state.expand(last)
        place = state.destination(target.text) if target.known else target.text + f" in {state.cwd}"
        parts = [] if item.raw else [*self._copy_flags(item), *sources, place]
        self._note(item.keyword.lower(), item.keyword, parts, item)
        for name, body in documents:
            self.entries.append(Entry("heredoc", name, body, item.line))
        origin = origins.get(0)
        if origin is not None:
            self.entries.append(origin.entry)
            if origin.sources is None:
                return
        context = self.sources if origin is None or origin.sources is None else origin.sources
        patterns = [state.expand(each) for each in item.flag_values("exclude")]
        exclude = [each.text for each in patterns]
        clear = all(each.known for each in patterns)
        parents = item.switch("parents")
        for word, source in zip(words, sources, strict=True):
            if word.known and self._is_remote(word.text, item):
                self._remote(word.text, item)
                continue
            if word.known and item.keyword == "ADD" and git.like_git(word.text):
                # A repository to BuildKit before 0.14, and a path after it: both count.
                self._remote(word.text, item)
            found: tuple[Input, ...] | None = None
            if word.known and clear:
                try:
                    found = context.copy(source, exclude=tuple(exclude), parents=parents)
                except ContextError:
                    if not git.like_git(word.text) or self.frontend.has(PATHS_LIKE_GIT):
                        raise
                    found = ()
                if parents:
                    self._require(source, found)
            if not item.raw:
                self._mark("source", source, item)
                self._inputs(context.everything() if found is None else found, item)
        if item.raw:
            self._inputs(context.everything(), item)

    _add = _copy

    def _spelling(self, word: Word, item: Instruction) -> str:
        # With --parents the place of '/./' in a source decides what the destination gets.
        if not word.known or self._is_remote(word.text, item) or item.switch("parents"):
            return word.text
        return mounts.clean(word.text)

    def _copy_flags(self, item: Instruction) -> list[str]:
        flags = []
        for name in ("checksum", "chmod", "chown"):
            value = item.flag(name)
            if value:
                flags.append(f"--{name}={self.state.expand(value).text}")
        switches = ("keep-git-dir", "link", "parents")
        flags += [f"--{name}" for name in switches if item.switch(name)]
        if item.flag("unpack") is not None:
            flags.append(f"--unpack={item.switch('unpack')}".lower())
        flags += [
            f"--exclude={self.state.expand(each).text}" for each in item.flag_values("exclude")
        ]
        return flags

    def _require(self, source: str, found: tuple[Input, ...]) -> None:
        absent = len(found) == 1 and found[0].kind == "absent"
        if absent and self.frontend.has(REQUIRED_PARENTS) and not has_wildcard(source):
            raise ContextError(f"{source!r} is not in the build context")

    def _is_remote(self, source: str, item: Instruction) -> bool:
        copied = item.keyword == "COPY"
        if git.is_git(source) or (copied and git.like_git(source)):
            git.check(source, self.frontend)
        if copied and git.is_git(source):
            raise WordError(f"{source!r} is a git repository: expected a path, or ADD in its place")
        if copied and git.is_web(source):
            raise WordError(f"{source!r} is an address: expected a path, or ADD in its place")
        return git.is_git(source) or git.is_web(source)

    def _remote(self, source: str, item: Instruction) -> None:
        repository = not git.is_web(source)
        pinned = bool(item.flag("checksum")) or (repository and bool(git.commit(source)))
        held = "" if pinned or not repository else self.commit(source)
        if not pinned and not held:
            self.unpinned.append(source)
        keep = self.given.get("BUILDKIT_CONTEXT_KEEP_GIT_DIR", "") if repository else ""
        value = "pinned" if pinned else f"commit {held}" if held else "unpinned"
        self.entries.append(Entry("url", source, f"{value} {keep}".strip(), item.line))

    def _mark(self, kind: str, source: str, item: Instruction) -> None:
        self.entries.append(Entry(kind, source, "", item.line))

    def _inputs(self, inputs: tuple[Input, ...], item: Instruction) -> None:
        self.entries += input_entries(inputs, item.line)


def input_entries(inputs: tuple[Input, ...], line: int) -> list[Entry]:
    """Files of a context as entries."""
    return [Entry(each.kind, each.path, f"{each.mode:o} {each.value}", line) for each in inputs]


def _command(item: Instruction) -> object:
    """What RUN starts: a text for the shell, or a list."""
    if item.json:
        return list(item.words)
    text = item.words[0] if item.words else ""
    if not item.heredocs:
        return text
    document = heredoc(text)
    if document is None:
        return text + "".join(f"\n{each.content}{each.name}" for each in item.heredocs)
    body = item.heredocs[0].content
    body = chomp(body) if document.chomp else body
    # A document with a shebang is put into a file of its name and started.
    return {"name": document.name, "body": body} if body.startswith("#!") else body
