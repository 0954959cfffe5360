"""One build through ``docker buildx build``: docker-py cannot drive BuildKit."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hashes.dockerfile.arguments import looks_secret
from hashes.errors import LayersError
from layers.build.parents import START
from layers.build.rawjson import BuildLog
from layers.build.stall import Patience, Stall, Watch
from layers.oci.compression import Compression
from layers.oci.digest import Digest
from layers.report import wording
from layers.runtime import lines, process
from layers.runtime.events import Listener, Stalled

if TYPE_CHECKING:
    from layers.build.failure.build import Failure

TICK = 0.5
"""Seconds between two looks at who is silent."""

_ARG = "--build-arg="
_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")


@dataclass(frozen=True)
class BuildCall:
    """Everything that one build is asked with."""

    layer: str
    context: str
    dockerfile: str
    target: str | None
    platform: str
    """"": the builder's own."""
    shown: str = ""
    """The Dockerfile as messages name it; "": `dockerfile`."""
    args: Mapping[str, str] = field(default_factory=dict)
    contexts: Mapping[str, str] = field(default_factory=dict)
    """Named contexts: what a FROM says → ``docker-image://…@sha256:…`` or a folder."""
    labels: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Secret id → file that holds it; never in a log."""
    ssh: tuple[str, ...] = ()
    """Agents and keys: an id, or ``id=/path``."""
    network: str = ""
    options: tuple[str, ...] = ()
    """Words more, of what RUN steps run in."""
    no_cache: bool = False
    program: tuple[str, ...] = ("docker", "buildx")
    compression: Compression | None = field(default_factory=Compression)
    """Of new filesystem layers, where the engine keeps images as the registry does; None for the
    classic image store, which packs with gzip when it pushes."""
    builder: str = "default"
    """Who builds it, as buildx knows it; by itself it would take one that a user or a CI step
    put in use (``docker buildx create --use``, BUILDX_BUILDER) and leave the result there."""
    output: str = ""
    """Where the result goes, as ``--output`` has it; "": into the engine."""
    environment: Mapping[str, str] | None = field(default=None, repr=False)
    """Of buildx, whole; None: the engine's own."""
    patience: Patience = field(default_factory=Patience)
    """With steps that print nothing."""


@dataclass(frozen=True)
class Built:
    """What a build gave; nothing is tagged yet."""

    digest: Digest
    ran: tuple[str, ...]
    """Steps that BuildKit ran rather than took from its cache."""


class BuildFailed(LayersError):
    """A step failed, or BuildKit refused the Dockerfile; the text is the whole report.

    ``sent``: whether a step failed while every file had arrived, so that BuildKit's copy is sound.
    """

    def __init__(
        self, message: str, *, hint: str = "", sent: bool = False, failure: Failure | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.sent = sent
        self.failure = failure
        """What is known of it beside the text."""


class BuildxMissing(LayersError):
    """The docker CLI or its buildx plugin is not there."""


def argv(call: BuildCall, metadata: str) -> list[str]:
    """The command line of a build; pure, so that tests can read it."""
    words = [*call.program, "build", "--progress=rawjson", f"--metadata-file={metadata}"]
    words.append(f"--builder={call.builder}")
    # A plain manifest: provenance stamps the time, so that no digest would ever come twice.
    words += ["--provenance=false", "--sbom=false"]
    if call.output:
        words.append(f"--output={call.output}")
    elif call.compression is not None:
        words.append(f"--output=type=image,{','.join(call.compression.fields())}")
    words.append(f"--file={call.dockerfile}")
    if call.platform:
        words.append(f"--platform={call.platform}")
    if call.target is not None:
        words.append(f"--target={call.target}")
    if call.network:
        words.append(f"--network={call.network}")
    words += call.options
    if call.no_cache:
        words.append("--no-cache")
    words += [f"--build-arg={name}={value}" for name, value in sorted(call.args.items())]
    words += [f"--build-context={name}={at}" for name, at in sorted(call.contexts.items())]
    words += [f"--label={name}={value}" for name, value in sorted(call.labels.items())]
    for name, path in sorted(call.secrets.items()):
        words.append(f"--secret={csv(f'id={name}', f'src={path}')}")
    words += [f"--ssh={each}" for each in call.ssh]
    return [*words, call.context]


def csv(*fields: str) -> str:
    """Fields as buildx reads them in ``--secret`` and ``--output``: CSV, one record (RFC 4180)."""
    return ",".join(
        f'"{field.replace(chr(34), chr(34) * 2)}"' if set(field) & set('",\r\n') else field
        for field in fields
    )


def run(
    call: BuildCall, environment: Mapping[str, str], log_path: str, listener: Listener
) -> Built:
    """Build, tell the listener, keep the output in ``log_path`` and BuildKit's record beside it.

    Raises BuildFailed with the failing step, or the one that stalls, and its last lines;
    BuildxMissing.
    """
    log = BuildLog(call.layer)
    watch = Watch(call.layer, call.patience)
    os.makedirs(os.path.dirname(log_path), exist_ok=True)
    base = os.path.splitext(log_path)[0]
    metadata = f"{base}.{os.getpid()}.metadata.json"
    words = argv(call, metadata)
    # buildx starts git seven times to fill in a provenance that we do not ask for.
    env = {**environment, "BUILDX_GIT_INFO": "false"}
    quiet, heard = subprocess.DEVNULL, subprocess.PIPE
    with contextlib.ExitStack() as stack:
        # also a stall, a log that cannot be written and a listener that is gone end it
        try:
            child = stack.enter_context(process.started(words, env=env, stdout=quiet, stderr=heard))
        except FileNotFoundError as error:
            raise BuildxMissing(
                f"{words[0]}: command not found",
                hint="install the docker CLI with buildx 0.13 or newer",
            ) from error
        file = stack.enter_context(open(log_path, "w", encoding="utf-8"))
        raw = stack.enter_context(open(f"{base}.rawjson", "w", encoding="utf-8", buffering=1))
        file.write("$ " + " ".join(shown(words)) + "\n")
        assert child.stderr is not None
        for line in lines.lines(child.stderr, TICK):
            raw.write(line)
            for event in log.feed(line) if line else ():
                file.write(_log_line(event))
                listener(event)
            for stalled in watch.look(time.monotonic(), log.at_work):
                file.write(_log_line(stalled.event))
                _stalls(call, log, stalled, log_path, listener)
        file.writelines(f"{line}\n" for line in log.tail)
    status = child.returncode
    if status != 0:
        raise _failed(call, log, status, log_path)
    with open(metadata, encoding="utf-8") as file:
        told = json.load(file)
    os.unlink(metadata)
    if "containerimage.digest" not in told:
        raise BuildFailed(
            f"{call.layer}: built, and the builder {call.builder} kept no image\n"
            f"  log     {log_path}",
            hint="is it a Docker engine's own? `docker buildx inspect` tells its driver",
        )
    return Built(Digest.parse(told["containerimage.digest"]), log.ran())


def _stalls(
    call: BuildCall, log: BuildLog, stalled: Stall, log_path: str, listener: Listener
) -> None:
    if stalled.ends:
        said = ended(call, stalled.event, log_path)
        raise BuildFailed(said, hint=stalled.event.advice, sent=_arrived(log))
    listener(stalled.event)


def advice(log: BuildLog) -> str:
    """What to do where the engine, not a step of the Dockerfile, gave out; "" otherwise."""
    from layers.engine.errors import LOST, is_own, of_build

    failed = log.failed()
    error, printed = (failed.error, failed.lines) if failed is not None else ("", [])
    known = of_build("\n".join([error, *printed, *log.tail]))
    if not known and any(map(is_own, [error, *log.tail])):  # what a step prints is no word of it
        return LOST
    return known


def _all_sent(log: BuildLog) -> bool:
    """Whether a step failed, and no transfer from the client was cut off by that."""
    failed = log.failed()
    return failed is not None and not failed.internal and _arrived(log)


def _arrived(log: BuildLog) -> bool:
    return all(
        vertex.completed and not vertex.error
        for vertex in log.vertices.values()
        if vertex.internal and vertex.started and "load " in vertex.name
    )


def shown(words: list[str]) -> list[str]:
    """A command line fit for a log, without secrets and without logins in addresses.

    The value of a build arg that looks like a secret is left out, in other words, too.
    """
    given = [word[len(_ARG) :].partition("=") for word in words if word.startswith(_ARG)]
    secrets = sorted((v for k, _, v in given if looks_secret(k)), key=len, reverse=True)
    found = []
    for word in words:
        name, _, _ = word.removeprefix(_ARG).partition("=")
        if word.startswith(_ARG) and looks_secret(name):
            found.append(f"{_ARG}{name}=…")
            continue
        for secret in secrets:
            if len(secret) > 3:  # as in keys: a shorter one is a part of too much
                word = word.replace(secret, "…")
        found.append(_LOGIN.sub("…@", word))
    return found


def _log_line(event: object) -> str:
    if isinstance(event, Stalled):
        return f"{wording.stalled(event)}\n"
    line = getattr(event, "line", None)
    if line is not None:
        return f"    {line}\n"
    return f"{getattr(event, 'name', event)}\n"


def _failed(call: BuildCall, log: BuildLog, status: int, log_path: str) -> BuildFailed:
    """The failure as a person needs it; what the engine has to say goes before what a step says."""
    from layers.build.failure.build import failure_of, text

    failure = failure_of(call.layer, call.shown or call.dockerfile, log, log_path)
    hint = advice(log)
    if hint:
        failure = failure._replace(cause=None)
    elif failure.cause is not None:
        hint = failure.cause.remedy
    said = named(text(failure, status), call.contexts)
    return BuildFailed(said, hint=hint, sent=_all_sent(log), failure=failure)


def named(text: str, contexts: Mapping[str, str]) -> str:
    """A text of BuildKit's with the images in it in place of the names they are handed over by."""
    for name in sorted(contexts, key=len, reverse=True):
        if name.startswith(START):
            text = text.replace(name, contexts[name].removeprefix("docker-image://"))
    return text


def ended(call: BuildCall, event: Stalled, log_path: str) -> str:
    """The failure of a build that was ended because a step said nothing, in the words of that."""
    said = wording.stalled(event._replace(advice=""))
    lines = [f"{call.layer}: the build was ended, as stall_end asks: {said}"]
    lines += [f"  file    {call.shown or call.dockerfile}", f"  log     {log_path}"]
    return "\n".join(lines)
