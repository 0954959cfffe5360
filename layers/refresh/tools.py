"""Effects: what a refresh does to the engine and the registry in use."""

from __future__ import annotations

from layers.build.execute import carry_out
from layers.build.push.push import deliver
from layers.engine.connections import Wire
from layers.engine.docker_containers import EngineContainers
from layers.oci.digest import Digest
from layers.plan.plan import Step
from layers.project.project import Project
from layers.refresh.trial import Tools


def tools(project: Project) -> Tools:
    """Containers of the project's engine, builds by BuildKit, pushes that never overwrite."""
    found = project.endpoint
    return Tools(EngineContainers(Wire(found.host, found.environment)), carry_out, _deliver)


def _deliver(project: Project, step: Step) -> Digest:
    return deliver(project, step).digest
