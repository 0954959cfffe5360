"""Credentials: secrets that an image, or its history, would keep.

It is an error where the image surely has the secret: its form is known or a generator made it, and
the stage is in the target or kept as an image of its own.  All else is a warning; what was tried is
in `claims`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from hashes.context.gopath import inside
from hashes.dockerfile import arguments
from hashes.dockerfile.arguments import looks_secret
from layers.check.finding import Finding, Rule, Severity
from layers.check.rules.secrets import (
    ENVIRONMENT,
    LONGEST,
    PATTERNS,
    generated,
    secrets_in,
    values_in,
)
from layers.check.subject import Step, Subject

SECRET_IN_ENV = Rule("secret-in-env", "error", "a secret in ARG, ENV or a command")
SECRET_IN_FILE = Rule("secret-in-file", "error", "a secret in a file that is copied")
RULES = (SECRET_IN_ENV, SECRET_IN_FILE)

_ENDS = re.compile(
    r"(?:^|_)(?:(?:API|SECRET|ACCESS|PRIVATE|SIGNING|ENCRYPTION|MASTER)_?KEY|TOKEN|SECRET|PASSWORD"
    r"|PASSWD|PWORD|CREDENTIALS?|AUTH)$"
)
"""How names end whose values are the secret itself: TOKEN_EXPIRY and KEY_FILE are not."""
_PLACEHOLDER = re.compile(
    r"^(?:|change_?me|none|null|false|true|xxx+|dummy|placeholder|\*+|<.*>|/.*|\d{1,4})$", re.I
)
_NAMES = re.compile(
    r"(?:^|/)(?:\.env(?:\..+)?|\.npmrc|\.netrc|\.pypirc|pip\.conf|\.git-credentials|id_\w+"
    r"|credentials(?:\.json)?|secrets?\.\w+|service-account.*\.json|config\.json|\.yarnrc(?:\.yml)?)$"
    r"|\.(?:pem|key|p12|env|ppk|kubeconfig)$"
)
"""Files whose names are worth reading them."""


def check(subject: Subject) -> Iterator[Finding]:
    """Every secret in instructions, and in files that they copy."""
    images = _images(subject)
    yield from _build_args(subject)
    for step in subject.all_steps():
        yield from _words(step, step.stage in images)
        if step.item.keyword in ("COPY", "ADD") and not step.item.flag("from"):
            yield from _files(step, images)
    yield from _context(subject)


def _images(subject: Subject) -> frozenset[int]:
    """The stages whose instructions are in an image: the target, kept stages, and below them."""
    stages = {each.index: each for each in subject.reached}
    found: set[int] = set()
    for index in stages:
        name = subject.dockerfile.stages[index].name.lower()
        if index == subject.target.index or name in subject.image.push_stages:
            at: int | None = index
            while at is not None and at not in found:
                found.add(at)
                at = stages[at].base.stage
    return frozenset(found)


def _severity(sure: bool) -> Severity:
    return "error" if sure else "warning"


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
                _severity(generated(value) and step.stage in _images(subject)),
                f"build arg {name} has a value in images.toml: `docker history` shows it to all",
                "RUN --mount=type=secret,id=…, and `secrets` in images.toml",
            )


def secret_name(name: str) -> bool:
    """Whether a variable of this name holds a secret, and not only the way to one."""
    if "public" in name.lower():  # NEXT_PUBLIC_API_KEY is sent to every browser
        return False
    return looks_secret(name) and bool(_ENDS.search(name.upper()))


def _words(step: Step, in_image: bool) -> Iterator[Finding]:
    item = step.item
    pairs: list[tuple[str, str | None]] = []
    if item.keyword == "ENV":
        pairs = [
            (n, step.env.get(n, v)) for n, v in zip(item.words[::2], item.words[1::2], strict=True)
        ]
    elif item.keyword == "ARG":
        pairs = list(arguments.pairs(item))
    raw = item.whole.encode("utf-8", "surrogatepass")
    looks = [what for what, pattern in PATTERNS if pattern.search(raw)]
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
        elif not looks and not _PLACEHOLDER.match(value.strip("\"'")):
            yield step.finding(
                SECRET_IN_ENV.name,
                _severity(in_image and generated(value.strip("\"'"))),
                f"{item.keyword} {name} has a value: everybody who has the image can read it"
                if in_image
                else f"{item.keyword} {name} has a value, in a stage that is only copied from",
                "give it at run time, or RUN --mount=type=secret,id=… while building",
            )
    if item.keyword in ("ENV", "ARG", "RUN", "LABEL", "CMD", "ENTRYPOINT"):
        for what in looks:
            yield step.finding(
                SECRET_IN_ENV.name,
                _severity(in_image),
                f"{what} stands in this {item.keyword}",
                "revoke it; then RUN --mount=type=secret,id=…",
            )


def _files(step: Step, images: frozenset[int]) -> Iterator[Finding]:
    context = step.subject.context
    for source in step.sources:
        for file in context.matches(source):
            if file.path not in step.subject.copied:  # --exclude leaves it out
                continue
            if file.size > LONGEST or not _NAMES.search(file.path):
                continue
            text = context.read(file.path) or ""
            in_image = step.stage in images or _taken(step, source, file.path, images)
            for what in secrets_in(file.path, text.encode()):
                sure = what != ENVIRONMENT or any(map(generated, values_in(text)))
                verb = "is" if what.startswith(("an SSH", "an env")) else "holds"
                where = "the image" if in_image else "a stage that is only copied from"
                yield step.finding(
                    SECRET_IN_FILE.name,
                    _severity(in_image and sure),
                    f"{context.shown}{file.path} {verb} {what}, and is copied into {where}",
                    f"name it in {context.ignore_file}; what was ever pushed has to be revoked",
                )


def _taken(step: Step, source: str, path: str, images: frozenset[int]) -> bool:
    """Whether an image's COPY --from takes what this step put into another stage."""
    subject = step.subject
    inner = posixpath.relpath(path, inside(source) or ".")
    whole = subject.context.is_folder(source)
    name = inner if whole else posixpath.basename(path)
    at = posixpath.join(step.target, name) if whole or step.target.endswith("/") else step.target
    for stage in subject.reached:
        if stage.index not in images:
            continue
        for each in subject.steps(stage.index):
            if each.item.keyword != "COPY" or not _is_from(each, step.stage):
                continue
            for taken in each.sources:
                top = posixpath.normpath(posixpath.join("/", taken))
                if at == top or at.startswith(f"{top.rstrip('/')}/"):
                    return True
    return False


def _is_from(step: Step, stage: int) -> bool:
    name = (step.item.flag("from") or "").lower()
    return name == str(stage) or name == step.subject.dockerfile.stages[stage].name.lower() != ""


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
