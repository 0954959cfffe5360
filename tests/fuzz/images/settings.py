"""Kinds of cases about what an image says of itself: settings, platforms, the caller's shell."""

from __future__ import annotations

from tests.fuzz.images.draft import Draft, DraftImage, Stage
from tests.fuzz.images.project import BUSYBOX, REGISTRY, UNIQUE

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
    image.last.lines += [
        "COPY --from=tool /made /made",
        "ARG TARGETVARIANT",
        "ENV T=$TARGETVARIANT",
    ]
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
