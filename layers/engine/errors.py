"""An engine's error texts, turned into errors that say what to do."""

from __future__ import annotations

import re

from layers.engine.engine import EngineError

_QUERY = re.compile(r"(https?://[^\s?\"]+)\?[^\s\"]*[^\s\":,]")
"""Links that a registry signed for one request carry secrets behind the question mark."""


class MissingContent(EngineError):
    """The engine holds an index but not all that it lists, and so cannot push it.

    The containerd image store fetches one platform of an index and no attestations.
    """


class UnknownReference(EngineError):
    """The registry or the engine has nothing by that name or digest."""


class Passing(EngineError):
    """Trouble on the way to a registry: another try may do, and what arrived counts for it."""


_OWN = re.compile(
    r"(?:ERROR: )?(?:[^\"'\[\n]*: )?(?:"
    r'failed to prepare extraction snapshot "'
    r"|parent snapshot \S+ does not exist: not found"
    r"|error reading from server: "
    r"|Unavailable: "
    r"|(?:closing transport|transport is closing)"
    r"|rpc error: code = Canceled desc = grpc: the client connection is closing"
    r")"
)
"""What no Dockerfile causes, in the words of containerd's snapshots and of gRPC's transport.

Only what stands before the first quote or bracket is looked at: what a Dockerfile says, and the
command of a step that failed, comes after one. Images of one engine that are exported at the same
time can lose each other's snapshots: github.com/moby/buildkit/issues/6521.
"""

FULL = "the engine's disk is full: see `docker system df`, then make room"

_SIGNS: tuple[tuple[tuple[str, ...], type[EngineError], str], ...] = (
    (("no space left on device", "disk quota exceeded"), EngineError, FULL),
    (
        ("missing content", "unknown blob", "blob unknown", "blob_unknown"),
        MissingContent,
        "the engine has this image in part only (one platform, or no attestations): "
        "build it here, or leave it where it was pulled from",
    ),
    (
        # Its own store's word, not the registry's: containerd collected what another pull or an
        # image that was removed meanwhile had shared with this one (nerdctl issue 3513).
        ("desc = content digest", "from content store: content digest"),
        Passing,
        "the engine lost a part of it meanwhile; try again",
    ),
    (
        ("405 method not allowed", "501 not implemented"),
        EngineError,
        "the engine asks {registry} by HEAD before it sends anything, and that was refused: have "
        "the proxy or gateway before the registry let HEAD through (pulls do without)",
    ),
    (
        ("first record does not look like a tls handshake",),
        EngineError,
        "the engine asks by https first, also where http will do, and what answered was neither: "
        "a proxy there has to answer a TLS greeting with TLS or with HTTP/1.x 400",
    ),
    (
        ("unauthorized", "authentication required", "no basic auth", "denied", "forbidden"),
        EngineError,
        "run `docker login {registry}`, then try again",
    ),
    (
        ("toomanyrequests", "too many requests", "rate limit"),
        Passing,
        "the registry limits pulls: wait, or run `docker login {registry}`",
    ),
    (
        ("x509:", "certificate", "server gave http response to https client"),
        EngineError,
        "the engine does not trust that registry: give it the CA "
        "(certs.d) or list the host under insecure-registries in its daemon.json",
    ),
    (
        ("connection refused", "no such host", "network is unreachable"),
        EngineError,
        "is the registry {registry} up and reachable?",
    ),
    (
        ("failed to extract", "mount callback failed", "executable file not found"),
        EngineError,
        "the engine could not unpack it: see the engine's own log",
    ),
    (
        ("could not fetch content descriptor",),
        UnknownReference,
        "the registry names this image and has lost a part of it: it has to be pushed again",
    ),
    (
        (
            *("unexpected commit digest", "expected number of bytes", "failed size validation"),
            "short read: expected",  # containerd 2.1
            "layer verification failed",  # the classic image store
        ),
        Passing,
        "what came is not what was pushed, and was thrown away; if this stays so, the registry "
        "or a proxy before it is damaged",
    ),
    (
        ("500 internal", "502 bad gateway", "503 service", "504 gateway"),
        Passing,
        "the registry {registry} is in trouble; try again later",
    ),
    (
        ("connection reset", "broken pipe", "unexpected eof", ": eof", "timeout", "timed out"),
        Passing,
        "the connection to the registry {registry} broke; what had arrived is kept, try again",
    ),
    (
        # Not "unknown" alone: containerd ends whatever it cannot sort with ": unknown".
        ("no such image", "does not exist", "manifest unknown", "name unknown", "not found"),
        UnknownReference,
        "check the name; it may have been deleted meanwhile",
    ),
    (("",), EngineError, "see the engine's own log for more"),
)
"""What a text may hold, what that is, and what to do; the first that fits counts."""


def fault(action: str, reference: str, text: str, registry: str = "") -> EngineError:
    """The error for ``text``, an engine's own words while it was to ``action`` a ``reference``.

    ``registry`` is the host that may want a login.
    """
    first = text.strip().split("\n")[0] or "the engine gave no reason"
    message = f"cannot {action} {reference}: " + _QUERY.sub(r"\1", first)
    low = text.lower()
    kind, hint = next((k, h) for signs, k, h in _SIGNS if any(sign in low for sign in signs))
    return kind(message, hint=hint.replace(" {registry}", f" {registry}".rstrip()))


def final(error: EngineError) -> EngineError:
    """The same error, where another try was made already and will not do."""
    return EngineError(error.message, hint=error.hint) if isinstance(error, Passing) else error


def is_own(error: str) -> bool:
    """Whether a build's ``error`` (buildx's line, or that of one step) is the engine's own fault.

    True says that the same build may well succeed; False says nothing.
    """
    return _OWN.match(error) is not None


LOST = (
    "the engine lost data of its own while it built, and the Dockerfile has no part in that: "
    "run again, which takes up what was built; if it stays so, see the engine's own log"
)


def not_fetched(reference: str, reason: str = "") -> EngineError:
    """The error for an image that the engine pulled without its configuration.

    ``reason`` says why the rest could not be brought to it, "" where nobody tried.
    """
    more = f", and it could not be loaded: {reason}" if reason else ""
    return EngineError(
        f"pulled {reference}, but the engine has its layers only, and does not fetch the rest"
        f"{more}",
        hint="a container still holds the layers of an image that was removed by force: find it"
        " with `docker ps --all`, remove it (`docker rm`), and try again",
    )


def of_build(text: str) -> str:
    """What to do about a build that ended with ``text`` for a reason outside its steps, or ""."""
    low = text.lower()
    if "no space left on device" in low or "disk quota exceeded" in low:
        return FULL
    if "unsupported diff media type" in low:
        # containerd asks one differ after another and tells what the last one says.
        return f"an engine says this, too, when there was no room for the image; perhaps {FULL}"
    if any(sign in low for sign in ("error reading from server", "closing transport", "graceful_")):
        return "the engine went away in the middle of the build; run again once it is back"
    if "error getting credentials" in low:
        return (
            "Docker's config.json names a credential helper that is not there, or fails: install"
            " docker-credential-NAME, or take credsStore or credHelpers out of config.json and run"
            " `docker login` again"
        )
    if "cannot connect to the docker daemon" in low or "is the docker daemon running" in low:
        return "the engine does not answer any more; run again once it is back"
    return ""
