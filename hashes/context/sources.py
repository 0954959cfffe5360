"""Sources: everything that BuildKit reads for one COPY, ADD or bind mount from a context."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import chain
from typing import NamedTuple

from hashes.context.exclude import start, without
from hashes.context.gopath import BadPattern, glob, has_wildcard, inside
from hashes.context.gopatterns import Pattern, Patterns
from hashes.context.ignore import Ignore
from hashes.context.input import Input, ordered, walk_order
from hashes.context.tree import Node, Tree
from hashes.errors import ContextError, IgnoreError

MOST_LINKS = 255
"""How many links BuildKit follows for one source."""

IGNORE_HINT = "add '!{path}' behind that line to have it in the context"


class Found(NamedTuple):
    """One match of a source."""

    name: str
    """The last part of its name."""
    node: Node | None
    """What is behind every link; None: the context's root."""
    pattern_met_link: bool = False


class Sources:
    """Answers what a source names, as BuildKit resolves it (cache/contenthash, fsutil)."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._whole: tuple[Input, ...] | None = None
        self.followed = False
        """Whether any source so far led through a link, and so to a path that it does not name."""

    def everything(self) -> tuple[Input, ...]:
        """Give the whole context; its root's own mode does not count."""
        if self._whole is None:
            self._whole = ordered(self._tree.inputs(self._tree.below("")))
        return self._whole

    def mount(self, source: str = "") -> tuple[Input, ...]:
        """Give what ``RUN --mount=type=bind,source=…`` shows; keyed like a COPY without wildcards.

        Errors: ContextError when the source is not there.
        """
        return ordered(self._literal(inside(source), source))

    def copy(
        self, source: str, *, exclude: tuple[str, ...] = (), parents: bool = False
    ) -> tuple[Input, ...]:
        """Give what ``COPY source`` reads, sorted by path.

        A pattern without a match gives one "absent" input. Errors: ContextError when a source
        without wildcards is not there, a link leads nowhere, or a pattern is malformed.
        """
        if parents:
            found = self._with_parents(source)
        else:
            path = inside(source)
            if has_wildcard(path):
                found = self._glob(path, source)
            elif path == "" and not exclude:
                return self.everything()
            else:
                found = self._literal(path, source)
        if exclude:
            found = without(found, start(source, parents), exclude)
        return ordered(found)

    @property
    def tree(self) -> Tree:
        """The context itself."""
        return self._tree

    def matches(self, source: str) -> list[Found]:
        """What a source names, one after the other as BuildKit copies it.  Errors: as `copy`."""
        path = inside(source)
        if not has_wildcard(path):
            name = path.rpartition("/")[2]
            return [Found(name, self.resolve(path, source) if path else None)]
        parts = path.split("/")
        first = next(i for i, part in enumerate(parts) if has_wildcard(part))
        prefix = "/".join(parts[:first])
        base = self.resolve(prefix, source) if prefix else None
        try:
            found = self._matches(base.path if base else "", "/".join(parts[first:]))
        except BadPattern as error:
            raise ContextError(f"{source!r}: syntax error in pattern") from error
        found.sort(key=lambda node: walk_order(node.path))
        return [
            Found(
                node.name, self.resolve(node.path, source) if node.is_link else node, node.is_link
            )
            for node in found
        ]

    def resolve(self, path: str, source: str) -> Node | None:
        """Follow every link of a clean path inside the context; None is the context's root.

        Errors: ContextError when it leads nowhere. Link texts are cleaned before they are followed
        (fsutil followlinks.go), so "gone/../a" is "a".
        """
        links = 0
        rest, at = path, ""
        node: Node | None = None
        while rest:
            part, _, rest = rest.partition("/")
            node = self._tree.node(f"{at}/{part}" if at else part)
            if node is None:
                raise self._missing(f"{at}/{part}".lstrip("/"), path, source)
            if node.is_link:
                links += 1
                self.followed = True
                if links > MOST_LINKS:
                    raise ContextError(f"{source!r}: too many links, they go round in a circle")
                text = self._tree.link(node.path)
                target = inside(text if text.startswith("/") else f"{at}/{text}")
                rest = "/".join(filter(None, (target, rest)))
                node, at = None, ""
            else:
                at = node.path
        return node

    def _literal(self, path: str, source: str) -> list[Input]:
        """Read one path; what a link leads to counts under the link's own name."""
        node = self.resolve(path, source) if path else None
        if node is None:
            return [item._replace(path=_join(path, item.path)) for item in self.everything()]
        return self._renamed(node, path)

    def _renamed(self, node: Node, path: str) -> list[Input]:
        below = self._tree.below(node.path) if node.is_dir else ()
        found = self._tree.inputs(chain((node,), below))
        if node.path == path:
            return found
        cut = len(node.path)
        return [item._replace(path=path + item.path[cut:]) for item in found]

    def _glob(self, path: str, source: str) -> list[Input]:
        parts = path.split("/")
        first = next(i for i, part in enumerate(parts) if has_wildcard(part))
        prefix, pattern = "/".join(parts[:first]), "/".join(parts[first:])
        try:
            glob(pattern)
            _ = Pattern(path).regex  # the sender's matcher must take it, too
        except BadPattern as error:
            raise ContextError(f"{source!r}: syntax error in pattern") from error
        base = self.resolve(prefix, source) if prefix else None
        root = base.path if base else ""
        found: list[Input] = []
        for node in self._matches(root, pattern):
            relative = node.path[len(root) :].lstrip("/")
            spelled = _join(prefix, relative)
            if node.is_link:
                found += self._literal_link(node, spelled, source)
            else:
                inputs = self._renamed(node, spelled)
                found += inputs
                for item in inputs:
                    if item.kind == "link":
                        # a glob follows even the links below what it matches, for the key
                        real = self._tree.node(_join(root, item.path[len(prefix) :].lstrip("/")))
                        if real is not None:
                            found += self._literal_link(real, item.path, source)
        if not found and self._holds_links(root):
            self.followed = True  # BuildKit follows even those that are left out of the context
        return found or [Input(path, "absent", 0, "")]

    def _holds_links(self, folder: str) -> bool:
        try:
            with os.scandir(os.path.join(self._tree.root, folder)) as listing:
                return any(entry.is_symlink() for entry in listing)
        except OSError:  # a file
            return False

    def _literal_link(self, node: Node, spelled: str, source: str) -> list[Input]:
        target = self.resolve(node.path, source)
        if target is None:
            return [item._replace(path=_join(spelled, item.path)) for item in self.everything()]
        return self._renamed(target, spelled)

    def _matches(self, root: str, pattern: str) -> list[Node]:
        """Match below a directory as `filepath.Match` does; a match is not searched further."""
        whole = glob(pattern)
        parts = pattern.split("/")
        classes = pattern.count("[")
        if not classes:
            deepest, steps = len(parts), [glob(part) for part in parts]
        else:  # a class may match a slash
            deepest, steps = len(parts) + classes, []
        found: list[Node] = []
        todo = [("", 1)]
        while todo:
            at, depth = todo.pop()
            for node in self._tree.nodes(_join(root, at)):
                relative = _join(at, node.name)
                if whole.match(relative):
                    found.append(node)
                elif (
                    depth < deepest
                    and (not steps or steps[depth - 1].match(node.name))
                    and node.is_dir
                ):
                    todo.append((relative, depth + 1))
        return found

    def _with_parents(self, source: str) -> list[Input]:
        """Read a ``--parents`` source: patterns with ``**`` from the root, or from a ``/./``.

        By its documentation and dockerfile2llb; where that leaves a doubt, more input.
        """
        head, pivot, tail = source.partition("/./")
        base, pattern = (inside(head), inside(tail)) if pivot else ("", inside(source))
        if has_wildcard(base):
            base, pattern = "", inside(source)
        if not pattern:
            return self._literal(base, source)
        try:
            wanted = Ignore("", Patterns([Pattern(pattern)]))
            start = self.resolve(base, source) if base else None
            root = start.path if start else ""
            nodes = {node.path[len(root) :].lstrip("/"): node for node in self._tree.below(root)}
            chosen = {path for path in nodes if wanted.matches(path)}
        except (BadPattern, IgnoreError) as error:
            raise ContextError(f"{source!r}: syntax error in pattern") from error
        for path in list(chosen):
            at = path.rpartition("/")[0]
            while at and at not in chosen:
                chosen.add(at)
                at = at.rpartition("/")[0]
        found = [
            item._replace(path=_join(base, item.path[len(root) :].lstrip("/")))
            for item in self._tree.inputs(nodes[path] for path in chosen)
        ]
        return self._plus_links(found, [nodes[path] for path in chosen], source) or [
            Input(_join(base, pattern), "absent", 0, "")
        ]

    def _plus_links(self, found: list[Input], nodes: Iterable[Node], source: str) -> list[Input]:
        for node in nodes:
            if node.is_link:
                try:
                    found += self._literal_link(node, node.path, source)
                except ContextError:
                    continue  # its text counts anyhow
        return found

    def _missing(self, gone: str, path: str, source: str) -> ContextError:
        line = self._tree.ignore.excluded_by(gone)
        reached = f" (it leads to {gone!r})" if gone != path else ""
        message = f"{source!r} is not in the build context{reached}"
        if line is not None and os.path.lexists(os.path.join(self._tree.root, gone)):
            message += f": {self._tree.ignore.path}:{line} excludes it"
            return ContextError(message, hint=IGNORE_HINT.format(path=gone))
        import difflib

        folder, _, name = gone.rpartition("/")
        node = self._tree.node(folder) if folder else None
        there = not folder or (node is not None and node.is_dir)
        siblings = list(self._tree.folder(folder).entries) if there else []
        near = difflib.get_close_matches(name, siblings, 1)
        hint = f"did you mean {_join(folder, near[0])!r}?" if near else ""
        return ContextError(message, hint=hint, gone=gone)


def _join(head: str, tail: str) -> str:
    return f"{head}/{tail}" if head and tail else head or tail
