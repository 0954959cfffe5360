"""Git: which sources of COPY and ADD are addresses of repositories, and which commit they name."""

from __future__ import annotations

import re

from hashes.dockerfile.frontend import GIT_QUERY, PATHS_LIKE_GIT, Frontend

_SCP = re.compile(r"^[a-zA-Z0-9_-]+@[a-zA-Z0-9.-]+:")
_PROTOCOL = re.compile(r"^([a-zA-Z0-9]+)://")
_PATH = re.compile(r"^[^?#]*")
_PLAIN = re.compile(r"^(?!\.{1,2}/|[a-zA-Z]+://)[^#?]*/[^#?]*\.git(?:[#?]|$)")
_HEX = re.compile(r"^[0-9a-f]{40}(?:[0-9a-f]{24})?$")
_WITH_VALUE = ("ref", "tag", "branch", "subdir", "checksum", "commit", "mtime")
_PREFIXES = {"ref": "", "tag": "refs/tags/", "branch": "refs/heads/"}
"""What of a query names a branch or tag, and what stands before its value in git."""
_SWITCHES = ("keep-git-dir", "submodules", "fetch-by-commit")


class GitError(ValueError):
    """An address that BuildKit refuses; the caller knows file and line."""


def is_git(source: str) -> bool:
    """Whether ADD clones it.

    ``github.com/x/y`` is a path in a Dockerfile, whatever it is to ``docker build`` itself
    (dfgitutil, IndistinguishableFromLocal; docker 26.1.5 and 28.5.2, tried).
    """
    match = _PROTOCOL.match(source)
    if match is None:
        return bool(_SCP.match(source))
    if match[1].lower() in ("git", "ssh"):
        return True
    path = _PATH.match(source)
    return match[1].lower() in ("http", "https") and path is not None and path[0].endswith(".git")


def is_web(source: str) -> bool:
    """Whether ADD downloads it; BuildKit looks for small letters only."""
    return source.startswith(("http://", "https://")) and not is_git(source)


def like_git(source: str) -> bool:
    """Whether it is a path that BuildKit before 0.14 took for ``https://…``: ``a/b.git``.

    ``./a/b.git`` and ``b.git`` were none (docker 26.1.5 and 28.5.2, tried).
    """
    return bool(_PLAIN.match(source)) and not is_git(source)


def check(source: str, frontend: Frontend) -> None:
    """Raise `GitError` for an address that this frontend refuses."""
    if like_git(source) and not frontend.has(PATHS_LIKE_GIT):
        raise GitError(f"{source!r} reads as a git repository: expected a path, such as './…'")
    if not frontend.has(GIT_QUERY):
        return  # all of it goes to git then, which finds no such repository
    for name, values in _query(source).items():
        if name not in (*_WITH_VALUE, *_SWITCHES):
            known = ", ".join((*_WITH_VALUE, *_SWITCHES))
            raise GitError(f"{name!r} in {source!r}: expected one of {known}")
        if len(values) > 1:
            raise GitError(f"{name!r} stands twice in {source!r}")
        if name in _WITH_VALUE and not values[0]:
            raise GitError(f"{name!r} in {source!r}: expected a value, as in ?{name}=…")


def commit(source: str) -> str:
    """The commit that an address names, ``#<40 hex>`` or in its query; '' when it may move."""
    fragment = source.partition("#")[2].partition(":")[0]
    query = _query(source)
    for name in ("checksum", "commit"):
        if query.get(name, [""])[0]:
            return query[name][0]
    names = (fragment, *query.get("ref", ()))
    return next((name for name in names if _HEX.match(name)), "")


def ref(source: str) -> str | None:
    """The branch or tag that an address names, in its fragment or its query; "": the default one.

    None: it names two, or says what no frontend reads.  ``tag=v1`` is ``refs/tags/v1`` and nothing
    else (dfgitutil, GitRef.loadQuery).
    """
    named = {source.partition("#")[2].partition(":")[0]}
    for name, values in _query(source).items():
        if name not in (*_WITH_VALUE, *_SWITCHES) or len(values) > 1:
            return None
        if name in _PREFIXES:
            if not values[0]:
                return None
            named.add(_PREFIXES[name] + values[0].removeprefix(_PREFIXES[name]))
    found = named - {""}
    return None if len(found) > 1 else "".join(found)


def at(source: str, commit: str) -> str:
    """The address with a commit in place of its branch or tag; the rest of it stays as written."""
    address, _, fragment = source.partition("#")
    repository, _, query = address.partition("?")
    rest = "&".join(
        part for part in query.split("&") if part and part.partition("=")[0] not in _PREFIXES
    )
    _, colon, folder = fragment.partition(":")
    return f"{repository}{'?' if rest else ''}{rest}#{commit}{colon}{folder}"


def _query(source: str) -> dict[str, list[str]]:
    text = source.partition("#")[0].partition("?")[2]
    if not text:
        return {}
    from urllib.parse import parse_qs

    return parse_qs(text, keep_blank_values=True)
