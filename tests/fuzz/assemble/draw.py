"""Drawing: bases with links, odd modes, users and whiteouts; contexts; Dockerfiles upon them."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from tests.fuzz.assemble.case import BASE, Case, Member

FOLDERS = ("a", "b", "srv", "opt", "d.d", "x y", "ünï")
NAMES = ("f", "g", "h.txt", "i.txt", "x", "Ж", "run.sh", "passwd")
FILE_MODES = (0o644, 0o644, 0o755, 0o600, 0o664, 0o4755, 0o2755, 0o000)
FOLDER_MODES = (0o755, 0o755, 0o755, 0o700, 0o775, 0o1777, 0o750, 0o2775)
OWNERS = ((0, 0), (0, 0), (1000, 1000), (5, 60), (123456, 7))
PASSWD = (
    "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:,,,:/home/app:/bin/sh\n# no\nbin:x:2:2::/:\n"
)
GROUP = "root:x:0:\nstaff:x:50:app\napp:x:1001:\n"
TIMES = (1_750_000_000, 1_760_000_000, 1_770_000_001)


def draw(seed: int, number: int, *, exclude: bool = False) -> Case:
    """The case of a number; the same for the same values.

    ``exclude``: the engine knows ``--exclude``.
    """
    rng = Random(f"{seed}/{number}")
    base = _Base(rng)
    layers = [base.first(), *(base.more() for _ in range(rng.randint(0, 3)))]
    context = _context(rng)
    packing = tuple(rng.choice(("gzip", "zstd", "plain")) for _ in layers)
    lines = _Lines(rng, base, context, exclude).draw()
    ignore = rng.choice(("", "", "", "*.txt\n", "a\n!a/x\n", "**/g\n"))
    name = f"{seed}-{number}"
    return Case(
        name, tuple(map(tuple, layers)), packing, _config(rng), tuple(context), lines, ignore
    )


class _Base:
    """Layers, and what of them is there in the end."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.there: dict[str, str] = {"": "dir"}
        self.dropped: dict[str, None] = {}
        """What a layer took away."""
        self.own: set[str] = set()
        """Files of the layer that is drawn now: no engine unpacks a link to one of another."""

    def first(self) -> list[Member]:
        rng, found = self.rng, [self._put(Member("etc", "dir", 0o755))]
        for name, text in (("passwd", PASSWD), ("group", GROUP)):
            if rng.random() < 0.93:
                found.append(self._put(Member(f"etc/{name}", "file", 0o644, text)))
        return [*found, *(each for _ in range(rng.randint(4, 14)) for each in self._entry())]

    def more(self) -> list[Member]:
        rng, found = self.rng, []
        self.own.clear()
        for _ in range(rng.randint(1, 6)):
            lot = rng.random()
            old = [path for path in self.there if path and not path.startswith("etc")]
            old = old if rng.random() < 0.95 else [path for path in self.there if path]
            if lot < 0.3 and old:
                path = rng.choice(old)
                self._drop(path)
                self.dropped[path] = None
                found.append(Member(path, "gone"))
            elif lot < 0.4 and (folders := [each for each in old if self.there[each] == "dir"]):
                path = rng.choice(folders)
                self._drop(path, itself=False)
                found.append(Member(path, "opaque"))
            else:
                found += self._entry()
        return self._settled(found)

    def _settled(self, found: list[Member]) -> list[Member]:
        """Whiteouts first, each path once, and nothing below what this layer took away."""
        last = {each.path: each for each in found if each.kind not in ("gone", "opaque")}
        gone = {each.path: each for each in found if each.kind == "gone" and each.path not in last}
        empty = {
            f"{each.path}/": each
            for each in found
            if each.kind == "opaque" and self.there.get(each.path) == "dir"
        }
        kept = {path: each for path, each in last.items() if self.there.get(path) == _kind(each)}
        marks = [each for each in (*gone.values(), *empty.values()) if self._stands(each.path)]
        order = sorted(kept.values(), key=lambda each: each.path.split("/"))
        return [*marks, *(each for each in order if each.kind != "hard"), *_hard(order, self.there)]

    def _stands(self, path: str) -> bool:
        folder = path.rpartition("/")[0]
        return self.there.get(folder) == "dir"

    def _entry(self) -> list[Member]:
        rng = self.rng
        folder = rng.choice([path for path, kind in self.there.items() if kind == "dir"])
        if folder.count("/") > 2:
            folder = ""
        lot = rng.random()
        name = rng.choice(FOLDERS if lot < 0.55 else NAMES)
        path = f"{folder}/{name}" if folder else name
        if path in self.there and (self.there[path] == "dir" or path.startswith("etc")):
            return []
        uid, gid = rng.choice(OWNERS)
        if lot < 0.4:
            return [self._put(Member(path, "dir", rng.choice(FOLDER_MODES), "", uid, gid))]
        if lot < 0.7:
            return [self._put(Member(path, "link", 0o777, self._target(path), uid, gid))]
        files = [each for each in self.own if self.there.get(each) == "file" and each != path]
        if lot < 0.78 and files:
            return [self._put(Member(path, "hard", 0o644, rng.choice(files)))]
        text = rng.choice(("", "base\n", "other\n" * 9))
        mode, able = rng.choice(FILE_MODES), rng.random() < 0.1
        return [self._put(Member(path, "file", mode, text, uid, gid, able))]

    def _target(self, path: str) -> str:
        rng = self.rng
        to = rng.choice([*self.there, *FOLDERS, "nowhere/at/all", path])
        if rng.random() < 0.6:
            to = rng.choice([each for each, kind in self.there.items() if kind == "dir"])
        up = "../" * path.count("/")
        return (
            rng.choice((f"/{to}", f"{up}{to}", f"/{to}", f"./{up}{to}", f"../../..{'/' + to}"))
            or "."
        )

    def _put(self, member: Member) -> Member:
        self._drop(member.path)
        if member.kind == "file":
            self.own.add(member.path)
        self.there[member.path] = _kind(member)
        return member

    def _drop(self, path: str, *, itself: bool = True) -> None:
        for each in [each for each in self.there if each.startswith(f"{path}/")]:
            del self.there[each]
            self.own.discard(each)
        if itself:
            self.there.pop(path, None)
            self.own.discard(path)


def _kind(member: Member) -> str:
    return "file" if member.kind == "hard" else member.kind


def _hard(order: list[Member], there: dict[str, str]) -> list[Member]:
    links = [each for each in order if each.kind == "hard" and there.get(each.text) == "file"]
    names = {each.path for each in links}
    return [each for each in links if each.text not in names]


def _context(rng: Random) -> list[Member]:
    found: dict[str, Member] = {}
    folders = [""]
    for _ in range(rng.randint(3, 14)):
        folder, lot = rng.choice(folders), rng.random()
        name = rng.choice(FOLDERS if lot < 0.4 else NAMES)
        path = f"{folder}/{name}" if folder else name
        if path in found or path.count("/") > 3:
            continue
        mtime = rng.choice(TIMES)
        files = [each.path for each in found.values() if each.kind == "file"]
        if lot < 0.35:
            found[path] = Member(path, "dir", rng.choice(FOLDER_MODES), mtime=mtime)
            folders.append(path)
        elif lot < 0.47:
            to = rng.choice([*found, "gone", "/a/f", "."]) if found else "gone"
            text = to if to[:1] in "/." else "../" * path.count("/") + to
            found[path] = Member(path, "link", 0o777, text, mtime=mtime)
        elif lot < 0.55 and files:
            found[path] = Member(path, "hard", 0o644, rng.choice(files), mtime=mtime)
        elif lot < 0.57:
            found[path] = Member(path, "fifo", 0o640, mtime=mtime)
        else:
            text = rng.choice(("", "one\n", "two two\n", "app:x:77:78::/:\n", "long line\n" * 400))
            mode, able = rng.choice(FILE_MODES), rng.random() < 0.08
            found[path] = Member(path, "file", mode, text, capability=able, mtime=mtime)
    if not any(each.kind == "file" for each in found.values()):
        found["f"] = Member("f", "file", 0o644, "one\n")
    return list(found.values())


def _config(rng: Random) -> dict[str, Any]:
    inner: dict[str, Any] = {}
    options: dict[str, tuple[Any, ...]] = {
        "Env": (["PATH=/bin", "D=/srv"], ["D=a"], ["A=1", "B=$A", "D=/x y/z"]),
        "WorkingDir": ("/", "/srv", "/a/b", "/opt"),
        "User": ("app", "1000", "app:staff", "5:60"),
        "Cmd": (["sh"], ["a", "b"]),
        "Entrypoint": (["/entry", "x"],),
        "Labels": ({"l": "base", "m": ""},),
        "ExposedPorts": ({"80/tcp": {}},),
        "Volumes": ({"/srv/data": {}},),
        "StopSignal": ("SIGINT",),
        "Shell": (["/bin/sh", "-ec"],),
        "Healthcheck": ({"Test": ["CMD", "true"], "Interval": 3_000_000_000},),
        "OnBuild": (["ENV T=1", "LABEL t=$T"], ["WORKDIR w"], ["COPY f /on/"]),
        "Hostname": ("dropped",),
        "ArgsEscaped": (True,),
    }
    for name, values in options.items():
        if rng.random() < 0.25:
            inner[name] = rng.choice(values)
    top = {"author": "them"} if rng.random() < 0.2 else {}
    return {
        "os": "linux",
        "architecture": "amd64",
        "created": "2026-01-01T00:00:00Z",
        **top,
        "config": inner,
    }


class _Lines:
    """A Dockerfile."""

    def __init__(self, rng: Random, base: _Base, context: list[Member], exclude: bool) -> None:
        self.rng, self.base, self.context, self.exclude = rng, base, context, exclude

    def draw(self) -> tuple[str, ...]:
        rng = self.rng
        lines = [f"FROM {BASE}{' AS one' if rng.random() < 0.4 else ''}"]
        lines += [self._line() for _ in range(rng.randint(1, 6))]
        if lines[0].endswith(" AS one") and rng.random() < 0.7:
            lines += ["FROM one", *(self._line() for _ in range(rng.randint(1, 4)))]
        return tuple(lines)

    def _line(self) -> str:
        rng = self.rng
        lot = rng.random()
        if lot < 0.58:
            return self._copy(rng.choice(("COPY", "COPY", "COPY", "ADD")))
        if lot < 0.7:
            to = rng.choice((self._path(), self._path(), "rel", "$D/w", "new/deep", ".."))
            return f"WORKDIR {to}"
        if lot < 0.75:
            return f"USER {self._user()}"
        return rng.choice(SETTINGS)

    def _user(self) -> str:
        lot = (
            "app",
            "1000",
            "app:staff",
            "5:60",
            "root",
            "0",
            "bin",
            "app:7",
            "2:root",
            "who",
            "root:root",
        )
        return self.rng.choice(lot)

    def _path(self) -> str:
        """Somewhere in the image."""
        rng, there = self.rng, self.base.there
        known = [path for path in there if path and " " not in path and there[path] != "file"]
        lot = rng.random()
        if lot < 0.15:
            known = [path for path in there if path and " " not in path]
        elif lot < 0.5:
            known = [path for path in known if there[path] == "link"] or known
        elif lot < 0.65:
            known = [path for path in self.base.dropped if " " not in path] or known
        new = rng.choice(("new", "new/deep/er", "srv/f", "a/b", "etc/passwd", "opt/x"))
        path = rng.choice([*known, *known, new]) if known else new
        if rng.random() < 0.25:
            path = f"{path}/{rng.choice(('f', 'new', 'b', 'x/y'))}"
        return f"/{path}"

    def _copy(self, keyword: str) -> str:
        rng = self.rng
        flags = []
        if rng.random() < 0.3:
            flags.append(f"--chown={self._user()}")
        if rng.random() < 0.2:
            flags.append(
                f"--chmod={rng.choice(('755', '0755', '755', '600', '4755', '1777', '0'))}"
            )
        if rng.random() < 0.2:
            flags.append("--link")
        if self.exclude and rng.random() < 0.25:
            flags += [f"--exclude={each}" for each in rng.choice(EXCLUDES)]
        target = rng.choice((".", "./", "rel", "rel/", "/", "$D", "${D}/in/"))
        target = self._path() if rng.random() < 0.65 else target
        if target.startswith("/") and rng.random() < 0.45 and target != "/":
            target += "/"
        if rng.random() < 0.06 and keyword == "COPY":
            return f"{keyword} {' '.join([*flags, '<<E ' + target])}\none $D\n  two\nE"
        sources = [self._source() for _ in range(1 if rng.random() < 0.8 else 2)]
        words = [*sources, target]
        if any(" " in each for each in words) or rng.random() < 0.1:
            return f"{keyword} {' '.join([*flags, json.dumps(words, ensure_ascii=False)])}"
        return f"{keyword} {' '.join([*flags, *words])}"

    def _source(self) -> str:
        rng = self.rng
        if rng.random() < 0.3:
            return rng.choice((".", "*", "*.txt", "a*", "*/*", "?", "[a-f]", "*/f", "no*match"))
        each = rng.choice(self.context)
        return each.path + ("/" if each.kind == "dir" and rng.random() < 0.3 else "")


EXCLUDES = (("f",), ("*",), ("*.txt", "g"), ("**/f",), ("a",), ("*/x",), ("[a-f]",), ("*", "!x"))
SETTINGS = (
    *("ENV D=/opt", "ENV E=$D/e F='a b'", "ENV PATH=/x:$PATH", "ENV D rel value", "ARG D=/srv"),
    *("ARG NEW=new", "ARG NEW D", "LABEL l=1 k='x y'", "LABEL $D=${D:-no}", "CMD echo $HOME && a"),
    *(
        'CMD ["a", "b c"]',
        "ENTRYPOINT run it",
        'ENTRYPOINT ["/e", "$D"]',
        "CMD []",
        "ENTRYPOINT []",
    ),
    *(
        "EXPOSE 80 443/TCP 53/udp",
        "EXPOSE 8000-8003",
        "EXPOSE $D",
        "VOLUME /v $D",
        'VOLUME ["/a b"]',
    ),
    *("HEALTHCHECK NONE", "HEALTHCHECK --interval=1m30s --retries=3 CMD curl -f  $X || exit 1"),
    *('HEALTHCHECK --timeout=1.5s --start-period=2ms CMD ["a", "b"]', "STOPSIGNAL SIGTERM"),
    *("STOPSIGNAL 9", 'SHELL ["/bin/bash", "-c"]', "ONBUILD RUN a && b", "ONBUILD COPY . /x"),
    *(
        "MAINTAINER one  two <a@b>",
        "ENTRYPOINT exec $A",
        "USER ${U:-1000}:5",
        "STOPSIGNAL ${S:-HUP}",
    ),
)
