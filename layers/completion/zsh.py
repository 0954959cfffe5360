"""The script for zsh: sourced, or a file ``_doit`` on fpath."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from layers.completion.table import Entry, Option

_SCRIPT = r"""#compdef doit
# doit in zsh: source <(doit completion zsh) in ~/.zshrc, below compinit

_doit_names() { # KIND [PROFILE]: names of the project here, else tasks of another dodo.py
    $words[1] completion --names $1 ${2:+$2} 2>/dev/null ||
        { [[ $1 == layers ]] && $words[1] list -q --all 2>/dev/null }
}

_doit() {
    local command='' profile='' word kind='' previous=$words[CURRENT-1]
    local -a names commands options extra found
    for word in ${words[2,CURRENT-1]}; do
        case $word in
        profile=*) profile=$word ;;
        -*|*=*) ;;
        *) if [[ -n $command ]]; then names+=($word); else command=$word; fi ;;
        esac
    done
    commands=(
@COMMANDS@
    )
    case $command in
@CASES@
    *) kind=layers options=(
@RUN@
    ) ;;
    esac
    if [[ $previous == -* ]]; then
        case "$command $previous" in
@VALUES@
        esac
    fi
    if [[ $PREFIX == -* ]]; then
        _describe -o option options
    elif [[ $PREFIX == profile=* ]]; then
        found=(${(f)"$(_doit_names profiles)"}) && compadd -a found
    elif [[ $command == why && $#names -gt 0 ]]; then
        (( $#names > 1 )) && return 1
        found=(${(f)"$($words[1] completion --tags $names[1] ${profile:+$profile} 2>/dev/null)"})
        compadd -a found
    else
        [[ -n $command ]] || _describe command commands
        (( $#extra )) && compadd -a extra
        [[ -n $kind ]] && found=(${(f)"$(_doit_names $kind $profile)"}) && compadd -a found
    fi
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _doit "$@"; else compdef _doit doit; fi
"""


def script(entries: Sequence[Entry]) -> str:
    """The whole of it."""
    run = next(each for each in entries if each.name == "run")
    cases, values = [], []
    for each in entries:
        kind = f"kind={each.kind} " if each.kind else ""
        extra = f"extra=({' '.join(each.words)}) " if each.words else ""
        cases.append(
            f"    {each.name}) {kind}{extra}options=(\n{_described(each.options)}\n    ) ;;"
        )
        names = (each.name, "") if each is run else (each.name,)
        for option in (one for one in each.options if one.takes):
            typed = "|".join(f"'{name} {text}'" for name in names for text in option.spellings)
            answer = f"compadd {' '.join(option.choices)}" if option.choices else "_files"
            values.append(f"        {typed}) {answer}; return ;;")
    commands = "\n".join(f"        {_pair(each.name, each.about)}" for each in entries)
    return (
        _SCRIPT.replace("@COMMANDS@", commands)
        .replace("@CASES@", "\n".join(cases))
        .replace("@VALUES@", "\n".join(values))
        .replace("@RUN@", _described(run.options))
    )


def _described(options: Iterable[Option]) -> str:
    pairs = [_pair(text, each.about) for each in options for text in each.spellings]
    return "\n".join(f"        {pair}" for pair in pairs)


def _pair(name: str, about: str) -> str:
    """As ``_describe`` takes it; in both a colon would end the name."""
    return "'{}:{}'".format(name.replace(":", "\\:"), about.replace("'", "’"))
