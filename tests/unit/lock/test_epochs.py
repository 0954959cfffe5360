"""The epoch of a refreshed image in its key: there, in its stages, and in words."""

from __future__ import annotations

from hashes.diff import changes
from tests.unit.memory import key, stages

TWO = "FROM debian:12 AS deps\nRUN a\nFROM deps\nRUN b\n"


def test_an_epoch_changes_the_key_of_the_image_and_of_every_stage() -> None:
    """Kept stages are built anew, too; each epoch has keys of its own."""
    plain, first, second = (stages(TWO, epoch=number) for number in (0, 1, 2))
    for name in plain:
        assert len({str(each[name].key) for each in (plain, first, second)}) == 3


def test_no_epoch_is_no_entry() -> None:
    """Keys of images that nobody refreshes are those of before there were epochs."""
    assert key(TWO, epoch=0) == key(TWO)
    assert all(entry.kind != "epoch" for entry in stages(TWO)["deps"].manifest.entries)


def test_a_refresh_is_told_in_words() -> None:
    """First cause, and the direction that it went in."""
    found = [stages(TWO, epoch=number)["deps"].manifest for number in (0, 3, 4)]
    assert [each.text() for each in changes(found[1], found[2])] == ["refreshed: epoch 3 → 4"]
    assert [each.text() for each in changes(found[2], found[1])] == ["rolled back: epoch 4 → 3"]
    assert [each.text() for each in changes(found[0], found[1])] == ["refreshed: epoch 3"]
    assert [each.text() for each in changes(found[1], found[0])] == ["epoch 3 removed"]
