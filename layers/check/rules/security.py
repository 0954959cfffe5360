"""Security: secrets that stay in an image, and more rights than a service needs."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace

from hashes.dockerfile import arguments
from hashes.dockerfile.arguments import looks_secret
from layers.check.families import blank
from layers.check.finding import Finding, Rule
from layers.check.rules.hangs import APT, APT_VALUED, apt_verb
from layers.check.rules.secrets import LONGEST, PATTERNS, secrets_in
from layers.check.shell.calls import Call
from layers.check.shell.pip_calls import find
from layers.check.subject import Step, Subject

ROOT_USER = Rule("root-user", "warning", "a service that runs as root")
SECRET_IN_ENV = Rule("secret-in-env", "error", "a secret in ARG, ENV or a command")
SECRET_IN_FILE = Rule("secret-in-file", "error", "a secret in a file that is copied")
COMPILER = Rule("compiler-at-runtime", "warning", "compilers in the image that runs")
WORLD_WRITABLE = Rule("world-writable", "warning", "files that everybody may change")
RULES = (ROOT_USER, SECRET_IN_ENV, SECRET_IN_FILE, COMPILER, WORLD_WRITABLE)

_SERVICE = frozenset(("CMD", "ENTRYPOINT", "HEALTHCHECK", "EXPOSE"))
_PROMPTS = frozenset(
    (
        *("sh", "bash", "ash", "dash", "zsh", "fish", "python", "python3", "ipython", "node"),
        *("irb", "R", "julia", "php", "ghci", "jshell", "pwsh", "lua", "psql"),
    )
)
"""Programs that, alone, are for somebody who sits in front of them."""
_DROPS = re.compile(
    r"\b(?:gosu|su-exec|setpriv|runuser|chpst|s6-setuidgid|s6-overlay)\b|\bsu -|\bsudo\s+-\w*u"
)
"""Programs by which an entrypoint goes on as another user."""
_COMPILERS = re.compile(
    r"^(?:(?:gcc|g\+\+|clang|gfortran|cpp|cc)(?:-\d+)?|build-essential|build-base|cmake"
    r"|libc6-dev|musl-dev|(?:python3|python)(?:\.\d+)?-dev|cargo|rustc|golang(?:-go)?|go|alpine-sdk"
    r"|cuda-toolkit[\w.-]*)$"
)
_ENDS = re.compile(
    r"(?:^|_)(?:(?:API|SECRET|ACCESS|PRIVATE|SIGNING|ENCRYPTION|MASTER)_?KEY|TOKEN|SECRET|PASSWORD"
    r"|PASSWD|PWORD|CREDENTIALS?|AUTH)$"
)
"""How names end whose values are the secret itself: TOKEN_EXPIRY and KEY_FILE are not."""
_PLACEHOLDER = re.compile(
    r"^(?:|change_?me|none|null|false|true|xxx+|dummy|placeholder|\*+|<.*>|/.*|\d{1,4})$", re.I
)
_EVERYBODY = re.compile(r"^0?[0-7]?[0-7][0-7][2367]$")
_STICKY = re.compile(r"^0?[1-7][0-7][0-7][0-7]$")
_SYMBOLIC = re.compile(r"(?:^|,)[ugoa]*[oa][ugoa]*[+=][rxXst]*w")


def check(subject: Subject) -> Iterator[Finding]:
    """Everything that the finished image, or its history, should not hold."""
    service = _service(subject)
    if service is not None:
        yield from _user(subject, service)
        yield from _compilers(subject)
    yield from _build_args(subject)
    for step in subject.all_steps():
        yield from _words(step)
        yield from _modes(step)
        if step.item.keyword in ("COPY", "ADD") and not step.item.flag("from"):
            yield from _files(step)
    yield from _context(subject)


def _service(subject: Subject) -> Step | None:
    """The first instruction that says that the target is a service; a shell alone is none."""
    steps = subject.steps(subject.target.index)
    found = {each.item.keyword: each for each in steps}
    program = found.get("CMD", found.get("ENTRYPOINT"))
    words = " ".join(program.item.words).split() if program is not None else []
    shell = bool(words) and posixpath.basename(words[0]) in _PROMPTS
    alone = all(each in ("-l", "-i", "--login") for each in words[1:])
    for each in steps:
        if each.item.keyword in ("EXPOSE", "HEALTHCHECK"):
            return each
        if each.item.keyword in _SERVICE and not (shell and alone):
            return each
    return None


def _steps_down(subject: Subject) -> bool:
    """Whether the image has a program that takes another user, or its entrypoint does."""
    for step in subject.chain(subject.target.index):
        text = "\n".join((step.item.text, *(each.content for each in step.item.heredocs)))
        if _DROPS.search(text):
            return True
        if step.item.keyword in ("ENTRYPOINT", "CMD"):
            if step.item.words[:1] == ("/init",):
                return True  # s6-overlay's
            for word in " ".join(step.item.words).split()[:2]:
                for path in (word, f"/usr/local/bin/{word}", f"/{word}"):
                    found = find(step, step.cwd, path)
                    script = None if found is None else step.subject.context.read(found)
                    if script is not None and _DROPS.search(script):
                        return True
    return False


def _user(subject: Subject, service: Step) -> Iterator[Finding]:
    user = subject.state(subject.target.index).user
    if user is None and not blank(subject.root(subject.target.index)):
        return  # an upstream that may set a user of its own
    if (user or "root").partition(":")[0] in ("root", "0") and not _steps_down(subject):
        said = "it sets no USER" if user is None else f"its USER is {user}"
        yield service.finding(
            ROOT_USER.name,
            "warning",
            f"{subject.image.name} runs as root: {said}",
            "USER 10001:10001 behind the last RUN that needs root",
        )


def _compilers(subject: Subject) -> Iterator[Finding]:
    where: dict[tuple[str, int], tuple[Step, int, list[str]]] = {}
    for step in subject.chain(subject.target.index):
        for call in (step.item.keyword == "RUN" and step.calls) or ():
            bad = [each for each in installed(call) if _COMPILERS.match(each)]
            if bad and not any(_removes(each) for each in step.calls or ()):
                key = (step.subject.dockerfile.path, step.item.line)
                known = where.setdefault(key, (step, call.line, []))
                known[2].extend(each for each in bad if each not in known[2])
    for step, line, packages in where.values():
        hint = "build in a stage of its own, and COPY --from it what was made"
        if step.subject is subject:
            message = f"{' '.join(packages)} stay in the image that runs"
            yield step.finding(COMPILER.name, "warning", message, hint, line)
        else:
            at = subject.at(_bottom(subject))
            message = (
                f"{' '.join(packages)} of {step.subject.image.name}"
                f" ({step.subject.dockerfile.path}:{line}) stay in the image that runs"
            )
            yield replace(at, rule=COMPILER.name, message=message, hint=hint)


def _bottom(subject: Subject) -> int:
    """The stage of this file that the target is built on in the end."""
    stages = {each.index: each for each in subject.reached}
    at = subject.target
    while at.base.stage is not None:
        at = stages[at.base.stage]
    return at.index


def installed(call: Call) -> tuple[str, ...]:
    """The names that apt or apk is told to install, versions and releases cut off."""
    words: tuple[str, ...] = ()
    if call.name in APT and apt_verb(call) == "install":
        words = call.split(*APT_VALUED)[1:]
    elif call.name == "apk" and "add" in call.args:
        words = call.split("-t", "--virtual", "-X", "--repository", "-p", "--root")
        words = tuple(each for each in words if each != "add")
    return tuple(re.split(r"[=<>~@/:]", each)[0] for each in words if not each.startswith("."))


def _removes(call: Call) -> bool:
    if call.name == "apk":
        return "del" in call.args
    return call.name in APT and apt_verb(call) in ("purge", "remove", "autoremove")


def _build_args(subject: Subject) -> Iterator[Finding]:
    declared: dict[str, Step] = {}
    for step in subject.all_steps():
        if step.item.keyword == "ARG":
            for name, _ in arguments.pairs(step.item):
                declared.setdefault(name, step)
    for name, step in declared.items():
        value = subject.image.args.get(name)
        if secret_name(name) and value is not None and not _PLACEHOLDER.match(value):
            yield step.finding(
                SECRET_IN_ENV.name,
                "error",
                f"build arg {name} has a value in images.toml: `docker history` shows it to all",
                "RUN --mount=type=secret,id=…, and `secrets` in images.toml",
            )


def secret_name(name: str) -> bool:
    """Whether a variable of this name holds a secret, and not only the way to one."""
    if "public" in name.lower():  # NEXT_PUBLIC_API_KEY is sent to every browser
        return False
    return looks_secret(name) and bool(_ENDS.search(name.upper()))


def _words(step: Step) -> Iterator[Finding]:
    item = step.item
    pairs: list[tuple[str, str | None]] = []
    if item.keyword == "ENV":
        pairs = [
            (n, step.env.get(n, v)) for n, v in zip(item.words[::2], item.words[1::2], strict=True)
        ]
    elif item.keyword == "ARG":
        pairs = list(arguments.pairs(item))
    for name, value in pairs:
        if not secret_name(name):
            continue
        if value is None:
            yield step.finding(
                SECRET_IN_ENV.name,
                "warning",
                f"ARG {name}: whatever it is given, `docker history` shows it to all",
                "RUN --mount=type=secret,id=…",
            )
        elif not _PLACEHOLDER.match(value.strip("\"'")):
            yield step.finding(
                SECRET_IN_ENV.name,
                "error",
                f"{item.keyword} {name} has a value: everybody who has the image can read it",
                "give it at run time, or RUN --mount=type=secret,id=… while building",
            )
    if item.keyword in ("ENV", "ARG", "RUN", "LABEL", "CMD", "ENTRYPOINT"):
        text = "\n".join((item.text, *(each.content for each in item.heredocs)))
        raw = text.encode("utf-8", "surrogatepass")
        for what, pattern in PATTERNS:
            if pattern.search(raw):
                yield step.finding(
                    SECRET_IN_ENV.name,
                    "error",
                    f"{what} stands in this {item.keyword}",
                    "revoke it; then RUN --mount=type=secret,id=…",
                )


def _modes(step: Step) -> Iterator[Finding]:
    hint = "give the files to the user who needs them: COPY --chown, or 755 and 644"
    mode = step.item.flag("chmod")
    if mode and _open_to_all(mode):
        yield step.finding(
            WORLD_WRITABLE.name, "warning", f"--chmod={mode} lets everybody change them", hint
        )
    for call in (step.item.keyword == "RUN" and step.calls) or ():
        wanted = ""
        if call.name == "chmod":
            wanted = next((each for each in call.args if _open_to_all(each)), "")
        elif call.name in ("install", "mkdir"):
            value = call.value("-m", "--mode") or ""
            wanted = value if _open_to_all(value) else ""
        if wanted:
            yield step.finding(
                WORLD_WRITABLE.name,
                "warning",
                f"`{call.name} {wanted}` lets everybody change them",
                hint,
                call.line,
            )


def _open_to_all(mode: str) -> bool:
    if _STICKY.match(mode) and mode.lstrip("0")[0] in "1357" and len(mode.lstrip("0")) == 4:
        return False  # as /tmp has it: only a file's owner may remove it
    return bool(_EVERYBODY.match(mode) or _SYMBOLIC.search(mode))


def _files(step: Step) -> Iterator[Finding]:
    context = step.subject.context
    for source in step.sources:
        for file in context.matches(source):
            if file.size > LONGEST or not _suspicious(file.path):
                continue
            text = context.read(file.path)
            for what in secrets_in(file.path, (text or "").encode()):
                yield step.finding(
                    SECRET_IN_FILE.name,
                    "error",
                    f"{context.shown}{file.path} is {what}, and is copied into the image"
                    if what.startswith(("an SSH", "an env"))
                    else f"{context.shown}{file.path} holds {what}, and is copied into the image",
                    f"name it in {context.ignore_file}; what was ever pushed has to be revoked",
                )


_NAMES = re.compile(
    r"(?:^|/)(?:\.env(?:\..+)?|\.npmrc|\.netrc|\.pypirc|pip\.conf|\.git-credentials|id_\w+"
    r"|credentials(?:\.json)?|secrets?\.\w+|service-account.*\.json|config\.json|\.yarnrc(?:\.yml)?)$"
    r"|\.(?:pem|key|p12|env|ppk|kubeconfig)$"
)


def _suspicious(path: str) -> bool:
    """Whether a file's name is worth reading it."""
    return bool(_NAMES.search(path))


def _context(subject: Subject) -> Iterator[Finding]:
    context = subject.context
    for file in context.files:
        if re.search(r"(?:^|/)\.env$", file.path) and file.path not in subject.copied:
            text = context.read(file.path) or ""
            if not secrets_in(file.path, text.encode()):
                continue
            yield Finding(
                SECRET_IN_FILE.name,
                "warning",
                f"{context.shown}{file.path}",
                0,
                "an environment file with secrets is in the build context; the next COPY . takes it"
                " along",
                f"add **/.env to {context.ignore_file}",
                (subject.image.name,),
            )
