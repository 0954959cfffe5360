"""Sessions: one run over a project, with what answers it and what it is to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hashes.errors import LayersError
from layers.graph.graph import Layer
from layers.lock.lock import Lock
from layers.lock.upstreams import Upstreams
from layers.plan.plan import Broken
from layers.plan.planner import Planner, Policy
from layers.project.backends import Backends
from layers.project.project import Project
from layers.runtime.events import Failed, Listener, silent


class Session:
    """A run: the files, what answers, what is to be done, and who is told."""

    def __init__(
        self,
        project: Project,
        backends: Backends,
        planner: Planner,
        tell: Listener,
        upstreams: Upstreams,
    ) -> None:
        self.project = project
        self.backends = backends
        self.planner = planner
        self.tell = tell
        self.upstreams = upstreams
        self.failed: set[Layer] = set()
        """Layers that could not be made in this run."""
        self.failures: list[LayersError] = []
        """What stood in the way in this run, each once."""

    @classmethod
    def begin(
        cls,
        project: Project,
        tell: Listener = silent,
        wanted: Iterable[Layer] | None = None,
        *,
        start: bool = True,
        backends: Backends | None = None,
    ) -> Session:
        """A run for ``wanted`` (None: every image); see `Backends` for ``start``."""
        backends = backends or Backends(project, tell, start=start)
        planner = Planner(project, backends, tell, wanted)
        upstreams = Upstreams(lambda: backends.registry, backends.mirror, tell)
        return cls(project, backends, planner, tell, upstreams)

    def fails(self, error: LayersError, event: Failed) -> None:
        """Tell of a failure once, whatever it stands in the way of."""
        if not any(error is each for each in self.failures):
            self.failures.append(error)
            self.tell(event)

    def wanting(
        self,
        wanted: Iterable[Layer],
        *,
        remain: bool = False,
        broken: Mapping[Layer, Broken] | None = None,
    ) -> Session:
        """The same run for something else; see `Policy` and `Planner`."""
        policy = self.planner.policy._replace(remain=remain or self.planner.policy.remain)
        return self._over(self.project, wanted, policy, broken)

    def trial(self, lock: Lock, uncached: Iterable[str] = ()) -> Session:
        """The same run under another lock, whose images get no plain names: nobody sees them."""
        policy = self.planner.policy._replace(nameless=True, uncached=frozenset(uncached))
        return self._over(self.project.under(lock), None, policy, None)

    def _over(
        self,
        project: Project,
        wanted: Iterable[Layer] | None,
        policy: Policy,
        broken: Mapping[Layer, Broken] | None,
    ) -> Session:
        planner = Planner(project, self.backends, self.tell, wanted, policy, broken)
        return Session(project, self.backends, planner, self.tell, self.upstreams)
