"""The pictures of the docs, made in a browser out of an example: ``./run browser pictures``."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from layers.htmlreport.page import page
from layers.picture.svg import svg
from tests.browser.machine import CHECKOUT, chromium
from tests.reports import DRAWING, example

DOCS = CHECKOUT / "docs"
SHOTS = (
    ("report.png", 1180, 1150, "light", ""),
    ("report-phone.png", 360, 640, "dark", "#sizes"),
)
"""File, width and height in pixels, colour scheme, and what is at the top."""


def make() -> None:
    """Write them to docs/."""
    (DOCS / "graph.svg").write_text(svg(DRAWING), encoding="utf-8")
    args = ["--no-sandbox"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "report.html"
        file.write_text(page(example()), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=chromium(), args=args)
        for name, width, height, scheme, top in SHOTS:
            shown = browser.new_page(
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
            )
            shown.goto(file.as_uri() + top)
            shown.screenshot(path=str(DOCS / name))
            sys.stderr.write(f"docs/{name}: {(DOCS / name).stat().st_size} bytes\n")
        browser.close()
