"""The graph of images: order, closure, cycles."""

from __future__ import annotations

import pytest

from layers.graph.graph import CycleError, Edge, Graph, Layer, make_graph


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
    with pytest.raises(CycleError, match="a -> b -> c -> a"):
        graph(a="b", b="c", c="a")


def test_an_image_made_from_itself_is_a_cycle() -> None:
    """The shortest cycle there is."""
    with pytest.raises(CycleError, match="a -> a"):
        graph(a="a")


def test_a_deep_chain_is_no_problem() -> None:
    """Two thousand images in a row stay below any recursion limit."""
    parents = {f"i{n}": f"i{n + 1}" for n in range(2000)}
    assert graph(**parents, i2000="").order[0] == "i2000"


@pytest.mark.parametrize("text", ["pose-service", "pose-service:deps"])
def test_a_layers_text_is_its_exact_inverse(text: str) -> None:
    """Task names are read back as they were written."""
    assert str(Layer.parse(text)) == text
