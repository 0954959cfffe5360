"""npm and node: how their failures end."""

from __future__ import annotations

from layers.build.failure.cause import Rule

_E = r"^npm (?:error|ERR!) "
_REST = 160  # npm 9 ends some of its errors with the whole help of the command

RULES = (
    Rule(
        "npm-no-package",
        _E + r"code E404\n(?:.*\n)*?" + _E + r"404 +'(?P<what>[^']+)' is not in this registry"
        r"|"
        + _E
        + r"code E404\n(?:.*\n)*?"
        + _E
        + r"404 +The requested resource '(?P<other>[^']+)'",
        "npm's registry has no {what}{other}, or shows it to nobody who is not logged in",
        'check its name; a private one needs an .npmrc: a secret (builtin = "npm")',
        depth=_REST,
        rest=_E,
    ),
    Rule(
        "npm-no-version",
        _E
        + r"code ETARGET\n(?:.*\n)*?"
        + _E
        + r"notarget No matching version found for (?P<what>\S+?)\.?$",
        "there is no {what}",
        "`npm view NAME versions` lists what there is",
        depth=_REST,
        rest=_E,
    ),
    Rule(
        "npm-conflict",
        _E + r"code ERESOLVE\n(?:.*\n)*?" + _E + r"(?P<what>peer .*)$",
        "requirements exclude each other: {what}",
        "change one of them and lock again; --legacy-peer-deps goes on all the same",
        depth=_REST,
        rest=_E,
    ),
    Rule(
        "npm-no-lock",
        _E
        + r"code EUSAGE\n(?:.*\n)*?"
        + _E
        + r"The `npm ci` command can only install with an existing",
        "npm ci wants a package-lock.json, and there is none in the image at this step",
        "COPY package.json package-lock.json ./ before it; commit the lock if it is not",
        depth=_REST,
        rest=_E,
    ),
    Rule(
        "npm-lock-behind",
        _E
        + r"code EUSAGE\n(?:.*\n)*?"
        + _E
        + r"`npm ci` can only install packages when your package\.json",
        "package-lock.json does not fit package.json",
        "run npm install, and commit the package-lock.json that it writes",
        depth=_REST,
        rest=_E,
    ),
    Rule(
        "npm-no-file",
        _E + r"code ENOENT\n(?:.*\n)*?" + _E + r"path (?P<file>\S+/package\.json)$",
        "there is no {file} in the image at this step",
        "COPY package.json before this RUN, and see to WORKDIR",
        depth=_REST,
        rest=_E,
    ),
    Rule(
        "npm-json",
        _E + r"code EJSONPARSE\n(?:.*\n)*?" + _E + r"JSON\.parse (?P<why>Invalid package\.json.*)$",
        "package.json is no JSON: {why}",
        "mend it; JSON has neither comments nor a comma at the end of a list",
        depth=_REST,
        rest=_E,
    ),
    Rule(
        "npm-engine",
        _E
        + r"code EBADENGINE\n(?:.*\n)*?"
        + _E
        + r"notsup Required: (?P<wants>\{.*\})\n"
        + _E
        + r"notsup Actual: +(?P<has>\{.*\})$",
        "a package wants {wants}, and the base has {has}",
        "take a base with that node, or a version of the package for this one",
        depth=_REST,
        rest=_E,
    ),
    Rule(
        "npm-unreachable",
        _E + r"code (?P<code>ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNRESET)$",
        "npm could not reach its registry ({code})",
        "see whether the registry answers from this machine; a proxy is given to builds by"
        ' HTTPS_PROXY, a registry of your own by a secret (builtin = "npm")',
        depth=_REST,
        rest=_E,
    ),
    Rule(
        "npm-no-script",
        _E + r"Missing script: \"(?P<name>[^\"]+)\"$",
        "package.json has no script {name}",
        "`npm run` lists those that it has",
        depth=8,
        rest=_E,
    ),
    Rule(
        "node-no-module",
        r"^Error(?: \[ERR_MODULE_NOT_FOUND\])?: "
        r"Cannot find (?:module|package) '(?P<name>[^']+)'"
        r"(?:.*\n)+\s*code: '(?:ERR_)?MODULE_NOT_FOUND'",
        "node finds no module {name}",
        "npm ci before it, in this folder; what is below devDependencies is left out by --omit=dev",
        depth=30,
        rest=r"\s+requireStack: ",
    ),
    Rule(
        "node-memory",
        r"^FATAL ERROR: .*(?:JavaScript heap out of memory|heap limit)",
        "node used up the memory that it allows itself",
        "ENV NODE_OPTIONS=--max-old-space-size=4096, or as many MB as the machine can spare",
        depth=40,
        rest=r"Aborted|\s*\d+: 0x",
    ),
)
