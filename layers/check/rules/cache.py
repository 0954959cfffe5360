"""Cache rules: steps in an order that makes every edit expensive, or old packages likely."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from layers.check.finding import Finding, Rule
from layers.check.rules.hangs import APT, apt_verb
from layers.check.shell.calls import Call
from layers.check.shell.pip_calls import pip
from layers.check.subject import Step, Subject

SOURCES_FIRST = Rule("sources-first", "warning", "sources copied before dependencies are installed")
APT_UPDATE_ALONE = Rule("apt-update-alone", "warning", "apt-get update alone in its layer")
RULES = (SOURCES_FIRST, APT_UPDATE_ALONE)

_CODE = re.compile(r"\.(?:py|js|jsx|ts|tsx|mjs|cjs|go|rs|java|kt|rb|php|c|cc|cpp|cs|vue|svelte)$")
_CONFIG = re.compile(r"(?:^|/)(?:setup\.py|[\w.-]+\.config\.[mc]?[jt]s|conftest\.py)$")
_FETCHES: dict[str, frozenset[str]] = {
    "npm": frozenset(("ci", "install", "i", "clean-install")),
    "pnpm": frozenset(("install", "i", "fetch")),
    "yarn": frozenset(("install", "")),
    "bun": frozenset(("install", "i")),
    "poetry": frozenset(("install",)),
    "pipenv": frozenset(("install", "sync")),
    "bundle": frozenset(("install",)),
    "composer": frozenset(("install",)),
    "cargo": frozenset(("fetch",)),
}
"""Programs that fetch what a lock file names, by the verbs that do."""


def check(subject: Subject) -> Iterator[Finding]:
    """Every stage whose order costs time, and every update that goes stale."""
    for stage in subject.reached:
        yield from _order(subject.steps(stage.index))
    for step in subject.all_steps():
        yield from _update(step)


def _order(steps: tuple[Step, ...]) -> Iterator[Finding]:
    copied: Step | None = None
    for step in steps:
        if step.item.keyword in ("COPY", "ADD") and step.item.flag("from") is None:
            if copied is None and copies_code(step):
                copied = step
        elif step.item.keyword == "RUN" and copied is not None:
            call = next((each for each in step.calls or () if _installs(each, step)), None)
            if call is not None:
                what = " ".join((call.name, *call.args[:2]))
                yield copied.finding(
                    SOURCES_FIRST.name,
                    "warning",
                    f"sources are copied before `{what}` in line {call.line}: every edit installs"
                    " all dependencies again",
                    "copy the lock or requirements files first, install, then copy the rest",
                )
                return


def copies_code(step: Step) -> bool:
    """Whether a COPY or ADD brings source code of the context."""
    context = step.subject.context
    for source in step.sources:
        if re.match(r"^https?://|^git", source):
            continue
        if context.is_folder(source):
            names = [each.path for each in context.matches(source)]
            if any(_CODE.search(each) and not _CONFIG.search(each) for each in names):
                return True
        elif _CODE.search(source) and not _CONFIG.search(source):
            return True
    return False


def _installs(call: Call, step: Step) -> bool:
    found = pip(call)
    if found is not None:
        verb, args = found
        mine = call._replace(args=args)
        files = mine.value("-r", "--requirement")
        own = any(each.startswith((".", "/")) for each in mine.split("-r", "-c"))
        editable = any(each in ("-e", "--editable") for each in args)
        return verb == "install" and files is not None and not own and not editable
    verbs = _FETCHES.get(call.name)
    if verbs is not None:
        words = call.split("--prefix", "-C", "--cwd")
        packages = words[1:] if words else ()
        return (*words, "")[0] in verbs and not packages and not _workspaces(step)
    if call.name == "go":
        return call.args[:2] == ("mod", "download")
    if call.name in APT:
        return apt_verb(call) == "install" and not any(
            each.startswith(("./", "/")) for each in call.args
        )
    return call.name == "apk" and "add" in call.args


def _workspaces(step: Step) -> bool:
    """Whether package.json names workspaces: their own manifests lie between the sources."""
    text = step.subject.context.read("package.json") or ""
    return '"workspaces"' in text or "file:" in text


def _update(step: Step) -> Iterator[Finding]:
    if step.item.keyword != "RUN":
        return
    found = [call for call in step.calls or () if call.name in APT]
    updates = [call for call in found if apt_verb(call) == "update"]
    if not updates or len(updates) != len(found):
        return
    others = {posixpath.basename(call.name) for call in step.calls or ()}
    if others & {"apt-cache", "apt-file", "mk-build-deps", "dpkg", "gdebi", "sh", "bash"}:
        return
    if any(flag.partition("target=")[2].startswith("/var/lib/apt") for flag in step.item.flags):
        return  # the lists are in a cache mount, not in a layer
    scripts = [each for each in others if each.endswith(".sh")]
    if not scripts:
        yield step.finding(
            APT_UPDATE_ALONE.name,
            "warning",
            f"`{updates[0].name} update` alone in a layer: the cache keeps its lists, and a later"
            " install asks for versions that the mirror has dropped",
            "put update and install into one RUN, joined by &&",
            updates[0].line,
        )
