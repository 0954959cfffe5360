"""The rebuild rule: what a plan decides from what there is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashes.key import Hasher, Key
from layers.graph.graph import Layer
from layers.oci.digest import Digest
from layers.plan.plan import Assembly, Node, Plan, Presence, Step, make_plan


def key(text: str) -> Key:
    hasher = Hasher()
    hasher.field("test", text.encode())
    return hasher.key()


def digest(text: str) -> Digest:
    return Digest("sha256:" + key(text).hex * 2)


BASE, APP = Layer("base"), Layer("app")
NODES = (Node(BASE, key("base")), Node(APP, key("app"), (BASE,)))


def plan(*, engine: str = "", registry: str = "", wanted: str = "app", current: str = "") -> Plan:
    at = {name: Layer(name) for name in ("base", "app")}
    presence = Presence(
        {at[n]: digest(n) for n in engine.split()},
        {at[n]: digest(n) for n in registry.split()},
        {at[n]: digest(n) for n in current.split()} or {at[n]: digest(n) for n in engine.split()},
    )
    return make_plan(NODES, presence, [at[n] for n in wanted.split()], {})


@pytest.mark.parametrize(
    ("engine", "registry", "wanted", "expected"),
    [
        ("base app", "", "app", "base fresh -, app fresh needed"),
        ("app", "", "app", "base build -, app fresh needed"),
        ("", "app", "app", "base build -, app pull needed"),
        ("", "base app", "app", "base pull -, app pull needed"),
        ("", "base", "app", "base pull needed, app build needed"),
        ("base", "", "app", "base fresh needed, app build needed"),
        ("", "", "app", "base build needed, app build needed"),
        ("", "", "base", "base build needed, app build -"),
        ("app", "base", "base app", "base pull needed, app fresh needed"),
    ],
)
def test_each_layer_comes_from_the_cheapest_place(
    engine: str, registry: str, wanted: str, expected: str
) -> None:
    """Here: nothing; in the registry: a pull; else a build, and only then are parents touched."""
    steps = plan(engine=engine, registry=registry, wanted=wanted).steps.values()
    told = [f"{s.layer} {s.state} {'needed' if s.needed else '-'}" for s in steps]
    assert ", ".join(told) == expected


def test_a_name_that_moved_is_not_idle() -> None:
    """Going back to an earlier commit finds its image, and only the plain name has to move."""
    presence = Presence({APP: digest("app")}, {}, {APP: digest("newer")})
    step = make_plan(NODES, presence, [APP], {}).steps[APP]
    assert (step.state, step.renames, step.idle) == ("fresh", True, False)


def test_a_parent_that_must_be_built_is_a_reason_of_its_child() -> None:
    """Staleness of a parent shows in the child's reasons."""
    assert "base is built first" in plan().steps[APP].reasons
    assert "base is pulled first" in plan(registry="base").steps[APP].reasons


def test_a_missing_file_is_told_only_where_a_build_needs_it() -> None:
    """A required file that is missing is no matter where the image itself can be had."""
    node = Node(APP, key("app"), problem="model.pkl is missing")
    building = make_plan([node], Presence(), [APP], {}).steps[APP]
    pulling = make_plan([node], Presence({}, {APP: digest("app")}), [APP], {}).steps[APP]
    assert building.problem == "model.pkl is missing"
    assert "model.pkl is missing" in building.reasons
    assert pulling.problem == ""


def test_an_image_without_a_key_is_an_error_and_asks_for_nothing_but_its_cause() -> None:
    """It is looked for nowhere; what it is made from is left alone, but for what has an error."""
    bad, other = Layer("bad"), Layer("other")
    nodes = [
        Node(BASE, key("base")),
        Node(bad, None, (), "bad/Dockerfile:1: unknown instruction: FRUM"),
        Node(APP, None, (bad,), "app is made from bad, which has an error"),
        Node(other, key("other"), (BASE,)),
    ]
    plan = make_plan(nodes, Presence(), [APP, other], {})
    told = {str(s.layer): (s.state, s.needed, bool(s.stuck)) for s in plan.steps.values()}
    assert told == {
        "base": ("build", True, False),
        "bad": ("error", True, True),
        "app": ("error", True, True),
        "other": ("build", True, False),
    }
    assert plan.steps[APP].reasons == ("app is made from bad, which has an error",)
    assert list(plan.stuck()) == [bad, APP]
    assert not plan.idle()
    assert plan.steps[bad].key is None


def test_what_is_built_from_something_that_cannot_be_is_stuck_too() -> None:
    """Known before the first build begins; with an image to pull nobody asks for the file."""
    nodes = [
        Node(BASE, key("base"), problem="model.pkl is missing"),
        Node(APP, key("app"), (BASE,)),
    ]
    stuck = make_plan(nodes, Presence(), [APP], {}).stuck()
    assert stuck == {
        BASE: "model.pkl is missing",
        APP: "app: not made, since base cannot be",
    }
    held = {BASE: digest("base")}
    assert make_plan(nodes, Presence({}, held), [APP], {}).stuck() == {}
    assert make_plan(nodes, Presence(), [], {}).stuck() == {}


Decide = Callable[[list[Node], Presence, list[Layer]], dict[Layer, Step]]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Node], Presence, list[Layer]]:
    """Some layers with parents among the earlier ones, some of them here and there."""
    count = draw(st.integers(1, 7))
    layers = [Layer(f"l{n}") for n in range(count)]
    nodes = []
    for n, layer in enumerate(layers):
        parents = draw(st.lists(st.sampled_from(layers[:n]), unique=True)) if n else []
        nodes.append(Node(layer, key(str(layer)), tuple(parents)))
    some = st.lists(st.sampled_from(layers), unique=True)
    engine = {layer: digest(str(layer)) for layer in draw(some)}
    registry = {layer: digest(str(layer)) for layer in draw(some)}
    return nodes, Presence(engine, registry, dict(engine)), draw(some)


def carried_out(nodes: list[Node], presence: Presence, steps: dict[Layer, Step]) -> set[Layer]:
    """What the engine holds after the needed steps; fails when a build lacks a parent."""
    held = set(presence.engine)
    for node in nodes:
        step = steps[node.layer]
        if not step.needed or step.state == "fresh":
            continue
        if step.state == "pull":
            assert node.layer in presence.registry
        else:
            missing = [str(parent) for parent in node.parents if parent not in held]
            assert not missing, f"{node.layer} is built without {missing}"
        held.add(node.layer)
    return held


def law(decide: Decide, world: tuple[list[Node], Presence, list[Layer]]) -> None:
    """After the plan the wanted layers are there, and no step was done in vain."""
    nodes, presence, wanted = world
    steps = decide(nodes, presence, wanted)
    held = carried_out(nodes, presence, steps)
    assert set(wanted) <= held
    for node in nodes:
        step = steps[node.layer]
        users = [n.layer for n in nodes if node.layer in n.parents]
        built = [u for u in users if steps[u].needed and steps[u].state == "build"]
        assert step.needed == (node.layer in wanted or bool(built))


def ours(nodes: list[Node], presence: Presence, wanted: list[Layer]) -> dict[Layer, Step]:
    return dict(make_plan(nodes, presence, wanted, {}).steps)


@given(worlds())
def test_plans_make_the_wanted_true_and_do_nothing_in_vain(
    world: tuple[list[Node], Presence, list[Layer]],
) -> None:
    """Any graph, any presence: the law of `law` holds."""
    law(ours, world)


@given(worlds())
def test_a_second_plan_is_idle(world: tuple[list[Node], Presence, list[Layer]]) -> None:
    """Once carried out, the same question has nothing to do."""
    nodes, presence, wanted = world
    held = carried_out(nodes, presence, ours(nodes, presence, wanted))
    engine = {layer: digest(str(layer)) for layer in held}
    assert make_plan(nodes, Presence(engine, {}, engine), wanted, {}).idle()


def test_a_rule_that_forgets_parents_breaks_the_law() -> None:
    """The law can fail: a planner that needs only what was asked for builds without a base."""

    def forgetful(nodes: list[Node], presence: Presence, wanted: list[Layer]) -> dict[Layer, Step]:
        bare = [Node(node.layer, node.key) for node in nodes]
        return dict(make_plan(bare, presence, wanted, {}).steps)

    with pytest.raises(AssertionError, match="is built without"):
        law(forgetful, (list(NODES), Presence(), [APP]))


def assembling(*, engine: str = "", registry: str = "", obstacle: str = "") -> Step:
    """The step of an application that somebody wants assembled upon its base."""
    at = {name: Layer(name) for name in ("base", "app")}
    presence = Presence(
        {at[n]: digest(n) for n in engine.split()}, {at[n]: digest(n) for n in registry.split()}
    )
    nodes = (NODES[0], NODES[1]._replace(assembly=Assembly(BASE, obstacle)))
    return make_plan(nodes, presence, [APP], {}).steps[APP]


@pytest.mark.parametrize(
    ("engine", "registry", "obstacle", "state", "reason"),
    [
        ("", "base", "", "assemble", "upon base, where nothing has to run"),
        ("base", "base", "", "assemble", "upon base, where nothing has to run"),
        ("base", "", "", "build", "not assembled: base is not in the registry"),
        ("", "", "", "build", "not assembled: base is not in the registry"),
        ("", "base", "RUN in line 3", "build", "not assembled: RUN in line 3"),
        ("app", "base", "", "fresh", "the engine has this key"),
        ("", "base app", "", "pull", "the registry has this key"),
    ],
)
def test_what_has_nothing_to_run_is_assembled_upon_a_base_in_the_registry(
    engine: str, registry: str, obstacle: str, state: str, reason: str
) -> None:
    step = assembling(engine=engine, registry=registry, obstacle=obstacle)
    assert step.state == state
    assert reason in step.reasons


def test_a_base_that_is_assembled_upon_is_not_touched() -> None:
    """Neither pulled nor built: the registry has it."""
    nodes = (NODES[0], NODES[1]._replace(assembly=Assembly(BASE)))
    plan = make_plan(nodes, Presence({}, {BASE: digest("base")}), [APP], {})
    assert not plan.steps[BASE].needed


def test_a_file_that_is_missing_is_no_assembly() -> None:
    nodes = (NODES[0], NODES[1]._replace(assembly=Assembly(BASE), problem="model is missing"))
    step = make_plan(nodes, Presence({}, {BASE: digest("base")}), [APP], {}).steps[APP]
    assert (step.state, step.problem) == ("build", "model is missing")
