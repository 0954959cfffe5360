"""``doit down``: takes a stack's services down."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from layers.commands.parsing import ProjectCommand, option
from layers.project.backends import Backends
from layers.project.open import open_project

if TYPE_CHECKING:
    from layers.compose.compose import Composer
    from layers.project.project import Project


class DownCommand(ProjectCommand):
    """Removes containers and networks of stacks; images stay."""

    name = "down"
    doc_purpose = "take a stack's services down"
    doc_usage = "[STACK ...]"
    doc_description = (
        "Without names every stack of images.toml. What is down already is no error. Volumes and"
        " images stay."
    )
    cmd_options = (
        option("volumes", "remove the stack's volumes, too, with all that is in them"),
        option("as_json", 'print {"stacks": [{"name", "project", "removed"}]}', long="json"),
    )

    def act(self, root: str, options: Any, names: list[str]) -> int:
        """Take stacks down; status 1 when that cannot be."""
        return _down(root, options, names)


def _down(root: str, options: Any, names: Sequence[str]) -> int:
    from layers.compose.pin import project_name
    from layers.compose.stacks import chosen
    from layers.report.report import report_for

    project = open_project(root)
    report = report_for(sys.stderr)
    # no engine is set up to find that nothing runs on it
    backends = Backends(project, report, start=False)
    told = []
    try:
        stacks = chosen(project.spec, names)
        composer = _composer(project, backends)
        for stack in stacks:
            name = project_name(project.spec.project, stack.name)
            removed: list[str] = []
            if composer is not None:
                containers = composer.containers(name)
                removed = list(dict.fromkeys(one.service for one in containers))
                composer.down(name, volumes=options["volumes"])
            told.append({"name": stack.name, "project": name, "removed": removed})
    finally:
        report.close()
    if options["as_json"]:
        sys.stdout.write(json.dumps({"stacks": told}, indent=2) + "\n")
    else:
        sys.stdout.write("".join(_line(each) for each in told))
    return 0


def _composer(project: Project, backends: Backends) -> Composer | None:
    """Compose on the engine in use; None: this checkout never had one."""
    from layers.compose.docker_compose import DockerCompose
    from layers.engine.engine import EngineDown
    from layers.setup.private.paths import Places

    try:
        endpoint = backends.endpoint
    except EngineDown:
        if "DOCKER_HOST" in os.environ or os.path.exists(Places.of(project.root).settings):
            raise
        return None
    return DockerCompose(endpoint, project.state.path("logs/compose"))


def _line(told: dict[str, Any]) -> str:
    if not told["removed"]:
        return f"{told['name']}: nothing was up\n"
    return f"{told['name']} is down: {', '.join(told['removed'])}\n"
