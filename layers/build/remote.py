"""Remote builders: a build elsewhere, from the registry and our files into the registry."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace

from layers.build import prepare
from layers.build.builder import Builder, NoBuilder
from layers.build.buildx import BuildCall, BuildFailed
from layers.build.parents import Parents
from layers.build.push.local import other_key
from layers.build.push.push import arrived, contested, deliver, there
from layers.graph.graph import Layer
from layers.oci.artifact import EMPTY, MANIFEST_TYPE, artifact, digest_of
from layers.oci.compression import Compression
from layers.oci.digest import Digest
from layers.oci.reference import is_loopback
from layers.plan.names import LABEL_KEY
from layers.plan.plan import Step
from layers.plan.session import Session
from layers.project.history import Begun
from layers.registry.registry import RegistryError
from layers.runtime import process
from layers.runtime.events import Warned

_KIND = "application/vnd.doit-layers.gone.v1+json"
_NETWORK_SIGNS = (
    *("connection refused", "no such host", "network is unreachable", "no route to host"),
    *("i/o timeout", "server gave http response to https client", "x509:"),
)


class Kept(Parents):
    """The parents of one build elsewhere, by their digests in the registry, where they stay."""

    def hand_over(self, layer: Layer) -> str:
        """What a ``--build-context`` says; a layer that only the engine has is pushed first.

        Raises RegistryError, EngineError, and TagMoved for what was made from another key.
        """
        run = self._run
        digest = run.planner.presence.registry.get(layer)
        remote = run.planner.names_now(layer).remote
        if digest is None:
            reason = ("a builder elsewhere starts from it",)
            key, names = run.project.inputs.key(layer), run.planner.names_now(layer)
            step = Step(layer, key, "fresh", reason, "engine", True, names=names, push=True)
            digest = deliver(run, step).digest
            run.planner.stored(layer, digest)
        self._check_label(layer, str(remote), digest)
        return f"docker-image://{remote}@{digest}"

    def _check_label(self, layer: Layer, remote: str, digest: Digest) -> None:
        """As a pull does it; this image is never pulled."""
        registry, key = self._run.backends.registry, str(self._run.project.inputs.key(layer))
        manifest = registry.manifest(remote, digest.text)
        about = (manifest.content.get("config") if manifest is not None else None) or {}
        config = json.loads(registry.blob(remote, Digest.parse(about["digest"]))) if about else {}
        found = ((config.get("config") or {}).get("Labels") or {}).get(LABEL_KEY)
        if found != key:
            raise other_key(str(layer), f"{remote}@{digest}", found, key)


def repository(step: Step) -> str:
    """Where in the registry a layer belongs, without a tag.  Raises NoBuilder: there is none."""
    remote = step.names.remote
    if remote is None:
        raise NoBuilder(
            f"{step.layer}: the builder {step.builder} hands its results over through a registry,"
            " and there is none",
            hint="name one in images.toml (project.registry) or in LAYERS_REGISTRY, or build here:"
            " LAYERS_BUILDER=default",
        )
    return remote


@contextlib.contextmanager
def built(
    run: Session, step: Step, call: BuildCall, builder: Builder, remote: str
) -> Iterator[Digest]:
    """Build into the registry, where for as long as the body runs no key points at the result.

    A docker context pushes under a tag of our own, which is gone afterwards.  Raises BuildFailed,
    RegistryError, sending.NeverStill.
    """
    image = run.project.spec.images[step.layer.image]
    if run.project.spec.create_repository:
        # A builder would find out that there is no repository when it has built all of it.
        run.backends.registry.put_blob(remote, EMPTY)
    tag = f"{step.names.prefix}{candidate()}" if builder.context else ""
    call = replace(
        call,
        builder=builder.name,
        environment=builder.environment,
        output=output(remote, tag, image.compression or Compression()),
    )
    try:
        try:
            digest = prepare.execute(run, step, call)
        except BuildFailed as error:
            if error.hint:
                raise
            hint = advice(error.message, builder.name, remote.split("/")[0])
            raise BuildFailed(
                error.message, hint=hint, sent=error.sent, failure=error.failure
            ) from error
        # An engine with the classic image store tells its own id, and the registry the digest.
        yield arrived(run, remote, tag) if tag else digest
    finally:
        if tag:
            _forget(run, builder, remote, tag)


def candidate() -> str:
    """A tag that nobody has; `doit gc` knows it for what it is."""
    return f"candidate-{os.urandom(8).hex()}"


def output(remote: str, tag: str, compression: Compression) -> str:
    """What ``--output`` says: by digest alone where the builder can, else under ``tag``."""
    # buildx refuses push-by-digest with the docker driver (0.13, build/opt.go).
    where = f"name={remote}:{tag}" if tag else f"name={remote},push-by-digest=true,store=false"
    return f"type=image,{where},push=true,{','.join(compression.fields())}"


def keep(
    run: Session, step: Step, remote: str, digest: Digest, begun: Begun | None = None
) -> Digest:
    """Point the key at what was built, once and for all; somebody quicker wins, and is adopted.

    Raises RegistryError, TagMoved.
    """

    def put() -> tuple[Digest, Digest]:
        manifest = run.backends.registry.manifest(remote, digest.text)
        if manifest is None:
            raise RegistryError(
                f"{step.builder} says that it pushed {remote}@{digest}, and the registry does not"
                " have it",
                hint="does the builder know another registry under that name?",
            )
        tag = step.names.tag
        try:
            run.backends.registry.put_manifest(remote, tag, manifest.raw, manifest.media_type)
        except RegistryError:
            theirs = there(run, step, remote)  # a registry whose tags never move
            if theirs is None:
                raise
            return digest, theirs
        return digest, arrived(run, remote, tag)

    with run.project.state.lock(f"push-{step.layer}@{step.key}"):
        found = contested(run, step, remote, put, begun)
    if found.digest != digest:
        said = f"{step.key} was in the registry already as {found.digest}; adopted"
        run.tell(Warned(said, str(step.layer)))
    return found.digest


def _forget(run: Session, builder: Builder, remote: str, tag: str) -> None:
    """Take a candidate's tag away, here and there; what cannot be taken away does no harm.

    Old registries delete by digest only, and with an image all of its tags: so the tag is first
    moved to something small of its own.
    """
    with contextlib.suppress(RegistryError):
        if (remote, tag) in run.backends.registry.heads([(remote, tag)]):
            content = artifact(_KIND, annotations={"io.doit-layers.was": tag})
            run.backends.registry.put_blob(remote, EMPTY)
            run.backends.registry.put_manifest(remote, tag, content, MANIFEST_TYPE)
            run.backends.registry.delete(remote, digest_of(content))
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        words = [run.backends.endpoint.cli, "image", "rm", f"{remote}:{tag}"]
        process.run(words, env=builder.environment, timeout=60)


def advice(text: str, builder: str, registry: str) -> str:
    """What to do about a build that failed between a builder and the registry; "": nothing."""
    low = text.lower()
    if "network.host" in low and "not allowed" in low:
        return (
            f'the builder {builder} refuses network = "host": its buildkitd needs'
            " --allow-insecure-entitlement network.host"
        )
    if registry.lower() not in low or not any(sign in low for sign in _NETWORK_SIGNS):
        return ""
    said = f"the builder {builder} has to reach the registry under the very name {registry}"
    if is_loopback(registry):
        return f"{said}, and that is another machine there: name the registry by its address"
    return f"{said}, and to trust it as this machine does"
