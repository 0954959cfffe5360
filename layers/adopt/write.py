"""Writing: a proposal as the text of ``images.toml`` and ``dodo.py``."""

from __future__ import annotations

import json
import os
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence

from layers.adopt.proposal import Proposal, Proposed, lacks
from layers.adopt.sources.options import Options
from layers.config.sandbox import Sandbox
from layers.runtime.files import write_whole

DODO = '''"""The images of this repository as doit tasks; ``doit list`` shows them."""

from layers.tasks import DOIT_CONFIG, task_layers

__all__ = ["DOIT_CONFIG", "task_layers"]
'''
IGNORED = ".layers/"
_LONG = 96


def as_toml(proposal: Proposal) -> str:
    """The whole of ``images.toml``."""
    head = [
        "# Written by `doit init`; from here on it is yours.  Keys: `doit help images.toml`.",
        "version = 1",
        "",
        "[project]",
        f"name = {_text(proposal.project)}",
        '# registry = "registry.example.com/team"  # images travel through it, under their keys',
        "",
    ]
    return "\n".join([*head, *_body(proposal), *_not_read(proposal)]).rstrip("\n") + "\n"


def as_tables(proposal: Proposal, *, upstream: bool = True) -> str:
    """The tables alone, to stand behind an ``images.toml`` that is there."""
    return "\n".join(_body(proposal, upstream=upstream)).rstrip("\n") + "\n"


def _body(proposal: Proposal, *, upstream: bool = True) -> Iterator[str]:
    for table in dict.fromkeys(each.table for each in proposal.images):
        members = [each for each in proposal.images if each.table == table]
        yield from _family(members) if members[0].variant else _single(members[0])
        yield ""
    for image in proposal.lacking:
        yield from _waiting(image)
        yield ""
    for stack in proposal.stacks:
        yield f"[stacks.{_key(stack.name)}]"
        yield f"compose = {_list(stack.files)}"
        yield ""
    for name, source in proposal.secrets.items():
        yield f"[secrets.{_key(name)}]"
        yield from (f"{_key(key)} = {_text(value)}" for key, value in source.items())
        yield ""
    if proposal.upstream and upstream:
        yield "[upstream]"
        for each in proposal.upstream:
            yield f"{_text(each.name)} = {_text(each.instead)}  # {_comment(each.why)}"
        yield ""


def _single(image: Proposed) -> Iterator[str]:
    yield from _comments(image)
    yield f"[images.{_key(image.table)}]"
    yield from _place(image)
    yield from _own(image, f"images.{_key(image.table)}")


def _waiting(image: Proposed) -> Iterator[str]:
    """A table that somebody has to complete, as a comment."""
    assert image.lacking is not None
    yield f"# left out: {image.dockerfile}:{image.lacking.line}: {_comment(lacks(image.lacking))}."
    yield '# Give it between the "", and take "# " away from the lines that follow:'
    table = f"images.{_key(image.name)}"
    for line in (f"[{table}]", *_place(image), *_own(image, table)):
        yield from (f"# {each}".rstrip() for each in line.split("\n"))


def _family(images: Sequence[Proposed]) -> Iterator[str]:
    """Variants of one table: what they share stands there, the rest with each."""
    first = images[0]
    target = first.target if len({each.target for each in images}) == 1 else None
    stages = first.push_stages if len({each.push_stages for each in images}) == 1 else ()
    shared = {
        key: value
        for key, value in first.args.items()
        if all(each.args.get(key) == value for each in images)
    }
    table = f"images.{_key(first.table)}"
    yield f"[{table}]"
    yield from _place(first)
    yield from _keys(target=target, stages=stages)
    if shared:
        yield f"args = {_inline(shared)}"
    for image in images:
        yield ""
        yield from _comments(image)
        own = f"{table}.variants.{_key(image.variant)}"
        yield f"[{own}]"
        yield from _tag(image)
        yield from _keys(
            target=image.target if image.target != target else None,
            stages=image.push_stages if image.push_stages != stages else (),
            push=False,
        )
        args = {key: value for key, value in image.args.items() if key not in shared}
        if args:
            yield f"args = {_inline(args)}"
        yield from _tables(image, own)


def _place(image: Proposed) -> Iterator[str]:
    yield f"context = {_text(image.context)}"
    path = posixpath.relpath(image.dockerfile, image.context)
    if path != "Dockerfile":
        yield f"dockerfile = {_text(path)}"


def _own(image: Proposed, table: str) -> Iterator[str]:
    yield from _tag(image)
    yield from _keys(target=image.target, stages=image.push_stages)
    if image.args:
        yield f"args = {_inline(image.args)}"
    yield from _tables(image, table)


def _tag(image: Proposed) -> Iterator[str]:
    if image.tag:
        yield f"tag = {_text(image.tag)}"


def _keys(*, target: str | None, stages: Sequence[str], push: bool = True) -> Iterator[str]:
    if target:
        yield f"target = {_text(target)}"
    if push:
        yield "push = true"
    if stages:
        yield f"push_stages = {_list(stages)}"


def _tables(image: Proposed, table: str) -> Iterator[str]:
    if image.secrets:
        yield f"secrets = {_list(image.secrets)}"
    if image.network:
        yield f"network = {_text(image.network)}"
    yield from _sandbox(image.sandbox)
    yield from _options(image.options)
    if image.contexts:
        yield f"contexts = {_inline(image.contexts)}"
    for each in image.require:
        yield ""
        yield f"[[{table}.require]]"
        yield f"path = {_text(each.path)}"
        yield f"message = {_text(each.message)}"


def _sandbox(sandbox: Sandbox) -> Iterator[str]:
    if sandbox.add_hosts:
        pairs = (each.partition(":") for each in sandbox.add_hosts)
        yield f"add_hosts = {_inline({name: at for name, _, at in pairs})}"
    if sandbox.shm_size:
        yield f"shm_size = {_text(_size(sandbox.shm_size))}"
    if sandbox.ulimits:
        pairs = (each.partition("=") for each in sandbox.ulimits)
        yield f"ulimits = {_inline({name: limits for name, _, limits in pairs})}"
    if sandbox.cgroup_parent:
        yield f"cgroup_parent = {_text(sandbox.cgroup_parent)}"


def _size(count: int) -> str:
    """Bytes in the largest unit of 1,024s that divides them."""
    units = ["B", "KiB", "MiB", "GiB"]
    while count % 1024 == 0 and len(units) > 1:
        count //= 1024
        units.pop(0)
    return f"{count} {units[0]}"


def _options(options: Options) -> Iterator[str]:
    if options.platform:
        yield f"platform = {_text(options.platform)}"
    if options.ssh:
        yield f"ssh = {_list(options.ssh)}"
    for key, table in (("labels", options.labels), ("annotations", options.annotations)):
        yield from (f"{key}.{_key(name)} = {_text(value)}" for name, value in table.items())


def _comments(image: Proposed) -> Iterator[str]:
    if image.said:
        yield f"# {_comment(', '.join(image.said[:3]))}"
    else:
        yield f"# guessed: no file says how {_comment(image.dockerfile)} is built"
    for note in image.notes:
        yield f"# {_comment(note)}"


def _not_read(proposal: Proposal) -> Iterator[str]:
    """What could not be read, where somebody will look for it."""
    for fault in proposal.faults:
        where = fault.file or ""
        place = f"{where}:{fault.line}" if where and fault.line else where
        words = fault.message.partition("\n")[0]
        yield f"# not read: {_comment(f'{place}: {words}' if place else words)}"


def _comment(text: str) -> str:
    return " ".join(text.split()).encode("utf-8", "replace").decode()


def _key(text: str) -> str:
    plain = text and all(each.isascii() and (each.isalnum() or each in "_-") for each in text)
    return text if plain else _text(text)


def _text(text: str) -> str:
    # JSON's escapes are TOML's, but for DEL, which TOML wants escaped and JSON does not.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _list(texts: Iterable[str]) -> str:
    words = [_text(each) for each in texts]
    line = f"[{', '.join(words)}]"
    return line if len(line) <= _LONG else "[\n" + "".join(f"    {each},\n" for each in words) + "]"


def _inline(table: Mapping[str, str]) -> str:
    return "{ " + ", ".join(f"{_key(key)} = {_text(each)}" for key, each in table.items()) + " }"


def write_new(path: str, text: str) -> bool:
    """Write a file that is not there yet; False where there is one, or anything of that name."""
    if os.path.lexists(path):
        return False
    write_whole(path, text.encode())
    return True
