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
from layers.project.project import Project
from layers.runtime.events import Output, Warned


class ParentMoved(LayersError):
    """A parent was true a moment ago, and now it is gone from the engine or another image."""


class Parents:
    """The local images that one build starts from, held fast by their digests.

    They are handed over by name and key alone, and looked at again after the build: BuildKit 0.13
    asks the registry for ``name:tag@sha256:…`` of an image that it has not resolved by its tag
    before, since the manifest then lacks the label of its source (contentutil.HasSource).
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._held: dict[str, tuple[Layer, Digest]] = {}

    def hand_over(self, layer: Layer) -> str:
        """What a ``--build-context`` says for a layer.  Raises ParentMoved when it is not here."""
        key = self._project.inputs.key(layer)
        name = self._project.names(layer, key).keyed
        digest = self._project.presence.engine.get(layer)  # `check` finds out if that is outdated
        if digest is None:
            held = self._project.engine.find([name]).get(name)
            if held is None or held.labels.get(LABEL_KEY) != str(key):
                raise self._moved(layer, f"{name} is not in the engine any more")
            digest = held.digest
        self._held[name] = (layer, digest)
        return f"docker-image://{name}"

    def check(self) -> None:
        """Raise ParentMoved when a name points elsewhere than when it was handed over."""
        found = self._project.engine.find(list(self._held))
        for name, (layer, digest) in self._held.items():
            if name not in found or found[name].digest != digest:
                raise self._moved(layer, f"{name} was {digest} when the build began and is not now")

    @staticmethod
    def _moved(layer: Layer, message: str) -> ParentMoved:
        hint = "something else removed or tagged images during this run; run again"
        return ParentMoved(f"{layer}: {message}", hint=hint)


@contextlib.contextmanager
def prepared(project: Project, step: Step, parents: Parents) -> Iterator[buildx.BuildCall]:
    """Everything that a build needs, for as long as it runs: files, secrets, package indexes.

    Raises LayersError when a required file is missing or is another file.
    """
    image = project.spec.images[step.layer.image]
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(project.state.scratch())
        for require in image.require:
            _provide(project, image, require)
        secrets = _secrets(project, image, folder, stack)
        labels = {LABEL_KEY: str(step.key), LABEL_LAYER: str(step.layer)}
        if image.rootfs is not None:
            yield _rootfs_call(project, step, image, folder, labels)
            return
        inputs = project.inputs.image(image.name)
        yield buildx.BuildCall(
            layer=str(step.layer),
            context=os.path.join(project.root, image.context),
            dockerfile=os.path.join(project.root, image.dockerfile),
            target=step.layer.stage or inputs.target or None,
            platform=project.spec.platform,
            args={**_proxies(), **_syntax(project, step), **image.args},
            contexts={**_local_contexts(project, image), **_given(project, step, parents)},
            labels=labels,
            secrets=secrets,
            network=image.network,
            no_cache=image.name in project.uncached,
            compress=project.endpoint.private or project.engine.keeps_manifests(),
            program=project.endpoint.buildx,
            patience=Patience(image.stall_timeout, image.stall_end),
        )


def run(project: Project, step: Step, call: buildx.BuildCall) -> Digest:
    """Build from the very bytes that were hashed; the image has no name yet.

    Raises buildx.BuildFailed, sending.NeverStill.
    """
    if project.spec.images[step.layer.image].rootfs is not None:
        return built(project, step, call)  # its context has a name of its own, every time
    return send.build(project, step, call, built)


def built(project: Project, step: Step, call: buildx.BuildCall) -> Digest:
    """Build from whatever BuildKit takes for the context.  Raises buildx.BuildFailed."""
    environment = call.environment or {**os.environ, **project.endpoint.environment}
    log = project.state.log(str(step.layer))
    return buildx.run(call, environment, log, project.tell).digest


def _given(project: Project, step: Step, parents: Parents) -> dict[str, str]:
    """Named contexts for all that the build starts from."""
    found: dict[str, str] = {}
    frontier = project.inputs.frontier(step.layer)
    for stage in frontier.stages:
        found[stage] = parents.hand_over(Layer(step.layer.image, stage))
    for edge in frontier.edges:
        if edge.image is not None:
            found[edge.text] = parents.hand_over(Layer(edge.image))
        elif edge.kind != "syntax":
            upstream = _upstream(project, edge, step.layer.image)
            if upstream is not None:
                found[edge.text] = f"docker-image://{upstream}"
    for name, stage in frontier.shadows.items():
        found[name] = found[stage]
    return found


def _upstream(project: Project, edge: Edge, image: str) -> str | None:
    """What is used for an upstream; None: what the Dockerfile says, as BuildKit resolves it."""
    pinned = project.upstreams.pinned(project, edge, project.spec.images[image])
    return pinned or (edge.upstream if edge.upstream != edge.text else None)


def _syntax(project: Project, step: Step) -> dict[str, str]:
    """The frontend of a ``# syntax`` line, which no named context can replace, held fast."""
    for edge in project.inputs.frontier(step.layer).edges:
        upstream = _upstream(project, edge, step.layer.image) if edge.kind == "syntax" else None
        if upstream is not None:
            return {"BUILDKIT_SYNTAX": upstream}
    return {}


def _local_contexts(project: Project, image: Image) -> dict[str, str]:
    return {name: os.path.join(project.root, at) for name, at in image.contexts.items()}


def _proxies() -> Mapping[str, str]:
    from layers.host.settings import proxies

    return proxies(os.environ)


def _provide(project: Project, image: Image, require: Require) -> None:
    """Make a required file where it is missing and can be made; then check it."""
    folder = os.path.join(project.root, image.context)
    path = os.path.join(folder, require.path)
    if require.make and not os.path.exists(path):
        project.tell(Output(image.name, f"making {require.path}: {' '.join(require.make)}"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        done = subprocess.run(require.make, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise LayersError(
                f"{image.name}: {' '.join(require.make)} failed with status {done.returncode}",
                file=project.spec.path,
                hint=(done.stderr or done.stdout).strip()[-2000:],
            )
        with contextlib.suppress(OSError):
            os.chmod(path, 0o644)  # the mode counts, and the umask of whoever made it must not
    problem = problem_of(folder, image.name, require)
    if problem:
        raise LayersError(problem)


def _secrets(
    project: Project, image: Image, folder: str, stack: contextlib.ExitStack
) -> dict[str, str]:
    """Secret id → a file of mode 0600 that lives as long as the build."""
    from layers.host import settings

    extra = ""
    if image.packages is not None:
        from layers.build.packages.index import PipIndex

        index = stack.enter_context(PipIndex(os.path.join(project.root, image.packages)))
        extra = index.url
    files: dict[str, str] = {}
    for name in image.secrets:
        secret = project.spec.secrets[name]
        content = settings.secret(secret, os.environ, index=extra)
        if content is None:
            project.tell(Warned(f"secret {name!r} is not set here; the build goes without it"))
            continue
        files[name] = os.path.join(folder, f"secret-{name}")
        with open(os.open(files[name], os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(content)
    return files


def _rootfs_call(
    project: Project, step: Step, image: Image, folder: str, labels: Mapping[str, str]
) -> buildx.BuildCall:
    from layers.build.rootfs import make

    recipe = project.inputs.recipe(image.name)
    make.make(
        recipe,
        folder,
        lambda line: project.tell(Output(image.name, line)),
        cache=project.state.path("cache", "debs"),
    )
    return buildx.BuildCall(
        layer=str(step.layer),
        context=folder,
        dockerfile=os.path.join(folder, "Dockerfile"),
        target=None,
        platform=project.spec.platform,
        labels=labels,
        compress=project.endpoint.private or project.engine.keeps_manifests(),
        program=project.endpoint.buildx,
    )
