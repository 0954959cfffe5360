"""One build: gathers what a layer is made from, hands it to BuildKit, and checks the result."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping

from hashes.errors import LayersError
from layers.build import buildx
from layers.build.context import send
from layers.build.stall import Patience
from layers.config.required import problem_of
from layers.config.spec import Image, Require
from layers.graph.graph import Edge, Layer
from layers.oci.digest import Digest
from layers.plan.names import LABEL_KEY, LABEL_LAYER
from layers.plan.plan import Step
from layers.plan.session import Session
from layers.runtime.events import Output, Warned


class ParentMoved(LayersError):
    """A parent was true a moment ago, and now it is gone from the engine or another image."""


class Parents:
    """The local images that one build starts from, held fast by their digests.

    They are handed over by name and key alone, and looked at again after the build: BuildKit 0.13
    asks the registry for ``name:tag@sha256:…`` of an image that it has not resolved by its tag
    before, since the manifest then lacks the label of its source (contentutil.HasSource).
    """

    def __init__(self, run: Session) -> None:
        self._run = run
        self._held: dict[str, tuple[Layer, Digest]] = {}

    def hand_over(self, layer: Layer) -> str:
        """What a ``--build-context`` says for a layer.  Raises ParentMoved when it is not here."""
        key, name = self._run.project.inputs.key(layer), self._run.planner.names_now(layer).keyed
        # `check` finds out if that is outdated
        digest = self._run.planner.presence.engine.get(layer)
        if digest is None:
            held = self._run.backends.engine.find([name]).get(name)
            if held is None or held.labels.get(LABEL_KEY) != str(key):
                raise self._moved(layer, f"{name} is not in the engine any more")
            digest = held.digest
        self._held[name] = (layer, digest)
        return f"docker-image://{name}"

    def check(self) -> None:
        """Raise ParentMoved when a name points elsewhere than when it was handed over."""
        found = self._run.backends.engine.find(list(self._held))
        for name, (layer, digest) in self._held.items():
            if name not in found or found[name].digest != digest:
                raise self._moved(layer, f"{name} was {digest} when the build began and is not now")

    @staticmethod
    def _moved(layer: Layer, message: str) -> ParentMoved:
        hint = "something else removed or tagged images during this run; run again"
        return ParentMoved(f"{layer}: {message}", hint=hint)


@contextlib.contextmanager
def prepared(run: Session, step: Step, parents: Parents) -> Iterator[buildx.BuildCall]:
    """Everything that a build needs, for as long as it runs: files, secrets, package indexes.

    Raises LayersError when a required file is missing or is another file.
    """
    image = run.project.spec.images[step.layer.image]
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(run.project.state.scratch())
        for require in image.require:
            _provide(run, image, require)
        secrets = _secrets(run, image, folder, stack)
        labels = {LABEL_KEY: str(step.key), LABEL_LAYER: str(step.layer)}
        if image.rootfs is not None:
            yield _rootfs_call(run, step, image, folder, labels)
            return
        inputs = run.project.inputs.image(image.name)
        yield buildx.BuildCall(
            layer=str(step.layer),
            context=os.path.join(run.project.root, image.context),
            dockerfile=os.path.join(run.project.root, image.dockerfile),
            target=step.layer.stage or inputs.target or None,
            platform=run.project.spec.platform,
            args={**_proxies(), **_syntax(run, step), **image.args},
            contexts={**_local_contexts(run, image), **_given(run, step, parents)},
            labels=labels,
            secrets=secrets,
            network=image.network,
            no_cache=image.name in run.planner.policy.uncached,
            compress=run.backends.endpoint.private or run.backends.engine.keeps_manifests(),
            program=run.backends.endpoint.buildx,
            patience=Patience(image.stall_timeout, image.stall_end),
        )


def execute(run: Session, step: Step, call: buildx.BuildCall) -> Digest:
    """Build from the very bytes that were hashed; the image has no name yet.

    Raises buildx.BuildFailed, sending.NeverStill.
    """
    if run.project.spec.images[step.layer.image].rootfs is not None:
        return built(run, step, call)  # its context has a name of its own, every time
    return send.build(run, step, call, built)


def built(run: Session, step: Step, call: buildx.BuildCall) -> Digest:
    """Build from whatever BuildKit takes for the context.  Raises buildx.BuildFailed."""
    environment = call.environment or {**os.environ, **run.backends.endpoint.environment}
    log = run.project.state.log(str(step.layer))
    return buildx.run(call, environment, log, run.tell).digest


def _given(run: Session, step: Step, parents: Parents) -> dict[str, str]:
    """Named contexts for all that the build starts from."""
    found: dict[str, str] = {}
    frontier = run.project.inputs.frontier(step.layer)
    for stage in frontier.stages:
        found[stage] = parents.hand_over(Layer(step.layer.image, stage))
    for edge in frontier.edges:
        if edge.image is not None:
            found[edge.text] = parents.hand_over(Layer(edge.image))
        elif edge.kind != "syntax":
            upstream = _upstream(run, edge, step.layer.image)
            if upstream is not None:
                found[edge.text] = f"docker-image://{upstream}"
    for name, stage in frontier.shadows.items():
        found[name] = found[stage]
    return found


def _upstream(run: Session, edge: Edge, image: str) -> str | None:
    """What is used for an upstream; None: what the Dockerfile says, as BuildKit resolves it."""
    assert edge.upstream is not None
    inputs, spec = run.project.inputs, run.project.spec
    lock = inputs.wiring.lock_for(spec.images[image])
    pinned = run.upstreams.pinned(edge.upstream, edge.platform or spec.platform, lock)
    return pinned or (edge.upstream if edge.upstream != edge.text else None)


def _syntax(run: Session, step: Step) -> dict[str, str]:
    """The frontend of a ``# syntax`` line, which no named context can replace, held fast."""
    for edge in run.project.inputs.frontier(step.layer).edges:
        upstream = _upstream(run, edge, step.layer.image) if edge.kind == "syntax" else None
        if upstream is not None:
            return {"BUILDKIT_SYNTAX": upstream}
    return {}


def _local_contexts(run: Session, image: Image) -> dict[str, str]:
    return {name: os.path.join(run.project.root, at) for name, at in image.contexts.items()}


def _proxies() -> Mapping[str, str]:
    from layers.host.settings import proxies

    return proxies(os.environ)


def _provide(run: Session, image: Image, require: Require) -> None:
    """Make a required file where it is missing and can be made; then check it."""
    folder = os.path.join(run.project.root, image.context)
    path = os.path.join(folder, require.path)
    if require.make and not os.path.exists(path):
        run.tell(Output(image.name, f"making {require.path}: {' '.join(require.make)}"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        done = subprocess.run(require.make, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise LayersError(
                f"{image.name}: {' '.join(require.make)} failed with status {done.returncode}",
                file=run.project.spec.path,
                hint=(done.stderr or done.stdout).strip()[-2000:],
            )
        with contextlib.suppress(OSError):
            os.chmod(path, 0o644)  # the mode counts, and the umask of whoever made it must not
    problem = problem_of(folder, image.name, require)
    if problem:
        raise LayersError(problem)


def _secrets(
    run: Session, image: Image, folder: str, stack: contextlib.ExitStack
) -> dict[str, str]:
    """Secret id → a file of mode 0600 that lives as long as the build."""
    from layers.host import settings

    extra = ""
    if image.packages is not None:
        from layers.build.packages.index import PipIndex

        index = stack.enter_context(PipIndex(os.path.join(run.project.root, image.packages)))
        extra = index.url
    files: dict[str, str] = {}
    for name in image.secrets:
        secret = run.project.spec.secrets[name]
        content = settings.secret(secret, os.environ, index=extra)
        if content is None:
            run.tell(Warned(f"secret {name!r} is not set here; the build goes without it"))
            continue
        files[name] = os.path.join(folder, f"secret-{name}")
        with open(os.open(files[name], os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(content)
    return files


def _rootfs_call(
    run: Session, step: Step, image: Image, folder: str, labels: Mapping[str, str]
) -> buildx.BuildCall:
    from layers.build.rootfs import make

    recipe = run.project.inputs.recipe(image.name)
    make.make(
        recipe,
        folder,
        lambda line: run.tell(Output(image.name, line)),
        cache=run.project.state.path("cache", "debs"),
    )
    return buildx.BuildCall(
        layer=str(step.layer),
        context=folder,
        dockerfile=os.path.join(folder, "Dockerfile"),
        target=None,
        platform=run.project.spec.platform,
        labels=labels,
        compress=run.backends.endpoint.private or run.backends.engine.keeps_manifests(),
        program=run.backends.endpoint.buildx,
    )
