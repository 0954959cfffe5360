"""Remote builders: a build elsewhere, from the registry and our files into the registry."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from hashes.errors import LayersError, did_you_mean
from layers import build
from layers.buildx import BuildCall, BuildFailed
from layers.delivery import arrived, contested, deliver, there
from layers.graph.graph import Layer
from layers.holding import other_key
from layers.oci.artifact import EMPTY, MANIFEST_TYPE, artifact, digest_of
from layers.oci.digest import Digest
from layers.plan.names import LABEL_KEY
from layers.plan.plan import Step
from layers.project.project import Project
from layers.registry.registry import RegistryError
from layers.runtime.events import Warned
from layers.runtime.files import read_json
from layers.setup.addresses import config_folder
from layers.setup.endpoint import Endpoint

_KIND = "application/vnd.doit-layers.gone.v1+json"
_NETWORK_SIGNS = (
    *("connection refused", "no such host", "network is unreachable", "no route to host"),
    *("i/o timeout", "server gave http response to https client", "x509:"),
)
_LOOPBACK = ("127.", "localhost", "[::1]")


class NoBuilder(LayersError):
    """A builder that nobody knows, or one that has no registry to build into."""


@dataclass(frozen=True)
class Builder:
    """A buildx builder or a docker context, and how buildx is started to use it."""

    name: str
    context: bool
    """True: a docker context, whose engine pushes under a tag only."""
    environment: Mapping[str, str] = field(repr=False)
    """Of buildx and docker, whole."""


class Kept(build.Parents):
    """The parents of one build elsewhere, by their digests in the registry, where they stay."""

    def hand_over(self, layer: Layer) -> str:
        """What a ``--build-context`` says; a layer that only the engine has is pushed first.

        Raises RegistryError, EngineError, and TagMoved for what was made from another key.
        """
        project = self._project
        digest = project.presence.registry.get(layer)
        remote = project.names(layer, project.inputs.key(layer)).remote
        if digest is None:
            reason = ("a builder elsewhere starts from it",)
            step = Step(layer, project.inputs.key(layer), "fresh", reason, "engine", True)
            digest = deliver(project, step).digest
            project.stored(layer, digest)
        self._check_label(layer, str(remote), digest)
        return f"docker-image://{remote}@{digest}"

    def _check_label(self, layer: Layer, remote: str, digest: Digest) -> None:
        """As a pull does it; this image is never pulled."""
        registry, key = self._project.registry, str(self._project.inputs.key(layer))
        manifest = registry.manifest(remote, digest.text)
        about = (manifest.content.get("config") if manifest is not None else None) or {}
        config = json.loads(registry.blob(remote, Digest.parse(about["digest"]))) if about else {}
        found = ((config.get("config") or {}).get("Labels") or {}).get(LABEL_KEY)
        if found != key:
            raise other_key(str(layer), f"{remote}@{digest}", found, key)


def place(project: Project, step: Step) -> str:
    """Where in the registry a layer belongs, without a tag.  Raises NoBuilder: there is none."""
    remote = project.names(step.layer, step.key).remote
    if remote is None:
        raise NoBuilder(
            f"{step.layer}: the builder {step.builder} hands its results over through a registry,"
            " and there is none",
            hint="name one in images.toml (project.registry) or in LAYERS_REGISTRY, or build here:"
            " LAYERS_BUILDER=default",
        )
    return remote


def find_builder(project: Project, name: str) -> Builder:
    """The builder of that name, ours or the user's.  Raises NoBuilder with a suggestion."""
    return look_up(name, project.endpoint, os.environ)


def look_up(name: str, endpoint: Endpoint, environ: Mapping[str, str]) -> Builder:
    """As buildx finds it: a builder first, then a context; a private engine's own come first."""
    known: list[str] = []
    ours = endpoint.environment.get("DOCKER_CONFIG", "")
    for folder in dict.fromkeys((ours or config_folder(environ), config_folder(environ))):
        found = {**environ, **endpoint.environment, "DOCKER_CONFIG": folder}
        if endpoint.private and folder != ours:  # a user's builder knows the user's engine
            found = _with(found, environ, ("DOCKER_HOST",))
        found.pop("BUILDX_BUILDER", None)
        instances = os.path.join(environ.get("BUILDX_CONFIG") or f"{folder}/buildx", "instances")
        # buildx keeps builders under their names in lower case (util/imagetools, store/util.go).
        if os.path.isfile(os.path.join(instances, name.lower())):
            return Builder(name, False, found)
        contexts = f"{folder}/contexts/meta"
        digest = hashlib.sha256(name.encode()).hexdigest()
        if os.path.isfile(f"{contexts}/{digest}/meta.json"):
            # buildx builds on a context only where it is the one in use.
            alone = _with(found, {}, ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"))
            return Builder(name, True, {**alone, "DOCKER_CONTEXT": name})
        known += [*_listed(instances), *_contexts(contexts)]
    raise NoBuilder(
        f"there is no buildx builder or docker context {name!r}{did_you_mean(name, known)}",
        hint="`docker buildx ls` shows all; `docker buildx create --name NAME …` or"
        " `docker context create NAME --docker host=…` makes one",
    )


def _with(
    found: Mapping[str, str], other: Mapping[str, str], names: tuple[str, ...]
) -> dict[str, str]:
    """An environment in which ``names`` are as in another one, or absent with it."""
    rest = {name: value for name, value in found.items() if name not in names}
    return {**rest, **{name: other[name] for name in names if name in other}}


def _listed(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _contexts(folder: str) -> list[str]:
    found = (read_json(f"{folder}/{each}/meta.json").get("Name") for each in _listed(folder))
    return [name for name in found if isinstance(name, str)]


@contextlib.contextmanager
def built(
    project: Project, step: Step, call: BuildCall, builder: Builder, remote: str
) -> Iterator[Digest]:
    """Build into the registry, where for as long as the body runs no key points at the result.

    A docker context pushes under a tag of our own, which is gone afterwards.  Raises BuildFailed,
    RegistryError, sending.NeverStill.
    """
    tag = candidate() if builder.context else ""
    call = replace(
        call,
        builder=builder.name,
        environment=builder.environment,
        output=output(remote, tag),
    )
    try:
        try:
            digest = build.run(project, step, call)
        except BuildFailed as error:
            error.hint = error.hint or advice(str(error), builder.name, remote.split("/")[0])
            raise
        # An engine with the classic image store tells its own id, and the registry the digest.
        yield arrived(project, remote, tag) if tag else digest
    finally:
        if tag:
            _forget(project, builder, remote, tag)


def candidate() -> str:
    """A tag that nobody has; `doit gc` knows it for what it is."""
    return f"candidate-{os.urandom(8).hex()}"


def output(remote: str, tag: str) -> str:
    """What ``--output`` says: by digest alone where the builder can, else under ``tag``."""
    # buildx refuses push-by-digest with the docker driver (0.13, build/opt.go).
    where = f"name={remote}:{tag}" if tag else f"name={remote},push-by-digest=true,store=false"
    return f"type=image,{where},push=true,compression=zstd,oci-mediatypes=true"


def keep(project: Project, step: Step, remote: str, digest: Digest) -> Digest:
    """Point the key at what was built, once and for all; somebody quicker wins, and is adopted.

    Raises RegistryError, TagMoved.
    """

    def put() -> tuple[Digest, Digest]:
        manifest = project.registry.manifest(remote, digest.text)
        if manifest is None:
            raise RegistryError(
                f"{step.builder} says that it pushed {remote}@{digest}, and the registry does not"
                " have it",
                hint="does the builder know another registry under that name?",
            )
        key = str(step.key)
        try:
            project.registry.put_manifest(remote, key, manifest.raw, manifest.media_type)
        except RegistryError:
            theirs = there(project, step, remote)  # a registry whose tags never move
            if theirs is None:
                raise
            return digest, theirs
        return digest, arrived(project, remote, key)

    with project.state.lock(f"push-{step.layer}@{step.key}"):
        found = contested(project, step, remote, put)
    if found.digest != digest:
        said = f"{step.key} was in the registry already as {found.digest}; adopted"
        project.tell(Warned(said, str(step.layer)))
    return found.digest


def _forget(project: Project, builder: Builder, remote: str, tag: str) -> None:
    """Take a candidate's tag away, here and there; what cannot be taken away does no harm.

    Old registries delete by digest only, and with an image all of its tags: so the tag is first
    moved to something small of its own.
    """
    with contextlib.suppress(RegistryError):
        if (remote, tag) in project.registry.heads([(remote, tag)]):
            content = artifact(_KIND, annotations={"io.doit-layers.was": tag})
            project.registry.put_blob(remote, EMPTY)
            project.registry.put_manifest(remote, tag, content, MANIFEST_TYPE)
            project.registry.delete(remote, digest_of(content))
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(
            [project.endpoint.cli, "image", "rm", f"{remote}:{tag}"],
            env=builder.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=60,
        )


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
    if registry.startswith(_LOOPBACK):
        return f"{said}, and that is another machine there: name the registry by its address"
    return f"{said}, and to trust it as this machine does"
