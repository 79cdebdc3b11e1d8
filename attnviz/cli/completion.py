"""`completion`: a script with which a shell completes commands, options and their values.

The script holds all words, so that completing starts no Python: loading torch at each Tab would take seconds.
"""

import argparse
import shlex
from collections.abc import Callable, Iterator

from attnviz.cli.subparsers import Commands

SHELLS = ("bash", "zsh", "fish")

_PER_SHELL = {
    "bash": 'Bash: add to ~/.bashrc the line  eval "$(attnviz completion bash)"',
    "zsh": 'zsh: add to ~/.zshrc, below compinit, the line  eval "$(attnviz completion zsh)"',
    "fish": "fish: attnviz completion fish > ~/.config/fish/completions/attnviz.fish",
}


def add_to(commands: Commands, parser: Callable[[], argparse.ArgumentParser]) -> None:
    """Add the command; `parser` makes the parser of all commands."""
    completion = commands.add_parser(
        "completion",
        help="print a script for completing in a shell",
        description=". ".join(_PER_SHELL.values()) + ".",
    )
    completion.add_argument("shell", choices=SHELLS)
    completion.set_defaults(command=lambda options: print(script(parser(), options.shell), end=""))


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script for one shell."""
    from attnviz import zoo

    commands = dict(_commands(parser))
    words = {"model": tuple(zoo.names())}
    if shell == "fish":
        return _fish(commands, words, dict(_told(parser)))
    begin = "autoload -U +X bashcompinit && bashcompinit\n" if shell == "zsh" else ""
    return begin + _bash(commands, words)


def _commands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def _told(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    """What each command is for."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from ((one.dest, one.help or "") for one in action._choices_actions)


def _options(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    yield from (action for action in parser._actions if action.option_strings)


def _values(action: argparse.Action, words: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """What may stand behind an option; empty where nobody knows."""
    if action.choices is not None:
        return tuple(str(choice) for choice in action.choices)
    return next((words[name.lstrip("-")] for name in action.option_strings if name.lstrip("-") in words), ())


def _takes_value(action: argparse.Action) -> bool:
    return action.nargs != 0


def _bash(commands: dict[str, argparse.ArgumentParser], words: dict[str, tuple[str, ...]]) -> str:
    lines = [
        "_attnviz() {",
        '    local now="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" command="${COMP_WORDS[1]}"',
        "    COMPREPLY=()",
        "    local IFS=$'\\n'",
        '    if [ "$COMP_CWORD" -eq 1 ]; then',
        f'        COMPREPLY=( $(compgen -W {_lines(commands)} -- "$now") )',
        "        return",
        "    fi",
        '    case "$command $before" in',
    ]
    for name, parser in commands.items():
        for action in _options(parser):
            if not _takes_value(action):
                continue
            patterns = "|".join(f'"{name} {option}"' for option in action.option_strings)
            values = _values(action, words)
            reply = f'$(compgen -W {_lines(values)} -- "$now")' if values else '$(compgen -f -- "$now")'
            lines.append(f"        {patterns}) COMPREPLY=( {reply} ); _attnviz_quoted; return ;;")
    lines += ["    esac", '    case "$command" in']
    for name, parser in commands.items():
        options = [option for action in _options(parser) for option in action.option_strings]
        fixed = [
            str(choice) for action in parser._actions if not action.option_strings for choice in action.choices or ()
        ]
        places = f"-W {_lines(fixed)}" if fixed else "-f"
        reply = f'COMPREPLY=( $(compgen -W {_lines(options)} -- "$now") )'
        lines.append(
            f'        {name}) if [ "${{now#-}}" != "$now" ]; then {reply}; '
            f'else COMPREPLY=( $(compgen {places} -- "$now") ); _attnviz_quoted; fi ;;'
        )
    lines += [
        "    esac",
        "}",
        "_attnviz_quoted() {",
        "    local at",
        '    for at in "${!COMPREPLY[@]}"; do COMPREPLY[at]=$(printf %q "${COMPREPLY[at]}"); done',
        "}",
        "complete -o filenames -F _attnviz attnviz",
    ]
    return "\n".join(lines) + "\n"


def _lines(words: object) -> str:
    """Words, one on each line, as one word of the shell: they may hold spaces."""
    return shlex.quote("\n".join(str(word) for word in words))  # type: ignore[attr-defined]


def _fish(commands: dict[str, argparse.ArgumentParser], words: dict[str, tuple[str, ...]], told: dict[str, str]) -> str:
    lines = [
        f"complete -c attnviz -f -n __fish_use_subcommand -a {_fish_word(name)} -d {_fish_word(told.get(name, ''))}"
        for name in commands
    ]
    for name, parser in commands.items():
        begin = f"complete -c attnviz -n {_fish_word(f'__fish_seen_subcommand_from {name}')}"
        for action in parser._actions:
            values = _values(action, words)
            if not action.option_strings:
                if values:
                    lines.append(f"{begin} -f -a {_fish_word(' '.join(values))}")
                continue
            long = " ".join(f"-l {option[2:]}" for option in action.option_strings if option.startswith("--"))
            short = " ".join(f"-s {option[1:]}" for option in action.option_strings if not option.startswith("--"))
            line = f"{begin} {short} {long}".replace("  ", " ")
            if _takes_value(action):
                line += f" -x -a {_fish_word(' '.join(map(_fish_word, values)))}" if values else " -r"
            help_text = (action.help or "").replace("%%", "%")
            lines.append(f"{line} -d {_fish_word(help_text)}" if help_text and help_text != argparse.SUPPRESS else line)
    return "\n".join(lines) + "\n"


def _fish_word(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
