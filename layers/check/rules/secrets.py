"""Secrets: what keys and tokens look like, for findings that never show them."""

from __future__ import annotations

import re

_B64 = rb"[A-Za-z0-9+/=]"
PATTERNS: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    (
        "a private key",
        re.compile(
            rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY(?: BLOCK)?-----(?:\\n|\s|[A-Za-z-]+: [^\n]*\n)+"
            + _B64
            + rb"{40}"
        ),
    ),
    (
        "an AWS access key",
        re.compile(rb"(?<![A-Za-z0-9/+])(?:AKIA|ASIA)(?!\w*EXAMPLE)[A-Z2-7]{16}(?![A-Za-z0-9/+=])"),
    ),
    (
        "an AWS secret key",
        re.compile(
            rb"(?i)aws_secret_access_key['\"]?\s*[=:]\s*['\"]?(?!\w*EXAMPLE)[A-Za-z0-9/+]{40}\b"
            rb"(?<!EXAMPLEKEY)"
        ),
    ),
    ("a GitHub token", re.compile(rb"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{82})\b")),
    ("a GitLab token", re.compile(rb"\bglpat-[A-Za-z0-9_-]{20}\b")),
    ("an npm token", re.compile(rb"\bnpm_[A-Za-z0-9]{36}\b")),
    (
        "an npm password",
        re.compile(rb"(?m)^\s*//\S+:_(?:authToken|password)[ \t]*=[ \t]*[^\s$]{8}"),
    ),
    ("a PyPI token", re.compile(rb"\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50}")),
    ("a Slack token", re.compile(rb"\bxox[abprs]-\d{8,}-[A-Za-z0-9-]{16}")),
    (
        "a package index's password",
        re.compile(
            rb"(?mi)^\s*(?:extra-)?index-url\s*=\s*https?://[^\s:/@$]+:(?![*x]{3})[^\s:/@$]{3,}@"
        ),
    ),
)
"""What it is, and how it looks; each asks for the value itself, not for a word beside it."""

ENVIRONMENT = "an environment file with secrets"
_SETS = re.compile(
    rb"(?mi)^\s*(?:export\s+)?\w*(?:secret|token|passw(?:or)?d|api_?key|private_?key"
    rb"|credential)\w*[ \t]*=[ \t]*['\"]?"
    rb"(?!change|your|my_|example|dummy|test|admin|root|postgres|elastic|default|none\b|null\b"
    rb"|true\b|false\b|xxx|\*\*\*|[^\s'\"]*(?:passw|secret|changeme))(?P<value>[^\s'\"$<]{4,})"
)
"""A line that gives such a variable a value which is no word for somebody to replace."""
_TURNS = re.compile(r"(?<=[a-z])(?=[A-Z\d])|(?<=[A-Z])(?=[a-z\d])|(?<=\d)(?=[A-Za-z])")
_WORDS = re.compile(r"passw|secret|change|example|dummy|placeholder|default|test|sample", re.I)

FILES: tuple[tuple[str, re.Pattern[str], re.Pattern[bytes] | None], ...] = (
    (
        "an SSH private key",
        re.compile(r"(?:^|/)id_(?:rsa|dsa|ecdsa|ed25519)$"),
        re.compile(rb"PRIVATE KEY"),
    ),
    (
        ENVIRONMENT,
        re.compile(r"(?:^|/)\.env(?:\.(?!example$|sample$|template$|dist$)[\w-]+)?$"),
        _SETS,
    ),
    (
        "passwords of hosts",
        re.compile(r"(?:^|/)[._]netrc$"),
        re.compile(rb"(?m)\bpassword\s+[^\s$]{3}"),
    ),
    ("git's passwords", re.compile(r"(?:^|/)\.git-credentials$"), re.compile(rb"://[^\s:]+:\S+@")),
    (
        "a login of a registry",
        re.compile(r"(?:^|/)\.docker/config\.json$"),
        re.compile(rb'"auth"\s*:\s*"[A-Za-z0-9+/=]{8}'),
    ),
    (
        "a login of PyPI",
        re.compile(r"(?:^|/)\.pypirc$"),
        re.compile(rb"(?mi)^\s*password[ \t]*[=:][ \t]*\S"),
    ),
)
"""What it is, by its name; and what must be in it."""

_NOT_OURS = re.compile(
    r"(?:^|/)(?:site-packages|dist-packages|node_modules|usr/(?:lib|share|src)|go/pkg/mod"
    r"|testdata|tests?/(?:fixtures|data|certs)|lib/python[\d.]+/test|proc|sys)(?:/|$)|snakeoil"
)
"""Where packages keep keys of their tests and examples."""

LONGEST = 512 * 1024
"""Bytes: a longer file is no key, and is not read."""


def values_in(text: str) -> list[str]:
    """What an environment file sets variables to whose names say secret."""
    return [each["value"].decode() for each in _SETS.finditer(text.encode())]


def generated(value: str) -> bool:
    """Whether a value is surely a secret: letters and digits by turns, as a generator makes it."""
    if any(pattern.search(value.encode("utf-8", "surrogatepass")) for _, pattern in PATTERNS):
        return True
    plain = re.fullmatch(r"[\w+/=.!@#%^&*~-]{16,}", value) is not None
    return plain and not _WORDS.search(value) and len(_TURNS.findall(value)) >= 6


def secrets_in(path: str, content: bytes) -> list[str]:
    """What kinds of secrets a file holds, by its name and by its text."""
    if _NOT_OURS.search(path):
        return []
    found = [
        what
        for what, name, inside in FILES
        if name.search(path) and (inside is None or inside.search(content))
    ]
    if b"\0" not in content[:1024]:
        found += [what for what, pattern in PATTERNS if pattern.search(content)]
    if "an SSH private key" in found and "a private key" in found:
        found.remove("a private key")
    return list(dict.fromkeys(found))


def worth_reading(path: str, size: int) -> bool:
    """Whether a file may hold a secret at all."""
    return 0 < size <= LONGEST and not _NOT_OURS.search(path)
