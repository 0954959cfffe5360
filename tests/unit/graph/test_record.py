"""Records: what is kept of a layer, and read back; no secret, and nothing that moved on."""

from __future__ import annotations

from pathlib import Path

import pytest

from hashes import BadManifest, Key
from layers.graph.record import Record
from tests.unit.graph.shop import APP, REQ, Repository, told


@pytest.fixture
def shop(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_a_record_is_read_back_exactly(shop: Repository) -> None:
    """``from_json(to_json(x)) == x``, lock files and all."""
    record = shop.project().record(APP)
    assert record.packages[REQ] == {"torch": "2.0.1", "numpy": "1.26.4"}
    assert Record.from_json(record.to_json()) == record


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 1}', '{"version": 2, "own": 3}'])
def test_a_damaged_record_is_none(shop: Repository, text: str) -> None:
    """It costs the explanation and nothing else."""
    with pytest.raises(BadManifest):
        Record.from_json(text)
    key = shop.remember()
    path = shop.root / f".layers/manifests/{key}.json"
    path.write_text(text)
    assert shop.project().records.recall(Key.parse(key)) is None
    shop.remember()
    assert shop.project().records.recall(Key.parse(key)) is not None


def test_no_secret_is_kept(shop: Repository) -> None:
    """Neither a build arg's value nor the credentials of an address in a lock file."""
    shop.edit(REQ, "numpy", "x @ https://me:hunter2@host.example.com/x.whl\nnumpy")
    shop.remember()
    kept = "".join(at.read_text() for at in (shop.root / ".layers/manifests").iterdir())
    assert "host.example.com/x.whl" in kept
    assert "hunter2" not in kept
    assert "first-secret" not in kept


def test_a_lock_file_that_moved_on_is_not_kept(shop: Repository) -> None:
    """Only the bytes behind the key: else a later answer would be about other versions."""
    project = shop.project()
    key = project.inputs.key(APP)
    shop.edit(REQ, "2.0.1", "2.1.0")
    project.records.remember(key, project.record(APP))
    assert told(shop.why(str(key))) == [f"app: {REQ} changed"]
