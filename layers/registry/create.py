"""Repositories that have to be made before anything is pushed to them, as on Amazon ECR."""

from __future__ import annotations

import os
import shlex
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from layers.oci.credentials import Credentials
from layers.oci.digest import Digest
from layers.oci.reference import Reference
from layers.registry.client import HttpRegistry
from layers.registry.registry import Progress, RegistryError, RepositoryUnknown
from layers.registry.tls import DOCKER_CERTS
from layers.runtime import process
from layers.runtime.retry import Backoff

T = TypeVar("T")

_PAUSES = (0.0, 0.5, 1.0, 2.0)
"""Seconds before each try once a repository was made: not every registry knows it at once."""
_TOLD = 2000
"""Characters of a command's output that an error shows."""


class CannotCreate(RepositoryUnknown):
    """The command that makes repositories failed."""


class CreateCommand:
    """Runs the user's command for a repository; its output goes to ``log``."""

    def __init__(self, words: Sequence[str], folder: str, log: str) -> None:
        """``words`` hold ``{repository}``, a path without its host; ``folder`` is where it runs."""
        self._words = tuple(words)
        self._folder = folder
        self._log = log

    def __call__(self, repository: str) -> None:
        """Make ``host/path``.  Raises CannotCreate."""
        name = Reference.parse(repository)
        words = [
            word.replace("{repository}", name.repository).replace("{registry}", name.registry)
            for word in self._words
        ]
        said = shlex.join(words)
        try:
            done = process.run(words, cwd=self._folder)
        except OSError as error:
            raise self._failed(repository, said, f"cannot be run ({error})") from error
        self._note(said, done.returncode, done.stdout)
        if done.returncode:
            tail = done.stdout.strip()[-_TOLD:]
            status = f"ended with status {done.returncode}"
            raise self._failed(repository, said, f"{status}{f': {tail}' if tail else ''}")

    def _failed(self, repository: str, said: str, how: str) -> CannotCreate:
        return CannotCreate(
            f"{repository} is not there, and `{said}` {how}",
            hint="mend project.create_repository in images.toml, or make the repository by hand",
        )

    def _note(self, said: str, status: int, output: str) -> None:
        os.makedirs(os.path.dirname(self._log), exist_ok=True)
        with open(self._log, "a", encoding="utf-8") as file:
            file.write(f"$ {said}\n{output.rstrip()}\nstatus {status}\n")


class CreatingRegistry(HttpRegistry):
    """A registry whose repositories are made when a push finds that they are not there.

    Reading makes none.
    """

    def __init__(
        self,
        credentials: Credentials,
        insecure: Callable[[str], bool],
        create: Callable[[str], None],
        backoff: Backoff | None = None,
        certs: str = DOCKER_CERTS,
    ) -> None:
        """``create`` makes one repository, and raises CannotCreate."""
        super().__init__(credentials, insecure, backoff, certs)
        self._create = create
        self._making = threading.Lock()
        self._made: dict[str, CannotCreate | None] = {}

    def put_blob(self, repository: str, content: bytes) -> Digest:
        """See `Registry.put_blob`."""
        return self._in(repository, lambda: HttpRegistry.put_blob(self, repository, content))

    def put_manifest(
        self, repository: str, reference: str, content: bytes, media_type: str
    ) -> Digest:
        """See `Registry.put_manifest`."""
        return self._in(
            repository,
            lambda: HttpRegistry.put_manifest(self, repository, reference, content, media_type),
        )

    def copy(self, source: str, digest: Digest, target: str, progress: Progress) -> None:
        """See `Registry.copy`."""
        self._in(target, lambda: HttpRegistry.copy(self, source, digest, target, progress))

    def _in(self, repository: str, write: Callable[[], T]) -> T:
        try:
            return write()
        except RepositoryUnknown as error:
            unknown: RegistryError = error
        failed = self._once(repository)
        for pause in _PAUSES:
            time.sleep(pause)
            try:
                return write()
            except RepositoryUnknown as error:
                unknown = failed or error
                if failed is not None:
                    break
        raise unknown

    def _once(self, repository: str) -> CannotCreate | None:
        """Make a repository unless that was tried; what went wrong.

        Somebody else may have made it at the same time: whether it is there a push tells.
        """
        with self._making:
            if repository not in self._made:
                try:
                    self._create(repository)
                    self._made[repository] = None
                except CannotCreate as error:
                    self._made[repository] = error
            return self._made[repository]
