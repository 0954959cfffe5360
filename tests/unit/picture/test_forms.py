"""The graph as text, SVG, Mermaid and DOT: states by word, odd letters escaped."""

from __future__ import annotations

import io
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from layers.picture.dot import dot
from layers.picture.drawing import Arrow, Box, Drawing
from layers.picture.mermaid import mermaid
from layers.picture.paint import DARK, LIGHT
from layers.picture.svg import style, svg
from layers.picture.text import show
from tests.reports import DRAWING

SVG = "{http://www.w3.org/2000/svg}"
SHOP = Drawing(
    "shop",
    (
        Box("upstream debian:12 linux/amd64", "debian:12", "upstream", "pinned"),
        Box("base", "base", "image", "fresh", size=1_200_000_000),
        Box("api:deps", "api:deps", "stage", "build", expected=1560.0),
        Box("api", "api", "image", "error"),
    ),
    (
        Arrow("upstream debian:12 linux/amd64", "base"),
        Arrow("base", "api:deps"),
        Arrow("api:deps", "api", whole=False),
        Arrow("base", "api"),
    ),
)
ODD = "a<b>&\"c'd\\e`f#g;h]i|j{k}l(m)n%%o\x07p\u202eq é"


def odd() -> Drawing:
    """Names with all that means something to somebody."""
    boxes = (Box(ODD, ODD, "stage", "build"), Box("b", f"{ODD}2", "upstream", ODD))
    return Drawing(ODD, boxes, (Arrow("b", ODD),))


def shown(drawing: Drawing, width: int | None = None, color: bool = False) -> str:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    show(drawing, stream, width=width, color=color)
    return stream.buffer.getvalue().decode()


def test_text_has_each_box_once_below_what_it_is_made_from() -> None:
    """The first whole parent is the home; others are named."""
    assert shown(SHOP).splitlines() == [
        "debian:12  pinned",
        "└── base  fresh 1.2 GB",
        "    ├── api:deps  build ≈ 26 min",
        "    └── api  error  and from api:deps",
    ]


def test_text_has_states_in_colour_where_that_is_wanted() -> None:
    """The words are there all the same."""
    assert "\x1b[32mfresh\x1b[0m" in shown(SHOP, 80, color=True)
    assert "\x1b" not in shown(SHOP, 80)


def test_text_fits_eighty_columns_whatever_the_names() -> None:
    """Long lines go on below; in a pipe a box is one line."""
    parents = tuple(
        Box(f"p{n}", f"parent-{n:02}-of-a-long-name", "image", "fresh") for n in range(9)
    )
    deep = tuple(Box(f"d{n}", f"deep-{n}", "image", "fresh") for n in range(12))
    child = Box("child", "x" * 90, "image", "build")
    arrows = tuple(Arrow(each.id, "child") for each in (*deep[-1:], *parents))
    chain = tuple(Arrow(f"d{n}", f"d{n + 1}") for n in range(11))
    drawing = Drawing("shop", (*parents, *deep, child), (*chain, *arrows))
    assert max(map(len, shown(drawing, 80).splitlines())) <= 80
    assert len(shown(drawing).splitlines()) == len(drawing.boxes)


def test_svg_is_valid_and_tells_what_it_shows() -> None:
    """Each box has name and state as text, the whole a sentence for those who cannot see it."""
    root = ElementTree.fromstring(svg(SHOP))
    assert root.tag == f"{SVG}svg"
    assert root.get("aria-label") == "shop: 1 fresh, 1 build, 1 error on 1 upstream image"
    texts = [each.text for each in root.iter(f"{SVG}text")]
    assert texts[2:4] == ["base", "fresh 1.2 GB"]
    assert len(list(root.iter(f"{SVG}path"))) == len(SHOP.arrows)
    assert "http" not in svg(SHOP).replace("http://www.w3.org/2000/svg", "")


def test_the_picture_in_the_docs_is_as_it_is_drawn_now() -> None:
    """``./run browser pictures`` makes it anew."""
    held = Path(__file__).resolve().parents[3] / "docs" / "graph.svg"
    assert held.read_text(encoding="utf-8") == svg(DRAWING)


def test_svg_within_a_page_brings_no_style_of_its_own() -> None:
    """A page that allows only its own rules shows it."""
    assert "<style" not in svg(SHOP, alone=False)
    assert "style=" not in svg(SHOP, alone=False)
    assert style() in svg(SHOP)


def test_svg_has_rules_for_the_dark() -> None:
    """The ground, too, as a page around it may be light."""
    assert re.search(
        r"@media\(prefers-color-scheme:dark\)\{\.graph \.ground\{fill:#0d1117\}", style()
    )


def test_a_drawing_of_nothing_is_still_a_picture() -> None:
    """A project without images that anybody wants."""
    empty = Drawing("shop", (), ())
    assert ElementTree.fromstring(svg(empty)).get("aria-label") == "shop: no image"
    assert mermaid(empty).startswith("flowchart LR\n")
    assert dot(empty).endswith("}\n")
    assert shown(empty) == ""


def luminance(color: str) -> float:
    """As WCAG 2 has it."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("paints", [LIGHT, DARK], ids=["light", "dark"])
def test_text_on_its_ground_has_a_contrast_of_seven(paints: dict[str, tuple[str, str]]) -> None:
    """WCAG's AAA, in both schemes."""
    for state, pair in paints.items():
        low, high = sorted(map(luminance, pair))
        assert (high + 0.05) / (low + 0.05) >= 7, state


def test_mermaid_has_boxes_by_number_and_states_as_classes() -> None:
    """Dotted arrows where only files are taken."""
    lines = mermaid(SHOP).splitlines()
    assert lines[0] == "flowchart LR"
    assert '  n0(["debian:12<br>pinned"]):::other' in lines
    assert '  n2("api:deps<br>build ≈ 26 min"):::build' in lines
    assert "  n2 -.-> n3" in lines
    assert "  n1 --> n3" in lines


def test_dot_has_names_quoted_and_states_as_words() -> None:
    """Dotted arrows where only files are taken."""
    text = dot(SHOP)
    assert '  "base" [label="base\\nfresh 1.2 GB", shape=box, ' in text
    assert '  "api:deps" -> "api" [style=dotted]\n' in text


def test_odd_letters_mean_nothing_to_any_form() -> None:
    """Neither ends a label nor begins markup, in any of the four."""
    texts = [each.text for each in ElementTree.fromstring(svg(odd())).iter(f"{SVG}text")]
    assert ODD.replace("\x07", "\ufffd").replace("\u202e", "\ufffd") in texts
    labels = re.findall(r'"([^"\n]*)"', mermaid(odd()))
    assert len(labels) == 2
    assert not any(set(label.replace("<br>", "")) & set("<>&\"'\\`]|{}()%\x07") for label in labels)
    strings = re.findall(r'"((?:[^"\\\n]|\\.)*)"', dot(odd()))
    assert sum(each.count('a<b>&\\"c') for each in strings) == 6
    assert "\x07" not in dot(odd())
    assert ODD[:20] in shown(odd())
