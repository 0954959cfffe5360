"""Two builds of an image differ in packages and in the sizes of layers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from layers.refresh.image_diff import (
    LayerChange,
    LayerSize,
    PackageChange,
    layer_changes,
    layer_sizes,
    package_changes,
)
from layers.refresh.inventory import Package
from tests.fakes_containers import MemoryContainers, MemoryImage

OLD = [Package("dpkg", "libc6", "2.36-9"), Package("dpkg", "gone", "1"), Package("pip", "a", "1")]
NEW = [Package("dpkg", "libc6", "2.36-10"), Package("pip", "new", "2"), Package("pip", "a", "1")]


def test_packages_are_added_removed_and_updated() -> None:
    """Those that stayed are not told."""
    assert package_changes(OLD, NEW) == (
        PackageChange("dpkg", "gone", "1", ""),
        PackageChange("dpkg", "libc6", "2.36-9", "2.36-10"),
        PackageChange("pip", "new", "", "2"),
    )


def test_two_versions_of_a_package_in_one_image_are_both_told() -> None:
    """As two virtual environments have them."""
    two = [Package("pip", "a", "2"), Package("pip", "a", "1")]
    assert package_changes(two, two[:1]) == (PackageChange("pip", "a", "1, 2", "2"),)


def test_layers_of_no_bytes_are_left_out() -> None:
    """They are settings; what made the others reads as in a Dockerfile."""
    history = (("ADD rootfs.tar /", 90), ("ENV A=1", 0), ("RUN |1 A=1 /bin/sh -c b # buildkit", 5))
    sizes = layer_sizes(MemoryContainers({"i": MemoryImage(history=history)}), "i")
    assert sizes == (LayerSize("ADD rootfs.tar /", 90), LayerSize("RUN b", 5))


def test_layers_are_paired_by_their_instructions() -> None:
    """One that came between two others moves nothing."""
    old = [LayerSize("FROM", 90), LayerSize("RUN a", 10), LayerSize("COPY x", 5)]
    new = [LayerSize("FROM", 95), LayerSize("RUN b", 7), LayerSize("RUN a", 10)]
    assert layer_changes(old, new) == (
        LayerChange("FROM", 90, 95),
        LayerChange("RUN b", None, 7),
        LayerChange("RUN a", 10, 10),
        LayerChange("COPY x", 5, None),
    )
    assert [one.delta for one in layer_changes(old, new)] == [5, 7, 0, -5]


LAYERS = st.lists(st.builds(LayerSize, st.sampled_from("abc"), st.integers(1, 9)), max_size=6)


@given(LAYERS, LAYERS)
def test_both_images_can_be_read_back_from_their_changes(
    old: list[LayerSize], new: list[LayerSize]
) -> None:
    """Nothing is lost or told twice, and the deltas sum up to the difference."""
    changes = layer_changes(old, new)
    assert [LayerSize(c.created_by, c.old) for c in changes if c.old is not None] == old
    assert [LayerSize(c.created_by, c.new) for c in changes if c.new is not None] == new
    grown = sum(one.size for one in new) - sum(one.size for one in old)
    assert sum(one.delta for one in changes) == grown
