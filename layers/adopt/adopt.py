"""Adopting: a repository read whole, and the files that make it a project of ours."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from hashes.errors import LayersError
from layers.adopt.dockerfiles import Dockerfiles
from layers.adopt.find import Found, find, ignored, only
from layers.adopt.images import Image
from layers.adopt.names import slug
from layers.adopt.proposal import Proposal
from layers.adopt.propose import propose
from layers.adopt.sources.bake import read_bake
from layers.adopt.sources.compose import ComposeFiles
from layers.adopt.sources.paths import leads_out, relative
from layers.adopt.sources.programs import Programs
from layers.adopt.sources.workflows import Workflows
from layers.adopt.verify import loaded, verified
from layers.adopt.write import DODO, IGNORED, as_tables, as_toml, write_new
from layers.config.spec import SPEC_FILE, Spec
from layers.runtime.files import write_whole

DODO_FILE = "dodo.py"
_LEFT_OUT = "# left out: "


@dataclass(frozen=True)
class Adoption:
    """What is proposed for a repository, and the files that say so."""

    root: str
    proposal: Proposal
    files: Mapping[str, str]
    """By name, what is to be written: all of a new file, or what is to stand behind an old one."""
    before: Mapping[str, bytes] = field(default_factory=dict)
    """By name, what stands there already."""
    notes: tuple[str, ...] = ()
    """What somebody has to do by hand."""

    @property
    def new(self) -> bool:
        """Whether there was no ``images.toml``."""
        return SPEC_FILE not in self.before

    def write(self, *, append: bool) -> list[str]:
        """Write the files, and tell which; what stands there stays, byte for byte.

        Without ``append`` only the files that are not there.
        """
        written = []
        for name, text in self.files.items():
            path = os.path.join(self.root, name)
            if name not in self.before:
                if write_new(path, text):
                    written.append(name)
            elif append:
                write_whole(path, self.before[name] + text.encode())
                written.append(name)
        return written


def adopt(root: str, programs: Programs, platform: str, source: str | None = None) -> Adoption:
    """Read a repository; ``source``, relative to the root: that file alone.

    Raises LayersError where there is nothing to propose, and SpecError for an ``images.toml`` that
    does not load.
    """
    found = find(root)
    if source is not None:
        found = only(found, _source(root, source))
    files = Dockerfiles(root, platform)
    before = _before(root)
    if before is None:
        return _first(found, files, programs)
    return _again(found, files, programs, before)


def _first(found: Found, files: Dockerfiles, programs: Programs) -> Adoption:
    project = slug(os.path.basename(os.path.abspath(files.root))) or "project"
    proposal = _proposal(found, files, programs, project, frozenset(), lambda _: True)
    if not (proposal.images or proposal.lacking or proposal.faults):
        raise LayersError(
            f"{files.root} has nothing that says how an image is built",
            hint="looked for Dockerfiles, compose files, docker-bake files and GitHub workflows",
        )
    proposal = verified(proposal, files, as_toml)
    if not (proposal.images or proposal.lacking):
        # What there is cannot be read or built: nothing to begin with.
        return Adoption(files.root, proposal, {})
    new = {SPEC_FILE: as_toml(proposal)}
    before: dict[str, bytes] = {}
    notes = _dodo(files.root, new)
    _ignore(found, new, before)
    return Adoption(files.root, proposal, new, before, tuple(notes))


def _again(found: Found, files: Dockerfiles, programs: Programs, before: bytes) -> Adoption:
    text = before.decode("utf-8", "replace")
    spec = loaded(text, files)
    taken = frozenset((*spec.images, *spec.families()))
    known = _Known(spec, text, files)
    proposal = _proposal(found, files, programs, spec.project, taken, known.lacks)
    stacks = {each.compose for each in spec.stacks.values()}
    names = set(spec.stacks)
    proposal = replace(
        proposal,
        stacks=tuple(e for e in proposal.stacks if e.files not in stacks and e.name not in names),
        secrets={key: each for key, each in proposal.secrets.items() if key not in spec.secrets},
    )
    inside = not spec.upstream
    gap = "\n" if before.endswith(b"\n") or not before else "\n\n"

    def tables(each: Proposal) -> str:
        return gap + as_tables(each, upstream=inside)

    notes: list[str] = []
    if not inside and proposal.upstream:
        notes += [
            f'add to [upstream]: "{each.name}" = "{each.instead}"' for each in proposal.upstream
        ]
    if proposal.images or proposal.stacks:
        proposal = verified(proposal, files, tables, text)
    some = proposal.images or proposal.stacks or proposal.lacking
    new = {SPEC_FILE: tables(proposal)} if some else {}
    notes += _dodo(files.root, new)
    return Adoption(files.root, proposal, new, {SPEC_FILE: before}, tuple(notes))


class _Known:
    """What an ``images.toml`` has already."""

    def __init__(self, spec: Spec, text: str, files: Dockerfiles) -> None:
        self.files = files
        self.dockerfiles = {image.dockerfile for image in spec.images.values()}
        self.stages = set()
        for image in spec.images.values():
            try:
                stage = files.stage(image.dockerfile, image.target)
            except LayersError:
                continue
            self.stages.add((image.context, image.dockerfile, stage))
        lines = [line.strip() for line in text.splitlines()]
        self.declined = [line for line in lines if line.startswith(_LEFT_OUT)]

    def lacks(self, image: Image) -> bool:
        """Whether an image is new: no table has its stage, no comment says that it is left out."""
        build = image.build
        if any(_names(line, build.dockerfile) for line in self.declined):
            return False
        if image.guessed:
            return build.dockerfile not in self.dockerfiles
        stage = self.files.stage(build.dockerfile, build.target)
        return (build.context, build.dockerfile, stage) not in self.stages


def _names(line: str, path: str) -> bool:
    rest = line[len(_LEFT_OUT) :].strip()
    return rest == path or rest.startswith((f"{path}:", f"{path} "))


def _proposal(
    found: Found,
    files: Dockerfiles,
    programs: Programs,
    project: str,
    taken: frozenset[str],
    wanted: Callable[[Image], bool],
) -> Proposal:
    reading = ComposeFiles(files.root, found.compose, programs).read(project)
    reading = reading + read_bake(files.root, found.bake, programs)
    reading = reading + Workflows(files.root, found.workflows).read()
    return propose(found, reading, files, project, taken, wanted)


def _source(root: str, source: str) -> str:
    path = relative(root, source)
    if leads_out(path):
        raise LayersError(f"{source} lies outside of {root}")
    if not os.path.isfile(os.path.join(root, path)):
        raise LayersError(f"there is no file {source}", hint="--from takes a file to read alone")
    return path


def _before(root: str) -> bytes | None:
    return _read(root, SPEC_FILE)


def _read(root: str, name: str) -> bytes | None:
    try:
        with open(os.path.join(root, name), "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        raise LayersError(f"{name} is a folder", hint="it has to be moved away") from None


def _dodo(root: str, new: dict[str, str]) -> list[str]:
    """Have ``dodo.py`` written where there is none; what has to be done by hand where there is."""
    dodo = _read(root, DODO_FILE)
    if dodo is None:
        new[DODO_FILE] = DODO
    elif b"layers.tasks" not in dodo:
        words = "from layers.tasks import DOIT_CONFIG, task_layers"
        return [f"dodo.py is there and stays as it is; it needs: {words}"]
    return []


def _ignore(found: Found, new: dict[str, str], before: dict[str, bytes]) -> None:
    """``.layers/`` is a cache: git is not to keep it."""
    if not found.git or ignored(found.root, [IGNORED]):
        return
    text = _read(found.root, ".gitignore")
    new[".gitignore"] = f"{IGNORED}\n"
    if text is not None:
        before[".gitignore"] = text
        if text and not text.endswith(b"\n"):
            new[".gitignore"] = f"\n{IGNORED}\n"
