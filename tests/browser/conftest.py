"""A browser without a window, and pages opened in it from the disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.machine import chromium

PHONE, DESK = (360, 740), (1280, 900)
SIZES = {"phone": PHONE, "desk": DESK}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; as root it runs without its sandbox, which refuses root."""
    args = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium(), args=args)
        yield found
        found.close()


@dataclass
class Opened:
    """A page that is shown, and what it did."""

    page: Page
    asked: list[str] = field(default_factory=list)
    """Addresses that it wanted, its own aside."""
    said: list[str] = field(default_factory=list)
    """What it wrote to the console, and every dialog."""

    def dismiss(self, dialog: Any) -> None:
        """Note a dialog, and close it."""
        self.said.append("dialog")
        dialog.dismiss()

    def run(self, script: str, argument: Any = None) -> Any:
        """What a piece of JavaScript gives; the page's own policy does not stop it."""
        return self.page.evaluate(script, argument)


Open = Callable[..., Opened]


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens a text as a page, on a screen of that size, in that colour scheme."""
    contexts = []

    def show(
        text: str, size: tuple[int, int] = DESK, scheme: str = "light", name: str = "it.html"
    ) -> Opened:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        phone = size == PHONE
        settings: dict[str, Any] = {"color_scheme": scheme, "is_mobile": phone, "has_touch": phone}
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **settings)
        contexts.append(context)
        found = Opened(context.new_page())
        found.page.on("request", lambda request: found.asked.append(request.url))
        found.page.on("console", lambda message: found.said.append(message.text))
        found.page.on("dialog", found.dismiss)
        found.page.goto(path.as_uri())
        found.asked.remove(path.as_uri())
        return found

    yield show
    for context in contexts:
        context.close()
