"""Compilers, linkers and make: how their failures end."""

from __future__ import annotations

import re

from layers.build.failure.cause import Cause, Ending, Rule, matched

HEADERS = {
    "Python.h": "python3-dev",
    "zlib.h": "zlib1g-dev",
    "openssl/ssl.h": "libssl-dev",
    "openssl/evp.h": "libssl-dev",
    "ffi.h": "libffi-dev",
    "libpq-fe.h": "libpq-dev",
    "mysql.h": "default-libmysqlclient-dev",
    "jpeglib.h": "libjpeg-dev",
    "curl/curl.h": "libcurl4-openssl-dev",
    "libxml/parser.h": "libxml2-dev",
    "libxml/xmlversion.h": "libxml2-dev",
    "yaml.h": "libyaml-dev",
    "lber.h": "libldap-dev",
    "sqlite3.h": "libsqlite3-dev",
    "GL/gl.h": "libgl-dev",
    "Eigen/Core": "libeigen3-dev",
    "stdio.h": "libc6-dev",
}
"""Which package of Debian and Ubuntu has a header; only such as cannot be mistaken."""

HEADER = Rule(
    "compiler-header",
    r"^\s*\S+:\d+:(?:\d+:)? fatal error: (?P<name>[^\n]+): No such file or directory$",
    "a header is missing: {name}",
    "install the package that has it; its name ends with -dev as a rule: `apt-file search {name}`",
)
RULES = (
    HEADER,
    Rule(
        "linker-library",
        r"^(?:\S*/)?ld(?:\.\S+)?: cannot find -l(?P<name>\S+?)(?:: No such file or directory)?$",
        "a library is missing: lib{name}",
        "install the package that has it; its name ends with -dev as a rule: "
        "`apt-file search lib{name}.so`",
    ),
    Rule(
        "linker-undefined",
        r"undefined reference to [`'](?P<name>[^'\n]+)'$",
        "the linker finds no {name}",
        "a library is not named (-l…), stands before what needs it, or is of another version",
    ),
    Rule(
        "make-no-rule",
        r"^make(?:\[\d+\])?: \*\*\* No rule to make target '(?P<name>[^']+)'.*  Stop\.$",
        "make has neither a rule for {name} nor the file",
        "COPY it before this RUN, and see what .dockerignore leaves out",
    ),
    Rule(
        "make-no-file",
        r"^make(?:\[\d+\])?: \*\*\* No targets specified and no makefile found\.  Stop\.$",
        "there is no Makefile in this folder of the image",
        "COPY it before this RUN, and see to WORKDIR",
    ),
    Rule(
        "make-no-tool",
        r"^make(?:\[\d+\])?: (?P<name>\S+): No such file or directory$",
        "make calls {name}, which the image does not have",
        "install it before this RUN: build-essential has gcc, g++ and make",
    ),
    Rule(
        "pkg-config",
        r"^(?:No package|Package) '(?P<name>[^']+)'(?:, required by '[^']+',)? (?:not )?found$",
        "pkg-config knows no {name}",
        "install the package that has {name}.pc: `apt-file search {name}.pc`",
    ),
)


def cause(ending: Ending) -> Cause | None:
    """What a compiler, a linker or make failed of."""
    found = matched(RULES, ending)
    if found is None or found.rule != HEADER.name:
        return found
    name = re.sub(r"^.*: ", "", found.text)
    package = HEADERS.get(name)
    if package is None:
        return found
    return found._replace(remedy=f"it is in {package} (Debian, Ubuntu): apt-get install {package}")
