"""What fails for want of room says how much there is; what fails otherwise is left as it is."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from hashes.errors import LayersError
from layers.setup.private.paths import Places
from layers.setup.private.room import LITTLE, advice, least, room_is_told


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Of a checkout that had an engine."""
    found = Places.of(str(tmp_path))
    Path(found.data).mkdir(parents=True)
    return found


def test_a_full_disk_is_told_with_what_may_be_deleted(places: Places) -> None:
    """Bytes, the disk, the fault itself, and what to do."""
    fault = OSError(errno.ENOSPC, "No space left on device", f"{places.engine}/settings.json")
    with pytest.raises(LayersError) as caught, room_is_told(places):
        raise fault
    first, second, third = str(caught.value).splitlines()
    assert first.startswith("no room for the private engine: ")
    assert f" bytes) are free on the disk of {places.root}/.layers/engine" in first
    assert "No space left on device" in second
    assert third.strip() == advice(places)
    assert f"{places.data} may be deleted after `doit engine stop`" in third


def test_where_nothing_is_ours_nothing_is_to_be_deleted(tmp_path: Path) -> None:
    """A first start."""
    assert advice(Places.of(str(tmp_path))) == "make room there, then run again"


def test_what_fails_beside_much_room_is_left_as_it_is(places: Places) -> None:
    """Nobody is sent the wrong way."""
    if least(places).free < LITTLE:
        pytest.skip("this disk is all but full")
    fault = LayersError("no archive", hint="by hand")
    with pytest.raises(LayersError) as caught, room_is_told(places):
        raise fault
    assert caught.value is fault
