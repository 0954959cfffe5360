"""apt and dpkg: how their failures end."""

from __future__ import annotations

import re
from collections.abc import Sequence

from layers.build.failure.cause import Cause, Ending, Rule, matched
from layers.build.failure.words import telling

_UNKNOWN = re.compile(r"^E: Unable to locate package (\S+)$")
_UPDATE = re.compile(r"\b(?:apt(?:-get)?|aptitude)\s+(?:-\S+\s+)*update\b")

UNKNOWN = Rule(
    "apt-unknown-package",
    r"^E: Unable to locate package (?P<name>\S+)$",
    "{name} is in no package list of this base",
    "it may have another name in this release: `doit check --online` asks the base's own lists",
)
NO_LISTS = Rule(
    "apt-no-lists",
    r"^E: Unable to locate package (?P<name>\S+)$",
    "{name} is in no package list of this base, and the step fetches none",
    "put `apt-get update &&` before it in the same RUN",
)
RULES = (
    Rule(
        "apt-unreachable",
        r"^W: Failed to fetch (?P<url>\S+)\s+(?P<why>Could not .*)\n(?:.*\n)*E: Unable to locate",
        "apt could not fetch its lists: {why}",
        "see whether {url} answers from this machine; a proxy is given to builds by HTTP_PROXY",
        depth=12,
    ),
    Rule(
        "apt-no-candidate",
        r"^E: Package '?(?P<name>[^\s']+)'? has no installation candidate$",
        "the base's lists know {name} by name, and have no package of it",
        "take one that provides it, which apt names above, or one of this release",
    ),
    Rule(
        "apt-version",
        r"^E: Version '(?P<version>[^']+)' for '(?P<name>[^']+)' was not found$",
        "the base's mirror has no {name} in version {version}",
        "mirrors keep the newest versions only: `apt-cache madison {name}` in the base lists them",
    ),
    Rule(
        "apt-unmet",
        r"^\s*(?P<who>\S+) : (?:Pre-)?Depends: (?P<what>.+?)(?: but .*)?\n"
        r"(?:.*\n)*E: Unable to correct problems",
        "{who} needs {what}, which apt cannot install beside the rest",
        "take the {who} that was made for this release, or add the source that has what it needs",
        depth=8,
    ),
    Rule(
        "apt-no-release",
        r"^E: The repository '(?P<name>[^']+) Release' does not have a Release file\.$",
        "there is no {name}",
        "its release is gone or was never there: correct the line in /etc/apt/sources.list*",
    ),
    Rule(
        "apt-key",
        r"NO_PUBKEY (?P<key>[0-9A-F]+)[^\n]*\n(?:.*\n)*"
        r"E: The repository '(?P<name>[^']+)' is not signed\.$",
        "apt has no key for {name}",
        "bring the key into /usr/share/keyrings and name it in the source: signed-by=…",
        depth=12,
    ),
    Rule(
        "apt-unsigned",
        r"^E: The repository '(?P<name>[^']+)' is not signed\.$",
        "{name} is not signed, or apt has no key for it",
        "bring the key into /usr/share/keyrings and name it in the source: signed-by=…",
    ),
    Rule(
        "apt-user",
        r"^E: Could not open lock file (?P<file>\S+) - open \(13: Permission denied\)\n"
        r"E: Unable to (?:lock directory|acquire the dpkg frontend lock)",
        "apt runs as a user who may not install anything",
        "put the RUN before USER, or `USER root` before it and the user again after it",
        depth=2,
    ),
    Rule(
        "apt-lock",
        r"^E: Unable to acquire the dpkg frontend lock \S+, is another process using it\?$",
        "another process holds apt's lock",
        "if a cache mount is shared with another build, give it sharing=locked",
    ),
    Rule(
        "apt-asks",
        r"^Do you want to continue\? \[Y/n\] Abort\.$",
        "apt asked whether to go on, and nobody can answer in a build",
        "apt-get install -y",
    ),
    Rule(
        "apt-hash",
        r"^E: Failed to fetch (?P<url>\S+)\s+Hash Sum mismatch\n(?:.*\n)*E: Unable to fetch some",
        "{url} is not what the lists say",
        "a mirror or proxy in the middle of an update, as a rule: try again, then another mirror",
        depth=12,
    ),
    Rule(
        "apt-file",
        r"^E: Unsupported file (?P<file>\S+) given on commandline$",
        "there is no file {file}",
        "COPY it, or fetch it in the same RUN, before it is installed",
    ),
    Rule(
        "dpkg-architecture",
        r"package architecture \((?P<theirs>\S+)\) does not match system \((?P<ours>\S+)\)$",
        "the package is for {theirs}, and the image is {ours}",
        "fetch the one for {ours}, e.g. by $(dpkg --print-architecture)",
    ),
    Rule(
        "dpkg-depends",
        r"^\s*Package (?P<what>\S+) is not installed\.\n(?:.*\n)*"
        r" dependency problems - leaving unconfigured$",
        "the package needs {what}, and dpkg fetches nothing",
        "apt-get install ./FILE.deb brings what it needs",
        depth=5,
    ),
    Rule(
        "dpkg-script",
        r"^\s*(?:installed|new|old) (?P<name>\S+) package (?P<which>\S+) script subprocess "
        r"returned error exit status (?P<status>\d+)$",
        "{name}'s own {which} script failed with status {status}",
        "what it printed stands above; scripts that start services fail in a build",
    ),
)


RELEASES = {
    "buster": "Debian 10",
    "bullseye": "Debian 11",
    "bookworm": "Debian 12",
    "trixie": "Debian 13",
    "bionic": "Ubuntu 18.04",
    "focal": "Ubuntu 20.04",
    "jammy": "Ubuntu 22.04",
    "noble": "Ubuntu 24.04",
}
_SUITE = re.compile(r"^(?:Get|Hit):\d+ \S+ (\w+)(?:-(?:updates|security|backports))?[ /]")


def _release(lines: Sequence[str]) -> str:
    """The release whose lists apt fetched; empty: none that is known, or several."""
    suites = {found[1] for line in lines if (found := _SUITE.match(line))}
    known = {RELEASES.get(suite, "") for suite in suites}
    return known.pop() if len(known) == 1 else ""


def cause(ending: Ending) -> Cause | None:
    """What apt or dpkg failed of."""
    found = matched(RULES, ending)
    if found is not None:
        return found
    names: list[str] = []
    for line in reversed(telling(ending.lines)):
        unknown = _UNKNOWN.match(line)
        if unknown is None:
            break
        names.insert(0, unknown[1])
    if not names:
        return None
    rule = UNKNOWN if _UPDATE.search(f"{ending.step}\n{ending.error}") else NO_LISTS
    found = matched([rule], ending)
    if found is None:
        return None
    told = f"{' and '.join(names)} {'are' if names[1:] else 'is'}"
    text = found.text.replace(f"{names[-1]} is", told, 1)
    if rule is UNKNOWN and (release := _release(ending.lines)):
        # components of it may be switched off
        text = f"{told} in no list of {release} that this base fetches"
    return found._replace(text=text, packages=tuple(names))
