"""Walking: the instructions of an image one by one, each with what it sees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from hashes.dockerfile.arguments import global_args
from hashes.dockerfile.instruction import Instruction
from hashes.dockerfile.reachable import Reached
from hashes.dockerfile.state import State
from hashes.dockerfile.steps import Steps
from layers.assemble.configuration import Configuration
from layers.assemble.recipe import Recipe
from layers.assemble.trunk import SETTINGS


class Place(NamedTuple):
    """An instruction and what is so when its turn comes."""

    stage: Reached
    position: int
    item: Instruction
    state: State


def walk(recipe: Recipe, configuration: Configuration, *, inside: bool = False) -> Iterator[Place]:
    """All instructions of a line of stages, or with ``inside`` those that come after its trunk.

    ``configuration`` is that of what comes before them: of the base, or of the trunk.  Whoever
    walks does to it what each instruction says.  Raises LayersError for words that BuildKit
    refuses.
    """
    state = State(recipe.dockerfile.escape, None if inside else configuration.environment())
    if not inside:
        state.workdir(configuration.workdir, 0)
    for number, stage in enumerate(recipe.division.line):
        state = state.child() if number else state
        steps = _steps(recipe, state)
        count = _in_trunk(recipe, stage) if inside else 0
        for item in stage.instructions[:count]:
            _set(steps, item)
        inside = inside and stage.index != recipe.division.tail[0].stage.index
        if inside:
            continue
        if count:
            _resume(stage, count, state, configuration)
        else:
            configuration.begin_stage()
        yield from _rest(stage, count, state, steps, configuration)


def _rest(
    stage: Reached, count: int, state: State, steps: Steps, configuration: Configuration
) -> Iterator[Place]:
    for position, item in enumerate(stage.instructions[count:], count):
        if position == stage.triggers:
            configuration.end_triggers()
        yield Place(stage, position, item, state)
        _set(steps, item)
    if stage.triggers == len(stage.instructions):
        configuration.end_triggers()


def _in_trunk(recipe: Recipe, stage: Reached) -> int:
    begin = recipe.division.tail[0]
    return begin.first if stage.index == begin.stage.index else len(stage.instructions)


def _resume(stage: Reached, count: int, state: State, configuration: Configuration) -> None:
    """Go on where the trunk ends: it has the environment; only arguments are not in it."""
    configuration.resume_stage(any(item.keyword == "CMD" for item in stage.instructions[:count]))
    state.settle(configuration.environment())
    state.workdir(configuration.workdir, 0)


def _set(steps: Steps, item: Instruction) -> None:
    if item.keyword in SETTINGS:
        steps.step(item, {})


def _steps(recipe: Recipe, state: State) -> Steps:
    file = recipe.dockerfile
    build = recipe.build or recipe.platform
    outer = global_args(file, recipe.args, recipe.platform, build, recipe.target)
    return Steps(file.path, state, _NoFiles(), recipe.args, outer, "", file.frontend)


class _NoFiles:
    """Settings read no files."""

    def copy(self, source: str, **_more: object) -> NoReturn:
        raise AssertionError(source)

    def mount(self, source: str) -> NoReturn:
        raise AssertionError(source)

    def everything(self) -> NoReturn:
        raise AssertionError
