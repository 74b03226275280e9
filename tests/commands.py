"""The real command line, parsed and not run: holds docs and container files to the program."""

import click
import typer.main

from anybind.clients.cli import app


def check_parses(words: list[str]) -> None:
    """Parses `anybind COMMAND ...` as the program would. Fails where it would refuse."""
    assert words[0] == "anybind", words
    group = typer.main.get_command(app)
    with click.Context(group, info_name="anybind") as context:
        if words[1:] in (["--help"], ["--version"]):
            return
        name, command, rest = group.resolve_command(context, words[1:])
        if "--help" in rest:
            return
        try:
            command.make_context(name, rest, parent=context)
        except click.UsageError as error:
            raise AssertionError(f"{' '.join(words)}: {error.format_message()}") from error
