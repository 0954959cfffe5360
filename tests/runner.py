"""A runner: what GitHub Actions makes of the lines of a log, by the rules of actions/runner.

``::NAME …::DATA`` counts at a line's beginning, blanks aside, ``##[NAME …]DATA`` anywhere in it,
where NAME is known; while commands are stopped only the token counts.
"""

from __future__ import annotations

import re

KNOWN = {
    *("group", "endgroup", "error", "warning", "notice", "debug", "add-mask", "add-matcher"),
    *("set-env", "set-output", "save-state", "add-path", "echo", "stop-commands"),
}


class Runner:
    """Reads a log; keeps the commands that it carries out, and how deep folds are."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, str, str]] = []
        """Name, properties, data."""
        self.shown: list[tuple[str, str]] = []
        """The fold that a line is in ("": none), and the line."""
        self.fold = ""
        self.token = ""

    def read(self, text: str) -> Runner:
        """Take a log."""
        for line in re.split(r"\r\n|\r|\n", text.rstrip("\r\n")):  # no other ends, as in .NET
            self._line(line)
        return self

    def _line(self, line: str) -> None:
        found = re.match(r"\s*::(\S+?)( [^:]*?)?::(.*)", line)
        if found is None or found[1] not in KNOWN | {self.token}:
            found = re.search(r"##\[(\S+?)( [^\]]*)?\](.*)", line)
        if found is None or found[1] not in KNOWN | {self.token or "group"}:
            self.shown.append((self.fold, line))
            return
        name, properties, data = found[1], (found[2] or "").strip(), found[3]
        if self.token:
            if name == self.token:
                self.token = ""
            else:
                self.shown.append((self.fold, line))
            return
        if name == "stop-commands":
            self.token = data
            return
        self.commands.append((name, properties, data))
        if name == "group":
            assert not self.fold, "a fold in a fold"
            self.fold = data
        elif name == "endgroup":
            assert self.fold, "no fold is open"
            self.fold = ""
