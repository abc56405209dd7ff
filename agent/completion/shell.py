"""The script that completes words in bash, and in zsh through its bashcompinit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agent.completion.names import KINDS
from agent.completion.tree import Command, Word

SCRIPT = r"""# Completes the words of station-agent. Made by: station-agent completion {shell}
_station_agent_table() {{
    commands= options= valued= arguments=
    case "$1" in
{table}
    esac
}}

_station_agent_words() {{
    case "$1" in
    {kinds}) station-agent ${{2:+--config}} ${{2:+"$2"}} completion "$1" 2>/dev/null ;;
    *) printf '%s' "${{1//|/ }}" ;;
    esac
}}

_station_agent() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" known= before= config= wanted= word pair
    local commands options valued arguments
    local -i i at=0
    COMPREPLY=()
    _station_agent_table ""
    for ((i = 1; i < COMP_CWORD; i++)); do
        word="${{COMP_WORDS[i]}}"
        if [[ -n $before ]]; then
            if [[ $before == --config ]]; then config=$word; fi
            before=
        elif [[ $word == -* ]]; then
            if [[ $valued == *" $word="* ]]; then before=$word; fi
        elif [[ " $commands " == *" $word "* ]]; then
            known="${{known:+$known }}$word" at=0
            _station_agent_table "$known"
        else
            at+=1
        fi
    done
    if [[ -n $before ]]; then
        wanted="${{valued#*" $before="}}"
        wanted="${{wanted%%" "*}}"
    elif [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$current"))
        return
    elif [[ -n $commands ]]; then
        wanted="${{commands// /|}}"
    else
        for pair in $(printf '%s' "$arguments"); do
            wanted=$pair
            if ((at == 0)); then break; fi
            at+=-1
            if [[ $pair != *+ ]]; then wanted=; fi
        done
        wanted="${{wanted%+}}"
    fi
    if [[ -n $wanted && $wanted != file && $wanted != - ]]; then
        COMPREPLY=($(compgen -W "$(_station_agent_words "$wanted" "$config")" -- "$current"))
    fi
}}

complete -o default -F _station_agent station-agent
"""

FOR_ZSH = "autoload -U +X compinit bashcompinit\n(( $+functions[compdef] )) || compinit\nbashcompinit\n\n"


def script(commands: Iterable[Command], shell: str) -> str:
    """The script for *shell*, ``bash`` or ``zsh``."""
    table = "\n".join(_row(command) for command in commands)
    text = SCRIPT.format(table=table, kinds="|".join(KINDS), shell=shell)
    return FOR_ZSH + text if shell == "zsh" else text


def _row(command: Command) -> str:
    """What can follow the words of *command*; an argument that repeats ends with ``+``, an unknown one is ``-``."""
    options = " ".join(flag for word in command.words for flag in word.flags)
    valued = " ".join(_valued(command.words))
    arguments = " ".join((word.kind or "-") + "+" * word.repeats for word in command.words if not word.flags)
    facts = {"commands": " ".join(command.inner), "options": options, "valued": f" {valued} ", "arguments": arguments}
    row = " ".join(f'{name}="{words}"' for name, words in facts.items())
    return f'    "{" ".join(command.path)}") {row} ;;'


def _valued(words: Iterable[Word]) -> Iterator[str]:
    for word in words:
        if not word.switch:
            yield from (f"{flag}={word.kind or '-'}" for flag in word.flags)
