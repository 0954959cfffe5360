"""Every fault of images.toml is told with its line, and the JSON Schema tells the same ones."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from layers.config import json_schema
from layers.config.faults import SpecError
from layers.config.schema import COMMANDS
from layers.config.toml import read
from tests.unit.config.specs import EXAMPLE, HEAD, ROOT, TWO, spec

jsonschema: Any = importlib.import_module("jsonschema")  # it has no types


def faults(text: str, **kwargs: Any) -> list[str]:
    """The messages of all faults."""
    with pytest.raises(SpecError) as caught:
        spec(text, **kwargs)
    assert str(caught.value) == "\n".join(str(fault) for fault in caught.value.faults)
    return [str(fault) for fault in caught.value.faults]


def lacks(text: str, **kwargs: Any) -> dict[str, str]:
    """By image, what of it is not on the disk; the file itself is read."""
    images = spec(text, **kwargs).images
    return {name: str(image.fault) for name, image in images.items() if image.fault}


NAMED = 'project.name = "snow"\n'
A = '[images.a]\ncontext = "a"\n'
FAULTS = [
    ("a = ", "images.toml:1: not TOML: Invalid value"),
    ("version = 2", "images.toml:1: version: unknown version 2\n  a newer doit-layers"),
    (NAMED + 'version = "1"', "2: version: expected the number 1, found the string '1'"),
    (f"{HEAD}{A}probe = 'dnf'", "5: images.a.probe: expected one of 'apt', 'apk', 'pip', found"),
    (f"{HEAD}{A}probe = []", "5: images.a.probe: expected at least one element"),
    (f"{HEAD}{A}probe = 1", "5: images.a.probe: expected a string or an array, found the integer"),
    (f"{HEAD}{A}smoke = 'x'", "5: images.a.smoke: expected an array, found the string 'x'"),
    (f"{HEAD}{A}smoke = [[]]", "5: images.a.smoke[0]: expected at least one element"),
    (f"{HEAD}{A}refresh = 'no'", "5: images.a.refresh: expected true or false, found"),
    (NAMED + "version = true", "2: version: expected the number 1, found true"),
    ("version = 1", "1: 'project' is missing"),
    ("[project]\nname = 'a'", "1: 'version' is missing"),
    ("version = 1\n[project]\n", "2: project: 'name' is missing"),
    ("version = 1\n[project]\nname = 'A'", "3: project.name: expected lower-case letters"),
    (HEAD + "[imags.a]", "3: imags: unknown table (did you mean 'images'?)"),
    (HEAD + "zebra = 1", "3: zebra: unknown key\n  known here: images, profiles, project"),
    (
        HEAD + "project.regsitry = 'engine'",
        "project.regsitry: unknown key (did you mean 'registry'",
    ),
    (HEAD + "project.registry = 'https://r.io'", "expected 'engine' or host[:port][/path]"),
    (HEAD + "project.registry = 'me/cache'", "3: project.registry: 'me/cache' is no host"),
    (HEAD + "profiles.p.registry = 'r.io/A'", "profiles.p.registry: expected 'engine' or host"),
    (HEAD + "project.platform = 'amd64'", "expected a platform such as 'linux/amd64'"),
    (HEAD + "project.platform = 'linux/x86_64'", "'x86_64' (did you mean 'amd64'?)"),
    (HEAD + "project.platform = 'linux/amd46'", "'amd46' (did you mean 'amd64'?)"),
    (HEAD + A + "platform = 'arm64'", "5: images.a.platform: expected a platform such as"),
    (HEAD + A + "platform = 'linux/s390'", "5: images.a.platform: unknown architecture 's390'"),
    (HEAD + "images = 1", "3: images: expected a table, found the integer 1"),
    (HEAD + "images.a = 1979-05-27", "3: images.a: expected a table, found a date or time"),
    (HEAD + "[images.a]\n", "images.a: expected exactly one of 'context', 'rootfs', found none"),
    (HEAD + A + "contxt = 'b'", "5: images.a.contxt: unknown key (did you mean 'context'?)"),
    (HEAD + A + "arg.X = 'b'", "5: images.a.arg: unknown table (did you mean 'args'?)"),
    (HEAD + A + "args.X = 3", "5: images.a.args.X: expected a string, found the integer 3"),
    (HEAD + A + "args.'X Y' = '3'", '5: images.a.args."X Y": expected a variable\'s name'),
    (HEAD + A + "push = 'yes'", "expected true or false, found the string 'yes'"),
    (
        HEAD + A + "network = 'shop_net'",
        "5: images.a.network: expected one of 'default', 'none', 'host', found 'shop_net'\n"
        "  RUN steps run in BuildKit, which is in no network of docker's or compose's",
    ),
    (HEAD + A + "network = 'hots'", "'none', 'host', found 'hots' (did you mean 'host'?)"),
    (
        HEAD + A + "labels.a = '{git.comit}'",
        "5: images.a.labels.a: unknown placeholder {git.comit} (did you mean 'git.commit'?)",
    ),
    (HEAD + "project.annotations.a = '{env.}'", "3: project.annotations.a: unknown placeholder"),
    (HEAD + A + "labels.'io.doit-layers.key' = 'x'", "that begin with 'io.doit-layers.' are ours"),
    (HEAD + A + "labels.a = '{date'", "5: images.a.labels.a: a { stands alone; one that is meant"),
    (HEAD + A + "labels.'a b' = 'x'", '5: images.a.labels."a b": expected a label\'s name'),
    (HEAD + A + "args.API_KEY = '{env.K}'", "5: images.a.args.API_KEY: a build arg with a pla"),
    (HEAD + A + "args.A = 'x{git.commit} {no}'", "5: images.a.args.A: unknown placeholder {no}"),
    (HEAD + A + "contexts.x = 'target:b'", "5: images.a.contexts.x: no image 'b'"),
    (HEAD + A + "contexts.x = 'docker-image://A'", "5: images.a.contexts.x: reference 'A': name"),
    (HEAD + A + "contexts.x = 'https://a/b.tgz'", "'https://a/b.tgz' is no context that images"),
    (HEAD + A + "add_hosts.'a b' = '1.2.3.4'", '5: images.a.add_hosts."a b": expected a host\'s'),
    (HEAD + A + "add_hosts.a = 'b'", "5: images.a.add_hosts.a: expected an address, found 'b'"),
    (HEAD + A + "shm_size = '64'", "5: images.a.shm_size: expected a size such as '64 MiB'"),
    (HEAD + A + "ulimits.nofiles = 1", "found 'nofiles' (did you mean 'nofile'?)"),
    (HEAD + A + "ulimits.nofile = '9:8'", "nofile: the soft limit 9 is above the hard one, 8"),
    (HEAD + A + "ulimits.nofile = '-1:8'", "nofile: the soft limit -1 is above the hard one, 8"),
    (HEAD + A + "ulimits.nofile = 'all'", "ulimits.nofile: expected a limit such as 1024 or"),
    (HEAD + A + "ulimits.nofile = -2", "expected a whole number, -1 or more, found the integer -2"),
    (HEAD + A + "cgroup_parent = ''", "5: images.a.cgroup_parent: expected a cgroup's path"),
    (HEAD + A + "ssh = ['a b']", "5: images.a.ssh[0]: expected 'default' or ID=FILE, found"),
    (HEAD + A + "compression = 'zst'", "expected one of 'zstd', 'gzip', 'uncompressed', found"),
    (
        HEAD + A + "compression = 'gzip'\ncompression_level = 10",
        "6: images.a.compression_level: expected 0 to 9 with gzip, found 10",
    ),
    (HEAD + A + "compression_level = 23", "compression_level: expected 0 to 22 with zstd, found"),
    (HEAD + A + "push_stages = ['']", "5: images.a.push_stages[0]: expected a stage's name"),
    (HEAD + A + "push_stages = 'deps'", "push_stages: expected an array, found the string"),
    (HEAD + A + "push_stages = ['a',\n 'a']", "6: images.a.push_stages[1]: 'a' comes twice"),
    (HEAD + A + "target = ''", "5: images.a.target: expected a stage's name or number, found ''"),
    (HEAD + A + "stack = ''", "5: images.a.stack: expected lower-case letters"),
    (HEAD + A + "max_size = '14 gigs'", "expected a size such as '14 GB' or '512 MiB'"),
    (HEAD + A + "max_size = 14.5", "expected a string, found the number 14.5"),
    (HEAD + A + "tag = 'Snow'", "5: images.a.tag: reference 'Snow': name 'Snow' must be in lower"),
    (HEAD + A + f"tag = 'a@sha256:{'0' * 64}'", "is a digest, not a plain name"),
    (HEAD + A + "secrets = ['pip']", "5: images.a.secrets: unknown secret 'pip'\n  say where"),
    (
        HEAD + A + "secrets = ['pip-cnf']\n[secrets.pip-conf]\nenv = 'E'",
        "unknown secret 'pip-cnf' (did you mean 'pip-conf'?)",
    ),
    (HEAD + A + "secrets = ['a,b']", "images.a.secrets[0]: expected letters, digits"),
    (HEAD + A + "contexts.x = '/x'", "images.a.contexts.x: expected a relative path, found '/x'"),
    (HEAD + A + "contexts.x = 'x/../..'", "images.a.contexts.x: 'x/../..' leads out of the folder"),
    (HEAD + A + "contexts.'a_' = 'x'", "images.a.contexts.a_: reference 'a_': name 'a_'"),
    (HEAD + A + "contexts.'a:latest' = 'x'", 'contexts."a:latest": hides the image of that name'),
    (HEAD + A + "packages = '../p'", "images.a.packages: '../p' leads out of the folder of images"),
    (HEAD + A + "dockerfile = '/D'", "5: images.a.dockerfile: expected a relative path"),
    (HEAD + A + "dockerfile = '../../D'", "images.a.dockerfile: '../../D' leads out of the"),
    (HEAD + "[images.a]\ncontext = '..'", "4: images.a.context: '..' leads out of the folder"),
    (HEAD + "[images.a]\ncontext = ''", "4: images.a.context: expected a relative path, found ''"),
    (HEAD + "[images.A]\ncontext = 'a'", "3: images.A: expected lower-case letters and digits"),
    (HEAD + "[images.a-]\ncontext = 'a'", "3: images.a-: expected lower-case letters"),
    (HEAD + "[images._a]\ncontext = 'a'", "3: images._a: expected lower-case letters"),
    (HEAD + "[images.'a:b']\ncontext = 'a'", '3: images."a:b": expected lower-case letters'),
    (HEAD + "[images.list]\ncontext = 'a'", "3: images.list: 'list' is a command of doit"),
    (HEAD + "[images.rollback]\ncontext = 'a'", "'rollback' is a command of doit"),
    (HEAD + "profiles.p.images.tabcompletion.context = 'a'", "is a command of doit"),
    (TWO + "tag = 'docker.io/library/base'", "7: images.pose.tag: 'docker.io/library/base' is"),
    (
        TWO + "tag = 'x'\n[images.c]\ncontext = 'c'\ntag = 'x:latest'",
        "10: images.c.tag: 'x:latest' is the tag of 'pose' too",
    ),
    (
        HEAD + A + "tag = 'b'\n[images.b]\ncontext = 'b'\ntag = 'c'",
        "5: images.a.tag: 'b' is the name of another image",
    ),
    (HEAD + A + "[[images.a.require]]\npath = 'f'", "5: images.a.require[0]: 'message' is missing"),
    (HEAD + A + "require = [{path = '../f', message = 'm'}]", "'../f' is no file inside the"),
    (HEAD + A + "require = [{path = '/f', message = 'm'}]", "[0].path: expected a relative path"),
    (
        HEAD + A + "require = [{path = 'f', message = 'm', sha256 = 'ab'}]",
        "5: images.a.require[0].sha256: expected 64 lower-case hex digits, found 'ab'",
    ),
    (
        HEAD + A + "require = [{path = 'f', message = 'm', make = []}]",
        "images.a.require[0].make: expected at least one element",
    ),
    (
        HEAD + A + "[images.a.rootfs]\nsuite = 'bookworm'",
        "expected exactly one of 'context', 'rootfs', found 'context' and 'rootfs'",
    ),
    (HEAD + "[images.a.rootfs]\n", "3: images.a.rootfs: 'suite' is missing"),
    (
        HEAD + "[images.a]\ntarget = 't'\nrootfs.suite = 's'",
        "4: images.a.target: has no meaning beside 'rootfs'",
    ),
    (HEAD + "images.a.rootfs = {suite = 's', packages = ['Py 3']}", "a Debian package's name"),
    (HEAD + "images.a.rootfs = {suite = 's', variant = 'big'}", "expected one of 'apt', 'minbase'"),
    (HEAD + "[secrets.s]\n", "3: secrets.s: expected exactly one of 'file', 'env', 'builtin'"),
    (HEAD + "secrets.s = {file = 'a', env = 'B'}", "found 'file' and 'env'"),
    (HEAD + "secrets.s.builtin = 'pips'", "found 'pips' (did you mean 'pip'?)"),
    (HEAD + "secrets.s.env = 'A B'", "secrets.s.env: expected a variable's name, found 'A B'"),
    (TWO + "[upstream]\n'Node' = 'base'", "8: upstream.Node: reference 'Node': name 'Node' must"),
    (TWO + "[upstream]\nnode = 'bas'", "no image 'bas' (did you mean 'base'?)\n  write a tag"),
    (TWO + "[upstream]\nnode = 'a/-:x'", "upstream.node: reference 'a/-:x': name 'a/-'"),
    (
        TWO.replace('context = "b"', "rootfs.suite = 'bookworm'") + "[upstream]\nbase = 'x:1'",
        "8: upstream.base: 'base' is an image of this file",
    ),
    (HEAD + "[profiles.Big]\n", "3: profiles.Big: expected lower-case letters"),
    (HEAD + "[profiles.p]\nupstrem = {}", "4: profiles.p.upstrem: unknown table (did you mean"),
    (
        TWO + "[profiles.p.images.pos]\ntarget = 'x'",
        "7: profiles.p.images.pos: no image 'pos' (did you mean 'pose'?)\n  an image that only",
    ),
    (
        TWO + "[profiles.p.images.pose]\nrootfs.suite = 'x'",
        "7: profiles.p.images.pose: expected exactly one of 'context', 'rootfs', found",
    ),
    (TWO + "[profiles.p.images.pose]\ntargt = 'x'", "8: profiles.p.images.pose.targt: unknown"),
]


@pytest.mark.parametrize(("text", "expected"), FAULTS)
def test_a_fault_is_told_with_its_line(text: str, expected: str) -> None:
    """One fault, one message, and no other beside it."""
    (message,) = faults(text)
    assert message.startswith("images.toml:")
    assert expected in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("upstream.node = 'bas'", "8: profiles.p.upstream.node: no image 'bas' (did you mean"),
        ("registry = 'me/x'", "8: profiles.p.registry: 'me/x' is no host"),
        ("images.pose.context = '..'", "8: profiles.p.images.pose.context: '..' leads out"),
        ("images.pose.tag = 'base'", "8: profiles.p.images.pose.tag: 'base' is"),
        ("images.new.context = 'n/../..'", "8: profiles.p.images.new.context: 'n/../..' leads"),
        ("images.new = {context = 'n', tag = 'X'}", "8: profiles.p.images.new.tag: reference"),
    ],
)
def test_a_fault_of_the_chosen_profile_is_told_where_it_stands(text: str, expected: str) -> None:
    """Line and path are those of the profile's table, not of the image that it changes."""
    (message,) = faults(f"{TWO}[profiles.p]\n{text}\n", profile="p")
    assert expected in message


def test_a_profile_that_is_not_there_is_an_error_with_suggestions() -> None:
    """And what there is."""
    text = HEAD + "[profiles.local]\n[profiles.ci]\n"
    (message,) = faults(text, profile="locl")
    assert message.endswith("no profile 'locl' (did you mean 'local'?)\n  profiles here: local, ci")
    (message,) = faults(HEAD, profile="local")
    assert message.endswith("no profile 'local'\n  the file has no profiles")


def test_an_empty_profile_name_means_none() -> None:
    """An environment variable that is set to nothing."""
    assert spec(HEAD, profile="").profile is None


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ({"p", "p/Dockerfile"}, "6: images.pose.context: there is no folder 'p'"),
        ({"p/Dockerfile"}, "5: images.pose.dockerfile: there is no Dockerfile 'p/Dockerfile'"),
    ],
)
def test_what_is_not_on_the_disk_is_a_fault(missing: set[str], expected: str) -> None:
    """Of its image alone; a missing folder is told once, without its Dockerfile."""
    (name,) = found = lacks(TWO, missing=missing)
    assert name == "pose"
    assert expected in found[name]
    assert "\n" not in found[name].partition("\n  ")[0]


def test_folders_that_a_build_is_handed_must_be_there() -> None:
    """Named contexts and package folders."""
    text = HEAD + A + "packages = 'p'\ncontexts.c = 'q'"
    told = lacks(text, missing={"p", "q"})["a"].splitlines()
    assert [message.split(" ", 1)[1] for message in told] == [
        "images.a.packages: there is no folder 'p'",
        "images.a.contexts.c: there is no folder 'q'",
    ]


def test_a_profile_that_is_not_chosen_needs_nothing_on_the_disk() -> None:
    """Only its form is checked."""
    text = TWO + "[profiles.p.images.new]\ncontext = 'gone'\n"
    assert "new" not in spec(text, missing={"gone"}).images
    assert list(lacks(text, profile="p", missing={"gone"})) == ["new"]


def test_all_faults_come_in_one_error_in_the_order_of_their_lines() -> None:
    """Whoever mends the file mends it once."""
    text = (
        HEAD
        + """[images.run]
        context = "../x"
        [images.a]
        contxt = 1
        dockerfile = 2
        [images.b]
        context = "b"
        push = 1
        tag = "C"
        [profiles.p.images.c]
        args = []
        """
    )
    found = faults(text)
    assert [int(message.split(":")[1]) for message in found] == [3, 5, 6, 7, 10, 11, 12, 13]


def test_a_bad_registry_from_outside_is_told_as_such() -> None:
    """The file has no line for it."""
    with pytest.raises(SpecError, match=r"^LAYERS_REGISTRY: 'me/x' is no host"):
        spec(HEAD, registry="me/x")


def test_no_command_of_doit_can_name_an_image() -> None:
    """doit takes its first word for a command before it looks for a task; ours are among them."""
    doit_cmd: Any = importlib.import_module("doit.doit_cmd")
    commands = {command.get_name() for command in doit_cmd.DoitMain.DOIT_CMDS}
    ours = read((ROOT / "pyproject.toml").read_text(encoding="utf-8"), "pyproject.toml")
    commands |= set(ours["project"]["entry-points"]["doit.COMMAND"])
    assert commands <= COMMANDS


# -- the JSON Schema -------------------------------------------------------------------------


def test_the_published_schema_is_the_one_that_the_reader_goes_by() -> None:
    """Else: python -m layers.config.json_schema."""
    assert Path(json_schema.PATH).read_text(encoding="utf-8") == json_schema.text()
    jsonschema.Draft202012Validator.check_schema(json.loads(json_schema.text()))


def test_the_schema_explains_every_key() -> None:
    """Editors show the descriptions."""
    silent = []

    def walk(rule: Any, path: str) -> None:
        if isinstance(rule, dict):
            for key, inner in rule.get("properties", {}).items():
                if isinstance(inner, dict) and not inner.get("description"):
                    silent.append(f"{path}.{key}")
            for key, inner in rule.items():
                walk(inner, f"{path}.{key}")

    walk(json_schema.schema(), "")
    assert silent == []


_BEYOND_FORM = (  # what only the whole file, the disk or a grammar tells
    *("is no host", "unknown architecture", "reference '", "is a digest", "unknown secret"),
    *("leads out", "hides the", "is the tag", "is the name of", "no file inside", "no image"),
    *(
        "an image of this file",
        "profiles.p.images.pose:",
        "the soft limit",
        "is no context that",
        "unknown placeholder",
        "stands alone",
        "are ours",
        "a build arg with a placeholder",
        "with gzip",
        "with zstd",
    ),
)


@pytest.mark.parametrize(("text", "expected"), [row for row in FAULTS if "not TOML" not in row[1]])
def test_the_schema_refuses_what_the_reader_refuses_for_its_form(text: str, expected: str) -> None:
    """The same tables, by another program."""
    validator = jsonschema.Draft202012Validator(json_schema.schema())
    (message,) = faults(text)
    beyond = any(part in message for part in _BEYOND_FORM)
    assert validator.is_valid(read(text, "f")) is beyond


@pytest.mark.parametrize("text", [EXAMPLE, TWO, HEAD])
def test_the_schema_accepts_what_the_reader_accepts(text: str) -> None:
    """No editor marks a good file."""
    spec(text)
    jsonschema.Draft202012Validator(json_schema.schema()).validate(read(text, "f"))
