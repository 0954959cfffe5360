"""The script for bash; needs neither bash-completion nor anything newer than bash 4.0."""

from __future__ import annotations

from collections.abc import Sequence

from layers.completion.table import Entry, spellings

_SCRIPT = r"""# doit in bash: eval "$(doit completion bash)" in ~/.bashrc

_doit_names() { # KIND [PROFILE]: names of the project here, else tasks of another dodo.py
    "${_doit_program}" completion --names "$1" ${2:+"$2"} 2>/dev/null ||
        { [ "$1" = layers ] && "${_doit_program}" list -q --all 2>/dev/null; }
}

_doit() {
    local line=${COMP_LINE:0:COMP_POINT} command='' profile='' previous=''
    local options='' kind='' extra=''
    local -a words names=()
    local -i place first=0
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=('')
    local _doit_program=${words[0]} current=${words[${#words[@]}-1]}
    ((${#words[@]} > 1)) || return 0
    previous=${words[${#words[@]}-2]}
    for ((place = 1; place < ${#words[@]} - 1; place++)); do
        case ${words[place]} in
        profile=*) profile=${words[place]} ;;
        -* | *=*) ;;
        *) if [[ $command ]]; then names+=("${words[place]}"); else command=${words[place]}; fi ;;
        esac
    done
    [[ $command ]] || first=1
    case $command in
@CASES@
    *) options='@RUN@' kind=layers ;;
    esac
    if [[ $previous == -* ]]; then
        case "$command $previous" in
@VALUES@
        esac
    fi
    local found=''
    if [[ $current == -* ]]; then
        found=$options
    elif [[ $current == profile=* ]]; then
        found=$(_doit_names profiles)
    elif [[ $command == why && ${#names[@]} -gt 0 ]]; then
        [[ ${#names[@]} -gt 1 ]] || found=$(
            "$_doit_program" completion --tags "${names[0]}" ${profile:+"$profile"} 2>/dev/null
        )
    else
        found=$extra
        ((first)) && found='@COMMANDS@'
        [[ $kind ]] && found+=" $(_doit_names "$kind" "$profile")"
    fi
    _doit_offer "$current" "$found"
}

_doit_offer() { # CURRENT WORDS: those that begin so; bash replaces what is behind the last : or =
    local word behind=${1##*[:=]} before
    before=${1%"$behind"}
    COMPREPLY=()
    for word in ${2//[^A-Za-z0-9_.:=+@\/ -]/ }; do
        [[ $word != "$1"* ]] || COMPREPLY+=("${word#"$before"}")
    done
}

complete -F _doit doit
"""


def script(entries: Sequence[Entry]) -> str:
    """The whole of it."""
    run = next(each for each in entries if each.name == "run")
    cases, values = [], []
    for each in entries:
        options = " ".join(spellings(each.options))
        extra = f" extra='{' '.join(each.words)}'" if each.words else ""
        kind = f" kind={each.kind}" if each.kind else ""
        cases.append(f"    {each.name}) options='{options}'{kind}{extra} ;;")
        names = (each.name, "") if each is run else (each.name,)
        for option in (one for one in each.options if one.takes):
            typed = " | ".join(f"'{name} {text}'" for name in names for text in option.spellings)
            answer = (
                f"_doit_offer \"$current\" '{' '.join(option.choices)}'"
                if option.choices
                else 'mapfile -t COMPREPLY < <(compgen -f -- "$current")'
            )
            values.append(f"        {typed}) {answer}; return 0 ;;")
    return (
        _SCRIPT.replace("@CASES@", "\n".join(cases))
        .replace("@VALUES@", "\n".join(values))
        .replace("@RUN@", " ".join(spellings(run.options)))
        .replace("@COMMANDS@", " ".join(each.name for each in entries))
    )
