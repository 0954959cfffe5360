"""Containers of a Docker engine, over docker's SDK."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from layers.engine.client import Client
from layers.engine.containers import KEPT, LABEL_UNTIL, TIMED_OUT, ContainerError, Ran
from layers.engine.docker import full
from layers.engine.engine import EngineDown, EngineError
from layers.runtime.parts import regular_files

_PATIENCE = 60
"""Seconds that a container stays somebody's after the time that its command may take."""
_DAY = 86400


class EngineContainers:
    """`Containers` of an engine.

    A container removes itself when its command ends (AutoRemove), also when we were killed
    meanwhile. One whose command never began is removed by the next call after its time.
    """

    def __init__(self, client: Client, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock
        self._swept = False

    def run(
        self,
        image: str,
        argv: Sequence[str],
        *,
        network: str = "",
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        user: str = "",
    ) -> Ran:
        """See `Containers.run`."""
        begin, late = time.monotonic(), threading.Event()
        asking = self._client.asking
        settings = {"entrypoint": list(argv), "environment": dict(env or {}), "user": user or None}
        host = {"auto_remove": True, "network_mode": network or None}
        with self._made(image, timeout, host, healthcheck={"test": ["NONE"]}, **settings) as name:
            with asking("attach to", image):
                streams = self._client.api.attach(name, stream=True, demux=True)
            with asking("run", image):  # asked before it starts: it may be gone at once
                ended = self._client.call("POST", f"/containers/{name}/wait", condition="removed")
            self._start(name, image, argv)
            timer = threading.Timer(timeout or 0, self._kill, (name, late))
            timer.daemon = True
            if timeout is not None:
                timer.start()
            try:
                with asking("run", image):
                    output, errors = last(streams)
                    status = _status(ended.content, image)
            finally:
                timer.cancel()
        if late.is_set():
            errors = f"{errors.rstrip()}\nended after {timeout:g} s, its time limit\n".lstrip()
            status = TIMED_OUT
        return Ran(status, output, errors, time.monotonic() - begin)

    def files(
        self, image: str, paths: Sequence[str], wanted: Callable[[str], bool]
    ) -> dict[str, bytes]:
        """See `Containers.files`: archives of a container that never starts."""
        from docker.errors import NotFound

        found: dict[str, bytes] = {}
        with self._made(image, _DAY, {"network_mode": "none"}, entrypoint=["/none"]) as name:
            for path in paths:
                with (
                    self._client.asking("read", f"{path} of {image}"),
                    contextlib.suppress(NotFound),
                ):
                    chunks, _ = self._client.api.get_archive(name, path)
                    above = path.rstrip("/").rpartition("/")[0]
                    found.update(regular_files(chunks, wanted, above))
        return found

    def history(self, image: str) -> tuple[tuple[str, int], ...]:
        """See `Containers.history`."""
        with self._client.asking("read the history of", image):
            rows = self._client.api.history(full(image))
        return tuple((row.get("CreatedBy") or "", int(row.get("Size") or 0)) for row in rows)[::-1]

    @contextlib.contextmanager
    def _made(
        self, image: str, timeout: float | None, host: Mapping[str, Any], **settings: Any
    ) -> Iterator[str]:
        """A container, by its name; gone when we leave, however we leave."""
        self._sweep()
        until = int(self._clock() + (_DAY if timeout is None else timeout) + _PATIENCE)
        # named by us, so that it is removed even when the answer to its making never came
        name = f"doit-layers-{uuid.uuid4().hex[:16]}"
        try:
            with self._client.asking("make a container of", image):
                api = self._client.api
                api.create_container(
                    full(image),
                    name=name,
                    labels={LABEL_UNTIL: str(until)},
                    host_config=api.create_host_config(**host),
                    **settings,
                )
            yield name
        finally:
            self._remove(name)

    def _start(self, name: str, image: str, argv: Sequence[str]) -> None:
        from docker.errors import APIError

        with self._client.asking("start a container of", image):
            try:
                self._client.api.start(name)
            except APIError as error:
                what = repr(argv[0]) if argv else "nothing"
                raise ContainerError(
                    f"cannot start {what} in {image}: {str(error.explanation).strip()}",
                    hint="is the program in the image, executable, and for this platform?",
                ) from error

    def _kill(self, name: str, late: threading.Event) -> None:
        late.set()
        self._remove(name)

    def _remove(self, name: str) -> None:
        """Remove a container, running or not; one that is gone or going is what we want."""
        with contextlib.suppress(EngineError), self._client.asking("remove", name):
            self._client.api.remove_container(name, force=True, v=True)

    def _sweep(self) -> None:
        """Remove what earlier runs left: ours by its label, past the time it states."""
        if self._swept:
            return
        self._swept = True
        with self._client.asking("list", "containers"):
            rows = self._client.api.containers(all=True, filters={"label": [LABEL_UNTIL]})
        for row in rows:
            with contextlib.suppress(ValueError):
                if int(row["Labels"][LABEL_UNTIL]) < self._clock():
                    self._remove(row["Id"])


def last(frames: Iterable[tuple[bytes | None, bytes | None]]) -> tuple[str, str]:
    """The last `KEPT` bytes of standard output and of standard error, read as UTF-8."""
    kept = bytearray(), bytearray()
    for frame in frames:
        for into, part in zip(kept, frame, strict=True):
            into += part or b""
            del into[: max(0, len(into) - KEPT)]
    output, errors = (each.decode("utf-8", "replace") for each in kept)
    return output, errors


def _status(body: bytes, image: str) -> int:
    import json

    try:
        return int(json.loads(body)["StatusCode"])
    except (ValueError, KeyError, TypeError) as error:
        raise EngineDown(f"the engine did not say how the command in {image} ended") from error
