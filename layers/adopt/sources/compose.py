"""Compose files: what ``docker compose config`` makes of them, override by override."""

from __future__ import annotations

import json
import os
import posixpath
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from hashes.errors import LayersError
from layers.adopt.names import slug
from layers.adopt.sources.programs import Programs
from layers.adopt.sources.reading import LeftOut, Reading, Stack
from layers.adopt.sources.services import UNSET, read_service
from layers.adopt.sources.together import MAIN, OVERRIDE, completes, mains, nearest, parts
from layers.runtime.yaml import Value, read_yaml

_EXAMPLES = (".env.example", ".env.sample", ".env.dist", ".env.template", "env.example")
_MISSING = re.compile(r"required variable (\w+) is missing a value")
_ENV_FILE = re.compile(r"env file .* not found|[Cc]ouldn't find env file")
_PART = re.compile(
    r"neither an image nor a build|undefined|empty compose file|no service selected|is missing a"
    r" value|no image specified"
)
"""Compose's words for a file that is only a part of something."""
_WARNING = re.compile(r"^time=\S+ level=warning.*\n?", re.MULTILINE)
_VARIABLES = 40
"""Variables that must be set, at most, before a file is given up."""


@dataclass(frozen=True)
class _Read:
    """One set of files, each laid over those before it."""

    files: tuple[str, ...]
    config: Mapping[str, Any] | None
    error: str = ""
    notes: tuple[str, ...] = ()


class ComposeFiles:
    """The compose files of a repository."""

    def __init__(self, root: str, files: Sequence[str], programs: Programs) -> None:
        self.root = root
        self.programs = programs
        self.values: dict[str, Value] = {}
        self.faults: list[LayersError] = []
        self.left_out: list[LeftOut] = []
        for path in files:
            try:
                found = read_yaml(os.path.join(root, path), path)
            except LayersError as error:
                self.faults.append(error)
                continue
            if found.get("services") or found.get("include"):
                self.values[path] = found
            else:
                self.left_out.append(LeftOut(path, "it has no services"))

    def read(self, project: str) -> Reading:
        """All builds and stacks; ``project`` names the stack of the root."""
        words = self.programs.compose
        if self.values and words is None:
            fault = LayersError(
                f"{', '.join(self.values)}: not read, as there is no docker compose here",
                hint="install docker-compose-plugin; then `doit init` again tells what it adds",
            )
            return Reading(left_out=tuple(self.left_out), faults=(*self.faults, fault))
        reading = Reading()
        taken: set[str] = set()
        for read in self._sets():
            if read.config is None:
                self._refused(read)
                continue
            name = _stack_name(read.files, project)
            services = [
                read_service(self.root, read.files, self.values, each, told, read.config)
                for each, told in sorted((read.config.get("services") or {}).items())
            ]
            for each in services:
                reading = reading + each
            images = tuple(
                str(told.get("image"))
                for told in (read.config.get("services") or {}).values()
                if told.get("image") and not told.get("build")
            )
            number, free = 2, name
            while free in taken:
                number, free = number + 1, f"{name}-{number}"
            taken.add(free)
            built = sum(len(each.builds) for each in services)
            stack = Stack(free, read.files, images, built)
            reading = reading + Reading(stacks=(stack,))
        return reading + Reading(left_out=tuple(self.left_out), faults=tuple(self.faults))

    def _refused(self, read: _Read) -> None:
        path = read.files[-1]
        if len(read.files) > 1 or _PART.search(read.error):
            words = read.error.partition("\n")[0]
            self.left_out.append(LeftOut(path, f"a part of something else; alone: {words}"))
            return
        self.faults.append(
            LayersError(
                read.error,
                file=path,
                line=_line(read.error, self.values[path]),
                hint="docker compose config says so",
            )
        )

    # -- which files belong together -----------------------------------------------------------

    def _sets(self) -> list[_Read]:
        apart = parts(self.values)
        main = mains(self.root, self.values)
        alone = [path for path in self.values if path not in apart]
        for files in main.values():
            alone = [path for path in alone if path not in files]
        wanted: list[list[tuple[str, ...]]] = []
        wanted += [
            [files, files[:1]] if len(files) > 1 else [files]
            for files in main.values()
            if not set(files) <= apart
        ]
        for path in alone:
            under = nearest(path, main)
            ways: list[tuple[str, ...]] = [(path,)]
            if under is not None:
                both = (main[under][0], path)
                ways = [both, (path,)] if completes(self.values, *both) else [(path,), both]
            wanted.append(ways)
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(self._first, wanted))

    def _first(self, attempts: Sequence[tuple[str, ...]]) -> _Read:
        """The first set of files that compose takes; else the first refusal."""
        refused: _Read | None = None
        for files in attempts:
            read = self._config(files)
            if read.config is not None:
                return read
            if refused is None:
                refused = read
            if len(files) == 1 and not _PART.search(read.error):
                break  # not a part of something: more files under it mend nothing
        assert refused is not None
        return refused

    # -- compose itself ------------------------------------------------------------------------

    def _config(self, files: tuple[str, ...]) -> _Read:
        folder = os.path.join(self.root, posixpath.dirname(files[0]))
        environment: dict[str, str] = {}
        more: list[str] = []
        notes: list[str] = []
        if not os.path.exists(os.path.join(folder, ".env")):
            for name in _EXAMPLES:
                if os.path.isfile(os.path.join(folder, name)):
                    more += ["--env-file", os.path.join(folder, name)]
                    notes.append(f"there is no .env: values are those of {name}")
                    break
        named = [word for path in files for word in ("--file", os.path.join(self.root, path))]
        with tempfile.TemporaryDirectory() as scratch:
            for _ in range(_VARIABLES):
                words = (*(self.programs.compose or ()), "--project-directory", folder, *more)
                words = (*words, *named, "--profile", "*", "config", "--format", "json")
                done = self.programs.run(words, "/", environment)
                if done.status == 0:
                    return self._read(files, done.out, notes)
                if (variable := _MISSING.search(done.err)) and variable[1] not in environment:
                    environment[variable[1]] = UNSET
                    notes.append(f"{variable[1]} must be set, and is not")
                elif _ENV_FILE.search(done.err) and len(named) == 2 * len(files):
                    named += ["--file", self._without_env_files(files, scratch)]
                else:
                    break
        words_ = _WARNING.sub("", done.err).strip().replace(f"{self.root}/", "")
        return _Read(files, None, words_ or f"docker compose config ends with {done.status}")

    def _read(self, files: tuple[str, ...], text: str, notes: Iterable[str]) -> _Read:
        try:
            config = json.loads(text)
        except ValueError:
            config = None
        if not isinstance(config, dict):
            return _Read(
                files, None, "docker compose config printed no JSON: is it older than 2.0?"
            )
        return _Read(files, config, "", tuple(notes))

    def _without_env_files(self, files: Iterable[str], scratch: str) -> str:
        """A file to lay over ``files``: what containers get is nothing that builds need."""
        services = {name for path in files for name, _ in self.values[path].items("services")}
        lines = [f"  {json.dumps(name)}: {{ env_file: !reset [] }}" for name in sorted(services)]
        path = os.path.join(scratch, "no-env-files.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(["services:", *lines, ""]))
        return path


def _stack_name(files: Sequence[str], project: str) -> str:
    folder = posixpath.dirname(files[-1])
    name = posixpath.basename(files[-1])
    main = name in MAIN or name in OVERRIDE
    base = slug(folder) or project
    word = re.sub(r"\.ya?ml$|^(?:docker-)?compose[._-]|[._-]?compose(?=\.)", "", name)
    if main:
        return base
    return slug(word) if not folder and slug(word) else slug(f"{base}-{word}")


def _line(error: str, value: Value) -> int | None:
    """The line that compose's words are about, as near as they tell."""
    if found := re.search(r"\bline (\d+)", error):
        return int(found[1])
    for path in re.findall(r"\b(services(?:\.[\w-]+)+)", error):
        keys = path.split(".")
        for kept in range(len(keys), 1, -1):
            if there := value.get(*keys[:kept]):
                return there.line
    if (found := re.search(r'service "([^"]+)"', error)) and (
        there := value.get("services", found[1])
    ):
        return there.line
    return None
