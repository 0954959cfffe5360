"""Mutations: one change of a world, with the name of its kind."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Collection
from dataclasses import replace
from random import Random

from tests.fuzz.draw import BASE, VALUES, Drawer, Stage
from tests.fuzz.drawtree import (
    FILE_MODES,
    FOLDER_MODES,
    NAMES,
    draw_file,
    draw_item,
    draw_pattern,
    join,
    link_text,
)
from tests.fuzz.world import Item, World

Mutation = Callable[[World, Random], "World | None"]


def mutate(world: World, rng: Random, kinds: Collection[str] = ()) -> tuple[str, World] | None:
    """Change one thing, sometimes two, of the given kinds or of any; None where none applies."""
    choices = [each for each in MUTATIONS if not kinds or each[0] in kinds]
    names: list[str] = []
    now = world
    for _ in range(100):
        if names and (len(names) == 2 or rng.random() < 0.88):
            break
        name, change = rng.choice(choices)
        new = change(now, rng)
        if new is not None and new.whole and new not in (now, world):
            names.append(name)
            now = new
    return ("+".join(names), now) if names else None


# -- the context -------------------------------------------------------------------------------


def _pick(world: World, rng: Random, *kinds: str) -> tuple[str, Item] | None:
    found = [(path, item) for path, item in world.context.items() if item.kind in kinds]
    return rng.choice(found) if found else None


def content(world: World, rng: Random, *, later: bool = True) -> World | None:
    """Other bytes."""
    picked = _pick(world, rng, "file")
    if picked is None or _is_ignore(picked[0]):
        return None
    path, item = picked
    if item.data:
        data = base64.b64encode(base64.b64decode(item.data) + bytes(512)).decode()
        return world.with_item(path, replace(item, data=data))
    if not item.text:
        return None
    text = item.text + "more\n" if later else item.text.replace(item.text[0], "Z", 1)
    return world.with_item(path, replace(item, text=text, mtime=item.mtime + 5 * later))


def same_stat(world: World, rng: Random) -> World | None:
    """Other bytes, same size, same modification time."""
    return content(world, rng, later=False)


def file_mode(world: World, rng: Random) -> World | None:
    """Another mode of a file."""
    picked = _pick(world, rng, "file")
    return picked and world.with_item(
        picked[0], replace(picked[1], mode=rng.choice((*FILE_MODES, 0o700, 0o640)))
    )


def folder_mode(world: World, rng: Random) -> World | None:
    """Another mode of a folder."""
    picked = _pick(world, rng, "dir")
    return picked and world.with_item(
        picked[0], replace(picked[1], mode=rng.choice((*FOLDER_MODES, 0o750)))
    )


def touch(world: World, rng: Random) -> World | None:
    """Another modification time."""
    picked = _pick(world, rng, "file", "dir", "link")
    return picked and world.with_item(
        picked[0], replace(picked[1], mtime=picked[1].mtime + rng.randint(1, 99))
    )


def xattr(world: World, rng: Random) -> World | None:
    """An extended attribute."""
    picked = _pick(world, rng, "file", "dir")
    return picked and world.with_item(picked[0], replace(picked[1], xattr=rng.choice(("", "w"))))


def rename(world: World, rng: Random) -> World | None:
    """Another name for an entry, with all below it."""
    picked = _pick(world, rng, "file", "dir", "link")
    if picked is None:
        return None
    path = picked[0]
    new = join(path.rpartition("/")[0], rng.choice((*NAMES, "renamed", "z.txt")))
    if new in world.context:
        return None
    moved = {
        new + each[len(path) :] if each == path or each.startswith(path + "/") else each: item
        for each, item in world.context.items()
    }
    return replace(world, context=moved)


def add(world: World, rng: Random) -> World | None:
    """A new entry."""
    folders = ["", *(path for path, item in world.context.items() if item.kind == "dir")]
    path = join(rng.choice(folders), rng.choice((*NAMES, "new.txt", "new.log")))
    if path in world.context or path == world.name:
        return None
    lot = rng.random()
    item = Item("dir", 0o755) if lot < 0.25 else draw_item(rng, path, dict(world.context))
    return world.with_item(path, item)


def remove(world: World, rng: Random) -> World | None:
    """One entry less, with all below it."""
    picked = _pick(world, rng, "file", "dir", "link", "fifo")
    if picked is None or world.name.startswith(picked[0] + "/"):
        return None
    return world.with_item(picked[0], None)


def retarget(world: World, rng: Random) -> World | None:
    """A link leads elsewhere, or becomes a file."""
    picked = _pick(world, rng, "link")
    if picked is None:
        return None
    path = picked[0]
    if rng.random() < 0.15:
        return world.with_item(path, draw_file(rng))
    text = link_text(rng, path, list(world.context))
    return world.with_item(path, Item("link", 0o777, text))


def _is_ignore(path: str) -> bool:
    return path.endswith(".dockerignore")


def ignore(world: World, rng: Random) -> World | None:
    """A line of an ignore file comes, goes or moves; or the whole file does."""
    found = [path for path in world.context if _is_ignore(path)]
    if not found or rng.random() < 0.08:
        text = draw_pattern(rng, dict(world.context)) + "\n"
        return world.with_item(".dockerignore", Item("file", text=text))
    path = rng.choice(found)
    if rng.random() < 0.08:
        return world.with_item(path, None)
    lines = world.context[path].text.splitlines()
    lot, at = rng.random(), rng.randint(0, len(lines))
    if lot < 0.45:
        lines.insert(at, draw_pattern(rng, dict(world.context)))
    elif lot < 0.6:
        lines.insert(at, rng.choice(("# note", "")))
    elif lot < 0.8 and lines:
        del lines[at % len(lines)]
    else:
        rng.shuffle(lines)
    text = "".join(line + "\n" for line in lines)
    return world.with_item(path, replace(world.context[path], text=text))


# -- the command line ----------------------------------------------------------------------------


def argument(world: World, rng: Random) -> World | None:
    """A build argument is given, changed or taken back; used or not."""
    args = dict(world.args)
    name = rng.choice(("V", "D", "W", "G", "HTTP_PROXY", "TARGETARCH", "UNUSED", "no_proxy"))
    if name in args and rng.random() < 0.4:
        del args[name]
    else:
        args[name] = rng.choice(VALUES)
    return replace(world, args=args)


def target(world: World, rng: Random) -> World | None:
    """Another stage is asked for."""
    names = [match[1] for match in map(_FROM.match, world.chunks) if match and match[1]]
    return replace(world, target=rng.choice(["", *names, *(n.upper() for n in names)]))


_FROM = re.compile(r"(?i)from\s+\S+(?:\s+as\s+(\S+))?")

# -- the Dockerfile -------------------------------------------------------------------------------


def _body(world: World) -> list[int]:
    """Chunks that are instructions of stages."""
    start = next((i for i, chunk in enumerate(world.chunks) if _FROM.match(chunk)), 0)
    return [
        i
        for i, chunk in enumerate(world.chunks)
        if i > start and not _FROM.match(chunk) and chunk and not chunk.startswith("#")
    ]


def _with(world: World, at: int, *chunks: str, drop: int = 0) -> World:
    found = list(world.chunks)
    found[at : at + drop] = chunks
    return replace(world, chunks=tuple(found))


def _drawer(world: World, rng: Random) -> Drawer:
    escape = "`" if world.chunks[:1] == ("# escape=`",) else "\\"
    return Drawer(rng, world.context, escape=escape)


def comment(world: World, rng: Random) -> World | None:
    """A comment or a blank line."""
    at = rng.randint(1, len(world.chunks))
    return _with(world, at, rng.choice(("# a note", "", "   ", "#escape=x", "  # in")))


def whitespace(world: World, rng: Random) -> World | None:
    """Indentation, gaps, trailing blanks, the case of a keyword."""
    body = _body(world)
    if not body:
        return None
    at = rng.choice(body)
    chunk = world.chunks[at]
    if "\n" in chunk:
        return None
    word, _, rest = chunk.partition(" ")
    forms = [f"  {chunk}", f"{chunk}  ", f"{word}   {rest}", f"{word.lower()} {rest}", f"\t{chunk}"]
    return _with(world, at, rng.choice(forms), drop=1)


SWAPS = (
    *((" true", " true "), ("true", "true  x"), ("echo", "echo  "), ("/x", "/xx"), ("=1", "=2")),
    *(("V", "W"), ("--chmod=755", "--chmod=0755"), ("id=x", "id=y"), ("id=s", "id=t")),
    *(("target=/m", "target=/m2"), ("/w", "/w/"), ("text", "other"), ("EOF", "EOM"), ("1", "3")),
    *(("source=", "src="), ("bind,", "bind,ro,"), ("COPY", "ADD"), ("/ ", "/./ "), (" ", "  ")),
    *(("locked", "shared"), ("${V:-v}", "$V"), ("root", "0"), ("a", "b"), ("/", "//")),
    ("COPY", "COPY --link"),
)


def inside(world: World, rng: Random) -> World | None:
    """An instruction's text: one word more, a blank more, another value."""
    body = _body(world)
    if not body:
        return None
    at = rng.choice(body)
    chunk = world.chunks[at]
    old, new = rng.choice(SWAPS)
    if old not in chunk or "NONCE" in chunk:
        return None
    count = -1 if old == "EOF" else 1
    return _with(world, at, chunk.replace(old, new, count), drop=1)


def instruction(world: World, rng: Random) -> World | None:
    """An instruction comes, goes, moves, or another takes its place."""
    body = [at for at in _body(world) if "NONCE" not in world.chunks[at]]
    if not body:
        return None
    at, lot = rng.choice(body), rng.random()
    if lot < 0.3:
        return _with(world, at, drop=1)
    if lot < 0.5 and at + 1 in body:
        return _with(world, at, world.chunks[at + 1], world.chunks[at], drop=2)
    drawn = _drawer(world, rng).instruction(_stage(world, at))
    return _with(world, at, drawn, drop=int(lot < 0.75))


def _stage(world: World, at: int) -> Stage:
    names: list[tuple[str, bool]] = []
    shells: dict[str, bool] = {}
    for chunk in world.chunks[:at]:
        match = _FROM.match(chunk)
        if match:
            base = chunk.split()[1]
            shell = shells.get(base.lower(), "scratch" not in base or "BASE" in base)
            shells[(match[1] or "").lower()] = shell
            names.append((match[1] or "", shell))
    return Stage(len(names) - 1, names[-1][1], tuple(each for each in names[:-1] if each[0]))


def default(world: World, rng: Random) -> World | None:
    """Another default of an ARG."""
    found = [at for at, chunk in enumerate(world.chunks) if re.match(r"ARG [VWDG]\b", chunk)]
    if not found:
        return None
    at = rng.choice(found)
    name = world.chunks[at].split()[1].partition("=")[0]
    value = rng.choice(("", "=1", "=2", "=dir", "=", "=sub", "='1'"))
    return _with(world, at, f"ARG {name}{value}", drop=1)


def unused_stage(world: World, rng: Random) -> World | None:
    """A stage that nobody needs, at the front, in the middle, or at the end with a target set."""
    heads = [at for at, chunk in enumerate(world.chunks) if _FROM.match(chunk)]
    stage = (f"FROM {rng.choice((BASE, 'scratch'))} AS unused", "COPY . /unused/", "ENV U=1")
    if world.target and rng.random() < 0.5:
        return _with(world, len(world.chunks), *stage)
    return _with(world, rng.choice(heads), *stage)


def new_name(world: World, rng: Random) -> World | None:
    """A stage and all that speak of it are named anew."""
    names = [match[1] for match in map(_FROM.match, world.chunks) if match and match[1]]
    if not names:
        return None
    name = rng.choice(names)
    pattern = re.compile(rf"(?i)(?<![\w./-]){re.escape(name)}(?![\w./-])")
    chunks = tuple(pattern.sub("other", chunk) for chunk in world.chunks)
    same = world.target.lower() == name.lower()
    return replace(world, chunks=chunks, target="other" if same else world.target)


def bytes_only(world: World, rng: Random) -> World | None:
    """A byte order mark, line ends, the last newline."""
    lot = rng.random()
    if lot < 0.3:
        return replace(world, bom=not world.bom)
    if lot < 0.6 and not any("<<" in chunk or "\n" in chunk for chunk in world.chunks):
        return replace(world, crlf=not world.crlf)
    return replace(world, ends=not world.ends)


_WEIGHTS: tuple[tuple[int, Mutation], ...] = (
    *((8, content), (6, same_stat), (5, file_mode), (4, folder_mode), (4, touch), (2, xattr)),
    *((7, rename), (8, add), (7, remove), (6, retarget), (10, ignore), (8, argument), (3, target)),
    *((4, comment), (4, whitespace), (9, inside), (9, instruction), (5, default)),
    *((3, unused_stage), (2, new_name), (2, bytes_only)),
)
MUTATIONS = tuple((each.__name__, each) for weight, each in _WEIGHTS for _ in range(weight))
