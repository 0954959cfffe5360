"""The script for fish, a line a word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layers.completion.table import Entry, Option

_HEAD = """\
# doit in fish: doit completion fish > ~/.config/fish/completions/doit.fish

function __doit_words # the words before the cursor that are no options
    set -l found (commandline -opc)
    string match -rv -- '^-|=' $found[2..-1]
end

function __doit_command # what was typed as the command, or nothing
    __doit_words | head -n 1
end

function __doit_profile
    commandline -opc | string match -r -- '^profile=.*' | tail -n 1
end

function __doit_is # COMMAND...: whether it is one of these
    set -l command (__doit_command)
    test -n "$command"; and contains -- $command $argv
end

function __doit_runs # no command, or an image in its place
    not __doit_is @COMMANDS@
end

function __doit_names # KIND: names of the project here, else tasks of another dodo.py
    set -l program (commandline -opc)[1]
    $program completion --names $argv[1] (__doit_profile) 2>/dev/null
    or begin
        test $argv[1] = layers; and $program list -q --all 2>/dev/null
    end
end

function __doit_tags # what an image has in the registry, at the second word of why
    set -l words (__doit_words)
    set -l program (commandline -opc)[1]
    test (count $words) -eq 2
    and $program completion --tags $words[2] (__doit_profile) 2>/dev/null
end

complete -c doit -f
complete -c doit -n 'string match -q "profile=*" -- (commandline -ct)' -a '(__doit_names profiles)'
complete -c doit -n __doit_runs -a '(__doit_names layers)'
complete -c doit -n '__doit_is why; and test (count (__doit_words)) -eq 2' -a '(__doit_tags)'
"""


def script(entries: Sequence[Entry]) -> str:
    """The whole of it."""
    head = _HEAD.replace("@COMMANDS@", " ".join(each.name for each in entries))
    return "\n".join([head, *(line for each in entries for line in _lines(each))]) + "\n"


def _lines(each: Entry) -> Iterator[str]:
    first = "'not count (__doit_words) >/dev/null'"
    yield f"complete -c doit -n {first} -a {each.name} -d {_quoted(each.about)}"
    inside = f"'__doit_is {each.name}'"
    if each.words:
        yield f"complete -c doit -n {inside} -a '{' '.join(each.words)}'"
    if each.kind and each.name != "why":
        yield f"complete -c doit -n {inside} -a '(__doit_names {each.kind})'"
    elif each.kind:
        alone = f"'__doit_is {each.name}; and test (count (__doit_words)) -eq 1'"
        yield f"complete -c doit -n {alone} -a '(__doit_names {each.kind})'"
    for option in each.options:
        yield _option(inside, option)
        if each.name == "run":
            yield _option("__doit_runs", option)


def _option(condition: str, option: Option) -> str:
    typed = " ".join(
        f"-l {s[2:]}" if s.startswith("--") else f"-s {s[1:]}" for s in option.spellings
    )
    takes = ""
    if option.takes:
        takes = f" -x -a '{' '.join(option.choices)}'" if option.choices else " -r -F"
    return f"complete -c doit -n {condition} {typed}{takes} -d {_quoted(option.about)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
