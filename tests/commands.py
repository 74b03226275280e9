"""The real command line, parsed and not run: holds docs and container files to the program."""

import typer
import typer.main

from anybind.clients.cli import app


def check_parses(words: list[str]) -> None:
    """Parses `anybind COMMAND ...` as the program would, and raises what it would refuse with."""
    assert words[0] == "anybind", words
    group = typer.main.get_command(app)
    with typer.Context(group, info_name="anybind") as context:
        if words[1:] in (["--help"], ["--version"]):
            return
        name, command, rest = group.resolve_command(context, words[1:])
        if "--help" not in rest:
            command.make_context(name, rest, parent=context)


def options_of(command: str) -> set[str]:
    """Every option of a command, as it is written."""
    found = typer.main.get_command(app).commands[command]
    written = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
    return {option for option in written if option.startswith("-")}  # a positional one has a name only


def names() -> list[str]:
    """Every command of the program."""
    return sorted(typer.main.get_command(app).commands)
