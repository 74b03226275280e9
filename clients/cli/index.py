"""`anybind index`: files in, points stored."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import AsJson, DepthUnit, IndexAt, Model, Server
from .reach import reach
from .talk import FAILED, MISUSED, fail, put, say, screen, talk

if TYPE_CHECKING:
    from ..indexing import Progress
    from ..walk import Skipped

Paths = Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, and folders to walk.", show_default=False)]
As = Annotated[str, typer.Option("--as", metavar="MODALITY", help="What every file is. Default: by its name.")]

_MANY = 10_000  # points that may need a search graph; fewer are scanned


def index(
    paths: Paths,
    index: IndexAt = "",
    modality: As = "",
    model: Model = "",
    server: Server = "",
    depth_unit_m: DepthUnit = None,
    as_json: AsJson = False,
) -> None:
    """Embed files and keep them where they can be found.

    Pictures and sounds go by their file type, each line of a .txt is a text, and a 16-bit PNG or .npy is a depth map
    when "depth" is in its name or its folder's. What cannot be read is skipped with a reason. May be run again at any
    time: what is there and has not changed is left alone. Exit code 1 if something should have been indexed and could
    not.
    """
    from ..indexing import index_paths

    if not (index or server):
        fail("Where to keep the points? Name an --index, or a --server that has one.", MISUSED)
    with reach(model, server, index) as client, _bar() as progress:
        tally = index_paths(
            client, paths, modality=modality, depth_unit_m=depth_unit_m, progress=progress, skipped=_say_skipped
        )
    if not server and tally.indexed >= _MANY:
        with talk().status("building the search graph"), reach(model, server, index):
            pass  # opening an index builds what is missing, so that the next command need not
    counts = {"indexed": tally.indexed, "unchanged": tally.unchanged, "skipped": len(tally.skipped)}
    if as_json:
        put(counts)
    else:
        screen().print(", ".join(f"{count} {what}" for what, count in counts.items()))
    if tally.failed:
        raise typer.Exit(FAILED)


@contextmanager
def _bar() -> "Iterator[Callable[[Progress], None]]":
    """A progress bar on stderr, where that is a terminal; gives what moves it."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("indexing"), BarColumn(), MofNCompleteColumn(), TextColumn("files"), TimeRemainingColumn())
    with Bar(*columns, console=talk(), disable=not talk().is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda progress: bar.update(task, completed=progress.done, total=progress.total)


def _say_skipped(skipped: "Skipped") -> None:
    say(f"skipped {skipped.where}: {skipped.reason}")
