"""Shells and small tools: how their failures end."""

from __future__ import annotations

from layers.build.failure.cause import Rule

_SH = r"^(?:/\S+/)?(?:ba|da)?sh: (?:(?:line )?\d+: )?"
_COPY = "COPY it before this RUN; its path counts from WORKDIR"

RULES = (
    Rule(
        "no-sudo",
        _SH + r"sudo: (?:command )?not found$",
        "the image has no sudo",
        "leave it out: RUN is root's unless USER says another",
        status=127,
    ),
    Rule(
        "bash-only",
        _SH + r"(?P<name>source|pushd|popd|shopt|\[\[): not found$",
        "{name} is bash's, and RUN takes /bin/sh",
        'SHELL ["/bin/bash", "-c"] before it; for source also: `. FILE`',
        status=127,
    ),
    Rule(
        "bash-option",
        _SH + r"(?:set: )?Illegal option -o pipefail$",
        "pipefail is bash's, and RUN takes /bin/sh, which is dash here",
        'SHELL ["/bin/bash", "-o", "pipefail", "-c"] before it',
        status=2,
    ),
    Rule(
        "script-not-found",
        _SH + r"(?P<file>\.{0,2}/\S+): not found$",
        "{file} is not there, or its first line names a program that is not",
        "COPY it before this RUN; if it is there, see its first line, and whether its"
        " lines end with \\r\\n as on Windows",
        status=127,
    ),
    Rule(
        "command-not-found",
        _SH + r"(?P<name>[^\s/:]+): (?:command )?not found$",
        "the image has no command {name}",
        "install it in a step before, or see to PATH",
        status=127,
    ),
    Rule(
        "env-not-found",
        r"^(?:/usr/bin/)?env: [‘'\"](?P<name>[^’'\"]+)[’'\"]: No such file or directory$",
        "a script's first line asks for {name}, which the image does not have",
        "install it in a step before, or see to PATH; \\r behind it: its lines end as on Windows",
        status=127,
    ),
    Rule(
        "not-executable",
        _SH + r"(?P<file>\S+): Permission denied$",
        "{file} may not be run",
        "COPY --chmod=755, or git update-index --chmod=+x where it is in git",
        status=126,
    ),
    Rule(
        "other-machine",
        _SH + r"(?P<file>\S+): (?:cannot execute binary file: )?Exec format error$",
        "{file} is a program for another kind of machine",
        "fetch the one for this platform: ARG TARGETARCH says which",
        status=126,
    ),
    Rule(
        "shell-syntax",
        _SH + r"(?P<what>[Ss]yntax error.*)$",
        "the shell cannot read the command: {what}",
        "a quote, fi, done or && \\ is missing or too much",
        status=2,
    ),
    Rule(
        "no-folder",
        _SH + r"cd: (?:can't cd to )?(?P<name>[^\s:]+)(?:: No such file or directory)?$",
        "there is no folder {name} in the image at this step",
        "WORKDIR makes it; or COPY it before this RUN",
    ),
    Rule(
        "no-file",
        r"^(?P<tool>cp|mv|cat|chmod|chown|ls|install|sed): (?:cannot (?:stat|access|open) )?"
        r"['‘]?(?P<file>[^'’\n:]+)['’]?: No such file or directory$",
        "there is no {file} in the image at this step",
        _COPY,
    ),
    Rule(
        "no-user",
        r"^(?:chown: invalid (?:user|group): [‘'](?P<name>[^’']+)[’']"
        r"|useradd: group '(?P<group>[^']+)' does not exist)$",
        "the image knows no user or group {name}{group}",
        "make it before: RUN groupadd --system NAME && useradd --system --gid NAME NAME",
    ),
    Rule(
        "no-archive",
        r"^unzip:\s+cannot find or open (?P<file>[^,\s]+),",
        "there is no {file} in the image at this step",
        _COPY,
    ),
    Rule(
        "python-module",
        r"^ModuleNotFoundError: No module named '(?P<name>[^']+)'$",
        "Python has no module {name} at this step",
        "install it before, into the Python that runs here: `python3 -m pip` is that one's pip",
        status=1,
    ),
    Rule(
        "killed",
        r'^process "(?:[^"\\]|\\.)*" did not complete successfully: exit code: 137$',
        "the command was killed, for lack of memory as a rule",
        "see `dmesg` of the machine; fewer jobs at once (make -j2, MAX_JOBS=2), or `doit -n 1`",
        error=True,
    ),
)
