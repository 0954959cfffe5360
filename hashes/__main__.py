"""The key of one Dockerfile: ``python -m hashes --context DIR -f DOCKERFILE``; see the manual."""

from __future__ import annotations

import argparse
import io
import os
import platform as machine
import sys
from collections.abc import Sequence
from typing import NoReturn

from hashes.algorithm import DEFAULT, HEX_LENGTHS
from hashes.context.ignore import read_ignore
from hashes.context.sources import Sources
from hashes.context.statcache import StatCache
from hashes.context.tree import Tree
from hashes.dockerfile import arguments
from hashes.dockerfile.frontend import NEWEST, Frontend, named
from hashes.dockerfile.parser import load, parse
from hashes.errors import LayersError
from hashes.stage import UNPINNED, External, Request, layers

_IMAGE = "docker-image://"
_ELSEWHERE = ("oci-layout://", "target:", "http://", "https://", "git://", "git@", "ssh://")


class _Parser(argparse.ArgumentParser):
    """A mistake on the command line ends with status 1, as everything that a person can mend."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(1, f"{self.prog}: {message}\n")


def main(words: Sequence[str] | None = None) -> int:
    """Print the key of a Dockerfile as the last line; 1 and a message where BuildKit refuses."""
    given = _parser().parse_args(words)
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files may be any bytes
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        print(_key(given))
    except LayersError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m hashes",
        description="Prints the key of one Dockerfile, from its inputs alone: no engine is asked.",
    )
    add = parser.add_argument
    add("--context", metavar="DIR", default=".", help="the build context (.)")
    add("-f", "--file", metavar="DOCKERFILE", help="the Dockerfile (DIR/Dockerfile)")
    add("--target", metavar="STAGE", help="the stage to build (the last one)")
    add("--build-arg", metavar="K=V", action="append", default=[], help="K alone: from outside")
    add("--platform", metavar="OS/ARCH", help="what is built for (this machine's)")
    named_context = f"a named context: a folder, or {_IMAGE}IMAGE"
    add("--build-context", metavar="NAME=DIR", action="append", default=[], help=named_context)
    add("--frontend", metavar="1.N", help=f"what reads a file without '# syntax' ({NEWEST})")
    add("--network", choices=("default", "none", "host"), default="default")
    add("--hash", choices=sorted(HEX_LENGTHS), default=DEFAULT, help=f"({DEFAULT})")
    add("--manifest", action="store_true", help="print all that the key covers, too")
    return parser


def _key(given: argparse.Namespace) -> str:
    context = given.context
    if not os.path.isdir(context):
        raise LayersError(f"--context {context}: expected a folder", hint=_folder_hint(context))
    args = _args(given.build_arg)
    path, text = _dockerfile(context, given.file)
    syntax = args.get("BUILDKIT_SYNTAX", "")
    file = parse(text, path, frontend=_frontend(given), syntax=syntax)
    request = Request(
        dockerfile=file,
        args=args,
        platform=given.platform or _own_platform(),
        network="" if given.network == "default" else given.network,
        contexts=dict(_context(text, given.hash) for text in given.build_context),
        algorithm=given.hash,
    )
    sources = _sources(context, None if given.file == "-" else path, given.hash)
    found = layers(request, sources, _resolve, given.target).values()
    *_, target = found
    if given.manifest:
        print(target.manifest.text(), end="")
    for name in dict.fromkeys(name for each in found for name in each.manifest.unpinned):
        print(f"{name} counts by its name: nothing says which one it is", file=sys.stderr)
    return str(target.key)


def _dockerfile(context: str, path: str | None) -> tuple[str, bytes]:
    """Its name and bytes; ``-`` is what comes in. Without a name it may be in small letters."""
    if path == "-":
        return path, sys.stdin.buffer.read()
    if path is None:
        path, small = (os.path.join(context, name) for name in ("Dockerfile", "dockerfile"))
        if not os.path.lexists(path) and os.path.isfile(small):
            path = small
    return path, load(path, path)


def _sources(folder: str, dockerfile: str | None, algorithm: str) -> Sources:
    cache = StatCache(None, folder, algorithm)
    return Sources(Tree(folder, read_ignore(folder, dockerfile), cache))


def _resolve(name: str, _platform: str) -> External:
    """An image outside, by its digest or else by its name."""
    if "@" in name:
        return External(f"digest {name.rpartition('@')[2]}")
    return External(f"{UNPINNED}{name}")


def _args(texts: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name:
            raise LayersError(f"--build-arg {text}: expected NAME=VALUE, or NAME alone")
        if equals:
            found[name] = value
        elif name in os.environ:  # as docker has it; a name that is not set counts as not given
            found[name] = os.environ[name]
    return found


def _frontend(given: argparse.Namespace) -> Frontend:
    if given.frontend is None:
        return NEWEST
    found = named(given.frontend)
    if found is None:
        raise LayersError(
            f"--frontend {given.frontend}: expected a version of the Dockerfile language",
            hint="such as 1.7 (Docker 26), 1.19 (Docker 28.5) or 1.20-labs",
        )
    return found


def _context(text: str, algorithm: str) -> tuple[str, Sources | External]:
    name, equals, place = text.partition("=")
    if not name or not equals or not place:
        raise LayersError(f"--build-context {text}: expected NAME=DIR or NAME={_IMAGE}IMAGE")
    if place.startswith(_IMAGE):
        return name, _resolve(place.removeprefix(_IMAGE), "")
    if place.startswith(_ELSEWHERE):
        raise LayersError(
            f"--build-context {text}: what is there cannot be hashed from here",
            hint=f"expected a folder, or {_IMAGE}IMAGE@sha256:…",
        )
    if not os.path.isdir(place):
        raise LayersError(f"--build-context {text}: {place} is not a folder")
    return name, _sources(place, None, algorithm)


def _own_platform() -> str:
    return arguments.platform(f"linux/{machine.machine() or 'amd64'}")


def _folder_hint(context: str) -> str:
    return "it is a file" if os.path.exists(context) else "there is nothing of that name"


if __name__ == "__main__":
    sys.exit(main())
