"""Containers of a Docker engine, over its HTTP API."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from layers.engine.connections import Wire
from layers.engine.containers import LABEL_UNTIL, TIMED_OUT, ContainerError, Ran
from layers.engine.engine import EngineDown, EngineError
from layers.engine.errors import UnknownReference, fault
from layers.engine.streams import demultiplex, regular_files
from layers.oci.reference import Reference

_PATIENCE = 60
"""Seconds that a container stays somebody's after the time that its command may take."""
_DAY = 86400
_JSON = {"Content-Type": "application/json"}


class EngineContainers:
    """`Containers` of the engine at ``wire``.

    A container removes itself when its command ends (AutoRemove), also when we were killed
    meanwhile. One whose command never began is removed by the next call after its time.
    """

    def __init__(self, wire: Wire, clock: Callable[[], float] = time.time) -> None:
        self._wire = wire
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
        settings: dict[str, Any] = {
            "Entrypoint": list(argv),
            "Cmd": [],
            "AttachStdout": True,
            "AttachStderr": True,
            "Env": [f"{name}={value}" for name, value in sorted((env or {}).items())],
            "Healthcheck": {"Test": ["NONE"]},
            "HostConfig": {"AutoRemove": True},
        }
        if user:
            settings["User"] = user
        if network:
            settings["HostConfig"]["NetworkMode"] = network
        begin = time.monotonic()
        with self._made(image, settings, timeout) as name, contextlib.ExitStack() as stack:
            streams = "stream=1&stdout=1&stderr=1"
            chunks = self._open(stack, f"/containers/{name}/attach?{streams}", "attach to", image)
            ended = self._open(stack, f"/containers/{name}/wait?condition=removed", "run", image)
            self._start(name, image, argv)
            late = threading.Event()
            timer = threading.Timer(timeout or 0, self._kill, (name, late))
            timer.daemon = True
            if timeout is not None:
                timer.start()
            try:
                output, errors = demultiplex(chunks)
                status = _status(b"".join(ended), image)
            finally:
                timer.cancel()
        seconds = time.monotonic() - begin
        if late.is_set():
            errors = f"{errors.rstrip()}\nended after {timeout:g} s, its time limit\n".lstrip()
            status = TIMED_OUT
        return Ran(status, output, errors, seconds)

    def files(
        self, image: str, paths: Sequence[str], wanted: Callable[[str], bool]
    ) -> dict[str, bytes]:
        """See `Containers.files`: archives of a container that never starts."""
        found: dict[str, bytes] = {}
        settings = {"Entrypoint": ["/none"], "Cmd": [], "HostConfig": {"NetworkMode": "none"}}
        with self._made(image, settings, _DAY) as name:
            for path in paths:
                at = f"/containers/{name}/archive?path={quote(path)}"
                with self._wire.call("GET", at, {}) as (status, body):
                    if status == 404:
                        continue
                    if status != 200:
                        raise fault("read", f"{path} of {image}", _message(body))
                    above = path.rstrip("/").rpartition("/")[0]
                    found.update(regular_files(body, wanted, above))
        return found

    def history(self, image: str) -> tuple[tuple[str, int], ...]:
        """See `Containers.history`."""
        (reply,) = self._wire.get([f"/images/{_full(image)}/history"])
        if reply.status != 200:
            raise fault("read the history of", image, _message([reply.body]))
        rows = json.loads(reply.body)
        return tuple((row.get("CreatedBy") or "", int(row.get("Size") or 0)) for row in rows)[::-1]

    @contextlib.contextmanager
    def _made(self, image: str, settings: dict[str, Any], timeout: float | None) -> Iterator[str]:
        """A container, by its name; gone when we leave, however we leave."""
        self._sweep()
        until = int(self._clock() + (_DAY if timeout is None else timeout) + _PATIENCE)
        # named by us, so that it is removed even when the answer to its making never came
        name = f"doit-layers-{uuid.uuid4().hex[:16]}"
        content = {**settings, "Image": _full(image), "Labels": {LABEL_UNTIL: str(until)}}
        try:
            with self._wire.call(
                "POST", f"/containers/create?name={name}", _JSON, json.dumps(content).encode()
            ) as (status, body):
                if status == 404:
                    raise UnknownReference(
                        f"cannot run {image}: {_message(body)}", hint="pull or build it first"
                    )
                if status != 201:
                    raise fault("make a container of", image, _message(body))
            yield name
        finally:
            self._remove(name)

    def _open(
        self, stack: contextlib.ExitStack, path: str, action: str, image: str
    ) -> Iterator[bytes]:
        status, body = stack.enter_context(self._wire.call("POST", path, {}))
        if status not in (101, 200):
            raise fault(action, image, _message(body))
        return body

    def _start(self, name: str, image: str, argv: Sequence[str]) -> None:
        with self._wire.call("POST", f"/containers/{name}/start", {}) as (status, body):
            if status not in (204, 304):
                text = _message(body).strip()
                raise ContainerError(
                    f"cannot start {argv[0] if argv else 'nothing'!r} in {image}: {text}",
                    hint="is the program in the image, executable, and for this platform?",
                )

    def _kill(self, name: str, late: threading.Event) -> None:
        late.set()
        self._remove(name)

    def _remove(self, name: str) -> None:
        """Remove a container, running or not; one that is gone or going is what we want."""
        with (
            contextlib.suppress(EngineError),
            self._wire.call("DELETE", f"/containers/{name}?force=1&v=1", {}) as (_, body),
        ):
            for _ in body:
                pass

    def _sweep(self) -> None:
        """Remove what earlier runs left: ours by its label, past the time it states."""
        if self._swept:
            return
        self._swept = True
        labelled = quote(json.dumps({"label": [LABEL_UNTIL]}))
        (reply,) = self._wire.get([f"/containers/json?all=1&filters={labelled}"])
        if reply.status != 200:
            return
        for row in json.loads(reply.body):
            with contextlib.suppress(ValueError):
                if int(row["Labels"][LABEL_UNTIL]) < self._clock():
                    self._remove(row["Id"])


def _full(image: str) -> str:
    return image if image.startswith("sha256:") else str(Reference.parse(image))


def _message(body: Iterable[bytes]) -> str:
    text = b"".join(body).decode("utf-8", "replace")
    with contextlib.suppress(ValueError, KeyError, TypeError):
        text = str(json.loads(text)["message"])
    return text


def _status(body: bytes, image: str) -> int:
    try:
        answer = json.loads(body)
        return int(answer["StatusCode"])
    except (ValueError, KeyError, TypeError) as error:
        raise EngineDown(f"the engine did not say how the command in {image} ended") from error
