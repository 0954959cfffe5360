"""Keys: what the code under test says of a world, by a right rule or by a wrong one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hashes import External, LayersError, Request, layers, parse
from hashes.context.ignore import read_ignore
from hashes.context.input import Input
from hashes.context.sources import Sources
from hashes.context.statcache import StatCache
from hashes.context.tree import Tree
from hashes.dockerfile.frontend import Frontend
from tests.fuzz.draw import BASE
from tests.fuzz.world import Place, World

RECORDED_BY = Frontend((1, 7))
"""Who told the truths that are kept: Docker 26.1.5."""
ENV = {"PATH": "/bin", "TINY": "sub"}
"""The base image's environment."""


@dataclass(frozen=True)
class Answer:
    """A key, or why there is none."""

    key: str = ""
    refused: str = ""


Rule = Callable[[tuple[Input, ...]], tuple[Input, ...]]
"""What becomes of the inputs before they are hashed."""


def right(inputs: tuple[Input, ...]) -> tuple[Input, ...]:
    """As they are."""
    return inputs


def modeless(inputs: tuple[Input, ...]) -> tuple[Input, ...]:
    """Wrong: a file's mode does not count."""
    return tuple(item._replace(mode=0) for item in inputs)


def names_only(inputs: tuple[Input, ...]) -> tuple[Input, ...]:
    """Wrong: a file's bytes do not count."""
    return tuple(item._replace(value="") for item in inputs)


RULES: dict[str, Rule] = {"right": right, "modeless": modeless, "names-only": names_only}


class Ruled(Sources):
    """A context that is seen through a rule."""

    def __init__(self, tree: Tree, rule: Rule) -> None:
        super().__init__(tree)
        self._rule = rule

    def everything(self) -> tuple[Input, ...]:
        return self._rule(super().everything())

    def mount(self, source: str = "") -> tuple[Input, ...]:
        return self._rule(super().mount(source))

    def copy(
        self, source: str, *, exclude: tuple[str, ...] = (), parents: bool = False
    ) -> tuple[Input, ...]:
        return self._rule(super().copy(source, exclude=exclude, parents=parents))


def answer(
    world: World,
    place: Place,
    cache: StatCache | None = None,
    *,
    rule: Rule = right,
    pinned: bool = True,
    frontend: Frontend = RECORDED_BY,
) -> Answer:
    """Ask for the key of a world's target, as read by a frontend.

    ``pinned`` False: nothing but the base image's name is known, as without images.lock.
    """

    def resolve(name: str, platform: str) -> External:
        if not pinned:
            return External(f"unpinned {name}")
        return External(f"digest {BASE}" if name.startswith(BASE) else f"digest of {name}", ENV)

    try:
        with open(place.dockerfile, "rb") as file:
            dockerfile = parse(file.read(), world.name, frontend=frontend)
        ignore = read_ignore(place.context, place.dockerfile)
        sources = Ruled(Tree(place.context, ignore, cache), rule)
        request = Request(dockerfile, world.args)
        found = layers(request, sources, resolve, world.target or None)
    except LayersError as error:
        return Answer(refused=str(error) or type(error).__name__)
    return Answer(str(list(found.values())[-1].key))
