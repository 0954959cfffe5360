"""The report in a real browser: for eyes, in the dark, on a phone, by keyboard, for ears."""

from __future__ import annotations

import json
import re

import pytest

from layers.htmlreport.findings import Findings
from layers.htmlreport.page import page
from layers.picture.drawing import Drawing
from layers.picture.svg import svg
from tests.browser.conftest import DESK, PHONE, SIZES, Open, Opened
from tests.browser.machine import AXE
from tests.reports import DRAWING, NOW, ODD, example

PAGES = {
    "full": example(),
    "odd": example(ODD),
    "empty": Findings("shop", "", NOW, "0 fresh", Drawing("shop", (), ())),
}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def unfold(opened: Opened) -> None:
    """Open whatever can be opened."""
    opened.run("() => document.querySelectorAll('details').forEach(each => { each.open = true; })")


def violations(opened: Opened) -> list[str]:
    """What axe-core finds wrong."""
    opened.run(AXE.read_text())
    found = opened.run(
        "async rules => (await axe.run({ runOnly: { type: 'tag', values: rules } })).violations",
        RULES,
    )
    return [f"{each['id']}: {json.dumps(each['nodes'][0]['html'])}" for each in found]


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing_wrong(opened: Open, size: str, scheme: str, name: str) -> None:
    """Contrast, names, roles, order, sizes of what is tapped; all folds open."""
    shown = opened(page(PAGES[name]), SIZES[size], scheme)
    assert violations(shown) == []
    unfold(shown)
    assert violations(shown) == []


def test_axe_would_find_what_is_wrong(opened: Open) -> None:
    """Dim text, a table without heads, a picture without words, no language."""
    bad = page(example())
    bad = bad.replace('lang="en"', "").replace("--dim: #59636e", "--dim: #cccccc")
    bad = re.sub(r' aria-label="Size of api[^"]*"', "", bad)
    found = {each.partition(":")[0] for each in violations(opened(bad))}
    assert {"html-has-lang", "svg-img-alt"} <= found


@pytest.mark.parametrize("name", PAGES)
def test_it_fetches_nothing_and_says_nothing(opened: Open, name: str) -> None:
    """Not one request, no word on the console, no dialog from an odd name."""
    shown = opened(page(PAGES[name]))
    unfold(shown)
    assert (shown.asked, shown.said) == ([], [])


def test_its_policy_stops_what_does_not_belong(opened: Open) -> None:
    """A script that got in would not run, a style would not count, a picture not be fetched."""
    strange = (
        "<script>document.title = 'run'</script><style>h1 { color: rgb(1, 2, 3); }</style>"
        "<img src='https://example.invalid/a.png' alt=''>"
    )
    shown = opened(page(example()).replace("<footer>", f"{strange}<footer>"))
    assert shown.page.title() == "Images of shop"
    color = "() => getComputedStyle(document.querySelector('h1')).color"
    assert shown.run(color) != "rgb(1, 2, 3)"
    assert len(shown.said) == 3
    assert all("Content Security Policy" in each for each in shown.said)


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_no_screen_has_to_be_pushed_sideways(opened: Open, name: str, width: int) -> None:
    """Wide tables and the graph scroll in their own places; also with letters twice as large."""
    shown = opened(page(PAGES[name]), (width, 740))
    unfold(shown)
    for letters in ("100%", "200%"):
        # set by the browser's own means: the page allows no style but its one
        shown.run("it => { document.documentElement.style.fontSize = it; }", letters)
        wide = shown.run("() => document.scrollingElement.scrollWidth")
        assert wide <= width, letters


def test_in_the_dark_it_is_dark(opened: Open) -> None:
    """Ground, letters and boxes."""
    colors = (
        "() => ['html', '.graph .fresh rect'].map(it => {"
        " const style = getComputedStyle(document.querySelector(it));"
        " return it === 'html' ? style.backgroundColor : style.fill; })"
    )
    assert opened(page(example())).run(colors) == ["rgb(255, 255, 255)", "rgb(220, 252, 231)"]
    dark = opened(page(example()), scheme="dark")
    assert dark.run(colors) == ["rgb(13, 17, 23)", "rgb(20, 83, 45)"]


def test_the_keyboard_gets_everywhere(opened: Open) -> None:
    """First past the header, then to each fold and each place that scrolls; always seen where."""
    shown = opened(page(example()))
    keys = shown.page.keyboard
    keys.press("Tab")
    assert shown.run("() => document.activeElement.className") == "skip"
    assert shown.run("() => document.activeElement.getBoundingClientRect().top >= 0")
    keys.press("Enter")
    assert shown.run("() => document.activeElement.id") == "main"
    reached = []
    for _ in range(80):
        keys.press("Tab")
        told = shown.run(
            "() => { const it = document.activeElement; const style = getComputedStyle(it);"
            " return [it.tagName, it.getAttribute('aria-label') || it.textContent.trim(),"
            " style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2]; }"
        )
        if told[0] == "BODY":
            break
        assert told[2], told
        reached.append(told[1])
    assert reached[0] == "Picture of the graph"
    assert "base-gpu by package" in reached
    wanted = shown.run("() => document.querySelectorAll('main summary').length")
    assert len([each for each in reached if each]) >= wanted


def test_folds_open_and_places_scroll_by_key(opened: Open) -> None:
    """Enter opens, arrows scroll."""
    shown = opened(page(example()), PHONE)
    fold = shown.page.locator("summary", has_text="The graph as a table")
    fold.focus()
    shown.page.keyboard.press("Enter")
    assert shown.page.get_by_role("table", name="Graph of shop").is_visible()
    shown.page.locator("[aria-label='Picture of the graph']").focus()
    shown.page.keyboard.press("ArrowRight")
    shown.page.wait_for_function(
        "() => document.querySelector('[aria-label=\"Picture of the graph\"]').scrollLeft > 0"
    )


def test_it_can_be_heard(opened: Open) -> None:
    """What a screen reader is given: landmarks, headings, tables by name, pictures in words."""
    shown = opened(page(example()))
    heard = shown.page.locator("body").aria_snapshot()
    for part in (
        "- banner:",
        "- main",
        "- contentinfo",
        '- navigation "Sections"',
        '- heading "Images of shop" [level=1]',
        '- heading "Sizes" [level=2]',
        '- heading "api" [level=3]',
        '- table "State of each layer now"',
        '- columnheader "State"',
        '- rowheader "base-gpu"',
        'img "Size of api: 240 MB on 2025-10-25, 265 MB on 2025-12-15',
        'img "shop: 3 fresh, 2 build, 1 pull, 1 error on 3 upstream images"',
    ):
        assert part in heard, part


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_picture_alone_is_readable_in_both_schemes(opened: Open, scheme: str) -> None:
    """Valid, nothing fetched, its own ground; no words run out of their boxes."""
    shown = opened(svg(DRAWING), DESK, scheme, "graph.svg")
    ground = shown.run("() => getComputedStyle(document.querySelector('.ground')).fill")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}[scheme]
    assert shown.asked == []
    over = shown.run(
        "() => [...document.querySelectorAll('g > text')].filter(it => {"
        " const box = it.parentNode.querySelector('rect').getBoundingClientRect();"
        " const words = it.getBoundingClientRect();"
        " return words.left < box.left || words.right > box.right; }).length"
    )
    assert over == 0
