"""``./run browser [pictures | words for pytest]``: gets a browser, and opens our pages in it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.browser import machine

HERE = Path(__file__).resolve().parent


def main(words: list[str]) -> int:
    """Make the pictures of the docs, or run the tests; an exit status."""
    machine.prepare()
    if words == ["pictures"]:
        from tests.browser.pictures import make

        make()
        return 0
    chosen = [word for word in words if not word.startswith("-")] or [str(HERE)]
    options = [word for word in words if word.startswith("-")]
    return int(pytest.main(["-o", "python_files=browse_*.py", *options, *chosen]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
