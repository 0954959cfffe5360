"""Preparing a build: what a layer is made from goes to BuildKit, and the result is checked."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Mapping

from hashes.errors import LayersError
from layers.build import buildx, dockerfile
from layers.build.context import send
from layers.build.environment import build_platform_args, listed, proxy_args
from layers.build.parents import Parents, git_contexts, hand_over, pinned
from layers.build.stall import Patience
from layers.config.spec import Image, Require
from layers.engine.tried import refusal, remarks
from layers.graph.required import problem_of, ssh_keys
from layers.oci.compression import Compression
from layers.oci.digest import Digest
from layers.plan.names import LABEL_KEY, LABEL_LAYER, LABEL_PROJECT
from layers.plan.plan import Step
from layers.plan.platforms import asked_for
from layers.plan.session import Session
from layers.runtime import process
from layers.runtime.events import Output, Warned


@contextlib.contextmanager
def prepared(run: Session, step: Step, parents: Parents) -> Iterator[buildx.BuildCall]:
    """Everything that a build needs, for as long as it runs: files, secrets, package indexes.

    Raises LayersError when a required file is missing or is another file, or the engine's
    frontend does not take the Dockerfile.
    """
    image = run.project.spec.images[step.layer.image]
    if not step.builder:
        _check_engine(run)
        frontend = run.backends.frontend
        if frontend is not None and (
            refusal := run.project.inputs.dockerfiles.refusal(image, frontend)
        ):
            raise LayersError(refusal)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(run.project.state.scratch())
        for require in image.require:
            _provide(run, image, require)
        secrets = _secrets(run, image, folder, stack)
        labels = {
            LABEL_KEY: str(step.key),
            LABEL_LAYER: str(step.layer),
            LABEL_PROJECT: run.project.spec.project,
        }
        if image.rootfs is not None:
            yield _rootfs_call(run, step, image, folder, labels)
            return
        given = hand_over(run, step, parents)
        yield buildx.BuildCall(
            layer=str(step.layer),
            context=os.path.join(run.project.root, image.context),
            dockerfile=dockerfile.sent(run.project, image, given.names, folder),
            shown=os.path.join(run.project.root, image.dockerfile),
            target=step.layer.stage or image.target,
            platform=_asked_for(run, step),
            args={
                **proxy_args(run.project.inputs.dockerfile(image), environment(run)),
                **_syntax(run, step),
                **_build_platform(run, step),
                **image.args,
            },
            contexts={**_local_contexts(run, image), **git_contexts(run, image), **given.contexts},
            labels=labels,
            secrets=secrets,
            ssh=ssh_keys(run.project.root, image),
            network=image.network,
            options=(*image.sandbox.options(), *_served(run, image)),
            no_cache=image.name in run.planner.policy.uncached,
            compression=None if step.builder else _compression(run, image),
            program=run.backends.endpoint.buildx,
            patience=Patience(image.stall_timeout, image.stall_end),
        )


def _compression(run: Session, image: Image) -> Compression | None:
    """How the engine packs what is new; None where its store has a way of its own."""
    if run.backends.engine.about().keeps_manifests:
        return image.compression or Compression()
    if image.compression not in (None, Compression("gzip")):
        remark = "the engine's classic image store pushes gzip, whatever images.toml says"
        if run.project.state.first_time(remark):
            run.tell(Warned(remark, image.name))
    return None


def _check_engine(run: Session) -> None:
    """Raise LayersError for an engine that cannot build ours; tell once what is odd about it."""
    about = run.backends.engine.about()
    refused = refusal(about)
    if refused is not None:
        raise refused
    for remark in remarks(about, run.backends.registry_host):
        if run.project.state.first_time(remark):
            run.tell(Warned(remark))


def execute(run: Session, step: Step, call: buildx.BuildCall) -> Digest:
    """Build from the very bytes that were hashed; the image has no name yet.

    Raises buildx.BuildFailed, sending.NeverStill.
    """
    if run.project.spec.images[step.layer.image].rootfs is not None:
        return built(run, step, call)  # its context has a name of its own, every time
    return send.build(run, step, call, built)


def built(run: Session, step: Step, call: buildx.BuildCall) -> Digest:
    """Build from whatever BuildKit takes for the context.  Raises buildx.BuildFailed."""
    log = run.project.state.log(str(step.layer))
    return buildx.run(call, listed(call.environment or environment(run)), log, run.tell).digest


def _syntax(run: Session, step: Step) -> dict[str, str]:
    """The frontend of a ``# syntax`` line, which no named context can replace, held fast."""
    for edge in run.project.inputs.frontier(step.layer).edges:
        upstream = pinned(run, edge, step.layer.image) if edge.kind == "syntax" else None
        if upstream is not None:
            return {"BUILDKIT_SYNTAX": upstream}
    return {}


def _local_contexts(run: Session, image: Image) -> dict[str, str]:
    return {name: os.path.join(run.project.root, at) for name, at in image.contexts.items()}


def environment(run: Session) -> dict[str, str]:
    """The caller's, with what leads to the engine in use."""
    return {**os.environ, **run.backends.endpoint.environment}


def _asked_for(run: Session, step: Step) -> str:
    """The platform that buildx is told; "" where it is the engine's own."""
    spec, host = run.project.spec, run.backends.endpoint.host
    return asked_for(spec.platform_of(step.layer.image), spec.machine, host, step.builder)


def _build_platform(run: Session, step: Step) -> dict[str, str]:
    """This machine's platform for a Dockerfile that asks for the builder's: the key has that one.

    An engine or a builder elsewhere may be on another.
    """
    if not step.builder and run.backends.endpoint.host.startswith("unix://"):
        return {}
    spec = run.project.spec
    dockerfile = run.project.inputs.dockerfile(spec.images[step.layer.image])
    return build_platform_args(dockerfile, spec.machine or spec.platform)


def _provide(run: Session, image: Image, require: Require) -> None:
    """Make a required file where it is missing and can be made; then check it."""
    folder = os.path.join(run.project.root, image.context)
    path = os.path.join(folder, require.path)
    if require.make and not os.path.exists(path):
        run.tell(Output(image.name, f"making {require.path}: {' '.join(require.make)}"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        done = process.run(require.make, cwd=folder, apart=True)
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


def _served(run: Session, image: Image) -> tuple[str, ...]:
    """What lets BuildKit tell the packages that are served from others; empty: there are none.

    It would answer for a RUN with what that made of other packages: an index leaves no trace in
    what it knows a RUN by, and names of hosts do.  They are in /etc/hosts while the RUN lasts.
    """
    if image.packages is None:
        return ()
    served = run.project.inputs.contexts.served(image.packages)
    digest = hashlib.sha256(repr(served).encode(errors="surrogateescape")).hexdigest()
    return (f"--add-host={digest[:32]}.packages.invalid:127.0.0.1",)


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
        platform=run.project.spec.platform_of(image.name),
        labels=labels,
        compression=_compression(run, image),
        program=run.backends.endpoint.buildx,
    )
