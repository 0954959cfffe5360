"""A page on a terminal; imported late, as rich takes 30 ms to load."""

from __future__ import annotations

from typing import TextIO

from rich.console import Console
from rich.markdown import Markdown

WIDEST = 100
"""Columns; longer lines of prose are hard to read."""


def show(text: str, stream: TextIO) -> None:
    """Write Markdown with bold headings, tables and colours."""
    console = Console(file=stream)
    console.print(Markdown(text, code_theme="ansi_dark"), width=min(console.width, WIDEST))
