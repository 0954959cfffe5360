"""Records a command's real terminal output as an SVG picture.

    python docs/record.py docs/demo.svg --title "./run demo" -- ./run demo

The command runs on a terminal of its own (a pty), 100 columns wide. What stands on that terminal
at the end is the picture: rows that moved meanwhile and were wiped away are not in it, unless
``--moment PATTERN`` asks for the last moment at which something could be read there.
"""

from __future__ import annotations

import argparse
import os
import pty
import re
import struct
import sys
from collections.abc import Sequence
from fcntl import ioctl
from termios import TIOCSWINSZ

WIDTH, HEIGHT = 100, 50
_TOKEN = re.compile(r"\x1b\[(?P<args>[0-9;?]*)(?P<verb>[A-Za-z])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_FRAMES = re.compile(r"(?=\r\x1b\[2K)")
"""Rows that move are wiped first: before that stands a whole picture."""
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")

_TEXT = re.compile(
    r'(?P<head><text [^>]*?)x="(?P<x>[\d.]+)"(?P<middle>[^>]*?)textLength="(?P<length>[\d.]+)"'
    r"(?P<tail>[^>]*>)(?P<blanks>(?:&#160;)+)(?P<rest>[^<]+)"
)

# rich's own format without the web font that it would fetch: the picture needs no network
_FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


class Screen:
    """A terminal without end: what was printed, and what was wiped away again."""

    def __init__(self, width: int = WIDTH) -> None:
        self.width = width
        self.cells: list[list[tuple[str, str]]] = [[]]
        """By row: characters with the escape sequence of their colour."""
        self._row = self._column = 0
        self._colour = ""

    def feed(self, text: str) -> None:
        """Take output as a terminal would."""
        at = 0
        while at < len(text):
            token = _TOKEN.match(text, at)
            if token is not None:
                at = token.end()
                if token["verb"]:
                    self._control(token["verb"], token["args"])
                continue
            self._character(text[at])
            at += 1

    def text(self) -> str:
        """The rows with their colours, no blank ones at the end."""
        rows = []
        for cells in self.cells:
            row, colour = "", ""
            for character, style in cells:
                row += character if style == colour else f"\x1b[0m{style}{character}"
                colour = style
            rows.append(f"{row}\x1b[0m" if colour else row.rstrip())
        return "\n".join(rows).rstrip("\n") + "\n"

    def _character(self, character: str) -> None:
        if character == "\n":
            self._row += 1
        elif character == "\r":
            self._column = 0
        elif character == "\b":
            self._column = max(0, self._column - 1)
        elif character >= " ":
            if self._column == self.width:
                self._row, self._column = self._row + 1, 0
            cells = self._cells()
            cells += [(" ", "")] * (self._column + 1 - len(cells))
            cells[self._column] = (character, self._colour)
            self._column += 1

    def _cells(self) -> list[tuple[str, str]]:
        self.cells += [[] for _ in range(self._row + 1 - len(self.cells))]
        return self.cells[self._row]

    def _control(self, verb: str, arguments: str) -> None:
        number = int(arguments) if arguments.isdigit() else 0
        if verb == "A":
            self._row = max(0, self._row - (number or 1))
        elif verb == "B":
            self._row += number or 1
        elif verb == "C":
            self._column = min(self.width, self._column + (number or 1))
        elif verb == "D":
            self._column = max(0, self._column - (number or 1))
        elif verb == "G":
            self._column = max(0, (number or 1) - 1)
        elif verb == "K":
            cells = self._cells()
            if number == 0:
                del cells[self._column :]
            else:
                end = self._column + 1 if number == 1 else len(cells)
                cells[:end] = [(" ", "")] * end
        elif verb == "J":
            del self._cells()[self._column :]
            del self.cells[self._row + 1 :]
        elif verb == "m":
            self._colour = "" if number == 0 and ";" not in arguments else f"\x1b[{arguments}m"


def run(command: Sequence[str]) -> tuple[bytes, int]:
    """Run a command on a terminal of its own; all that it printed, and its exit status."""
    output = bytearray()
    child, terminal = pty.fork()
    if child == 0:
        os.environ.pop("CI", None)
        os.environ["TERM"] = "xterm-256color"
        os.execvp(command[0], list(command))
    ioctl(terminal, TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # EIO: the last process on the terminal has gone
            break
        if not piece:
            break
        output += piece
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return bytes(output), status


def screenful(text: str, moment: str = "") -> str:
    """What stands on the screen at the end, or at the last moment when a pattern is on it."""
    screen, shown = Screen(), None
    for frame in _FRAMES.split(text):
        screen.feed(frame)
        if moment and re.search(moment, _COLOURS.sub("", screen.text()), re.MULTILINE):
            shown = screen.text()
    if not moment:
        return screen.text()
    if shown is None:
        raise ValueError(f"{moment!r} was never on the screen")
    return shown


def lines(
    output: bytes, since: str = "", without: Sequence[str] = (), moment: str = ""
) -> list[str]:
    """The lines that stand on the screen at the end, colours as escape sequences.

    ``since`` is a pattern: lines before the first that it matches are left out, and "…" says so.
    ``without`` are patterns of lines to leave out. ``moment`` is one, too: the screen is shown as
    it was when that could be read on it for the last time.  Raises ValueError if it never could.
    """
    found = screenful(output.decode("utf-8", "replace"), moment).splitlines()
    plain = [_COLOURS.sub("", line) for line in found]
    first = 0
    if since:
        first = next(n for n, line in enumerate(plain) if re.search(since, line))
    kept = [
        line
        for line, bare in zip(found[first:], plain[first:], strict=True)
        if not any(re.search(pattern, bare) for pattern in without)
    ]
    return ["…", *kept] if first else kept


def picture(rows: Sequence[str], title: str) -> str:
    """The lines as SVG: no fonts, no scripts, nothing to fetch."""
    from io import StringIO

    from rich.console import Console
    from rich.text import Text

    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True)
    for row in rows:
        console.print(Text.from_ansi(row), soft_wrap=True)
    return _TEXT.sub(
        _begin_at_ink, console.export_svg(title=title, code_format=_FORMAT, unique_id="layers")
    )


def _begin_at_ink(found: re.Match[str]) -> str:
    """A piece of text without the spaces that it begins with: librsvg would draw none of them."""
    blanks = len(found["blanks"]) // len("&#160;")
    x, length = float(found["x"]), float(found["length"])
    step = length / (blanks + len(re.findall(r"&#?\w+;|[^&]", found["rest"])))
    head = f'{found["head"]}x="{x + blanks * step:g}"{found["middle"]}textLength='
    return f'{head}"{length - blanks * step:g}"{found["tail"]}{found["rest"]}'


def main() -> int:
    """Record a command, or make the picture anew from the bytes that an earlier one printed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("picture", help="the SVG file to write")
    parser.add_argument("--title", default="", help="stands above the picture")
    parser.add_argument("--since", default="", help="pattern of the first line to show")
    parser.add_argument("--without", action="append", default=[], help="pattern of lines to drop")
    parser.add_argument("--moment", default="", help="show what was there while this could be read")
    parser.add_argument("--raw", help="file that keeps, or without a command holds, the output")
    words = sys.argv[1:]
    cut = words.index("--") if "--" in words else len(words)
    asked, command = parser.parse_args(words[:cut]), words[cut + 1 :]
    status = 0
    if command:
        output, status = run(command)
        if asked.raw:
            with open(asked.raw, "wb") as raw:
                raw.write(output)
    elif asked.raw:
        with open(asked.raw, "rb") as raw:
            output = raw.read()
    else:
        parser.error("a command after --, or --raw")
    shown = lines(output, asked.since, asked.without, asked.moment)
    sys.stdout.write("".join(f"{line}\n" for line in shown))
    if status == 0:
        with open(asked.picture, "w", encoding="utf-8") as file:
            file.write(picture(shown, asked.title))
    return status


if __name__ == "__main__":
    sys.exit(main())
