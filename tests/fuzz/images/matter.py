"""Kinds of cases about what is in an image: files, settings, platforms, the caller's shell."""

from __future__ import annotations

from tests.fuzz.images.draft import Draft, DraftImage, Stage
from tests.fuzz.images.project import REGISTRY, UNIQUE, Item

BUSYBOX = f"{REGISTRY}/up/busybox:1"
SETTINGS = (
    "ENV A=1 B='two words' C=\"$A-x\"",
    "ENV PATH=/opt/bin:$PATH",
    "ENV OLD style of words",
    "ENV EMPTY= QUOTED='$A' BACK=\\$A",
    'LABEL a=b "c d"=\'e f\' g="line \\\n  goes on"',
    "LABEL org.opencontainers.image.title=x",
    "USER 1000",
    "USER u:u",
    "USER $A",
    "WORKDIR /w/deep",
    "WORKDIR rel",
    "WORKDIR $A/b",
    'CMD ["a", "b c"]',
    "CMD echo $HOME",
    "CMD []",
    'ENTRYPOINT ["/bin/sh", "-c"]',
    "ENTRYPOINT exec top",
    "ENTRYPOINT []",
    "EXPOSE 80",
    "EXPOSE 443/tcp 53/udp 8000-8002",
    "VOLUME /v1 /v2",
    'VOLUME ["/v 3"]',
    "HEALTHCHECK --interval=5s --timeout=2s --start-period=1s --retries=4 CMD test -f /x",
    'HEALTHCHECK CMD ["true"]',
    "HEALTHCHECK NONE",
    "STOPSIGNAL SIGKILL",
    "STOPSIGNAL 9",
    'SHELL ["/bin/sh", "-ec"]',
    "MAINTAINER Some Body <x@y>",
    "ONBUILD ENV FROM_PARENT=yes",
    "ONBUILD USER 7",
    "ARG V=default",
    "ENV V=$V",
)


def settings(draft: Draft) -> None:
    """Every kind of setting, kept, replaced and inherited down a chain of images and stages."""
    above = draft.base() if draft.chance(0.5) else (f"{REGISTRY}/up/rich:1", False)
    for _ in range(draft.rng.randint(1, 3)):
        image = draft.image(above[0], shell=above[1])
        lines = draft.rng.sample(SETTINGS, draft.rng.randint(2, 7))
        image.last.lines += lines
        image.last.shell = False
        image.args = {"V": draft.pick(("given", ""))} if draft.chance(0.3) else {}
        if draft.chance(0.3):
            image.last.name = "inner"
            image.stages.append(Stage("inner"))
            image.last.lines += draft.rng.sample(SETTINGS, 2)
            image.push_stages = ["inner"] if draft.chance(0.5) else []
        above = (image.full, False)


def run_settings(draft: Draft) -> None:
    """What RUN sees of SHELL, USER, WORKDIR, ENV and ARG above it, parents' included."""
    parent = draft.image(BUSYBOX, shell=True)
    parent.last.lines += ["ENV P=parent", "WORKDIR /where", 'SHELL ["/bin/sh", "-ec"]']
    parent.last.lines += draft.rng.sample(["ARG A=parent", "ENV A=env", "USER 0", "WORKDIR in"], 2)
    image = draft.image(parent.full, shell=True)
    image.last.lines += ["ARG A", "RUN echo $A $P > seen && touch here"]
    image.last.lines += draft.rng.sample(
        ["ARG B=1", "ENV A=2", "RUN echo $A $B > /again", "WORKDIR x", "COPY . ./rel/"], 3
    )
    draft.file(image.folder, "f.txt")
    image.args = draft.rng.choice(({}, {"A": "given"}, {"A": "", "B": "$A"}))


def onbuild_ours(draft: Draft) -> None:
    """ONBUILD in an image of ours: files of the child's context, settings, stages, a chain."""
    parent = draft.image(BUSYBOX, name="trigger", shell=True)
    triggers = [
        "ONBUILD COPY t.txt /t/",
        "ONBUILD ENV T=yes",
        "ONBUILD RUN echo $T > /ran",
        "ONBUILD ARG Q=none",
        "ONBUILD LABEL q=$Q",
        "ONBUILD WORKDIR /on",
        f"ONBUILD COPY --from={REGISTRY}/up/files:1 /up/a.txt /t/up",
    ]
    drawn = draft.rng.sample(triggers, draft.rng.randint(1, 4))
    parent.last.lines += sorted(drawn, key=triggers.index)
    above = parent
    if draft.chance(0.25):
        parent.last.name = "inner"
        parent.stages.append(Stage("inner", shell=True))
        draft.some(parent)
    for _ in range(draft.rng.randint(1, 2)):
        image = draft.image(above.full, shell=True)
        draft.file(image.folder, "t.txt")
        image.args = {"Q": "given"} if draft.chance(0.3) else {}
        draft.some(image)
        above = image
        if draft.chance(0.3):
            image.last.name = draft.pick(("x", parent.full))
            image.stages.append(Stage(parent.full, shell=True))


def onbuild_upstream(draft: Draft) -> None:
    """ONBUILD in an upstream, by tag, by digest, by a short name, through an ARG."""
    upstream = draft.pick(("onbuild", "onbuild-env"))
    forms = [
        f"{REGISTRY}/up/{upstream}:1",
        f"{REGISTRY}/up/{upstream}@@D:{upstream}@",
        f"{REGISTRY}/up/{upstream}:1@@D:{upstream}@",
        draft.named_upstream("trig:4", upstream),
    ]
    base = draft.pick(forms)
    image = draft.image(base, shell=False)
    draft.file(image.folder, "trigger.txt")
    if draft.chance(0.3):
        image.head, image.last.base = [f"ARG BASE={base}"], "$BASE"
    image.args = {"WHO": "given"} if draft.chance(0.4) else {}
    image.last.name = draft.pick(("", "build", f"trig-{UNIQUE}"))
    draft.some(image)
    if draft.chance(0.5):
        image.stages.append(Stage(draft.pick((base, BUSYBOX))))
        image.last.lines.append("COPY --from=0 /etc/passwd /p")
    child = draft.image(image.full, shell=False)
    draft.some(child)


def platform_from(draft: Draft) -> None:
    """``FROM --platform=…``: another architecture, one upstream on two of them."""
    multi = draft.pick((f"{REGISTRY}/up/multi:1", f"{REGISTRY}/up/multi@@D:multi@"))
    flags = ["--platform=linux/arm64", "--platform=linux/arm/v7", "--platform=linux/amd64"]
    flags += ["--platform=$TARGETPLATFORM", "--platform=$BUILDPLATFORM", "--platform=arm64", ""]
    image = draft.image("scratch", shell=False)
    image.last.base = f"{draft.pick(flags)} {multi}".strip()
    image.last.name = "one"
    draft.some(image)
    if draft.chance(0.6):
        second = f"{draft.pick(flags)} {draft.pick((multi, 'scratch'))}".strip()
        image.stages.append(Stage(second, "two"))
        image.last.lines.append("COPY --from=one / /one/")
        draft.some(image)
    if draft.chance(0.4):
        image.push_stages = ["one"] if len(image.stages) > 1 else []
    if draft.chance(0.5):
        child = draft.image(f"{draft.pick(flags)} {image.full}".strip(), shell=False)
        draft.some(child)


def platform_args(draft: Draft) -> None:
    """BUILDPLATFORM, TARGETPLATFORM and their like, as settings and in names of files."""
    image = draft.image(draft.pick((BUSYBOX, f"{REGISTRY}/up/multi:1")), shell=False)
    image.last.shell = image.last.base == BUSYBOX
    names = ["BUILDPLATFORM", "BUILDARCH", "BUILDOS", "BUILDVARIANT", "TARGETPLATFORM"]
    names += ["TARGETARCH", "TARGETOS", "TARGETVARIANT"]
    for name in draft.rng.sample(names, 3):
        image.last.lines += [f"ARG {name}", f"ENV {name}=${name}"]
    for name in ("amd64", "arm64"):
        draft.file(image.folder, f"bin-{name}")
    image.last.lines += ["ARG TARGETARCH", "COPY bin-$TARGETARCH /bin-any"]
    if draft.chance(0.3):
        image.args = {draft.pick(names): "said"}
    if draft.chance(0.5) and not image.last.shell:
        draft.platform = draft.pick(("linux/arm64", "linux/arm64/v8", "linux/amd64"))
        _on(draft, image)


def _on(draft: Draft, image: DraftImage) -> None:
    """Every other image becomes one that any platform can have."""
    for each in draft.images:
        if each is not image:
            for stage in each.stages:
                stage.shell = False
                stage.lines = [line for line in stage.lines if not line.startswith("RUN")]
                if BUSYBOX in stage.base or "/up/files" in stage.base:
                    stage.base = f"{REGISTRY}/up/multi:1"


def platform_project(draft: Draft) -> None:
    """A project for another machine: a tool runs here, the result is for there."""
    draft.platform = draft.pick(("linux/arm64", "linux/arm/v7"))
    image = draft.image("scratch", shell=False)
    image.last.base, image.last.name, image.last.shell = (
        f"--platform=$BUILDPLATFORM {BUSYBOX}",
        "tool",
        True,
    )
    image.last.lines += ["ARG TARGETARCH BUILDARCH", "RUN echo $BUILDARCH $TARGETARCH > /made"]
    image.stages.append(Stage(draft.pick((f"{REGISTRY}/up/multi:1", "scratch"))))
    image.last.lines += ["COPY --from=tool /made /made", "ARG TARGETVARIANT", "ENV T=$TARGETVARIANT"]
    draft.some(image)
    if draft.chance(0.4):
        image.push_stages = ["tool"]
    if draft.chance(0.5):
        child = draft.image(image.full, shell=False)
        draft.some(child)
    _on(draft, image)


SHELL = {
    "SOURCE_DATE_EPOCH": "1500000000",
    "http_proxy": "http://user:secret@127.0.0.1:9",
    "HTTPS_PROXY": "http://user:secret@127.0.0.1:9",
    "no_proxy": "localhost,127.0.0.1,.example.com",
    "DOCKER_DEFAULT_PLATFORM": "linux/arm64",
    "BUILDX_GIT_LABELS": "full",
    "BUILDX_METADATA_PROVENANCE": "max",
    "BUILDX_NO_DEFAULT_ATTESTATIONS": "",
    "BUILDX_NO_DEFAULT_LOAD": "1",
    "BUILDKIT_SYNTAX": "127.0.0.1:1/none",
    "BUILDKIT_INLINE_CACHE": "1",
    "BUILDKIT_COLORS": "run=red",
    "BUILDKIT_PROGRESS": "tty",
    "DOCKER_BUILDKIT": "0",
    "EXPERIMENTAL_BUILDKIT_SOURCE_POLICY": "/nowhere/policy.json",
    "TARGETARCH": "riscv64",
    "BASE": "nowhere/none:1",
    "LANG": "tr_TR.UTF-8",
    "LC_ALL": "C",
    "PYTHONHASHSEED": "1",
}
"""What somebody's shell may have."""


def caller(draft: Draft) -> None:
    """The caller's environment, and a Dockerfile that would show what got through."""
    names = draft.rng.sample(sorted(SHELL), draft.rng.randint(1, 5))
    if draft.chance(0.5):
        names += ["SOURCE_DATE_EPOCH"]
    draft.environ = {name: SHELL[name] for name in names}
    if {"http_proxy", "HTTPS_PROXY"} & set(names):
        draft.environ["no_proxy"] = SHELL["no_proxy"]
    image = draft.image(BUSYBOX, shell=True)
    shown = sorted({*names} - {"LANG", "PYTHONHASHSEED"})
    for name in draft.rng.sample(shown, min(len(shown), 2)):
        image.last.lines += [f"ARG {name}", f"ENV SHOWN_{name}=${name}"]
    if draft.chance(0.6):
        image.last.lines.append("RUN env | sort > /env")
    draft.some(image)


IGNORES = (
    "*.log\n",
    "sub\n!sub/keep\n",
    "**\n!f*.txt\n!sub\n",
    "*\n!sub/**\n",
    ".git\nDockerfile\n.dockerignore\n",
    "# nothing\n\n",
    "**/*.txt\n!sub/a.txt\n",
    "sub/\n",
    "*/*\n",
)


def _tree(draft: Draft, folder: str) -> None:
    """A handful of files that ignore patterns speak of."""
    for name in ("a.log", "b.txt", "sub/keep", "sub/a.txt", "sub/deep/x.log", ".hidden/y"):
        if draft.chance(0.8):
            draft.file(folder, name)


def root_context(draft: Draft) -> None:
    """``context = "."`` with COPY . ., where our own folder lies; and contexts below it."""
    image = draft.image(BUSYBOX, shell=True)
    image.context, image.dockerfile = ".", draft.pick(("Dockerfile", "docker/app.Dockerfile"))
    _tree(draft, ".")
    draft.file(".", ".git/HEAD")
    image.last.lines.append(
        draft.pick(
            (
                "COPY . .",
                "COPY . /app/",
                "COPY ./ /app",
                "COPY * /app/",
                "COPY .* /dots/",
                "ADD . /app",
                "RUN --mount=target=/src cp -r /src/sub /out || touch /none",
                "RUN --mount=target=/src ls -A /src > /seen",
                "COPY . .\nCOPY .[a-z]* /again/",
            )
        )
    )
    if draft.chance(0.5):
        text = draft.pick((*IGNORES, ".layers\n", "*\n!.layers\n!sub\n", "!.layers\n"))
        draft.file(".", draft.pick((".dockerignore", f"{image.dockerfile}.dockerignore")), Item(text=text))
    if draft.chance(0.5):
        child = draft.image(draft.pick((image.full, BUSYBOX)), shell=True)
        child.context = draft.pick(("sub", "sub/deep", "services/api"))
        _tree(draft, child.folder)
        child.last.lines.append("COPY . /child/")
    if draft.chance(0.2):
        image.contexts = {"root": "."}
        image.last.lines.append("COPY --from=root . /root/")


def nested_contexts(draft: Draft) -> None:
    """One context inside another, with ignore files of their own, and one shared by two images."""
    outer = draft.image(BUSYBOX, shell=True)
    outer.context = "code"
    _tree(draft, "code")
    outer.last.lines.append("COPY . /outer/")
    inner = draft.image(draft.pick((outer.full, BUSYBOX)), shell=True)
    inner.context = draft.pick(("code/sub", "code/inner", "code"))
    inner.dockerfile = "Dockerfile" if inner.context != "code" else "second.Dockerfile"
    _tree(draft, inner.context)
    inner.last.lines.append("COPY . /inner/")
    for image in (outer, inner):
        if draft.chance(0.4):
            draft.file(image.context, ".dockerignore", Item(text=draft.pick(IGNORES)))
    if draft.chance(0.2):
        draft.file("code", ".layers/mine", Item(text="the user's own\n"))


def files(draft: Draft) -> None:
    """Modes, links of all kinds, empty folders, odd names, capabilities, pipes."""
    image = draft.image(BUSYBOX, shell=True)
    folder = image.folder
    odd = {
        "set uid": Item(text=f"s {UNIQUE}\n", mode=0o4755),
        "private": Item(text="p\n", mode=0o600),
        "group": Item(text="g\n", mode=0o664),
        "run.sh": Item(text="#!/bin/sh\n", mode=0o755),
        "none": Item(text="n\n", mode=0o000),
        "empty": Item(),
        "ünï-é-日本.txt": Item(text="u\n"),
        "tab\tname": Item(text="t\n"),
        "quote'\"name": Item(text="q\n"),
        "back\\slash": Item(text="b\n"),
        "star*[1].txt": Item(text="*\n"),
        "$dollar": Item(text="$\n"),
        "-dash": Item(text="-\n"),
        "#hash": Item(text="#\n"),
        "capable": Item(text=f"c {UNIQUE}\n", mode=0o755, capability=True),
        "marked": Item(text="x\n", xattr="value"),
        "link": Item("link", "run.sh", 0o777),
        "absolute": Item("link", "/bin/sh", 0o777),
        "dangling": Item("link", "nowhere/at/all", 0o777),
        "loop": Item("link", "loop", 0o777),
        "up": Item("link", "../..", 0o777),
        "emptydir": Item("dir", mode=0o755),
        "closed": Item("dir", mode=0o700),
        "sticky": Item("dir", mode=0o1777),
        "pipe": Item("fifo"),
        "CRLF.txt": Item(text="a\r\nb\r\n"),
        "long-" + "x" * 150: Item(text="l\n"),
    }
    for name in draft.rng.sample(sorted(odd), draft.rng.randint(4, 12)):
        draft.file(folder, f"in/{name}", odd[name])
    if draft.chance(0.6):
        draft.file(folder, "in/first")
        draft.file(folder, "in/second-name", Item("hard", f"{folder}/in/first"))
        draft.file(folder, "in/sub/third-name", Item("hard", f"{folder}/in/first"))
    draft.files[f"{folder}/in"] = Item("dir", mode=draft.rng.choice((0o755, 0o750, 0o2775)))
    flag = draft.pick(("", "", "--chown=1000:1000 ", "--chmod=640 ", "--link ", "--chown=u "))
    image.last.lines.append(f"COPY {flag}in {draft.pick(('/in', '/in/', 'rel'))}")
    if draft.chance(0.4):
        image.last.name = "files"
        image.stages.append(Stage(draft.pick(("files", BUSYBOX, "scratch"))))
        image.last.lines.append(draft.pick(("COPY --from=files /in /", "COPY --from=files / /all/")))
        image.push_stages = ["files"] if draft.chance(0.4) else []
    if draft.chance(0.3):
        child = draft.image(image.full, shell=False)
        child.last.lines.append(f"COPY --from={image.full} / /copy/")


def removals(draft: Draft) -> None:
    """Files that a later layer removes, replaces and makes anew; links and modes made by RUN."""
    parent = draft.image(BUSYBOX, shell=True)
    parent.last.lines.append("RUN mkdir -p /d/e && touch /d/a /d/b /d/e/c && ln -s a /d/l")
    image = draft.image(parent.full, shell=True)
    steps = [
        "RUN rm /d/a",
        "RUN rm -r /d && mkdir /d && touch /d/new",
        "RUN rm -r /d/e && touch /d/e",
        "RUN chmod 700 /d && chown 1000:1000 /d/b",
        "RUN ln /d/b /d/hard",
        "RUN rm /d/l && mkdir /d/l && touch /d/l/in",
        "COPY f.txt /d/b",
        "VOLUME /d",
        "RUN touch /d/after",
    ]
    draft.file(image.folder, "f.txt")
    drawn = draft.rng.sample(steps, 2)
    image.last.lines += sorted(drawn, key=steps.index)


def ignores(draft: Draft) -> None:
    """An ignore file in the context, or one of the Dockerfile's own, inside and outside."""
    image = draft.image(BUSYBOX, shell=True)
    _tree(draft, image.folder)
    image.last.lines.append(draft.pick(("COPY . /c/", "COPY sub /c/", "COPY . ./", "ADD * /c/")))
    draft.file(image.folder, ".dockerignore", Item(text=draft.pick(IGNORES)))
    place = draft.pick(("Dockerfile", "build/My.Dockerfile", "../outside.Dockerfile"))
    image.dockerfile = place
    if draft.chance(0.5):
        text = Item(text=draft.pick(IGNORES))
        if place.startswith(".."):
            draft.files["outside.Dockerfile.dockerignore"] = text
        else:
            draft.file(image.folder, f"{place}.dockerignore", text)


def heredocs(draft: Draft) -> None:
    """COPY and RUN with their files inside the Dockerfile."""
    image = draft.image(BUSYBOX, shell=True)
    image.last.lines.append("ARG NAME=world")
    forms = [
        f"COPY <<EOF /here\nhello $NAME {UNIQUE}\nEOF",
        "COPY <<'EOF' /quoted\nhello $NAME\nEOF",
        "COPY <<-EOF /tabs\n\ttabbed $NAME\n\tEOF",
        "COPY <<ONE <<TWO /many/\none\nONE\ntwo $NAME\nTWO",
        "RUN <<EOF\necho $NAME > /ran\nls /bin > /bin-list\nEOF",
        "RUN <<'EOF' cat > /catted\n$NAME\nEOF",
        "RUN cat <<EOF > /inline && echo more >> /inline\ntext $NAME\nEOF",
        "RUN <<EOF\n#!/bin/sh\necho bang > /bang\nEOF",
        "COPY --chmod=755 --chown=1000:1000 <<EOF /script\n#!/bin/sh\nEOF",
    ]
    image.last.lines += draft.rng.sample(forms, draft.rng.randint(1, 4))
    image.args = {"NAME": "you"} if draft.chance(0.4) else {}


def copies(draft: Draft) -> None:
    """COPY and ADD: several sources, patterns, folders, flags, relative ways, links at the goal."""
    image = draft.image(BUSYBOX, shell=True)
    for name in ("a.txt", "b.txt", "c.md", "src/main.py", "src/util/x.py", "src/.env"):
        draft.file(image.folder, name)
    forms = [
        "COPY a.txt b.txt /many/",
        "COPY *.txt /glob/",
        "COPY src /src",
        "COPY src/ /src2/",
        'COPY ["a.txt", "/with space/"]',
        "COPY --chown=u:u --chmod=0600 c.md /c",
        "COPY ./src/../a.txt /clean",
        "COPY /a.txt /rooted",
        "COPY nothing*.x a.txt /some/",
        "COPY a.tx[t] /class",
        "ADD a.txt /added/",
        "WORKDIR /w\nCOPY a.txt .",
        "WORKDIR /w2\nCOPY src .",
        "ENV TO=/env\nCOPY a.txt $TO/x",
        "ARG WHICH=a\nCOPY ${WHICH}.txt /which",
        "RUN ln -s /real /alias && mkdir /real\nCOPY a.txt /alias/",
        "RUN ln -s /real2 /alias2 && mkdir /real2\nCOPY --link a.txt /alias2/",
        "RUN --mount=type=bind,source=src,target=/m cp -r /m /mounted",
        "RUN --mount=type=bind,source=a.txt,target=/m cp /m /m1",
        "RUN --mount=type=cache,target=/cache touch /cache/x && ls /cache > /listed",
        "RUN --mount=type=tmpfs,target=/tmpfs touch /tmpfs/x && touch /done",
    ]
    image.last.lines += draft.rng.sample(forms, draft.rng.randint(2, 5))
    image.args = {"WHICH": "b"} if draft.chance(0.3) else {}


def text_forms(draft: Draft) -> None:
    """A Dockerfile's own text: directives, continuations, comments, letters, CRLF, a BOM."""
    image = draft.image(BUSYBOX, shell=True)
    draft.some(image)
    lot = draft.rng.randrange(6)
    if lot == 0:
        image.head.append("# escape=`")
        image.last.lines.append("ENV A=1 `\n  B=2")
    elif lot == 1:
        image.head.append("\ufeff# a comment after a byte order mark")
    elif lot == 2:
        image.last.lines += ["env lower=case", "LaBel Mixed=case", "copy f0.txt /low"]
        draft.file(image.folder, "f0.txt")
    elif lot == 3:
        image.last.lines.append("RUN echo a \\\n# in between\n   && echo b > /b")
    elif lot == 4:
        image.last.base = f"from {image.last.base}\tas  tabs"
    else:
        image.last.lines.append("ENV CR=1\r\nLABEL cr=lf\r")


def checkout(draft: Draft) -> None:
    """A checkout in a folder with an odd name, with COPY --from and a kept stage."""
    draft.folder = draft.pick(("with space", "a,b", "quote'd", "eq=al", "ünï", "dollar$x", 'do"uble'))
    image = draft.image(BUSYBOX, shell=True)
    image.last.name = "deps"
    draft.some(image)
    image.stages.append(Stage("deps", shell=True))
    image.last.lines.append("COPY . /all/")
    image.contexts = {"nc": "shared"} if draft.chance(0.5) else {}
    if image.contexts:
        draft.file("shared", "s.txt")
        image.last.lines.append("COPY --from=nc s.txt /s")
    image.push_stages = ["deps"] if draft.chance(0.5) else []


def plain(draft: Draft) -> None:
    """Nothing special."""
    for _ in range(draft.rng.randint(1, 3)):
        image = draft.image()
        draft.some(image)
        if draft.chance(0.3):
            image.last.name = "a"
            image.stages.append(Stage("a", shell=image.last.shell))
            draft.some(image)
            image.push_stages = ["a"] if draft.chance(0.5) else []
