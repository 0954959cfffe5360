"""Kinds of cases about what is in an image: contexts, files, copies, a Dockerfile's own text."""

from __future__ import annotations

from tests.fuzz.images.draft import Draft, Stage
from tests.fuzz.images.project import BUSYBOX, UNIQUE, Item

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
        draft.file(
            ".", draft.pick((".dockerignore", f"{image.dockerfile}.dockerignore")), Item(text=text)
        )
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
        image.last.lines.append(
            draft.pick(("COPY --from=files /in /", "COPY --from=files / /all/"))
        )
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
    draft.folder = draft.pick(
        ("with space", "a,b", "quote'd", "eq=al", "ünï", "dollar$x", 'do"uble')
    )
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
