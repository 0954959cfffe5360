"""Suggestions: what a misspelt word was likely meant to be."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The tail of a message: ``" (did you mean 'cuda'?)"``, or nothing where no word is near."""
    import difflib  # only a fault needs it

    words = sorted(set(known) - {word})
    folded = word.casefold()
    same = [other for other in words if other.casefold() == folded]
    near = same or difflib.get_close_matches(word, words, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
