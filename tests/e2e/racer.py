"""One of many machines that push the same key at once: a process with an engine in memory."""

from __future__ import annotations

import sys
import time

from layers.build.push.push import deliver
from layers.engine.engine import Progress
from layers.graph.graph import Layer
from layers.oci.credentials import NoCredentials
from layers.oci.digest import Digest
from layers.plan.names import LABEL_KEY
from layers.project.project import Project
from layers.registry.client import HttpRegistry
from layers.registry.registry import RegistryError
from tests.fakes import MemoryEngine
from tests.unit.machines import begin as start


class SlowEngine(MemoryEngine):
    """Its pushes last as long as those of a small image."""

    def push(self, name: str, progress: Progress) -> Digest:
        """See `layers.engine.engine.Engine.push`."""
        time.sleep(1.0)
        return super().push(name, progress)

    def _fetch(self, repository: str, digest: Digest) -> bytes:
        """A real registry keeps manifests apart from blobs."""
        try:
            return super()._fetch(repository, digest)
        except RegistryError:
            found = self.registry.manifest(repository, digest.text)
            assert found is not None
            return found.raw


def main(root: str, content: str, begin: float) -> None:
    """Make an image of its own for the key, wait for the start, push, tell what it ended with."""
    registry = HttpRegistry(NoCredentials(), insecure=lambda _host: False)
    engine = SlowEngine(registry)  # type: ignore[arg-type]  # the real one, by the same Protocol
    run = start(Project(root), engine, registry)
    step = run.planner.plan.steps[Layer("app")]
    engine.build(f"app:{step.key}", content, {LABEL_KEY: str(step.key)})
    time.sleep(max(0.0, begin - time.time()))
    found = deliver(run, step)
    ours = engine.find(["app:latest", f"app:{step.key}"]).values()
    held = {str(image.digest) for image in ours}
    sys.stdout.write(f"{found.digest} {int(found.pushed)} {' '.join(sorted(held))}\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
