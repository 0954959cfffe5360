"""The Docker engine's HTTP API: images by name, and moving them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hashes.errors import LayersError
from layers.engine.client import Client
from layers.engine.engine import About, EngineDown, EngineError, LocalImage, Progress
from layers.engine.http import Reply
from layers.engine.inspected import hollow, image, in_part
from layers.oci.digest import BadDigest, Digest
from layers.oci.reference import Reference

if TYPE_CHECKING:
    from layers.oci.credentials import Credentials
    from layers.registry.registry import Registry
    from layers.runtime.retry import Backoff


class DockerEngine:
    """An `Engine` over the API of Docker 23 and later.

    Paths carry no API version: the engine then speaks its own newest, and no round trip goes
    into agreeing on one; the fields that we read are the same since API 1.24.

    With the classic image store ``LocalImage.digest`` is the manifest digest that RepoDigests has
    for the repository asked for, else for any, else (an image built here and never pushed, or one
    whose names in that repository went) the id.
    """

    def __init__(
        self,
        client: Client,
        logins: Credentials | None = None,
        backoff: Backoff | None = None,
        registry: Callable[[], Registry] | None = None,
    ) -> None:
        """Logins are those of the client's environment unless others are given.

        ``backoff`` is for pulls and pushes: the engine itself gives up at the first reset.
        ``registry`` is asked for what an engine does not fetch of an image.
        """
        self._client = client
        self._registry = registry
        self._wire = client.wire
        self._environment = client.environment
        self._given = logins
        self._backoff = backoff

    def find(self, names: Sequence[str]) -> dict[str, LocalImage]:
        """See `Engine.find`; an image without a name is found by its id, ``sha256:…``.

        With ``repository:tag@digest`` the engine looks at the digest only.
        """
        wanted = list(dict.fromkeys(names))
        replies = self._wire.get([f"/images/{full(name)}/json" for name in wanted])
        found = {}
        for name, reply in zip(wanted, replies, strict=True):
            if reply.status == 200:
                found[name] = image(_object(reply), name)
            elif reply.status != 404 or "message" not in _object(reply):
                raise _fault("inspect", name, [reply.body])
        return found

    def tag(self, source: str, target: str) -> None:
        """See `Engine.tag`."""
        name = Reference.parse(target)
        if not name.tag or name.digest:
            raise EngineError(f"cannot tag {source} as {target!r}: expected repository:tag")
        query = f"repo={name.name}&tag={name.tag}"
        self._effect("POST", f"/images/{full(source)}/tag?{query}", "tag", source, 201)

    def untag(self, name: str) -> None:
        """See `Engine.untag`. An engine refuses the last name of an image that a container uses."""
        with self._wire.call("DELETE", f"/images/{full(name)}", {}) as (status, body):
            if status not in (200, 404):
                raise _fault("remove", name, body)

    def pull(self, reference: str, progress: Progress) -> LocalImage:
        """See `Engine.pull`.

        What is there now has the name ``repository@sha256:…`` and no tag; `tag` it from
        ``reference``. That name goes by itself when the last tag of its repository goes.
        """
        name = Reference.parse(reference)
        if not name.digest:
            raise EngineError(f"cannot pull {reference!r}: expected repository@sha256:…")
        digest = Digest.parse(name.digest)
        pinned = f"{name.name}@{digest}"
        path = f"/images/create?fromImage={name.name}&tag={digest}"
        self._moved("pull", pinned, path, progress, name.registry)
        inspected = self._inspected("pulled", pinned)
        if hollow(inspected) or in_part(inspected):
            self._complete(inspected, name.name, digest, progress)
            inspected = self._inspected("pulled", pinned)
        pulled = image(inspected, pinned)
        if pulled.digest != digest:
            raise EngineError(
                f"pulled {reference}, but the engine has {pulled.digest}",
                hint="the engine or a mirror does not verify what it pulls; do not use this image",
            )
        return pulled

    def load(self, digest: Digest, archive: Iterable[bytes]) -> LocalImage:
        """See `Engine.load`.

        An engine names an image before it unpacks it, and leaves it there where that fails.
        Docker 26 does not miss a part whose files an image has that is packed otherwise.
        """
        from layers.engine.progress import follow

        head = {"Content-Type": "application/x-tar"}
        try:
            with self._wire.call("POST", "/images/load?quiet=1", head, archive) as (status, body):
                if status != 200:
                    raise _fault("load", str(digest), body)
                told = follow(body, lambda _done, _total: None).error
            if told:
                raise _fault("load", str(digest), [told.encode()])
            inspected = self._inspected("loaded", str(digest))
            if hollow(inspected) or in_part(inspected):
                from layers.engine.errors import MissingContent

                raise MissingContent(f"loaded {digest}, but the engine has it in part only")
        except EngineDown:
            raise
        except EngineError:
            self._forget(str(digest))
            raise
        return image(inspected, str(digest))

    def push(self, name: str, progress: Progress) -> Digest:
        """See `Engine.push`; raises `MissingContent` for an index that is here in part only."""
        parts = Reference.parse(name)
        if not parts.tag or parts.digest:
            raise EngineError(f"cannot push {name!r}: expected registry/repository:tag")
        path = f"/images/{parts.name}/push?tag={parts.tag}"
        pushed = self._moved("push", name, path, progress, parts.registry)
        try:
            return Digest.parse(pushed)
        except BadDigest as error:
            raise EngineError(
                f"pushed {name}, but the engine does not say which digest the registry took",
                hint="use Docker 23 or newer",
            ) from error

    def about(self) -> About:
        """See `Engine.about`."""
        return self._about

    @cached_property
    def _about(self) -> About:
        (reply,) = self._wire.get(["/info"])
        if reply.status != 200:
            raise _fault("ask for", "the engine's settings", [reply.body])
        info = _object(reply)
        return About(
            # Podman's service tells its name in this header alone (docs.podman.io, "API").
            product="Podman" if "libpod" in reply.headers.get("server", "").lower() else "Docker",
            version=str(info.get("ServerVersion") or ""),
            keeps_manifests=["driver-type", "io.containerd.snapshotter.v1"]
            in (info.get("DriverStatus") or []),
            rootless=any("rootless" in each for each in info.get("SecurityOptions") or ()),
            system=str(info.get("OperatingSystem") or ""),
        )

    def version(self) -> dict[str, Any]:
        """See `Engine.version`."""
        (reply,) = self._wire.get(["/version"])
        if reply.status != 200:
            raise _fault("ask for", "the engine's version", [reply.body])
        return _object(reply)

    def _inspected(self, done: str, pinned: str) -> dict[str, Any]:
        # What has come of it is told by Docker 28 (API 1.48); older engines pass over the question.
        (reply,) = self._wire.get([f"/images/{full(pinned)}/json?manifests=1"])
        if reply.status == 404:
            from layers.engine.errors import UnknownReference

            raise UnknownReference(
                f"{done} {pinned}, but the engine does not have it",
                hint="something else removed it meanwhile; try again",
            )
        if reply.status != 200:
            raise _fault("inspect", pinned, [reply.body])
        return _object(reply)

    def _complete(
        self, inspected: Mapping[str, Any], repository: str, digest: Digest, progress: Progress
    ) -> None:
        """Bring what the engine does not fetch of an image; raises where that cannot be done."""
        from layers.engine.errors import not_fetched
        from layers.engine.whole import Source, load

        pinned, fault = f"{repository}@{digest}", not_fetched(f"{repository}@{digest}")
        if self._registry is not None:
            try:
                machine = self.version()
                wanted = str(machine.get("Os")), str(machine.get("Arch"))
                load(self._client, Source(self._registry(), repository, digest, *wanted), progress)
            except EngineError as error:
                fault = error
            except LayersError as error:
                fault = not_fetched(pinned, str(error))
            inspected = self._inspected("pulled", pinned)
        if hollow(inspected):
            self._forget(str(inspected["Id"]))
            raise fault

    def _forget(self, identity: str) -> None:
        """Remove an image that nothing can be made of, with all its names; failing is no harm."""
        with self._wire.call("DELETE", f"/images/{identity}?force=1", {}) as (_, body):
            for _ in body:
                pass

    def _moved(self, action: str, reference: str, path: str, progress: Progress, host: str) -> str:
        from layers.engine.errors import Passing
        from layers.runtime.retry import Again, Backoff, persist

        def once() -> str:
            try:
                return self._moved_once(action, reference, path, progress, host)
            except Passing as error:
                raise Again(error) from error

        return persist(once, self._backoff or Backoff(attempts=4, first=0.5, total=float("inf")))

    def _moved_once(
        self, action: str, reference: str, path: str, progress: Progress, host: str
    ) -> str:
        from layers.engine.errors import final
        from layers.engine.progress import follow
        from layers.oci.credentials import engine_header

        headers = engine_header(self._logins.login(host))
        with self._wire.call("POST", path, headers) as (status, body):
            if status != 200:
                raise _fault(action, reference, body, host)
            outcome = follow(body, progress)
        if outcome.error:
            error = _fault(action, reference, [outcome.error.encode()], host)
            # Five times by default, for 50 seconds (dockerd, max-download-attempts): that is final.
            raise final(error) if outcome.retrying else error
        return outcome.pushed

    @cached_property
    def _logins(self) -> Credentials:
        from layers.oci.credentials import DockerCredentials

        return self._given or DockerCredentials(self._environment)

    def _effect(self, method: str, path: str, action: str, name: str, expected: int) -> None:
        with self._wire.call(method, path, {}) as (status, body):
            if status != expected:
                raise _fault(action, name, body)


def full(name: str) -> str:
    """The name in full: anything shorter could be taken for the beginning of an id."""
    return name if name.startswith("sha256:") else str(Reference.parse(name))


def _object(reply: Reply) -> dict[str, Any]:
    try:
        content = json.loads(reply.body)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise EngineError(
            "the engine's answer is not JSON", hint="is that address a Docker engine?"
        )
    return content


def _fault(action: str, name: str, body: Iterable[bytes], registry: str = "") -> EngineError:
    from layers.engine.errors import fault

    text = b"".join(body).decode("utf-8", "replace")
    with contextlib.suppress(ValueError, KeyError, TypeError):
        text = str(json.loads(text)["message"])
    return fault(action, name, text, registry)
