"""The program `anybind`: one module a command. Heavy rooms are imported inside the command that needs them."""

import sys
from typing import Annotated

import typer

from .align import align
from .bench import bench
from .demo import demo
from .embed import embed
from .eval import eval
from .export import export
from .index import index
from .info import info
from .inputs import InOrder
from .models import models
from .search import search
from .serve import serve
from .talk import INTERRUPTED, plainly

app = typer.Typer(
    name="anybind", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
)
for _command in (serve, index, models, info, export, align, eval, demo):
    app.command()(plainly(_command))
for _command in (embed, search, bench):
    app.command(cls=InOrder)(plainly(_command))


def main() -> None:
    try:
        app()
    except KeyboardInterrupt:  # before a command began, or while it ended
        sys.exit(INTERRUPTED)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"anybind {version('anybind')}")
        raise typer.Exit


@app.callback()
def anybind(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version and exit.")
    ] = False,
) -> None:
    """One space for images, text, audio and depth, where anything finds anything."""
