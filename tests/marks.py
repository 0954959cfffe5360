"""Marks: the part of a page of the docs that a command writes, between two comments."""

from __future__ import annotations

from typing import NamedTuple


class Marks(NamedTuple):
    """Two comments that stand in a page once."""

    begin: str
    end: str

    @classmethod
    def of(cls, command: str) -> Marks:
        """Those of ``./run COMMAND``."""
        return cls(f"<!-- {command}: written by ./run {command} -->", f"<!-- {command}: end -->")

    def placed(self, page: str, text: str) -> str:
        """A page with ``text`` between its marks."""
        before, _, rest = page.partition(self.begin)
        _, _, after = rest.partition(self.end)
        return f"{before}{self.begin}\n\n{text}\n\n{self.end}{after}"
