"""The compose plugin of the docker client, as a `Composer`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from hashes.errors import LayersError
from layers.compose.compose import ComposeError, ComposeMissing, Files
from layers.compose.containers import Container, read_containers
from layers.engine.tried import of_compose, version_of
from layers.runtime import process, signals
from layers.setup.endpoint import Endpoint

_INSTALL = "install docker-compose-plugin (https://docs.docker.com/compose/install/linux/)"
_OURS = ("COMPOSE_FILE", "COMPOSE_PROJECT_NAME", "COMPOSE_PROGRESS", "COMPOSE_ANSI")
"""Variables of compose that would say what we say."""
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_PROGRESS = re.compile(r" (?:Container|Network|Volume|Image) |\S+ Pull|time=\S+ level=warning")
AT_LEAST = (2, 20)
"""The first that knows ``include``."""
LOOKS = 5
"""Times that containers are looked at again while they change."""
NOWHERE = "/"
"""Where no compose file lies: compose looks for one in its folder and above."""


class DockerCompose:
    """Runs ``docker compose`` against one engine; what it prints goes to a file of ``logs``."""

    def __init__(self, endpoint: Endpoint, logs: str) -> None:
        given = {**os.environ, **endpoint.environment}
        self._environment = {k: v for k, v in given.items() if k not in _OURS}
        self._program = endpoint.cli
        self._logs = logs

    def remarks(self) -> list[str]:
        """What is worth saying once about compose's version.

        Raises ComposeMissing where there is none, or one older than `AT_LEAST`.
        """
        try:
            done = process.run(
                [self._program, "compose", "version", "--short"],
                env=self._environment,
                cwd=NOWHERE,
                apart=True,
            )
        except FileNotFoundError as error:
            raise ComposeMissing("there is no `docker` program", hint=_INSTALL) from error
        said = done.stdout.strip().removeprefix("v") if done.returncode == 0 else ""
        found = version_of(said)
        least = ".".join(map(str, AT_LEAST))
        if done.returncode or (found is not None and found < AT_LEAST):
            what = f"is {said}" if found else "is missing"
            other = shutil.which("docker-compose", path=self._environment.get("PATH"))
            old = f" ({other} is another program, and not used)" if other and not found else ""
            raise ComposeMissing(
                f"`docker compose` {what}; at least {least} is needed{old}", hint=_INSTALL
            )
        return of_compose(said)

    def config(self, files: Files) -> Mapping[str, Any]:
        """See `Composer.config`."""
        done = self._run(*_words(files), "config", "--format", "json")
        if done.returncode:
            if "types.SSHKey" in done.stderr:
                raise _ssh(files)
            raise ComposeError(_said(done.stderr) or "compose refused the files of the stack")
        found: Mapping[str, Any] = json.loads(done.stdout)
        return found

    def hashes(self, files: Files) -> dict[str, str]:
        """See `Composer.hashes`."""
        done = self._run(*_words(files), "config", "--hash", "*")
        rows = [line.split() for line in done.stdout.splitlines()] if done.returncode == 0 else []
        return {row[0]: row[1] for row in rows if len(row) == 2}

    def start(self, files: Files, services: Sequence[str]) -> DockerStarting:
        """See `Composer.start`."""
        os.makedirs(self._logs, exist_ok=True)
        path = os.path.join(self._logs, f"{files.project}.log")
        words = ("up", "--detach", "--remove-orphans", "--quiet-pull")
        argv = self._argv(*_words(files), *words, *services)
        return DockerStarting(argv, self._environment, path)

    def containers(self, project: str) -> tuple[Container, ...]:
        """See `Composer.containers`."""
        words = ("--project-name", project, "ps", "--all", "--format", "json")
        done = self._run(*words)
        for _ in range(LOOKS):  # a container that goes between compose's two questions is an error
            if done.returncode == 0 or "No such container" not in done.stderr:
                break
            done = self._run(*words)
        if done.returncode:
            raise ComposeError(f"cannot look at {project}: {_said(done.stderr)}")
        return read_containers(done.stdout)

    def logs(self, project: str, service: str, lines: int) -> list[str]:
        """See `Composer.logs`; empty where there are none."""
        how = ("--no-color", "--no-log-prefix", "--tail", str(lines))
        done = self._run("--project-name", project, "logs", *how, service)
        found = _ANSI.sub("", done.stdout).splitlines() if done.returncode == 0 else []
        return [line.rstrip() for line in found][-lines:]

    def down(self, project: str, *, volumes: bool) -> None:
        """See `Composer.down`; a project that is not there is no error."""
        more = ("--volumes",) if volumes else ()
        done = self._run("--project-name", project, "down", "--remove-orphans", *more)
        if done.returncode:
            raise ComposeError(f"cannot take {project} down: {_said(done.stderr)}")

    def _argv(self, *words: str) -> list[str]:
        return [self._program, "compose", "--progress", "plain", *words]

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        try:
            argv = self._argv(*words)
            done = process.run(argv, env=self._environment, cwd=NOWHERE, apart=True)
        except FileNotFoundError as error:
            raise ComposeMissing("there is no `docker` program", hint=_INSTALL) from error
        if done.returncode and re.search(
            r"'compose' is not a docker command|unknown (?:flag|command).*(?:--progress|compose)",
            done.stderr,
        ):
            raise ComposeMissing("`docker compose` is missing, or older than 2.20", hint=_INSTALL)
        return done


class DockerStarting:
    """A ``docker compose up`` at work."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str], log: str) -> None:
        self._log = log
        with open(log, "w", encoding="utf-8") as file:
            self._process = signals.start(
                words, env=environment, cwd=NOWHERE, stdout=file, stderr=subprocess.STDOUT
            )

    def status(self) -> int | None:
        """See `Starting.status`."""
        found = self._process.poll()
        if found is not None:
            signals.release(self._process.pid)
        return found

    def complaint(self) -> str:
        """See `Starting.complaint`."""
        with open(self._log, encoding="utf-8", errors="replace") as file:
            return _said(file.read())

    def stop(self) -> None:
        """See `Starting.stop`."""
        signals.end(self._process)
        signals.release(self._process.pid)


def _words(files: Files) -> list[str]:
    folder = os.path.dirname(files.paths[0])
    named = [word for path in files.paths for word in ("--file", path)]
    return ["--project-name", files.project, "--project-directory", folder, *named]


def _ssh(files: Files) -> ComposeError:
    """Compose to 2.40 and later writes ``ssh`` with a path as JSON that is none."""
    from layers.runtime.yaml import read_yaml

    hint = "a secret serves in its place, [secrets.ID] in images.toml; take ssh out"
    for path in files.paths:
        try:
            services = read_yaml(path, os.path.basename(path)).items("services")
        except LayersError:
            continue
        for name, service in services:
            if (ssh := service.get("build", "ssh")) is not None:
                said = f"service {name}: build.ssh: images of images.toml have nothing like it"
                return ComposeError(said, file=os.path.relpath(path), line=ssh.line, hint=hint)
    said = "a service's build.ssh names a key's path: images of images.toml have nothing like it"
    return ComposeError(said, hint=hint)


def _said(text: str) -> str:
    """What compose complains about, without its progress and warnings."""
    lines = [_ANSI.sub("", line).rstrip() for line in text.splitlines()]
    return "\n".join(line for line in lines if line.strip() and not _PROGRESS.match(line))[-4000:]
