"""`anybind models`: what can be served, and under which licence."""

from pathlib import Path
from typing import Annotated

import typer

from .options import AsJson
from .talk import FAILED, put, say, screen

Paths = Annotated[list[Path] | None, typer.Argument(metavar="PATH", help="Artifact folders, to list as well.")]


def models(paths: Paths = None, as_json: AsJson = False) -> None:
    """List the packaged models, and any artifact folders named."""
    from ...proto.manifest import ManifestError
    from .. import models as known

    listed, failed = [], False
    for folder in [*known.packaged(), *(paths or [])]:
        try:
            manifest = known.read(str(folder))
        except ManifestError as error:
            say(str(error))
            failed = True
            continue
        listed.append(
            {
                "name": manifest.name,
                "licence": manifest.licence,
                "modalities": [encoder.modality for encoder in manifest.encoders],
                "embedding_size": manifest.embedding_size,
                "bytes": sum(known.size_bytes(folder, encoder) for encoder in manifest.encoders),
                "space_id": manifest.space_id,
                "path": str(folder),
            }
        )
    if as_json:
        for line in listed:
            put(line)
    elif listed:
        _show(listed)
    else:
        say("No model came with this package. Name artifact folders to list them.")
    if failed:
        raise typer.Exit(FAILED)


def _show(listed: list[dict]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table("model", "modalities", "floats", "MB", "licence", "path", box=box.SIMPLE)
    for line in listed:
        table.add_row(
            line["name"],
            ", ".join(line["modalities"]),
            str(line["embedding_size"]),
            f"{line['bytes'] / 1e6:.1f}",
            line["licence"],
            Text(line["path"], overflow="fold"),
        )
    screen().print(table)
