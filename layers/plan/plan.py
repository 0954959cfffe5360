"""The plan: what has to be done so that the wanted layers are true, and why. The whole rule."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import Literal, NamedTuple

from hashes.key import Key
from hashes.nothing import NOTHING
from layers.graph.graph import Layer
from layers.oci.digest import Digest
from layers.plan.names import NOWHERE, Names

StepState = Literal["fresh", "pull", "assemble", "build", "error"]
Where = Literal["engine", "registry", ""]
NOT_ASSEMBLED = "not assembled: "
"""With what a reason begins that tells why a layer is built and not put together."""


class Assembly(NamedTuple):
    """How a layer could be put together without the engine."""

    base: Layer | None = None
    """The layer of ours that it stands on, which has to be in the registry; None: an upstream, or
    nothing."""
    obstacle: str = ""
    """Why it has to be built; "": nothing that is known beforehand."""
    steps: str = ""
    """What to call the base where it is steps of the layer's own; "": it has a name."""
    lacking: str = ""
    """Why the registry does not have the base; "": nobody knows."""
    copies: tuple[str, ...] = ()
    """The stages and images whose files are read for it."""
    held: bool = False
    """Whether the engine has the base, and no registry has to be asked for it."""
    asked: bool = True
    """Whether images.toml asks for it; else what stands in the way is told of an edit alone."""


class Node(NamedTuple):
    """What the plan must know of a layer before it asks where the layer is."""

    layer: Layer
    key: Key | None
    """None: it has an error, and nobody can tell what it is made from."""
    parents: tuple[Layer, ...] = ()
    """Layers that a build of this one starts from, nearest first; without a key, those of them
    that have none either."""
    problem: str = ""
    """Why it cannot be built here, e.g. a required file that is missing; "" when it can."""
    builder: str = ""
    """Who builds it elsewhere, from the registry into the registry; "": the engine here does."""
    names: Names = NOWHERE
    push: bool = False
    """True when it goes to the registry under its key."""
    assembly: Assembly | None = None
    """None: it is turned off, or there is nothing to tell of it."""


class Broken(NamedTuple):
    """An image in the registry of which parts are lost."""

    digest: Digest
    missing: tuple[Digest, ...]

    def __str__(self) -> str:
        more = f" and {len(self.missing) - 1} more are" if self.missing[1:] else " is"
        return f"the registry has this key, but not all of it: {self.missing[0]}{more} missing"


class Presence(NamedTuple):
    """Where keys were seen; a layer that is in neither map was looked for and not found."""

    engine: Mapping[Layer, Digest] = NOTHING
    registry: Mapping[Layer, Digest] = NOTHING
    current: Mapping[Layer, Digest] = NOTHING
    """What each layer's plain name points at in the engine."""
    broken: Mapping[Layer, Broken] = NOTHING
    """In the registry, but not to be relied on: these count as absent."""


class Step(NamedTuple):
    """What is to be done about one layer, with the reasons in words."""

    layer: Layer
    key: Key | None
    """None in the state ``error``, and only there."""
    state: StepState
    reasons: tuple[str, ...]
    where: Where
    needed: bool
    """False: nobody wants it now, and nothing that is built now starts from it."""
    renames: bool = False
    """True: it is there, but its plain name points at another image and has to move back."""
    problem: str = ""
    builder: str = ""
    """Who is to build it elsewhere; "": the engine here, or nobody."""
    here: bool = True
    """False: the registry is the only place where it has to be in the end."""
    names: Names = NOWHERE
    """Under which it is found in the engine and in the registry."""
    push: bool = False
    """True when it goes to the registry under its key."""
    stuck: str = ""
    """Why this run cannot make it true, known before anything is built; "": nothing is known."""

    @property
    def idle(self) -> bool:
        """True when a run leaves this layer alone."""
        return not self.needed or (self.state == "fresh" and not self.renames)


class Plan(NamedTuple):
    """A step for every layer that was looked at, parents first."""

    steps: Mapping[Layer, Step]

    def idle(self) -> bool:
        """True when everything that is wanted is true already."""
        return all(step.idle for step in self.steps.values())

    def stuck(self) -> Mapping[Layer, str]:
        """What is needed and cannot be made true, parents first, each with the reason."""
        return {
            step.layer: step.stuck for step in self.steps.values() if step.needed and step.stuck
        }


def make_plan(
    nodes: Iterable[Node],
    presence: Presence,
    wanted: Iterable[Layer],
    causes: Mapping[Layer, tuple[str, ...]],
    *,
    there: bool = False,
) -> Plan:
    """Decide for every layer; ``nodes`` come parents first, ``causes`` say what changed in each.

    ``there``: what is wanted is wanted in the registry, and need not come to the engine.  A pure
    function: the same values give the same plan, and nothing is asked of anybody.
    """
    nodes = list(nodes)
    states: dict[Layer, tuple[StepState, Where, tuple[str, ...]]] = {}
    for node in nodes:
        states[node.layer] = _decide(node, presence, states, causes.get(node.layer, ()))

    # A parent is touched only when a child must be built: children come last in `nodes`.  A
    # builder elsewhere takes from the registry what the registry has: nobody pulls that for it.
    needed = set(wanted)
    here = set() if there else set(needed)
    for node in reversed(nodes):
        if node.layer in needed and states[node.layer][0] in ("build", "error"):
            if node.builder:
                needed.update(each for each in node.parents if not _kept(each, states))
            else:
                needed.update(node.parents)
                here.update(node.parents)

    stuck: dict[Layer, str] = {}
    steps: dict[Layer, Step] = {}
    for node in nodes:
        state, where, reasons = states[node.layer]
        held = presence.engine.get(node.layer)
        renames = state == "fresh" and presence.current.get(node.layer) != held
        if renames:
            reasons = (*reasons, "its plain name points at another image and moves back")
        below = [str(parent) for parent in node.parents if parent in stuck]
        if state in ("build", "error") and (node.problem or below):
            why = f"{node.layer}: not made, since {' and '.join(below)} cannot be"
            stuck[node.layer] = node.problem or why
        steps[node.layer] = Step(
            node.layer,
            node.key,
            state,
            reasons,
            where,
            node.layer in needed,
            renames,
            node.problem if state in ("build", "error") else "",
            node.builder if state == "build" else "",
            node.layer in here,
            node.names,
            node.push,
            stuck.get(node.layer, ""),
        )
    return Plan(steps)


def assembles(assembly: Assembly | None, registry: Container[Layer]) -> bool:
    """Whether nothing that is known stands in the way, and the registry has what it stands on."""
    if assembly is None or assembly.obstacle or assembly.lacking:
        return False
    return assembly.held or assembly.base is None or assembly.base in registry


_NOWHERE = ("no image with this key, here or in the registry",)
StepStates = Mapping[Layer, tuple[StepState, Where, tuple[str, ...]]]


def _kept(layer: Layer, states: StepStates) -> bool:
    """Whether the registry has a layer, and the engine does not."""
    return layer in states and states[layer][1] == "registry"


def _decide(
    node: Node,
    presence: Presence,
    states: StepStates,
    causes: tuple[str, ...],
) -> tuple[StepState, Where, tuple[str, ...]]:
    if node.key is None:
        return "error", "", (node.problem,)
    if node.layer in presence.engine:
        return "fresh", "engine", ("the engine has this key",)
    if node.layer in presence.registry:
        return "pull", "registry", ("the registry has this key", *causes)
    broken = [str(presence.broken[node.layer])] if node.layer in presence.broken else []
    reasons = [*broken, *causes] or [*_NOWHERE]
    for parent in node.parents:
        state = states[parent][0] if parent in states else "fresh"
        if state == "build":
            reasons.append(f"{parent} is built first")
        elif state == "pull":
            how = f"taken from the registry by {node.builder}" if node.builder else "pulled first"
            reasons.append(f"{parent} is {how}")
    if node.assembly is not None and not node.problem:
        if assembles(node.assembly, presence.registry):
            return "assemble", "", (*broken, *(causes or _NOWHERE), _stands(node.assembly))
        if node.assembly.asked or causes:
            reasons.append(f"{NOT_ASSEMBLED}{_obstacle(node.assembly)}")
    if node.builder:
        reasons.append(f"the builder {node.builder} makes it")
    if node.problem:
        reasons.append(node.problem)
    return "build", "", tuple(reasons)


def _stands(assembly: Assembly) -> str:
    files = f", with files of {' and '.join(assembly.copies)}" if assembly.copies else ""
    if assembly.steps:
        return f"upon its {assembly.steps}, after which nothing has to run{files}"
    return f"upon {assembly.base or 'its base'}, where nothing has to run{files}"


def _obstacle(assembly: Assembly) -> str:
    lacks = f"its {assembly.steps} are" if assembly.steps else f"{assembly.base} is"
    return assembly.obstacle or assembly.lacking or f"{lacks} not in the registry"
