"""``doit completion``: what a shell offers at TAB."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from hashes.errors import LayersError, did_you_mean
from layers.commands.exit_status import MISTAKE
from layers.commands.parsing import ProjectCommand, option
from layers.completion.table import NAMES, Entry, entry

if TYPE_CHECKING:
    from layers.project.project import Project

SHELLS = ("bash", "zsh", "fish")


class CompletionCommand(ProjectCommand):
    """Prints a shell's script, and the names that the script asks for."""

    name = "completion"
    doc_purpose = "print the completion of bash, zsh or fish"
    doc_usage = "bash | zsh | fish"
    doc_description = (
        "The script knows commands and options by itself, and asks for images, stages, stacks,"
        " profiles and tags when they are wanted."
    )
    cmd_options = (
        option(
            "names",
            "print the names of the project here: images, layers, stacks or profiles",
            "",
            value="KIND",
        ),
        option("tags", "print the tags and keys that `doit why` takes", "", value="IMAGE"),
    )

    def __init__(self, cmds: Any = None, **settings: Any) -> None:
        """``cmds`` is doit's table of commands."""
        super().__init__(**settings)
        self._cmds = cmds
        self._settings = settings

    def act(self, root: str, options: Any, names: list[str]) -> int:
        """Print; status 1 without an answer."""
        if options["names"] or options["tags"]:
            return _answer(root, options["names"], options["tags"])
        if len(names) != 1 or names[0] not in SHELLS:
            word = " ".join(names)
            raise LayersError(
                f"completion of {word!r} is not known{did_you_mean(word, SHELLS)}",
                hint="it takes bash, zsh or fish",
            )
        sys.stdout.write(_script(names[0], self._entries()))
        return 0

    def _entries(self) -> list[Entry]:
        from layers.check.catalogue import RULES
        from layers.pages.page import TOPICS

        choices = {"--rule": tuple(RULES), "--names": NAMES}
        found = []
        for name, command in sorted(self._cmds.to_dict().items()):
            one = entry(command(**{**self._settings, "cmds": self._cmds}), choices)
            if name == "help":
                every = (*sorted(self._cmds), *TOPICS, "rule")
                one = Entry(name, one.about, "layers", every, one.options)
            found.append(one)
        return found


def _script(shell: str, entries: list[Entry]) -> str:
    from layers.completion import bash, fish, zsh

    if shell == "fish":
        return fish.script(entries)
    return zsh.script(entries) if shell == "zsh" else bash.script(entries)


def _answer(root: str, kind: str, image: str) -> int:
    """Names a line each; nothing at all where they cannot be told, as nobody reads an error."""
    from layers.project.open import open_project

    try:
        project = open_project(root)
        found = _tags(project, image) if image else _names(project, kind)
    except LayersError:
        return MISTAKE
    sys.stdout.write("".join(f"{each}\n" for each in found))
    return 0


def _names(project: Project, kind: str) -> list[str]:
    if kind == "stacks":
        return list(project.spec.stacks)
    if kind == "profiles":
        return [f"profile={name}" for name in _profiles(project)]
    found = [*project.spec.families(), *project.spec.images]
    if kind == "layers":
        for name in project.inputs.graph.order:
            if not project.inputs.fault(name):
                found += [f"{name}:{stage}" for stage in project.inputs.named_stages(name)]
    return found


def _profiles(project: Project) -> list[str]:
    import os

    from layers.config.spec import SPEC_FILE
    from layers.config.toml import read
    from layers.runtime.files import read_text

    data = read(read_text(os.path.join(project.root, SPEC_FILE), SPEC_FILE), SPEC_FILE)
    return list(data.get("profiles", {}))


def _tags(project: Project, image: str) -> list[str]:
    """Tags of the registry first; keys are what this checkout remembers of any image."""
    from layers.commands.why import find_layer
    from layers.plan.remote_records import RemoteRecords
    from layers.plan.session import Session

    layer = find_layer(project, image)
    tags = RemoteRecords(Session.begin(project, start=False)).tags(layer)
    return [*tags, *project.records.remembered()]
