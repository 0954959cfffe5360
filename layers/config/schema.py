"""The tables of ``images.toml``: every key, what it holds, and one sentence about it."""

from __future__ import annotations

from hashes.algorithm import HEX_LENGTHS
from layers.config.packaging import KEYS as PACKAGING
from layers.config.sandbox import KEYS as SANDBOX
from layers.config.sandbox import NETWORK
from layers.config.shapes.shape import Constant, Either, Flag, List, Shape, Text, Whole
from layers.config.shapes.table import Map, Table

VERSION = 1

VARIANTS = ("apt", "minbase", "buildd", "required", "important", "standard")
"""Of mmdebstrap(1)."""
PROBES = ("apt", "apk", "pip")
"""Package managers that we know how to ask what waits; see layers/refresh/probes.py."""

COMMANDS = frozenset(
    {
        # doit's own
        *("auto", "clean", "dumpdb", "forget", "help", "ignore", "info", "list", "reset-dep"),
        *("run", "strace", "tabcompletion", "default"),
        # ours
        *("check", "down", "engine", "gc", "init", "keys", "lock", "plan", "publish", "refresh"),
        *("completion", "graph", "report", "rollback", "sizes", "up", "watch", "why"),
    }
)
"""Words that `doit` takes for a command before it looks for a task; ours of later issues too."""

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = (rf"^{_COMPONENT}$", "lower-case letters and digits, joined by '.', '_', '__' or '-'")
_PATH = (r"^[^/\s](?:[^\n]*\S)?$", "a relative path")
_STAGE = (r"^[A-Za-z][A-Za-z0-9_.-]*$", "a stage's name")
_VARIABLE = (r"^[A-Za-z_][A-Za-z0-9_]*$", "a variable's name")
_ID = (r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", "letters, digits, '_', '.', '-'")
_REGISTRY = (
    r"^(?:engine|(?:[A-Za-z0-9.-]+|\[[A-Fa-f0-9:]+\])(?::[0-9]+)?(?:/[a-z0-9._/-]+)?)$",
    "'engine' or host[:port][/path]",
)
_REFERENCE = (r"^[^\s/][^\s]*$", "an image reference")
_PLATFORM = (r"^linux/[a-z0-9_]+(?:/v[0-9]+)?$", "a platform such as 'linux/amd64'")
_REPOSITORY = (r"^\S(?:[^\n]*\S)?$", "a path such as '{project}/{image}'")
_PACKAGE = r"^[a-z0-9][a-z0-9+.-]+(?::[a-z0-9]+)?(?:=[A-Za-z0-9.+:~-]+)?$"  # Debian Policy 5.6.7
_ANY = r"^[\s\S]*$"

NAME = Text("", *_NAME)
IMAGE_NAME = Text("", *_NAME, taken=COMMANDS)

REQUIRE = Table(
    "A file that the build needs and the repository does not hold.",
    {
        "path": Text("Where it must be, relative to the context.", *_PATH),
        "sha256": Text("What it must be.", r"^[0-9a-f]{64}$", "64 lower-case hex digits"),
        "message": Text("Words to print when it is missing or is another file."),
        "make": List(
            "A command, run in the image's context, that makes the file.",
            Text(),
            distinct=False,
            filled=True,
        ),
    },
    required=("path", "message"),
)

ROOTFS = Table(
    "A system base made from Debian packages, in place of a Dockerfile.",
    {
        "suite": Text("The Debian release.", r"^[a-z][a-z0-9-]*$", "a suite such as 'bookworm'"),
        "packages": List(
            "Debian packages to have beside the variant's own.",
            Text("", _PACKAGE, "a Debian package's name"),
        ),
        "variant": Text("Which packages are there at all.", choices=VARIANTS),
        "env": Map("Environment of the image.", Text("", *_VARIABLE), Text("", _ANY)),
    },
    required=("suite",),
)

BUILDER = Text(
    "The buildx builder, or the docker context, that builds; 'default' or absent: the engine in"
    " use. LAYERS_BUILDER overrides it.",
    r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$",
    "a builder's name",
)

STALLS: dict[str, Shape] = {
    "stall_timeout": Text(
        "How long a step may print nothing before that is told with its last lines; default: 10m.",
        r"^[1-9][0-9]* ?[smh]$",
        "a duration such as '90s', '10m' or '2h'",
    ),
    "stall_end": Flag("Whether a RUN step that prints nothing for stall_timeout ends the build."),
}

EPOCH = Whole(
    "The moment that BuildKit writes into the image, seconds since 1970; part of the key. The"
    " caller's SOURCE_DATE_EPOCH never counts."
)
REPOSITORY = Text(
    "Where images go below the registry, with {project}, {image} and, behind a colon, what their"
    " tags begin with, as in all:{image}.{tag}. Default: {project}/{image}.",
    *_REPOSITORY,
)

ASSEMBLE = Flag(
    "Whether what comes after the last step that runs, COPY and settings, is put together in the"
    " registry without an engine, where the base is there; default: where at most 256 MiB of"
    " filesystem layers have to be read for that, once."
)

_IMAGE: dict[str, Shape] = {
    "stack": Text("Name of the group under which the image is listed.", *_NAME),
    "context": Text("Folder of the build context, relative to images.toml.", *_PATH),
    "dockerfile": Text(
        "The Dockerfile, relative to the context; it may lie outside (../Dockerfile)."
        " Default: Dockerfile.",
        *_PATH,
    ),
    "target": Text(
        "The stage to build; default: the last.",
        r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
        "a stage's name or number",
    ),
    "platform": Text("What it is built for, instead of the project's platform.", *_PLATFORM),
    "args": Map("Build args.", Text("", *_VARIABLE), Text("", _ANY)),
    "source_date_epoch": EPOCH,
    "tag": Text("Plain local name; default: the image's name.", *_REFERENCE),
    "push": Flag("Whether the image goes to the registry under its key."),
    "repository": Text("Where this image goes instead of project.repository.", *_REPOSITORY),
    "assemble": ASSEMBLE,
    "push_stages": List("Named stages that go to the registry too.", Text("", *_STAGE)),
    "secrets": List("Ids of secrets that the build may ask for.", Text("", *_ID)),
    "ssh": List(
        "SSH agents and keys that the build may use: 'default' for the agent, or ID=FILE.",
        Text("", r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(?:=\S.*)?$", "'default' or ID=FILE"),
    ),
    "network": NETWORK,
    **SANDBOX,
    "contexts": Map(
        "Named contexts: a folder, 'target:IMAGE', 'docker-image://NAME', or a git address.",
        Text("", r"^[a-z0-9][a-z0-9._/:-]*$", "a context's name"),
        Text("", *_PATH),
    ),
    "max_size": Text(
        "The most that the image may take, such as '14 GB'.",
        r"^[0-9]+(?:\.[0-9]+)? ?(?:[kKMGT]i?)?B$",
        "a size such as '14 GB' or '512 MiB'",
    ),
    "refresh": Flag(
        "Whether the nightly refresh builds it anew when an upstream moved, or its probe says so;"
        " default: true for an image with a probe."
    ),
    "probe": Either(
        "What tells that a new build would bring something: the upgrades that 'apt', 'apk' or"
        " 'pip' see from inside the present image, or a command whose output changes.",
        Text("", choices=PROBES),
        List("", Text(), distinct=False, filled=True),
    ),
    "smoke": List(
        "Commands that must succeed in a new build before it takes the old one's place: a list of"
        " words, or a text for sh -c.",
        Either("", Text(), List("", Text(), distinct=False, filled=True)),
        distinct=False,
    ),
    "packages": Text(
        "Folder of Python package sources that a loopback index serves while the image builds,"
        " relative to images.toml.",
        *_PATH,
    ),
    "require": List("Files that must be there before the build.", REQUIRE, distinct=False),
    "rootfs": ROOTFS,
    "builder": BUILDER,
    **STALLS,
    **PACKAGING,
}
_OF_A_DOCKERFILE = (
    *(
        "context",
        "dockerfile",
        "target",
        "args",
        "source_date_epoch",
        "push_stages",
        "assemble",
        "secrets",
        "ssh",
        "network",
        "contexts",
        *SANDBOX,
    ),
    *("packages", "require", *STALLS),
)
_APART = {"rootfs": _OF_A_DOCKERFILE, "packages": ("builder",)}
VARIANT = Table(
    "What a variant changes of the image: args and contexts are merged, other keys replaced.",
    _IMAGE,
    apart=_APART,
)
IMAGE = Table(
    "An image: a Dockerfile with its context, or a system base.",
    {
        **_IMAGE,
        "variants": Map(
            "The same image made in several ways; NAME and VARIANT become the image NAME-VARIANT.",
            Text("", *_NAME),
            VARIANT,
        ),
    },
    one_of=("context", "rootfs"),
    apart=_APART,
)
IMAGE_CHANGE = Table(
    "What the profile changes of an image: args and contexts are merged, other keys replaced;"
    " or a whole image that only this profile has.",
    _IMAGE,
    apart=_APART,
)

UPSTREAM = Map(
    "Upstream images replaced: by an image of this file, or by another reference.",
    Text("", *_REFERENCE),
    Text("", *_REFERENCE),
)
REGISTRY = Text(
    "Where layers are kept: 'engine' (the private engine's own) or host[:port][/path]; absent:"
    " nowhere. LAYERS_REGISTRY overrides it.",
    *_REGISTRY,
)
SECRET = Table(
    "Where a secret comes from.",
    {
        "file": Text("A file; ~ is the home folder, else relative to images.toml."),
        "env": Text("An environment variable.", *_VARIABLE),
        "builtin": Text("The host's own settings of a tool.", choices=("pip", "npm")),
    },
    one_of=("file", "env", "builtin"),
)
STACK = Table(
    "Services that `doit up` starts by docker compose.",
    {
        "compose": List(
            "Compose files, relative to images.toml, each laid over those before it.",
            Text("", *_PATH),
            filled=True,
        ),
    },
    required=("compose",),
)
PROFILE = Table(
    "Another way to build the same images.",
    {
        "extends": Text("A profile that this one is laid over; not one that extends, too.", *_NAME),
        "registry": REGISTRY,
        "repository": REPOSITORY,
        "builder": BUILDER,
        "upstream": UPSTREAM,
        "images": Map("Changes of images, and images of its own.", IMAGE_NAME, IMAGE_CHANGE),
        "stacks": Map("Stacks with other files, and stacks of its own.", NAME, STACK),
    },
)
FILE = Table(
    "The images of a project, read by doit-layers.",
    {
        "version": Constant("Version of this format.", VERSION),
        "project": Table(
            "The project.",
            {
                "name": Text("First part of every path in the registry.", *_NAME),
                "registry": REGISTRY,
                "repository": REPOSITORY,
                "create_repository": List(
                    "A command that makes a repository which a push does not find, with"
                    " {repository} (its path) and {registry} (its host) in it.",
                    Text(),
                    distinct=False,
                    filled=True,
                ),
                "builder": BUILDER,
                **STALLS,
                **PACKAGING,
                "source_date_epoch": EPOCH,
                "assemble": ASSEMBLE,
                "platform": Text("What is built for; default: the machine's own.", *_PLATFORM),
                "hash": Text(
                    "What keys and hashes of files are made with; default: xxh3. blake3 resists"
                    " people who may write to the cache and are not trusted.",
                    choices=tuple(HEX_LENGTHS),
                ),
            },
            required=("name",),
        ),
        "images": Map("The images, by name.", IMAGE_NAME, IMAGE),
        "secrets": Map("Secrets, by the id that a Dockerfile asks for.", Text("", *_ID), SECRET),
        "upstream": UPSTREAM,
        "stacks": Map("Stacks of services, by name.", NAME, STACK),
        "profiles": Map("Profiles, by name.", NAME, PROFILE),
    },
    required=("version", "project"),
)
