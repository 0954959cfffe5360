"""pip: how its failures end."""

from __future__ import annotations

import re

from layers.build.failure.cause import Cause, Ending, Rule, matched
from layers.build.failure.words import telling

NO_VERSION = Rule(
    "pip-no-version",
    r"^\s*ERROR: Could not find a version that satisfies the requirement (?P<what>.+?) "
    r"\(from versions: (?P<versions>[^)]*\d[^)]*)\)\n\s*ERROR: No matching distribution found for",
    "there is no {what} for this Python; there are {versions}",
    "take one of these, or a Python that the version was made for",
    depth=2,
)
RULES = (
    Rule(
        "pip-unreachable",
        r"^\s*WARNING: Retrying .*(?P<why>Failed to establish a new connection|timed out"
        r"|Name or service not known|CERTIFICATE_VERIFY_FAILED)[^\n]*\n"
        r"(?:\s*WARNING: Retrying .*\n)*"
        r"\s*ERROR: Could not find a version that satisfies the requirement (?P<what>.+?) "
        r"\(from versions: none\)\n\s*ERROR: No matching distribution",
        "pip could not reach its index: {why}",
        "see whether the index answers from this machine; a proxy is given to builds by"
        ' HTTPS_PROXY, an index and certificates by a secret (builtin = "pip")',
        depth=8,
    ),
    Rule(
        "pip-untrusted",
        r"^\s*WARNING: The repository located at (?P<host>\S+) is not a trusted or secure host"
        r"[^\n]*\n(?:.*\n)*\s*ERROR: No matching distribution found for",
        "pip passed over the index at {host}, which is not https",
        "use https, or --trusted-host {host}",
        depth=6,
    ),
    NO_VERSION,
    Rule(
        "pip-no-project",
        r"^\s*ERROR: Could not find a version that satisfies the requirement (?P<what>.+?) "
        r"\(from versions: none\)\n\s*ERROR: No matching distribution found for",
        "pip's index has no {what} that this Python could take",
        "check its name; if it is on an index of your own, name that by --extra-index-url",
        depth=2,
    ),
    Rule(
        "pip-conflict",
        r"^\s*(?P<who>\S+ \S+) depends on (?P<what>[^\n]+)\n(?:.*\n)*"
        r"\s*ERROR: ResolutionImpossible",
        "requirements exclude each other: {who} depends on {what}",
        "change one of the pins; what asks for which stands above",
        depth=14,
    ),
    Rule(
        "pip-no-file",
        r"^\s*ERROR: Could not open requirements file: .*"
        r"No such file or directory: '(?P<file>[^']+)'$",
        "there is no file {file} in the image at this step",
        "COPY it before this RUN; its path counts from WORKDIR",
    ),
    Rule(
        "pip-hash",
        r"^\s*ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE",
        "what the index gave has another hash than the requirements file says",
        "if the package was released anew, lock again; if not, find out who changed it",
        depth=6,
        rest=r"\s+Got\s",
    ),
    Rule(
        "pip-hash-missing",
        r"^\s*ERROR: In --require-hashes mode, all requirements must have their versions pinned",
        "some requirements have hashes, so all need a version and a hash, and some have none",
        "write the file by a tool that does so, e.g. pip-compile --generate-hashes",
        depth=6,
        rest=r"\s{4}\S",
    ),
    Rule(
        "pip-invalid",
        r"^\s*ERROR: Invalid requirement: (?P<what>'[^\n]+'?)",
        "{what} is no requirement as pip reads them",
        "NAME, or NAME==VERSION; quote what has a < or > in it",
    ),
    Rule(
        "pip-platform",
        r"^\s*ERROR: (?P<file>\S+\.whl) is not a supported wheel on this platform\.$",
        "{file} is for another Python or another platform",
        "its name ends with both: take the one for this image",
    ),
    Rule(
        "pip-no-setup",
        r"^\s*ERROR: Directory '(?P<folder>[^']+)' is not installable\.",
        "{folder} has neither setup.py nor pyproject.toml in the image at this step",
        "COPY the project before it is installed",
    ),
    Rule(
        "pip-no-folder",
        r"^\s*ERROR: (?P<folder>\S+) is not a valid editable requirement",
        "there is no folder {folder} in the image at this step",
        "COPY the project before it is installed",
    ),
    Rule(
        "pip-managed",
        r"^hint: See PEP 668",
        "this base's Python belongs to its distribution, and pip leaves it alone (PEP 668)",
        "RUN python3 -m venv /venv, and ENV PATH=/venv/bin:$PATH; or --break-system-packages",
        depth=6,
    ),
    Rule(
        "pip-isolation",
        r"^\s+ModuleNotFoundError: No module named '(?P<name>[^']+)'\n(?:.*\n)*"
        r".*Getting requirements to build wheel did not run successfully",
        "a package wants {name} while it is built, and pip builds it where {name} is not",
        "install {name} in a step before it, and this one with --no-build-isolation"
        " (`doit help rule build-isolation`)",
        depth=14,
    ),
    Rule(
        "pip-no-compiler",
        r"^\s*error: (?:\[Errno 2\] No such file or directory: '(?P<name>[^']*(?:cc|\+\+)\S*)'"
        r"|command '(?P<other>[^']*(?:cc|\+\+)[^']*)' failed: No such file or directory)$",
        "a package has no wheel for this Python and is compiled, and there is no compiler",
        "apt-get install -y build-essential python3-dev before it, or take a version that has a"
        " wheel",
    ),
    Rule(
        "pip-none",
        r"^(?P<python>\S*python\S*): No module named pip$",
        "{python} has no pip",
        "apt-get install -y python3-pip, or python3-venv and a venv",
    ),
)


def cause(ending: Ending) -> Cause | None:
    """What pip failed of."""
    found = _isolation(ending) or matched(RULES, ending)
    if found is None or found.rule != NO_VERSION.name:
        return found
    text = re.sub(r"there are (.*)$", lambda match: f"there are {_newest(match[1])}", found.text)
    return found._replace(text=text)


def _newest(versions: str) -> str:
    """The last three of pip's list, in which the newest stands last."""
    every = versions.split(", ")
    return ", ".join(every[-3:]) + (f" and {len(every) - 3} older ones" if every[3:] else "")


def _isolation(ending: Ending) -> Cause | None:
    """pip's own account comes after what is wrong: it is no telling line, and yet says where."""
    rule = next(each for each in RULES if each.name == "pip-isolation")
    told = telling(ending.lines)
    rest = list(ending.lines[len(told) :])
    if not told or not any("Getting requirements to build wheel" in line for line in rest):
        return None
    found = re.match(r"^\s+ModuleNotFoundError: No module named '([^']+)'$", told[-1])
    if found is None:
        return None
    return Cause(rule.name, rule.text.format(name=found[1]), rule.remedy.format(name=found[1]))
