"""The page: one file that fetches nothing, whole for eyes, ears and keys; odd texts stay texts."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest

from layers.htmlreport.findings import Findings
from layers.htmlreport.page import page
from layers.picture.drawing import Drawing
from tests.reports import NOW, ODD, example

VOID = {"meta", "br", "hr", "img", "input", "link"}


@dataclass
class Element:
    """An element with its attributes, and the text in it."""

    name: str
    attributes: dict[str, str | None]
    within: tuple[str, ...]
    text: str = ""


@dataclass
class Reader(HTMLParser):
    """Reads a page, and is strict about what is open."""

    elements: list[Element] = field(default_factory=list)
    open: list[Element] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, dict(attrs), tuple(each.name for each in self.open))
        self.elements.append(made)
        if tag not in VOID:
            self.open.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop().name != tag:
            self.wrong.append(f"</{tag}> at {self.getpos()}")
        if tag in ("td", "th"):
            self.handle_data(" ")

    def handle_data(self, data: str) -> None:
        for each in self.open:
            each.text += data


def read(text: str) -> list[Element]:
    reader = Reader()
    reader.feed(text)
    assert reader.wrong == []
    assert reader.open == []
    return reader.elements


def nothing() -> Findings:
    """A project of which nothing is known."""
    return Findings("shop", "", NOW, "0 fresh", Drawing("shop", (), ()))


PAGES = {"full": example(), "odd": example(ODD), "empty": nothing()}


@pytest.fixture(scope="module", params=PAGES)
def text(request: pytest.FixtureRequest) -> str:
    return page(PAGES[request.param])


def test_every_element_is_closed_and_every_id_is_one(text: str) -> None:
    """And what a link within the page or a label points at is there."""
    elements = read(text)
    ids = [each.attributes["id"] for each in elements if "id" in each.attributes]
    assert len(ids) == len(set(ids))
    links = [each.attributes["href"] or "" for each in elements if each.name == "a"]
    assert links
    assert all(link.startswith("#") and link[1:] in ids for link in links)
    labels = [each.attributes.get("aria-labelledby") for each in elements]
    assert {label for label in labels if label} <= set(ids)


def test_nothing_is_fetched_and_nothing_runs(text: str) -> None:
    """No script, no address, and a policy that forbids both; a hash allows the one style."""
    elements = read(text)
    assert not {"script", "link", "img", "iframe", "form", "object"} & {e.name for e in elements}
    for each in elements:
        names = set(each.attributes)
        assert not {name for name in names if name.startswith("on")}
        assert not names & {"src", "style", "srcset", "action"}, each
    addresses = set(re.findall(r"https?://[^\s\"'<>]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    policy = next(e for e in elements if e.attributes.get("http-equiv"))
    assert policy.attributes["http-equiv"] == "Content-Security-Policy"
    styles = [each for each in elements if each.name == "style"]
    digest = base64.b64encode(hashlib.sha256(styles[0].text.encode()).digest()).decode()
    assert len(styles) == 1
    assert policy.attributes["content"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    assert "@import" not in styles[0].text
    assert "url(" not in styles[0].text


def test_it_can_be_heard(text: str) -> None:
    """Headings in order, captions and heads of tables, a label of each picture, a language."""
    elements = read(text)
    assert elements[0].attributes["lang"] == "en"
    levels = [int(each.name[1]) for each in elements if re.fullmatch(r"h\d", each.name)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in itertools.pairwise(levels))
    tables = [each for each in elements if each.name == "table"]
    assert len([each for each in elements if each.name == "caption" and each.text]) == len(tables)
    heads = [each for each in elements if each.name == "th"]
    assert all(each.attributes.get("scope") in ("row", "col") for each in heads)
    pictures = [each for each in elements if each.name == "svg"]
    assert all(e.attributes["role"] == "img" and e.attributes["aria-label"] for e in pictures)
    regions = [each for each in elements if each.attributes.get("role") == "region"]
    assert all(e.attributes["aria-label"] and e.attributes["tabindex"] == "0" for e in regions)
    assert {"header", "main", "nav", "footer"} <= {each.name for each in elements}


def words(text: str) -> str:
    """What is read on the page."""
    body = next(each for each in read(text) if each.name == "body")
    return " ".join(body.text.split())


def test_odd_texts_are_read_as_they_are() -> None:
    """Whatever is in a name, a reason or a cause."""
    told = words(page(example(ODD)))
    assert told.count(ODD) >= 15
    assert "<script" not in page(example(ODD))


@pytest.mark.parametrize(
    "sentence",
    [
        "2 to build (≈ 10 min), 1 to pull (up to 1.2 GB), 3 fresh, 1 that cannot be made",
        "9.8 GB, 98% of its 10 GB +500 MB since the one before",
        "pip torch 2.5 GB 2.6 GB 2.8 GB 2.9 GB +125 MB",
        "dpkg libcudnn8 1.0 GB 1.0 GB 1.0 GB 1.0 GB",
        "27:00 min −1:30 min since the one before",
        "Never built with success: frontend (1 failed).",
        "3 layers need nothing now; to build them anew takes 28 min, one after the other.",
        "Pulls in place of builds saved 1 h 9 min, where the time of a build is known.",
        "tracker 1 41 s not known: never built here",
        "1 is older than 90 days",
        "node:22-alpine upstream pinned in images.lock 2025-08-14 4 months old frontend",
        "base-gpu: base-gpu/Dockerfile:12: RUN pip install torch==2.2.0 changed",
        "No earlier key is known here of worker.",
        "tracker: packages were not looked up: no such image",
    ],
)
def test_it_tells(sentence: str) -> None:
    """What somebody who opens it wants to know."""
    assert sentence in words(page(example()))


def test_what_is_not_known_is_said() -> None:
    """Each section has a sentence for that."""
    told = words(page(nothing()))
    assert "No size is known here yet" in told
    assert "Nothing was built here yet." in told
    assert "Nothing was pulled here yet." in told
    assert "No base is pinned or refreshed" in told
    assert "No key changed since this checkout knows of them." in told


def test_charts_tell_in_words_what_they_show() -> None:
    """For a screen reader: first, last, and the range."""
    labels = [e.attributes["aria-label"] for e in read(page(example())) if e.name == "svg"]
    assert (
        "Size of api: 240 MB on 2025-10-25, 265 MB on 2025-12-15, 4 values from 238 MB to 265 MB"
        in labels
    )
    assert "Size of worker: 251 MB on 2025-12-15" in labels


def test_a_page_that_is_wrong_would_be_seen() -> None:
    """The strict reader can fail."""
    with pytest.raises(AssertionError):
        read("<p><b>x</p></b>")
    with pytest.raises(AssertionError):
        read("<p>")
