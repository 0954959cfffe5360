"""Kinds of cases about names: what FROM, COPY --from and RUN --mount mean."""

from __future__ import annotations

from tests.fuzz.images.draft import Draft, DraftImage, Stage
from tests.fuzz.images.project import REGISTRY, UNIQUE, Item


def _case(draft: Draft, name: str) -> str:
    """The same name in other letters; what is unique in it stays as it is."""
    return draft.pick((name, name[:1].upper() + name[1:], name.upper()))


def _lower(name: str) -> str:
    """The same name in small letters; what is unique in it has no others."""
    return name.lower().replace(UNIQUE.lower(), UNIQUE)


def _parent(draft: Draft, name: str = "base", *, shell: bool = True) -> DraftImage:
    """An image of ours that others may be made from."""
    for image in draft.images:
        if image.name == name:
            return image
    base = f"{REGISTRY}/up/{'busybox' if shell else 'files'}:1"
    parent = draft.image(base, name=name, shell=shell)
    draft.some(parent)
    return parent


def stage_like_its_base(draft: Draft) -> None:
    """``FROM base AS base``, where base is ours or an upstream, in any letters."""
    if draft.chance(0.5):
        base, shell = _parent(draft).full, True
    else:
        base, shell = draft.named_upstream(draft.pick(("node", "node:18"))), True
    stage = Stage(base, _case(draft, base.partition(":")[0]), shell=shell)
    image = DraftImage(f"web{draft.number()}", [stage], push=draft.chance(0.5))
    draft.images.append(image)
    draft.some(image)
    if draft.chance(0.5):
        inside = Stage(draft.pick((stage.name, _lower(stage.name))), "final", shell=shell)
        image.stages.append(inside)
        draft.some(image)
    if draft.chance(0.3):
        image.push_stages = [stage.name]


def stage_like_another_image(draft: Draft) -> None:
    """A stage has the name of an image of ours that the Dockerfile does not mean by it."""
    other = _parent(draft, "other")
    name = other.full
    image = draft.image(f"{REGISTRY}/up/busybox:1", shell=True)
    image.last.name = _case(draft, name)
    draft.some(image)
    image.last.lines.append("ENV STAGE=yes")
    lot = draft.rng.random()
    last = Stage(f"{REGISTRY}/up/files:1")
    if lot < 0.35:
        last = Stage(_lower(image.last.name), shell=True)
    elif lot < 0.7:
        mark = draft.file(image.folder, f"mark{draft.number()}")
        image.last.lines.append(f"COPY {mark} /mark")
        last.lines.append(f"COPY --from={name} /mark /mark")
    else:
        last.lines.append(f"COPY --from={name}:latest /bin/busybox /other")
    image.stages.append(last)
    draft.some(image)


def stage_after_use(draft: Draft) -> None:
    """A name is an image where it is used, and a stage only below."""
    base = _parent(draft).full
    image = draft.image(base, shell=True)
    image.last.name = "first"
    draft.some(image)
    image.stages.append(Stage(f"{REGISTRY}/up/busybox:1", base, shell=True))
    draft.some(image)
    image.stages.append(Stage("first", shell=True))
    mark = draft.file(image.folder, f"mark{draft.number()}")
    image.stages[1].lines.append(f"COPY {mark} /mark")
    image.last.lines.append(f"COPY --from={base} /mark /mark")


def stage_twice(draft: Draft) -> None:
    """Two stages of one name."""
    image = draft.image(f"{REGISTRY}/up/busybox:1", shell=True)
    image.last.name = "build"
    draft.some(image)
    image.stages.append(Stage(draft.pick(("build", f"{REGISTRY}/up/files:1")), "build"))
    image.stages[-1].shell = image.last.base == "build"
    draft.some(image)
    if draft.chance(0.6):
        image.stages.append(Stage("build", draft.pick(("", "final"))))
        draft.some(image)


def stage_like_a_tag(draft: Draft) -> None:
    """Stages called ``latest`` or like the image's tag, some of them kept."""
    image = draft.image(f"{REGISTRY}/up/busybox:1", shell=True)
    name = draft.pick(("latest", "latest", "v1", "Latest"))
    image.last.name = name
    draft.some(image)
    image.stages.append(Stage(name, shell=True))
    draft.some(image)
    if draft.chance(0.4):
        image.tag = f"tagged-{UNIQUE}:{name}"
    if draft.chance(0.7):
        image.push_stages = [name]
    if draft.chance(0.5):
        child = draft.image(image.tag or image.full, shell=True)
        draft.some(child)


def stage_letters(draft: Draft) -> None:
    """A stage is used, kept and built in other letters than it is declared in."""
    image = draft.image(f"{REGISTRY}/up/busybox:1", shell=True)
    name = draft.pick(("deps", "Deps", "DEPS"))
    image.last.name = name
    mark = draft.file(image.folder, f"mark{draft.number()}")
    image.last.lines.append(f"COPY {mark} /mark")
    draft.some(image)
    used = draft.pick(("deps", "DEPS", "Deps"))
    if draft.chance(0.5):
        image.stages.append(Stage(used, "final", shell=True))
    else:
        image.stages.append(Stage(f"{REGISTRY}/up/files:1"))
        image.last.lines.append(f"COPY --from={used} /mark /mark")
        if draft.chance(0.5):
            image.last.lines.append(f"COPY --from={used.swapcase()} /mark /mark2")
    draft.some(image)
    if draft.chance(0.7):
        image.push_stages = [draft.pick((name, name.lower()))]
    if draft.chance(0.2):
        image.target = "FINAL" if image.last.name else "dEPS"


def kept_stages(draft: Draft) -> None:
    """Stages in the registry: one below another, ARGs that go down, used in several ways."""
    image = draft.image(f"{REGISTRY}/up/busybox:1", shell=True)
    image.last.name = "deps"
    if draft.chance(0.4):
        image.last.lines.append("ARG WHO=nobody")
        image.args = {"WHO": "somebody"} if draft.chance(0.5) else {}
    mark = draft.file(image.folder, f"mark{draft.number()}")
    image.last.lines.append(f"COPY {mark} /mark")
    draft.some(image)
    image.stages.append(Stage("deps", "build", ["RUN echo build-$WHO > /build"], shell=True))
    draft.some(image)
    last = Stage(draft.pick(("deps", "build", f"{REGISTRY}/up/busybox:1")), shell=True)
    ways = [
        "COPY --from=build /build /b1",
        "COPY --from=deps /mark /m1",
        "COPY --from=0 /mark /m0",
        "RUN --mount=from=deps,target=/mnt cp /mnt/mark /m2",
        "RUN --mount=type=bind,from=build,source=/build,target=/x cp /x /b2",
        "RUN echo last-$WHO > /last",
    ]
    last.lines += draft.rng.sample(ways, draft.rng.randint(1, 3))
    image.stages.append(last)
    kept = draft.pick(("deps", "build", "both"))
    image.push_stages = ["deps", "build"] if kept == "both" else [kept]
    image.push = draft.chance(0.7)


def image_like_its_upstream(draft: Draft) -> None:
    """``[images.nginx]`` whose Dockerfile begins ``FROM nginx:1``, and others that mean either."""
    tag = draft.pick((":1", ":alpine", ""))
    base = draft.named_upstream(f"nginx{tag}")
    image = draft.image(base, name="nginx", shell=True)
    image.last.name = draft.pick(("", "", f"nginx-{UNIQUE}", "site"))
    image.last.lines.append("ENV OURS=yes")
    draft.some(image)
    if draft.chance(0.4):
        image.tag = draft.pick((f"my/nginx-{UNIQUE}", f"nginx-{UNIQUE}:1", f"nginx-{UNIQUE}:2"))
    for _ in range(draft.rng.randint(0, 2)):
        means = draft.pick((base, f"nginx-{UNIQUE}", image.tag or base))
        child = draft.image(means, shell=True)
        draft.some(child)


def spelling(draft: Draft) -> None:
    """An image of ours in every spelling that means it."""
    parent = _parent(draft)
    if draft.chance(0.4):
        parent.tag = draft.pick((f"team/base-{UNIQUE}", f"team/base-{UNIQUE}:2.0"))
    forms = [parent.full, f"{parent.full}:latest", f"docker.io/library/{parent.full}"]
    forms += [f"docker.io/library/{parent.full}:latest", f"library/{parent.full}"]
    forms += [f"index.docker.io/library/{parent.full}:latest"]
    if parent.tag:
        forms += [parent.tag, parent.tag, f"docker.io/{parent.tag}"]
    image = draft.image(draft.pick(forms), shell=True)
    if draft.chance(0.3):
        image.last.base = f"from {image.last.base} as {draft.pick(('x', 'base', 'latest'))}"
    draft.some(image)
    mark = draft.file(parent.folder, "mark")
    parent.last.lines.append(f"COPY {mark} /mark")
    if draft.chance(0.6):
        image.last.lines.append(f"COPY --from={draft.pick(forms)} /mark /mark2")
    if draft.chance(0.4):
        how = f"from={draft.pick(forms)},source=/mark,target=/mnt"
        image.last.lines.append(f"RUN --mount={how} cp /mnt /mark3")


def args_in_from(draft: Draft) -> None:
    """``ARG BASE`` before ``FROM ${BASE}``, with defaults, other forms and variables in names."""
    parent = _parent(draft)
    mine, theirs = parent.full, f"{REGISTRY}/up/busybox:1"
    image = draft.image("${BASE}", shell=True)
    form = draft.pick(("${BASE}", "$BASE", "${BASE:-scratch}", "${OTHER:-$BASE}", "base-$SUFFIX"))
    image.last.base = form
    image.head = [f"ARG BASE={draft.pick((mine, theirs))}", f"ARG SUFFIX={UNIQUE}"]
    if draft.chance(0.5):
        image.args = {"BASE": draft.pick((mine, theirs, f"{mine}:latest"))}
    image.last.name = draft.pick(("", "one", parent.full))
    draft.some(image)
    if draft.chance(0.5):
        image.last.lines += ["ARG BASE", "ENV BASE=$BASE"]
    if draft.chance(0.4):
        image.head.append("ARG FROM_STAGE=pick")
        image.stages.append(Stage("${BASE}", "pick", shell=True))
        draft.some(image)
        image.stages.append(Stage("${FROM_STAGE}", shell=True))
        draft.some(image)


def variants(draft: Draft) -> None:
    """One table, several images; a child of one of them."""
    parent = _parent(draft)
    image = draft.image("${BASE}", shell=True)
    image.head = [f"ARG BASE={parent.full}"]
    image.last.lines += ["ARG KIND=none", "ENV KIND=$KIND"]
    draft.some(image)
    image.args = {"KIND": "table"} if draft.chance(0.5) else {}
    image.variants = {
        "cpu": {"BASE": f"{REGISTRY}/up/busybox:1"},
        "gpu": {"KIND": "gpu"} if draft.chance(0.7) else {},
    }
    child = draft.image(f"{image.full}-{draft.pick(('cpu', 'gpu'))}", shell=True)
    draft.some(child)
    if draft.chance(0.3):
        child.last.name = f"{image.full}-cpu"


def named_contexts(draft: Draft) -> None:
    """``contexts``: folders by name, beside stages, images and upstreams of that name."""
    image = draft.image(f"{REGISTRY}/up/busybox:1", shell=True)
    image.last.name = "build"
    draft.some(image)
    name = draft.pick(("assets", "assets", "Assets", "build", f"node-{UNIQUE}", "my.files"))
    if name.startswith("node"):
        draft.named_upstream("node")
    image.contexts = {name: draft.pick(("shared", image.folder, "shared/deep"))}
    folder = image.contexts[name]
    draft.file("shared/deep", "asset.txt")
    asset = draft.file(folder, "asset.txt")
    draft.file("shared", ".dockerignore", Item(text="deep/hidden\n"))
    draft.file("shared/deep", "hidden")
    lines = [
        f"COPY --from={name} {asset} /asset",
        f"COPY --from={name} . /assets/",
        f"RUN --mount=from={name},target=/mnt cp /mnt/{asset} /mounted",
    ]
    if draft.chance(0.3):
        image.stages.append(Stage(name))
    else:
        image.stages.append(Stage(f"{REGISTRY}/up/busybox:1", shell=True))
    if image.last.shell:
        image.last.lines += draft.rng.sample(lines, draft.rng.randint(1, 3))
    draft.some(image)


def copy_from(draft: Draft) -> None:
    """COPY --from and RUN --mount=from by name, number, image of ours, upstream, digest."""
    parent = _parent(draft)
    mark = draft.file(parent.folder, "mark")
    parent.last.lines.append(f"COPY {mark} /mark")
    image = draft.image(f"{REGISTRY}/up/busybox:1", shell=True)
    image.last.name = draft.pick(("", "build", "Build"))
    image.last.lines.append(f"COPY {draft.file(image.folder, 'mark')} /mark")
    draft.some(image)
    image.stages.append(Stage(draft.base()[0]))
    up = f"{REGISTRY}/up/files:1"
    ways = [
        "COPY --from=0 /mark /m1",
        f"COPY --from={parent.full} /mark /m2",
        f"COPY --from={up} /up/a.txt /m3",
        f"COPY --from={up.removesuffix(':1')}@@D:files@ /up/b.txt /m4",
        f"COPY --from={parent.full}:latest / /whole/",
        f"COPY --from={draft.named_upstream('tool:3', 'files')} /up /m5/",
        f"COPY --link --from={parent.full} /mark /m6",
    ]
    if image.stages[0].name:
        ways += ["COPY --from=build /mark /m7", "COPY --from=BUILD /mark /m8"]
    image.last.lines += draft.rng.sample(ways, draft.rng.randint(1, 4))
    draft.some(image)


def targets(draft: Draft) -> None:
    """``target`` by name, in other letters, by number; stages below it that are not built."""
    image = draft.image(f"{REGISTRY}/up/busybox:1", shell=True)
    image.last.name = "one"
    draft.some(image)
    image.stages.append(Stage("one", "two", shell=True))
    draft.some(image)
    image.stages.append(Stage(draft.pick(("two", "one", _parent(draft).full)), "three", shell=True))
    draft.images.sort(key=lambda each: each is image)
    draft.some(image)
    image.target = draft.pick(("one", "two", "TWO", "three", "Two", "1"))
    child = draft.image(image.full, shell=True)
    draft.some(child)


def tags(draft: Draft) -> None:
    """Edges by tag, and upstreams that differ from an image of ours in the tag alone."""
    parent = draft.image(f"{REGISTRY}/up/busybox:1", name="lib", shell=True)
    tag = draft.pick(("1.0", "stable", "Latest"))
    parent.tag = f"{draft.pick(('lib', 'team/lib', 'ours'))}-{UNIQUE}:{tag}"
    draft.some(parent)
    parent.last.lines.append("ENV OURS=yes")
    image = draft.image(parent.tag, shell=True)
    draft.some(image)
    other = draft.named_upstream(f"lib:{draft.pick(('1.0', '2.0', 'latest'))}", "rich")
    second = draft.image(other, shell=False)
    draft.some(second)


def refused(draft: Draft) -> None:
    """What plain builds refuse, too."""
    image = draft.image(f"{REGISTRY}/up/busybox:1", shell=True)
    draft.some(image)
    image.last.lines.append(
        draft.pick(
            (
                "COPY gone.txt /",
                "COPY --from=gone-stage-x/y /a /b",
                "RUNN true",
                "COPY --form=x a b",
                "COPY only-one",
                "FROM",
                "ENV",
                "USER",
                "EXPOSE http:port",
                "HEALTHCHECK true",
                "RUN false",
                "STOPSIGNAL NOSUCH",
                "MAINTAINER",
                "ONBUILD FROM scratch",
                "ONBUILD ONBUILD RUN true",
                "LABEL a",
                "RUN --mount=type=magic true",
                "COPY --from=7 /a /b",
                "COPY --from=$NOPE /a /b",
                "ENV A=${B:?must be}",
                "COPY --chmod=rw f /f",
                "COPY <<EOF /x",
            )
        )
    )
