"""Tools: what a refresh does to the engine and the registry in use."""

from __future__ import annotations

from layers.build.execute import carry_out
from layers.build.push.push import deliver
from layers.oci.digest import Digest
from layers.plan.plan import Step
from layers.plan.session import Session
from layers.refresh.trial import Tools


def tools(run: Session) -> Tools:
    """Containers of the project's engine, builds by BuildKit, pushes that never overwrite."""
    return Tools(run.backends.containers, carry_out, _deliver)


def _deliver(run: Session, step: Step) -> Digest:
    return deliver(run, step).digest
