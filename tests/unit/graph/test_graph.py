"""The graph of images: order, closure, cycles."""

from __future__ import annotations

import pytest

from hashes.errors import LayersError
from layers.graph.faults import CycleError
from layers.graph.graph import Edge, Graph, Layer, make_graph


def graph(**parents: str) -> Graph:
    return make_graph(
        {
            name: tuple(Edge(text, n, text) for n, text in enumerate(of.split(), 1))
            for name, of in parents.items()
        }
    )


def test_parents_come_first_and_ties_keep_their_order() -> None:
    """The order is fit for building one after the other."""
    assert graph(app="base tools", base="", tools="base").order == ("base", "tools", "app")


def test_the_closure_holds_all_that_is_below() -> None:
    """What a build may touch: the images asked for and everything that they are made from."""
    found = graph(app="base", base="", other="base", tools="")
    assert found.closure(["app"]) == ("base", "app")


def test_upstreams_are_no_parents() -> None:
    """An edge to an upstream orders nothing."""
    found = make_graph({"app": (Edge("node:18", 1, None, "node:18"),)})
    assert found.parents("app") == ()


def test_a_cycle_is_shown_as_a_path() -> None:
    """The error names the images in the order in which they need each other."""
    found = graph(a="b", b="c", c="a").faults
    assert {type(each) for each in found.values()} == {CycleError}
    assert {each.message for each in found.values()} == {"dependency cycle: a -> b -> c -> a"}
    assert list(found) == ["a", "b", "c"]


def test_a_cycle_is_a_fault_of_the_images_in_it() -> None:
    """Others keep their edges and their order, and what is made from them knows its parents."""
    found = graph(app="a base", a="b", b="a", base="", other="base")
    assert set(found.faults) == {"a", "b"}
    assert found.parents("app") == ("a", "base")
    assert found.parents("a") == ()
    order = found.order
    assert max(map(order.index, ("a", "b", "base"))) < order.index("app")
    assert found.closure(["other"]) == ("base", "other")


def test_two_cycles_that_meet_are_both_told() -> None:
    """Each image is in the first that was found of it."""
    found = graph(a="b c", b="a", c="a").faults
    assert {name: each.message.partition(": ")[2] for name, each in found.items()} == {
        "a": "a -> b -> a",
        "b": "a -> b -> a",
        "c": "a -> c -> a",
    }


def test_an_image_whose_edges_are_not_known_stays_in_the_order() -> None:
    """With its fault, and none of the others has one."""
    error = LayersError("unknown instruction")
    found = make_graph({"base": (), "app": (Edge("base", 1, "base"),)}, {"base": error})
    assert found.order == ("base", "app")
    assert found.faults == {"base": error}


def test_an_image_made_from_itself_is_a_cycle() -> None:
    """The shortest cycle there is."""
    assert "a -> a" in str(graph(a="a").faults["a"])


def test_a_deep_chain_is_no_problem() -> None:
    """Two thousand images in a row stay below any recursion limit."""
    parents = {f"i{n}": f"i{n + 1}" for n in range(2000)}
    assert graph(**parents, i2000="").order[0] == "i2000"


@pytest.mark.parametrize("text", ["pose-service", "pose-service:deps"])
def test_a_layers_text_is_its_exact_inverse(text: str) -> None:
    """Task names are read back as they were written."""
    assert str(Layer.parse(text)) == text
