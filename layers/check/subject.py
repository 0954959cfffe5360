"""Subjects: one image's Dockerfile as the checks look at it, walked step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from hashes.dockerfile import arguments
from hashes.dockerfile.expand import WordError
from hashes.dockerfile.instruction import Instruction
from hashes.dockerfile.parser import Dockerfile
from hashes.dockerfile.reachable import Reached
from hashes.dockerfile.settings import Settings
from hashes.dockerfile.state import State
from layers.check.context import Context
from layers.check.finding import Finding, Severity
from layers.check.shell.calls import Call, calls
from layers.check.shell.lines import script
from layers.check.shell.parser import Unreadable, commands
from layers.config.spec import Image
from layers.graph.checkout import Lack
from layers.graph.graph import Edge

_FILES = frozenset(("RUN", "COPY", "ADD"))


@dataclass(frozen=True, eq=False)
class Step:
    """One instruction with what holds where it stands."""

    subject: Subject
    stage: int
    item: Instruction
    env: Mapping[str, str]
    """Variables whose value is known."""
    user: str | None
    """None: the base's."""
    cwd: str | None
    """None: the base's."""
    sources: tuple[str, ...] = ()
    """Of a COPY or ADD, expanded; one that is not known is left out."""
    target: str = ""
    """Of a COPY or ADD: where to, absolute as far as that is known."""

    @cached_property
    def calls(self) -> tuple[Call, ...] | None:
        """What a RUN starts; None when its text cannot be read."""
        if self.item.json:
            name, *rest = self.item.words or ("",)
            known = (name, tuple(rest), True, self.env, self.item.line)
            return (Call(*known, False, 0, True, self.cwd, True),)
        found = script(self.item, self.subject.source, self.subject.dockerfile.escape)
        if found is None:
            return None
        text, line = found
        try:
            return tuple(calls(commands(text), self.env, self.cwd, line))
        except Unreadable:
            return None

    def finding(
        self, rule: str, severity: Severity, message: str, hint: str = "", line: int = 0
    ) -> Finding:
        """A finding at this instruction, or at a line within it."""
        subject = self.subject
        at = line or self.item.line
        until = subject.ends.get(self.item.line, at)
        path, images = subject.dockerfile.path, (subject.image.name,)
        return Finding(rule, severity, path, at, message, hint, images, self.item.line, until)


@dataclass(frozen=True)
class Root:
    """What stands below all stages of ours."""

    name: str
    """An upstream's name; ``scratch``; or the name of a system base of ours."""
    edge: Edge | None = None
    system: bool = False
    """Whether it is a system base of ours, made from Debian packages alone."""
    pushed: bool = True
    """Whether a registry has it."""


@dataclass(eq=False)
class Subject:
    """One image: its stages that are needed, what is below them, and its context."""

    image: Image
    dockerfile: Dockerfile
    source: Sequence[str]
    """The Dockerfile's lines."""
    reached: tuple[Reached, ...]
    """The target last."""
    parents: Mapping[str, Subject]
    """By the name that a FROM has: images of ours that stages are built from."""
    roots: Mapping[str, Root]
    """By that name, the others."""
    base_env: Mapping[str, Mapping[str, str] | None]
    """By that name: the environment of an upstream or a system base."""
    edges: tuple[Edge, ...]
    unpinned: tuple[Edge, ...]
    """The edges that nothing fixes."""
    locked: bool
    """Whether images.lock has anything at all."""
    context: Context
    platform: str
    copied: frozenset[str] = frozenset()
    """Paths of the context that some stage reads."""
    pointers: tuple[Lack, ...] = ()
    """Files that some stage reads and that Git LFS has yet to fetch."""
    empty: tuple[Lack, ...] = ()
    """Git submodules that some stage names, and that are not checked out."""
    addresses: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """By line: what an ADD fetches and nothing fixes."""
    _walked: dict[int, tuple[tuple[Step, ...], State]] = field(default_factory=dict)

    @property
    def target(self) -> Reached:
        """The stage that is built."""
        return self.reached[-1]

    @cached_property
    def ends(self) -> Mapping[int, int]:
        """The last line of each instruction, by its first; comments before the next one not."""
        firsts = sorted(
            [item.line for item in self.dockerfile.global_args]
            + [stage.line for stage in self.dockerfile.stages]
            + [item.line for stage in self.dockerfile.stages for item in stage.instructions]
        )
        found = {}
        for line, following in zip(firsts, [*firsts[1:], len(self.source) + 1], strict=True):
            last = following - 1
            while last > line and (
                not self.source[last - 1].strip() or self.source[last - 1].lstrip()[0] == "#"
            ):
                last -= 1
            found[line] = last
        return found

    def steps(self, index: int) -> tuple[Step, ...]:
        """The instructions of one stage."""
        return self._walk(index)[0]

    def all_steps(self) -> Iterator[Step]:
        """The instructions of every stage that is needed, in their order."""
        for stage in self.reached:
            yield from self.steps(stage.index)

    def state(self, index: int) -> State:
        """What a stage ends with."""
        return self._walk(index)[1]

    def chain(self, index: int) -> tuple[Step, ...]:
        """The instructions of a stage and of all below it, the lowest first; ours alone."""
        base = self._stage(index).base
        below: tuple[Step, ...] = ()
        if base.stage is not None:
            below = self.chain(base.stage)
        elif base.text in self.parents:
            parent = self.parents[base.text]
            below = parent.chain(parent.target.index)
        return (*below, *self.steps(index))

    def root(self, index: int) -> Root:
        """What a stage is built on in the end."""
        base = self._stage(index).base
        if base.stage is not None:
            return self.root(base.stage)
        if base.text in self.parents:
            parent = self.parents[base.text]
            return parent.root(parent.target.index)
        return self.roots.get(base.text) or Root(base.text)

    def inherited(self, index: int) -> Mapping[str, str] | None:
        """The environment that a stage gets from outside its Dockerfile; None: nobody knows it."""
        bases = {stage.index: stage.base for stage in self.reached}
        base = bases.get(index)
        while base is not None and base.stage is not None:
            base = bases.get(base.stage)
        if base is None:
            return None
        if base.text in self.parents:
            parent = self.parents[base.text]
            return parent.state(parent.target.index).environment()
        return {} if base.text == "scratch" else self.base_env.get(base.text)

    def at(self, index: int) -> Finding:
        """A finding without words at a stage's FROM."""
        line = self.dockerfile.stages[index].line
        until = self.ends.get(line, line)
        path, images = self.dockerfile.path, (self.image.name,)
        return Finding("", "warning", path, line, "", "", images, line, until)

    def _stage(self, index: int) -> Reached:
        return next(each for each in self.reached if each.index == index)

    def _walk(self, index: int) -> tuple[tuple[Step, ...], State]:
        found = self._walked.get(index)
        if found is None:
            found = self._walked[index] = _walk(self, self._stage(index), self._start(index))
        return found

    def _start(self, index: int) -> State:
        base = self._stage(index).base
        if base.stage is not None:
            return self.state(base.stage).child()
        parent = self.parents.get(base.text)
        if parent is not None:
            below = parent.state(parent.target.index)
            state = State(self.dockerfile.escape, below.environment(), below.cwd, below.user)
            if below.environment() is None:  # what our own instructions set is known all the same
                known = {k: v for k, v in below.image_env.items() if k not in below.image_vague}
                state.inherit(known)  # for the images above this one, too
            return state
        env = {} if base.text == "scratch" else self.base_env.get(base.text)
        return State(self.dockerfile.escape, env)


def _walk(subject: Subject, stage: Reached, state: State) -> tuple[tuple[Step, ...], State]:
    image, file = subject.image, subject.dockerfile
    outer = arguments.global_args(file, image.args, subject.platform, subject.platform)
    settings = Settings(state, image.args, outer)
    steps = []
    for item in stage.instructions:
        sources: list[str] = []
        target = ""
        if item.keyword in _FILES:
            if item.keyword != "RUN":
                sources, target = _copied(item, state)
        else:
            method: Callable[[Instruction], None] = getattr(settings, f"_{item.keyword.lower()}")
            try:
                method(item)
            except (WordError, IndexError):
                continue
        known = {k: v for k, v in state.env.items() if k not in state.vague}
        step = Step(
            subject, stage.index, item, known, state.user, state.cwd, tuple(sources), target
        )
        steps.append(step)
    return tuple(steps), state


def _copied(item: Instruction, state: State) -> tuple[list[str], str]:
    bodies = {each.name for each in item.heredocs}
    sources = []
    try:
        for word in item.words[:-1]:
            found = state.expand(word)
            if found.known and not (word.startswith("<<") and bodies):
                sources.append(found.text)
        return sources, state.destination(state.expand(item.words[-1]).text)
    except WordError:
        return [], ""
