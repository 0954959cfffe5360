"""An engine's error texts, turned into errors that say what to do."""

from __future__ import annotations

from layers.engine import EngineError


class MissingContent(EngineError):
    """The engine holds an index but not all that it lists, and so cannot push it.

    The containerd image store fetches one platform of an index and no attestations.
    """


class UnknownReference(EngineError):
    """The registry or the engine has nothing by that name or digest."""


def fault(action: str, reference: str, text: str, registry: str = "") -> EngineError:
    """The error for ``text``, an engine's own words while it was to ``action`` a ``reference``.

    ``registry`` is the host that may want a login.
    """
    first = text.strip().split("\n")[0] or "the engine gave no reason"
    message = f"cannot {action} {reference}: {first}"
    low = text.lower()

    def has(*words: str) -> bool:
        return any(word in low for word in words)

    if has("no space left on device", "disk quota exceeded"):
        return EngineError(
            message, hint="the engine's disk is full: see `docker system df`, then make room"
        )
    if has("missing content", "unknown blob", "blob unknown", "blob_unknown"):
        return MissingContent(
            message,
            hint="the engine has this image in part only (one platform, or no attestations): "
            "build it here, or leave it where it was pulled from",
        )
    if has("unauthorized", "authentication required", "no basic auth", "denied", "forbidden"):
        return EngineError(message, hint=f"run `docker login {registry}`, then try again".strip())
    if has("toomanyrequests", "too many requests", "rate limit"):
        return EngineError(
            message, hint=f"the registry limits pulls: wait, or run `docker login {registry}`"
        )
    if has("x509:", "certificate", "server gave http response to https client"):
        return EngineError(
            message,
            hint="the engine does not trust that registry: give it the CA "
            "(certs.d) or list the host under insecure-registries in its daemon.json",
        )
    if has("connection refused", "no such host", "i/o timeout", "network is unreachable"):
        return EngineError(message, hint=f"is the registry {registry} up and reachable?")
    if has("no such image", "tag does not exist", "does not exist locally", "not found", "unknown"):
        return UnknownReference(message, hint="check the name; it may have been deleted meanwhile")
    return EngineError(message, hint="see the engine's own log for more")
