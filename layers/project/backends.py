"""Backends: the engine and the registry in use, each made once, when it is first asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from hashes.dockerfile.frontend import Frontend
from hashes.errors import LayersError
from layers.engine.engine import Engine
from layers.project.frontends import ask
from layers.project.project import FRONTEND_FILE, Project
from layers.registry.registry import Registry
from layers.runtime.events import Event, Listener, silent
from layers.setup.choose import Endpoint, endpoint, ensure
from layers.setup.private.paths import Places

if TYPE_CHECKING:
    from layers.engine.client import Client
    from layers.engine.containers import Containers
    from layers.engine.store import Store
    from layers.lock.mirror import Mirror
    from layers.oci.credentials import Credentials, Login


class _Logins:
    """Logins as ``docker login`` left them, looked for when a registry first wants one."""

    def __init__(self, environment: Mapping[str, str], tell: Listener) -> None:
        self._environment = environment
        self._tell = tell

    @cached_property
    def _found(self) -> Credentials:
        from layers.oci.credentials import DockerCredentials, Lenient

        return Lenient(DockerCredentials(self._environment), self._tell)

    def login(self, host: str) -> Login | None:
        """See `Credentials.login`; what is wrong with them is a warning."""
        return self._found.login(host)

    def failure(self, host: str) -> LayersError | None:
        """See `Credentials.failure`."""
        return self._found.failure(host)


class Backends:
    """What answers a project's questions; nothing is started before it is needed."""

    def __init__(self, project: Project, tell: Listener = silent, *, start: bool = True) -> None:
        """Without ``start`` no engine is set up where there never was one, only to be asked."""
        self._project = project
        self._tell = tell
        self._start = start
        self._told: set[Event] = set()

    @cached_property
    def endpoint(self) -> Endpoint:
        """The engine in use, started where it is ours and down.

        Raises EngineDown where it may not be started.
        """
        root = self._project.root
        if not self._start and not os.path.exists(Places.of(root).settings):
            return endpoint(root, self._tell)
        return ensure(root, self._tell)

    @cached_property
    def client(self) -> Client:
        """The connections to the engine behind `endpoint`, shared by the three below."""
        from layers.engine.client import Client

        return Client(self.endpoint.host, self.endpoint.environment)

    @cached_property
    def engine(self) -> Engine:
        """Its images by name."""
        from layers.engine.docker import DockerEngine

        credentials = _Logins(self.endpoint.environment, self._tell_once)
        return DockerEngine(self.client, credentials, registry=lambda: self.registry)

    @cached_property
    def containers(self) -> Containers:
        """What is inside its images."""
        from layers.engine.docker_containers import EngineContainers

        return EngineContainers(self.client)

    @cached_property
    def store(self) -> Store:
        """All that it holds, for a clean-up."""
        from layers.engine.store import DockerStore

        return DockerStore(self.client)

    @cached_property
    def frontend(self) -> Frontend | None:
        """What the engine reads of the Dockerfile language; None: it does not say."""
        return ask(self.engine, self._project.state.path(FRONTEND_FILE))

    @cached_property
    def platforms(self) -> frozenset[str]:
        """What the engine runs, by an emulator too; empty: it does not say."""
        from layers.project.emulators import platforms

        return platforms(self.endpoint)

    def answering(self) -> Engine | None:
        """The engine if it is up; None where it would have to be started, or cannot be used."""
        try:
            vars(self).setdefault("endpoint", endpoint(self._project.root, self._tell))
        except LayersError:
            return None
        return self.engine

    @cached_property
    def registry(self) -> Registry:
        """The client for every registry; no engine is started for it."""
        from layers.registry.client import HttpRegistry
        from layers.setup.logins import logins

        credentials = _Logins(logins(self._project.root), self._tell_once)
        words = self._project.spec.create_repository
        if not words:
            return HttpRegistry(credentials, insecure=lambda _host: False)
        from layers.registry.create import CreateCommand, CreatingRegistry

        log = self._project.state.path("logs", "repositories.log")
        create = CreateCommand(words, self._project.root, log)
        return CreatingRegistry(credentials, lambda _host: False, create)

    def _tell_once(self, event: Event) -> None:
        if event not in self._told:
            self._told.add(event)
            self._tell(event)

    @cached_property
    def registry_host(self) -> str | None:
        """Where our images go, ``host[:port][/path]``; None: nowhere."""
        configured = self._project.spec.registry
        return self.endpoint.registry if configured == "engine" else configured

    @property
    def registry_is_own(self) -> bool:
        """Whether nothing but this checkout pushes to the registry.

        It came with the private engine; whoever shares it names it by its address.
        """
        return self._project.spec.registry == "engine"

    def mirror(self) -> Mirror | None:
        """Where copies of upstreams are; None: there is no registry."""
        from layers.lock.mirror import Mirror

        host = self.registry_host
        spec = self._project.spec
        return Mirror(host, spec.project, spec.repository) if host is not None else None
