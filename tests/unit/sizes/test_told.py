"""What is told of sizes: lines that fit, and an object with everything."""

from __future__ import annotations

import io
import json

import pytest

from layers.sizes.contents import SAME_FROM
from layers.sizes.growth import Growth
from layers.sizes.measure import Measured
from layers.sizes.saved_image import Documents, blobs
from layers.sizes.told import Told, as_json, as_text
from tests.unit.sizes.archives import Files, measured, saved

LARGE = b"x" * SAME_FROM
DEEP = "opt/" + "a-long-folder/" * 8 + "file"
IMAGE: list[Files] = [
    {
        "big": LARGE,
        DEEP: LARGE,
        "bin/a": b"a" * 2000,
        "var/lib/dpkg/status": b"Package: tool\nStatus: install ok installed\nVersion: 1\n",
        "var/lib/dpkg/info/tool.list": b"/bin/a\n",
    },
    {"big": LARGE, ".wh.bin": b""},
]


def told(image: Measured, **more: object) -> Told:
    found = Told("app", "xxh3-1", "engine", None, image, None)
    return found._replace(**more)  # type: ignore[arg-type]


def text(found: Told, width: int = 80, **how: bool) -> str:
    return as_text(found, width, **how)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """Long paths and instructions are cut, with a sign."""
    found = text(told(measured(*IMAGE), max_size=1), width, everything=True)
    assert max(map(len, found.splitlines())) <= width
    assert ("…" in found) is (width < 200)


def test_layers_packages_duplicates_and_losses_are_told() -> None:
    """Each with what it comes to."""
    found = text(told(measured(*IMAGE)))
    assert "app, from the engine: 199 kB in 2 layers, 200 B packed" in found
    assert "      1    100 B   133 kB  COPY 1\n" in found
    assert "  packages: 1 of dpkg with 0 B; 131 kB are in none\n" in found
    assert "  duplicates: 66 kB in files that are there more than once\n" in found
    assert "  lost: 68 kB in layers, of files that no container sees\n" in found
    assert "     66 kB  layer 1, repeated in layer 2\n            /big\n" in found
    assert "COPY --chown and --chmod" in found


def test_an_image_without_all_that_has_no_heads_of_it() -> None:
    """Nothing is said of what there is not."""
    found = text(told(measured({"a": b"1"})))
    assert not [word for word in ("packages", "duplicates", "lost", "max_size") if word in found]


def test_the_budget_is_told_in_red_only_on_a_terminal() -> None:
    """And that it is spent."""
    over = told(measured({"a": b"1" * 300}), max_size=200)
    assert "  150% of its max_size 200 B: it is over\n" in text(over)
    assert "\x1b[31m" in text(over, color=True)
    assert "\x1b" not in text(over)
    assert "it is over" not in text(over._replace(max_size=300))


def test_growth_is_told_of_the_image_its_layers_and_packages() -> None:
    """Signs before numbers; a package that went has a row of its own."""
    grown = Growth("xxh3-0", 5000, -200, (0, 5000), {"dpkg tool": 2000, "pip gone": -3000})
    found = text(told(measured(*IMAGE), growth=grown))
    assert "  +5.0 kB, −200 B packed since xxh3-0\n" in found
    assert "  layer   packed unpacked     grown  instruction\n" in found
    assert "      2    100 B    66 kB   +5.0 kB  COPY 2\n" in found
    assert "−3.0 kB  pip gone\n" in found


def test_everything_is_in_the_object() -> None:
    """As JSON has it, and rows that people see no more than five of."""
    many: Files = {f"d/{at}": LARGE + bytes([at]) * at for at in range(1, 20)}
    found = as_json(told(measured({**many, **{f"e{path}": c for path, c in many.items()}})))
    value = json.loads(json.dumps(found))
    assert len(value["duplicates"]) == 19
    assert value["growth"] is None
    assert value["unpacked"] == value["seen"] == sum(2 * (SAME_FROM + at) for at in range(1, 20))
    assert set(value["duplicates"][0]) == {"size", "paths"}


@pytest.mark.parametrize("how", ["", "gzip", "zstd"])
def test_a_saved_image_gives_its_layers_with_their_packed_sizes(how: str) -> None:
    """In whatever order they lie in the archive; one that nobody reads is passed over."""
    data = saved(IMAGE, how)
    documents = Documents()
    found = {each.name: each.size for each in blobs(io.BytesIO(data), documents)}
    assert set(documents.layers) == set(found)
    assert all(size > 0 for size in found.values())
