"""Dockerfiles by lot: one to five stages of everything that BuildKit 0.13 takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from tests.fuzz.drawtree import draw_context, draw_ignore
from tests.fuzz.world import NONCE, Item, World

BASE = "fuzz-base"
"""The image that stages begin with: a shell, users ``u`` and ``root``, ``/etc/passwd``."""
VARIABLES = ("V", "W", "D", "G", "TINY", "TARGETARCH", "HTTP_PROXY", "NOPE")
VALUES = ("1", "2", "dir", "src", "", "a.txt", "x y")


@dataclass(frozen=True)
class Stage:
    """What instructions of a stage may rely on."""

    index: int
    shell: bool
    """Whether it has one, and users, and /etc."""
    earlier: tuple[tuple[str, bool], ...] = ()
    """Names of the stages above, and whether these have a shell."""
    derived: bool = False
    """Whether it is FROM a stage of the same file."""


class Drawer:
    """Draws instructions that fit a context."""

    def __init__(self, rng: Random, context: Mapping[str, Item], *, escape: str = "\\") -> None:
        self.rng = rng
        self.paths = list(context)
        self.context = context
        self.escape = escape

    # -- words -------------------------------------------------------------------------------

    def path(self) -> str:
        """A path that is there, mostly."""
        rng = self.rng
        if rng.random() < 0.02 or not self.paths:
            return "missing.txt"
        return rng.choice(self.paths)

    def spelled(self) -> str:
        """A source: a path, folder, glob, the whole context, or with a variable."""
        rng, path = self.rng, self.path()
        parent, _, name = path.rpartition("/")
        slash = f"{parent}/" if parent else ""
        forms = (
            *(
                path,
                path,
                path,
                ".",
                ".",
                parent or ".",
                parent or ".",
                f"{path}/",
                f"./{path}",
                f"/{path}",
                ".",
            ),
            *(f"../{path}", f"{slash}{name[:1]}*", f"{slash}*", "*.txt", "*", f"{slash}*.*"),
            *(f"{slash}?{name[1:]}", "nomatch*", f"${{NOPE}}{path}", "$D", "${D:-src}", "*/*"),
            *("${G:-dir}/", f"{path}*", "[a-d]*", f"{slash}[!a]*", f"{slash}./{name}", "d*"),
        )
        return rng.choice(forms).replace("[1]", "[[]1]" if rng.random() < 0.5 else "[1]")

    def place(self) -> str:
        """A destination."""
        choices = ("/x/", "/x", "/y/z/", "rel/", "./", "/q/f", "/${V:-v}/", "/x//", ".")
        return self.rng.choice(choices)

    def source_words(self) -> tuple[list[str], str]:
        rng = self.rng
        sources = [self.spelled() for _ in range(rng.choice((1, 1, 1, 1, 2, 3)))]
        place = self.place()
        if len(sources) > 1 or any(sign in word for word in sources for sign in "*?["):
            place = place.rstrip("/.") + "/"
        return sources, place

    # -- instructions ------------------------------------------------------------------------

    def instruction(self, stage: Stage) -> str:
        """One instruction that may stand in a stage."""
        rng = self.rng
        lot = rng.random()
        if lot < 0.42:
            return self.copy(stage)
        if lot < 0.62 and stage.shell:
            return self.run(stage)
        if lot < 0.70:
            return self.setting(stage)
        return self.variable()

    def copy(self, stage: Stage) -> str:
        rng = self.rng
        if rng.random() < 0.12:
            return self.document()
        word = "ADD" if rng.random() < 0.2 else "COPY"
        flags = []
        if rng.random() < 0.15:
            flags.append(f"--chmod={rng.choice(('755', '600', '0644'))}")
        if rng.random() < 0.15:
            names = ("1", "1:2", "0", "${V:-3}") + (("u", "u:root") if stage.shell else ())
            flags.append(f"--chown={rng.choice(names)}")
        link = rng.random() < 0.12
        if link:
            flags.append("--link")
        if word == "COPY" and stage.earlier and rng.random() < 0.45:
            name, shell = rng.choice(stage.earlier)
            flags.append(f"--from={rng.choice((name, name, name.upper()))}")
            sources, place = [rng.choice(("/etc", "/etc/passwd", "/bin/../etc/p*"))], self.place()
            if not shell or rng.random() < 0.2:
                sources, place = ["/"], "/from/"
        else:
            sources, place = self.source_words()
        if link:
            place = f"/{NONCE}/{place.lstrip('./')}"
        if any(" " in each for each in sources) or rng.random() < 0.1:
            return f"{word} {' '.join(flags)} {json.dumps([*sources, place], ensure_ascii=False)}"
        rng.shuffle(flags)
        return " ".join([word, *flags, *sources, place])

    def document(self) -> str:
        rng = self.rng
        mark = rng.choice(("EOF", "'EOF'", "file.txt"))
        place = rng.choice(("/h", "/h/", "/h/${V:-x}"))
        body = rng.choice((f"{NONCE} $V", "text ${W:-w}", "\tx\n\ty $G", NONCE))
        dash = "-" if rng.random() < 0.3 else ""
        flag = rng.choice(("", "", "--chmod=600 ", "--chown=1 "))
        return f"COPY {flag}<<{dash}{mark} {place}\n{body}\n{mark.strip(chr(39))}"

    def run(self, stage: Stage) -> str:
        rng, e = self.rng, self.escape
        if rng.random() < 0.45:
            return self.mounting(stage)
        forms = (
            *("RUN true", "RUN echo $V", "RUN echo a > /ran", 'RUN ["true"]', 'RUN ["echo", "x"]'),
            *(f"RUN true && {e}\n  true", f"RUN true {e}\n  # comment\n  && echo b"),
            *("RUN <<EOF\necho a\nEOF", "RUN <<-EOF\n\techo a\nEOF", "RUN <<'EOF'\necho $V\nEOF"),
            *("RUN --network=none true", "RUN --network=default true", "RUN cat <<X\nhi $V\nX"),
            *("RUN <<EOF\n#!/bin/sh\necho sh\nEOF", "RUN  true  # no comment", "RUN echo ${W:-w}"),
        )
        return rng.choice(forms)

    def mounting(self, stage: Stage) -> str:
        rng = self.rng
        path = self.path()
        folders = [each for each in self.paths if self.context[each].kind == "dir"]
        folder = rng.choice(folders) if folders else "."
        quoted = '"' if "," in path or " " in path else ""
        forms = [
            f"--mount=target=/m,source={folder}",
            f"--mount=type=bind,source={folder},target=/m,readonly",
            f"--mount=type=bind,src=./{folder}/,dst=/m",
            f"--mount=type=bind,source={folder},target=/m,rw",
            "--mount=target=/m",
            "--mount=type=bind,target=/m,source=.",
            "--mount=target=mm,source=${D:-.}",
            f"--mount=type=cache,target=/c,id={rng.choice('xy')}",
            f"--mount=type=cache,target=/c,sharing={rng.choice(('locked', 'private'))}",
            "--mount=type=cache,target=/c2",
            "--mount=type=tmpfs,target=/t",
            "--mount=type=secret,id=s",
            f"--mount=type=secret,id={rng.choice('st')},target=/s",
        ]
        if not quoted:
            forms.append(f"--mount=type=bind,source={path},target=/f")
        for name, shell in stage.earlier:
            if name.isdigit():  # a mount takes it for an image's name
                continue
            forms += [f"--mount=from={name},target=/m", f"--mount=type=bind,from={name},target=/m"]
            if shell:
                forms.append(f"--mount=from={name},source=/etc,target=/m")
        chosen = [rng.choice(forms)]
        if rng.random() < 0.2:
            other = rng.choice(forms)
            if other.partition("target=")[2][:2] != chosen[0].partition("target=")[2][:2]:
                chosen.append(other)
        return f"RUN {' '.join(chosen)} true"

    def variable(self) -> str:
        rng = self.rng
        name, value = rng.choice(VARIABLES[:6]), rng.choice(VALUES)
        shown = json.dumps(value) if " " in value or not value else value
        other = rng.choice(VARIABLES)
        forms = (
            *(f"ARG {name}", f"ARG {name}", f"ARG {name}={shown}", f"ARG {name}={shown}"),
            *(f"ENV {name}={shown}", f"ENV {name} {value or 'x'}", f"ENV {name}=${{{other}:-d}}"),
            *(f"ARG {name}=${other}", f"ENV A=1 B={shown}", f"ENV B={shown} A=1", "ARG V=1 W=$V"),
            *(f"ENV {name}=${{{other}:+set}}", f"ENV {name}=${{{other}#d}}", f"ENV E='${other}'"),
            *("ARG HTTP_PROXY", f'ENV {name}="${other}x"', f"ARG {name}=${{{other}%r}}"),
        )
        return rng.choice(forms)

    def setting(self, stage: Stage) -> str:
        rng = self.rng
        forms = [
            *("WORKDIR /w", "WORKDIR w2", "WORKDIR /w/", "WORKDIR /${V:-v}", "USER 0"),
            *("LABEL l=$V", "ENTRYPOINT e", "STOPSIGNAL 9"),
            *("LABEL a=1 b=2", "LABEL b=2 a=1", "CMD echo hi", 'CMD ["a", "b"]'),
            *('ENTRYPOINT ["x"]', "EXPOSE 80", "EXPOSE 80/tcp 81/udp", "VOLUME /v"),
            *("HEALTHCHECK NONE", "HEALTHCHECK --interval=5s CMD true", 'VOLUME ["/v", "/w"]'),
            *("MAINTAINER me", "ONBUILD ENV OB=1", "ONBUILD LABEL ob=$V", "ONBUILD ARG V=7"),
        ]
        if stage.shell:
            forms += ["USER root", "USER 1000", "USER u:root", "ONBUILD RUN echo ob"]
            forms += ['SHELL ["/bin/sh", "-ec"]', 'SHELL ["/bin/sh", "-c"]']
        files = [path for path in self.paths if " " not in path and "[" not in path]
        if files:
            forms.append(f"ONBUILD COPY {rng.choice(files)} /ob/")
        return rng.choice(forms)


def draw_world(rng: Random) -> World:
    """A world that BuildKit accepts more often than not."""
    context = draw_context(rng)
    escape = "`" if rng.random() < 0.06 else "\\"
    drawer = Drawer(rng, context, escape=escape)
    chunks: list[str] = ["# escape=`"] if escape == "`" else []
    if rng.random() < 0.1:
        chunks.append("# a comment")
    chunks += [
        line
        for line in (f"ARG BASE={BASE}", "ARG G=dir", "ARG V=g", "ARG D")
        if rng.random() < 0.35 or "BASE" in line
    ]
    stages: list[Stage] = []
    names: list[str] = []
    for index in range(rng.choice((1, 1, 2, 2, 3, 3, 4, 5))):
        name = f"s{index}" if rng.random() < 0.85 else f"Stage.{index}"
        stage, head = _head(rng, index, name, stages, names)
        chunks.append(head)
        if not stage.derived:
            chunks.append(_salt(rng, stage))
        chunks += [drawer.instruction(stage) for _ in range(rng.choice((1, 1, 2, 2, 3, 4, 5)))]
        stages.append(stage)
        names.append(name)
    world = World(tuple(chunks), context)
    return _around(rng, world, names)


def _head(
    rng: Random, index: int, name: str, stages: list[Stage], names: list[str]
) -> tuple[Stage, str]:
    earlier = tuple(
        (str(at) if rng.random() < 0.15 else each, stages[at].shell)
        for at, each in enumerate(names)
    )
    lot = rng.random()
    word = "FROM" if rng.random() < 0.95 else "from"
    tail = f" {rng.choice(('AS', 'AS', 'as'))} {name}"
    if names and lot < 0.5:
        at = rng.randrange(len(names))
        return Stage(index, stages[at].shell, earlier, True), f"{word} {names[at].lower()}{tail}"
    if lot < 0.6:
        return Stage(index, False, earlier), f"{word} scratch{tail}"
    base = rng.choice((BASE, BASE, f"{BASE}:latest", "$BASE", "${BASE}", "${BASE:-scratch}"))
    return Stage(index, True, earlier), f"{word} {base}{tail}"


def _salt(rng: Random, stage: Stage) -> str:
    """What no other case's stage begins with."""
    # BuildKit runs a WORKDIR that comes right after "FROM scratch" each time (docker 26.1.5).
    if rng.random() < 0.5 or not stage.shell:
        return f"COPY <<N /nonce\n{NONCE}\nN"
    return f"WORKDIR /n/{NONCE}"


def _around(rng: Random, world: World, names: list[str]) -> World:
    context = dict(world.context)
    beside: dict[str, Item] = {}
    name, outside = "Dockerfile", rng.random() < 0.2
    if outside:
        beside = {"other.txt": Item("file", text="other\n")}
    elif rng.random() < 0.15:
        folders = [path for path, item in context.items() if item.kind == "dir"]
        name = f"{rng.choice(folders)}/My.Dockerfile" if folders else "My.Dockerfile"
    lot = rng.random()
    if lot < 0.45:
        context[".dockerignore"] = Item("file", text=draw_ignore(rng, context))
    if lot > 0.8 or lot < 0.05:
        own = Item("file", text=draw_ignore(rng, context))
        if outside:
            beside[f"{name}.dockerignore"] = own
        else:
            context[f"{name}.dockerignore"] = own
    args = {
        each: rng.choice(VALUES)
        for each in ("V", "D", "W", "G", "HTTP_PROXY")
        if rng.random() < 0.2
    }
    target = rng.choice(names) if rng.random() < 0.2 else ""
    return replace(
        world,
        context=context,
        beside=beside,
        name=name,
        outside=outside,
        crlf=rng.random() < 0.04 and not any("<<" in chunk for chunk in world.chunks),
        bom=rng.random() < 0.04,
        ends=rng.random() < 0.9,
        args=args,
        target=target,
    )
