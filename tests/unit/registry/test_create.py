"""Repositories that nobody made yet: a real command makes them, once, and for a push alone."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from layers.oci.artifact import EMPTY
from layers.oci.credentials import NoCredentials
from layers.oci.digest import Digest
from layers.registry.create import CannotCreate, CreateCommand, CreatingRegistry
from layers.registry.registry import RepositoryUnknown
from layers.runtime.retry import Backoff
from tests.httpscript import Asked, Said, serving
from tests.ocidocs import OCI_MANIFEST
from tests.registryscript import Store, refused

QUICK = Backoff(attempts=2, first=0.001)
UNKNOWN = refused(404, "NAME_UNKNOWN", "The repository does not exist")


class Ecr:
    """Knows a repository once its folder is there; ``late``: not at the first question."""

    def __init__(self, folder: Path, late: int = 0) -> None:
        self.folder = folder
        self.late = late
        self.store = Store()

    def __call__(self, asked: Asked) -> Said:
        """As ECR answers."""
        repository = asked.path.removeprefix("/v2/").partition("/blobs/")[0]
        repository = repository.partition("/manifests/")[0].partition("/tags/")[0]
        if not (self.folder / repository).is_dir():
            return UNKNOWN
        if self.late:
            self.late -= 1
            return UNKNOWN
        self.store.location = f"/v2/{repository}/blobs/uploads/u1"
        return self.store(asked)


def registry(folder: Path, words: Sequence[str]) -> CreatingRegistry:
    """A client that runs ``words`` in ``folder``."""
    create = CreateCommand(words, str(folder), str(folder / "logs" / "repositories.log"))
    return CreatingRegistry(NoCredentials(), lambda _host: False, create, QUICK)


MAKE = ("mkdir", "-pv", "{repository}")


@pytest.mark.parametrize("late", [0, 2])
def test_a_push_makes_the_repository_that_it_does_not_find(tmp_path: Path, late: int) -> None:
    """And goes on, also where the registry takes a moment; what was printed is kept."""
    with serving(Ecr(tmp_path, late)) as server:
        found = registry(tmp_path, MAKE)
        found.put_blob(f"{server.host}/shop/api", EMPTY)
        found.put_manifest(f"{server.host}/shop/api", "v1", b"{}", OCI_MANIFEST)
    log = (tmp_path / "logs" / "repositories.log").read_text()
    assert log.count("$ mkdir -pv shop/api\n") == 1
    assert log.endswith("status 0\n")
    assert "'shop/api'" in log


def test_the_host_is_told_too(tmp_path: Path) -> None:
    """One command for several registries."""
    with serving(Ecr(tmp_path)) as server:
        words = ("sh", "-c", 'mkdir -p "$1"; echo "$2" >host', "make", "{repository}", "{registry}")
        registry(tmp_path, words).put_manifest(f"{server.host}/api", "v1", b"{}", OCI_MANIFEST)
        assert (tmp_path / "host").read_text() == f"{server.host}\n"


def test_many_threads_make_it_once(tmp_path: Path) -> None:
    """All of them push."""
    with serving(Ecr(tmp_path)) as server:
        found = registry(tmp_path, ("mkdir", "{repository}"))
        work = [
            threading.Thread(target=found.put_blob, args=(f"{server.host}/api", b"%d" % number))
            for number in range(4)
        ]
        for thread in work:
            thread.start()
        for thread in work:
            thread.join()
    assert (tmp_path / "logs" / "repositories.log").read_text().count("$ mkdir api\n") == 1


def test_reading_makes_nothing(tmp_path: Path) -> None:
    """What is not there is not there."""
    with serving(Ecr(tmp_path)) as server:
        found, name = registry(tmp_path, MAKE), f"{server.host}/api"
        digest = Digest("sha256:" + "0" * 64)
        assert found.heads([(name, "v1")]) == {}
        assert found.manifest(name, "v1") is None
        assert found.tags(name) == ()
        assert found.delete(name, digest)
        with pytest.raises(RepositoryUnknown, match="404"):
            found.blob(name, digest)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ("sh", "-c", "echo no login >&2; exit 3", "{repository}"),
            "`sh -c 'echo no login >&2; exit 3' shop/api` ended with status 3: no login",
        ),
        (("no-such-command", "{repository}"), "`no-such-command shop/api` cannot be run ("),
    ],
)
def test_a_command_that_fails_is_an_error_that_shows_it(
    tmp_path: Path, words: tuple[str, ...], expected: str
) -> None:
    """It is not run again for the next push."""
    with serving(Ecr(tmp_path)) as server:
        found = registry(tmp_path, words)
        for _ in range(2):
            with pytest.raises(CannotCreate) as caught:
                found.put_blob(f"{server.host}/shop/api", EMPTY)
            assert expected in str(caught.value)
            assert "mend project.create_repository in images.toml" in str(caught.value)
    log = tmp_path / "logs" / "repositories.log"
    assert not log.exists() or log.read_text().count("$ ") == 1


def test_somebody_else_may_make_it_first(tmp_path: Path) -> None:
    """Then the command fails, and the push does not."""
    with serving(Ecr(tmp_path)) as server:
        words = ("sh", "-c", 'mkdir -p "$0"; exit 254', "{repository}")
        registry(tmp_path, words).put_blob(f"{server.host}/shop/api", EMPTY)


def test_a_command_that_made_nothing_leaves_the_registrys_own_words(tmp_path: Path) -> None:
    """It may have made another one."""
    with serving(Ecr(tmp_path)) as server, pytest.raises(RepositoryUnknown, match="NAME_UNKNOWN"):
        registry(tmp_path, ("true", "{repository}")).put_blob(f"{server.host}/a", EMPTY)
