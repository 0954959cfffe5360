"""A misspelt word gets the nearest known one as a suggestion, and nothing where none is near."""

from __future__ import annotations

import pytest

from hashes.errors import did_you_mean


@pytest.mark.parametrize(
    ("word", "known", "tail"),
    [
        ("cudda", ["cpu", "cuda"], " (did you mean 'cuda'?)"),
        ("contxt", ["context", "contexts"], " (did you mean 'context'?)"),
        ("Dockerfile", ["dockerfile", "docker"], " (did you mean 'dockerfile'?)"),
        ("zebra", ["cpu", "cuda"], ""),
        ("cuda", ["cuda"], ""),
        ("", [], ""),
    ],
)
def test_the_nearest_word_is_suggested(word: str, known: list[str], tail: str) -> None:
    """Case comes first, then closeness; a word is never suggested for itself."""
    assert did_you_mean(word, known) == tail


def test_a_suggestion_does_not_depend_on_the_order_of_what_is_known() -> None:
    """Sets come in any order, messages must not."""
    words = ["base-a", "base-b", "base-c"]
    assert did_you_mean("base", words) == did_you_mean("base", reversed(words))
