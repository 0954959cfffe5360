"""A screen: what a terminal shows of all that was written to it, also when its width changes."""

from __future__ import annotations

import re
from dataclasses import dataclass

TOKEN = re.compile(r"\x1b\[(\?\d+[hl]|[0-9;]*[A-Za-z])|([\r\n])|([^\x1b\r\n]+)")


@dataclass
class Row:
    """A line of the screen; ``goes_on``: what was written goes on in the next one."""

    text: str = ""
    goes_on: bool = False


class Screen:
    """A terminal of ``width`` cells without end; ``folds``: it folds lines that became too long.

    Others, such as xterm, cut them off.  Each character takes one cell.
    """

    def __init__(self, width: int, *, folds: bool = True) -> None:
        self.width = width
        self.folds = folds
        self.rows = [Row()]
        self.at, self.column = 0, 0
        self.cursor = True
        """Whether the cursor is shown."""
        self.wraps = True
        """Whether what is too long goes on in the next row."""
        self.colours: list[str] = []

    def write(self, text: str) -> None:
        """Take what a program wrote; a code that this screen does not know is an error."""
        for match in TOKEN.finditer(text):
            code, control, printed = match.groups()
            if printed:
                for letter in printed:
                    self._put(letter)
            elif control == "\r":
                self.column = 0
            elif control == "\n":
                self._down()
            elif code == "2K":
                self.rows[self.at] = Row()
                if self.at:
                    self.rows[self.at - 1].goes_on = False
            elif code == "1A":
                self.at = max(self.at - 1, 0)
            elif code.endswith("m"):
                self.colours.append(code)
            elif code.startswith("?25"):
                self.cursor = code.endswith("h")
            else:
                assert code.startswith("?7"), f"a code that this screen does not know: {code}"
                self.wraps = code.endswith("h")

    def resize(self, width: int) -> None:
        """Make the screen narrower or wider."""
        if not self.folds:
            for row in self.rows:
                row.text = row.text[:width]
            self.width, self.column = width, min(self.column, width - 1)
            return
        found: list[Row] = []
        text, place = "", (0, 0)
        begin = 0
        for at, row in enumerate(self.rows):
            if at == self.at:
                place = len(found), len(text) + self.column
            text += row.text
            if row.goes_on:
                continue
            parts = [text[n : n + width] for n in range(0, len(text), width)] or [""]
            found += [Row(part, n < len(parts) - 1) for n, part in enumerate(parts)]
            begin, text = at + 1, ""
        assert begin == len(self.rows)
        line, offset = place
        folds = max(offset - 1, 0) // width if offset else 0
        self.rows, self.width = found, width
        self.at, self.column = line + folds, offset - folds * width

    def lines(self) -> list[str]:
        """The rows without what is blank at their ends."""
        shown = [row.text.rstrip() for row in self.rows]
        while shown and not shown[-1]:
            shown.pop()
        return shown

    def _put(self, letter: str) -> None:
        if self.column >= self.width and not self.wraps:
            self.column = self.width - 1
        if self.column >= self.width:
            self.rows[self.at].goes_on = True
            self._down()
            self.column = 0
        row = self.rows[self.at]
        row.text = row.text[: self.column].ljust(self.column) + letter + row.text[self.column + 1 :]
        self.column += 1

    def _down(self) -> None:
        self.at += 1
        if self.at == len(self.rows):
            self.rows.append(Row())
