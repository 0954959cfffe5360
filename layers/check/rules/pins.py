"""Pins: what a build fetches that may be something else tomorrow."""

from __future__ import annotations

import re
from collections.abc import Iterator

from layers.check.finding import Finding, Rule
from layers.check.shell.calls import Call
from layers.check.shell.pip_calls import requests
from layers.check.subject import Step, Subject
from layers.config.spec import SPEC_FILE

UNPINNED_UPSTREAM = Rule("unpinned-upstream", "warning", "an upstream image without a digest")
UNPINNED_SOURCE = Rule("unpinned-source", "warning", "a download that may change without notice")
RULES = (UNPINNED_UPSTREAM, UNPINNED_SOURCE)

_COMMIT = re.compile(r"^[0-9a-f]{7,64}$")
_RELEASE = re.compile(r"^(?:refs/tags/)?[A-Za-z._/-]{0,40}?\d+(?:[._-]\d+)+[\w.+-]*$|^v\d+$")
_MOVING = re.compile(r"/(?:latest|master|main|HEAD|nightly)(?:/|$|\?)|[-_.]latest[-_.]")
_NUMBERED = re.compile(r"^(?:https?|ftp)://[^#]*?/[^#]*?v?\d+\.\d+[^#]*$(?<!\.git)")
"""Addresses of files with a version in their path."""
_SHELLS = frozenset(("sh", "bash", "dash", "ash", "zsh", "python", "python3", "node", "perl"))
_SUMS = re.compile(r"^(?:sha\d*sum|shasum|b2sum|gpg|gpgv|cosign|minisign|openssl)$")


def check(subject: Subject) -> Iterator[Finding]:
    """Upstreams that the lock does not have, and addresses without a commit or checksum."""
    yield from _upstreams(subject)
    for step in subject.all_steps():
        if step.item.keyword == "ADD":
            for address in subject.addresses.get(step.item.line, ()):
                if _NUMBERED.search(address) and not _MOVING.search(address):
                    continue  # a release's own file
                if address.startswith("https://api.github.com/"):
                    continue  # it is there to change: the steps below it are built anew then
                yield step.finding(
                    UNPINNED_SOURCE.name,
                    "warning",
                    f"{shown(address)} is added without a checksum or a commit",
                    "add --checksum=sha256:…; a repository's branch or tag is held by `doit lock`",
                )
        elif step.item.keyword == "RUN":
            yield from _pip(step)
            yield from _run(step, tuple(_later(subject, step)))


def _upstreams(subject: Subject) -> Iterator[Finding]:
    if subject.unpinned and not subject.locked:
        yield Finding(
            UNPINNED_UPSTREAM.name,
            "warning",
            SPEC_FILE,
            0,
            "nothing is locked: an upstream without a digest may be another one on each machine",
            "doit lock, and commit images.lock",
            (subject.image.name,),
        )
        return
    for edge in subject.unpinned:
        yield Finding(
            UNPINNED_UPSTREAM.name,
            "warning",
            subject.dockerfile.path,
            edge.line,
            f"{edge.upstream} is not in images.lock: two machines may build on two versions of it",
            f"doit lock {edge.upstream}",
            (subject.image.name,),
            edge.line,
            subject.ends.get(edge.line, edge.line),
        )


def _pip(step: Step) -> Iterator[Finding]:
    for request in requests(step):
        for wanted in request.wanted:
            if not wanted.address.startswith(("git+", "hg+")):
                continue
            reference = _reference(wanted.address)
            if not reference or not (_COMMIT.match(reference) or _RELEASE.match(reference)):
                at = f"branch {reference}" if reference else "no commit"
                where = f" ({wanted.file}:{wanted.line})" if wanted.file else ""
                yield step.finding(
                    UNPINNED_SOURCE.name,
                    "warning",
                    f"{wanted.name or shown(wanted.address)} comes from git at {at}{where}",
                    "add @<commit> to its address",
                    request.call.line if wanted.file else wanted.line,
                )


def _reference(address: str) -> str:
    path = address.partition("#")[0].partition("://")[2]
    host, _, rest = path.partition("/")
    del host
    return rest.rpartition("@")[2] if "@" in rest else ""


def _later(subject: Subject, step: Step) -> Iterator[Call]:
    """What the RUNs of the same stage start after one."""
    steps = subject.steps(step.stage)
    for each in steps[steps.index(step) + 1 :]:
        if each.item.keyword == "RUN":
            yield from each.calls or ()


def _run(step: Step, later: tuple[Call, ...]) -> Iterator[Finding]:
    found = step.calls or ()
    checked = any(_SUMS.match(call.name) for call in found)
    for at, call in enumerate(found):
        if call.name == "git":
            yield from _clone(step, call, (*found[at + 1 :], *later))
        elif call.name in ("curl", "wget") and not checked:
            urls = [each for each in call.args if re.match(r"^(?:https?|ftp)://", each)]
            follows = [each for each in found[at + 1 :] if each.pipeline == call.pipeline]
            piped = [each for each in follows if each.name in _SHELLS]
            moving = [url for url in urls if _MOVING.search(url)]
            if urls and piped:
                yield step.finding(
                    UNPINNED_SOURCE.name,
                    "warning",
                    f"{shown(urls[0])} is run as it is downloaded, whatever it holds that day",
                    "download it, check its SHA-256, then run it",
                    call.line,
                )
            elif moving:
                yield step.finding(
                    UNPINNED_SOURCE.name,
                    "warning",
                    f"{shown(moving[0])} names no version, and nothing checks what comes",
                    "name a release and check its SHA-256",
                    call.line,
                )


def _clone(step: Step, call: Call, later: tuple[Call, ...]) -> Iterator[Finding]:
    words = call.split("-b", "--branch", "--depth", "-C", "-c", "--origin", "-o", "-j", "--filter")
    if words[:1] != ("clone",) or not call.whole or len(words) < 2:
        return
    branch = call.value("-b", "--branch") or ""
    fixed = bool(_RELEASE.match(branch) or _COMMIT.match(branch))
    for other in later:
        if other.name == "git" and set(other.args) & {"checkout", "reset", "switch", "fetch"}:
            references = other.split("-C", "--depth")
            known = any(_COMMIT.match(each) or _RELEASE.match(each) for each in references)
            fixed = fixed or known or not other.whole
    if not fixed:
        yield step.finding(
            UNPINNED_SOURCE.name,
            "warning",
            f"{shown(words[1])} is cloned at no commit",
            "git checkout <commit> in the same RUN, or ADD <address>#<commit>",
            call.line,
        )


def shown(address: str) -> str:
    """An address without the password that it may hold."""
    return re.sub(r"(?<=://)[^/@\s]+@", "", address)
