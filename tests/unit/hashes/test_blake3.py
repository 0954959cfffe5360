"""``hash = "blake3"``: for caches that people write to who do not trust each other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hashes import BadKey, Hasher, Key, Manifest
from hashes.algorithm import HEX_LENGTHS, MissingAlgorithm, hasher
from hashes.context.filehash import hash_file
from hashes.context.statcache import StatCache
from hashes.context.tree import Tree
from layers.graph.graph import Layer
from layers.project.project import Project
from tests.unit.graph.shop import FILES, Repository

CHECKOUT = Path(__file__).resolve().parents[3]
ALGORITHMS = sorted(HEX_LENGTHS)


def shop(root: Path, algorithm: str) -> Project:
    """The small shop, keyed with an algorithm."""
    repository = Repository(root)
    repository.edit("images.toml", 'name = "shop"', f'name = "shop"\nhash = "{algorithm}"')
    return repository.project()


@pytest.mark.parametrize(
    ("algorithm", "empty"),
    [
        # both of the empty message: xxHash's xxh_x86dispatch tests, BLAKE3's test_vectors.json
        ("xxh3", "99aa06d3014798d86001c324468d497f"),
        ("blake3", "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
    ],
)
def test_the_algorithms_are_what_they_are_called(
    algorithm: str, empty: str, tmp_path: Path
) -> None:
    """By their published test vectors, for files of every way of reading."""
    assert hasher(algorithm)().hexdigest() == empty
    (tmp_path / "f").write_bytes(b"")
    value = hash_file(os.fsencode(tmp_path / "f"), algorithm).value
    assert value.split("+")[0] == f"{empty}:0"
    content = os.urandom(3_000_000)
    (tmp_path / "f").write_bytes(content)
    state = hasher(algorithm)()
    state.update(content)
    value = hash_file(os.fsencode(tmp_path / "f"), algorithm).value
    assert value.split("+")[0] == f"{state.hexdigest()}:3000000"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_says_what_it_is_made_with(algorithm: str) -> None:
    """The text form is read back, fits a tag, and takes digits of no other length."""
    key = Hasher(algorithm).key()
    assert Key.parse(str(key)) == key
    assert str(key).startswith(f"{algorithm}-")
    assert len(str(key)) <= 128
    for wrong in (str(key)[:-1], f"{key}0", str(key).replace("-", "-X"), f"md5-{key.hex}"):
        with pytest.raises(BadKey):
            Key.parse(wrong)


def test_every_key_of_a_project_is_of_its_algorithm(tmp_path: Path) -> None:
    """Parents, stages and files: one weak key would be enough for a forger."""
    project = shop(tmp_path, "blake3")
    for layer in (Layer("base"), Layer("app"), Layer("app", "deps")):
        assert project.inputs.key(layer).algorithm == "blake3"
    record = project.record(Layer("app"))
    told = "".join(each.to_json() for each in (record.own, *record.stages.values()))
    assert "xxh3" not in told
    assert "blake3-" in told
    files = [e.value for m in record.stages.values() for e in m.entries if e.kind == "file"]
    assert files
    assert {len(value.split()[1].partition(":")[0]) for value in files} == {64}


def test_xxh3_is_what_a_project_has_that_says_nothing(tmp_path: Path) -> None:
    """Written out or not, the keys are the same."""
    one, two = tmp_path / "one", tmp_path / "two"
    Repository(one)
    assert "hash" not in FILES["images.toml"]
    said = shop(two, "xxh3").inputs.key(Layer("app"))
    assert Project(str(one)).inputs.key(Layer("app")) == said


def test_a_manifest_keeps_its_algorithm() -> None:
    """And another algorithm is another key, for the same entries."""
    one, two = Manifest(()), Manifest((), algorithm="blake3")
    assert Manifest.from_json(two.to_json()) == two
    assert one.key() != two.key() == Manifest.from_json(two.to_json()).key()
    assert (two.key().algorithm, two.files_key().algorithm) == ("blake3", "blake3")


@pytest.mark.parametrize(("wrote", "reads"), [("xxh3", "blake3"), ("blake3", "xxh3")])
def test_the_stat_cache_never_gives_a_hash_of_another_algorithm(
    wrote: str, reads: str, tmp_path: Path
) -> None:
    """A cache that was written under the other setting is empty, in both directions."""
    folder, path = tmp_path / "context", str(tmp_path / "stat")
    folder.mkdir()
    (folder / "a").write_text("1")
    os.utime(folder / "a", (1, 1))

    def value(algorithm: str) -> str:
        cache = StatCache.load(path, str(tmp_path), algorithm)
        tree = Tree(str(folder), None, cache)
        found = tree.inputs(tree.nodes(""))[0].value
        cache.changed = True
        cache.save()
        return found

    first = value(wrote)
    assert value(reads) != first
    assert value(wrote) == first
    assert len(first.partition(":")[0]) == HEX_LENGTHS[wrote]


def test_an_attribute_is_hashed_with_the_same_algorithm(tmp_path: Path) -> None:
    """Extended attributes are content, too."""
    (tmp_path / "a").write_text("1")
    try:
        os.setxattr(tmp_path / "a", "user.x", b"1")
    except OSError:
        pytest.skip("this file system has no user attributes")
    value = hash_file(os.fsencode(tmp_path / "a"), "blake3").value
    assert len(value.partition("+")[2]) == 64


WITHOUT = """
import sys
sys.modules["blake3"] = None
from doit.doit_cmd import DoitMain
sys.exit(DoitMain().run(["keys"]))
"""


def run(root: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a repository."""
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_missing_library_is_named_with_its_extra(tmp_path: Path) -> None:
    """One sentence and what to install, no traceback; and nobody needs it who did not ask."""
    shop(tmp_path / "blake3", "blake3")
    done = run(tmp_path / "blake3", WITHOUT)
    assert done.returncode == 1
    assert "pip install 'doit-layers[blake3]'" in done.stderr
    assert "Traceback" not in done.stderr
    Repository(tmp_path / "xxh3")
    assert run(tmp_path / "xxh3", WITHOUT).returncode == 0


def test_the_error_is_one_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the setting."""
    monkeypatch.setitem(sys.modules, "blake3", None)
    with pytest.raises(MissingAlgorithm, match='hash = "blake3"'):
        hasher("blake3")


def test_blake3_is_not_imported_where_it_is_not_asked_for(tmp_path: Path) -> None:
    """The option that is off costs nothing."""
    code = WITHOUT.replace('sys.modules["blake3"] = None', "").replace(
        'sys.exit(DoitMain().run(["keys"]))',
        'DoitMain().run(["keys"]); print("blake3" in sys.modules)',
    )
    for algorithm, loaded in (("xxh3", "False"), ("blake3", "True")):
        shop(tmp_path / algorithm, algorithm)
        done = run(tmp_path / algorithm, code)
        assert done.stdout.splitlines()[-1] == loaded, done.stderr
        assert f"{algorithm}-" in done.stdout
