"""A page of the documentation, by the name that hints use: ``doit help NAME`` prints it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

from hashes.errors import LayersError, did_you_mean

FOLDER = os.path.dirname(os.path.abspath(__file__))
"""Its pages are links to those in ``docs`` of a checkout; a wheel holds them as files."""

TOPICS = {
    "images.toml": ("images-toml.md", "every key of images.toml"),
    "rules": ("rules/README.md", "rules of doit check; `doit help rule NAME`: one"),
    "manual": ("manual.md", "every command, option, file and exit status"),
    "concepts": ("concepts.md", "the words and the one rule, on a screen"),
    "glossary": ("glossary.md", "words that clash"),
    "nightly": ("nightly.md", "the nightly refresh, and what to do on a bad night"),
    "failures": ("failures.md", "why builds fail: causes and remedies"),
    "reliability": ("reliability.md", "what one sees of each fault, and what to do"),
    "security-of-keys": ("security-of-keys.md", "xxh3 or blake3"),
    "byte-proof": ("byte-proof.md", "how a stale copy of a file is kept out"),
    "changelog": ("changelog.md", "what is new"),
}
"""Of each page its file, relative to `FOLDER`, and what it holds."""

_LINK = re.compile(r"!?\[([^\]]*)\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```$", re.M | re.S)


def rules() -> tuple[str, ...]:
    """The rules that have a page."""
    names = os.listdir(os.path.join(FOLDER, "rules"))
    return tuple(sorted(n.removesuffix(".md") for n in names if n != "README.md"))


def topic(name: str) -> str:
    """The Markdown of a page of `TOPICS`, its links told as commands."""
    return _told(TOPICS[name][0])


def rule(name: str) -> str:
    """The Markdown of a rule's page.  Raises LayersError with a suggestion."""
    if name not in rules():
        raise LayersError(
            f"there is no rule {name!r}{did_you_mean(name, rules())}",
            hint="`doit help rules` lists them",
        )
    return _told(f"rules/{name}.md")


def examples(title: str) -> str:
    """The commands that the manual shows first in the section of that title; "" if none."""
    section = _read("manual.md").partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    found = re.search(r"^```sh\n(.*?)^```$", section, re.M | re.S)
    return found[1] if found else ""


def _read(path: str) -> str:
    with open(os.path.join(FOLDER, path), encoding="utf-8") as file:
        return file.read()


def _told(path: str) -> str:
    text = _read(path)
    folder = os.path.dirname(path)
    parts: list[str] = []
    begin = 0
    for fence in _FENCE.finditer(text):
        parts += _without_links(text[begin : fence.start()], folder), fence[0]
        begin = fence.end()
    return "".join([*parts, _without_links(text[begin:], folder)])


def _without_links(text: str, folder: str) -> str:
    return _LINK.sub(lambda link: _link(link[1], link[2], folder), text)


def _link(text: str, target: str, folder: str) -> str:
    """What stands for a link where nobody can follow it: the text, and how to come there."""
    if target.startswith(("https://", "http://")):
        return text if text == target else f"{text} ({target})"
    path = os.path.normpath(os.path.join(folder, target.partition("#")[0]))
    for name, (file, _about) in TOPICS.items():
        if path == file:
            command = f"`doit help {name}`"
            return command if text.endswith(".md") else f"{text} ({command})"
    return text


def outline(names: Iterable[str] = TOPICS) -> Iterator[tuple[str, str]]:
    """For each page the command that prints it, and what it holds."""
    for name in names:
        yield f"doit help {name}", TOPICS[name][1]
