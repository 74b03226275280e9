"""What several commands can be told, in the same words."""

from typing import Annotated

import typer

Model = Annotated[str, typer.Option("--model", metavar="PATH|NAME", help="An artifact folder, or a packaged model.")]
IndexAt = Annotated[
    str,
    typer.Option(
        "--index", metavar="DIR|URL", help="Where points are kept: a folder, http(s)://host:6333 or grpc://host:6334."
    ),
]
Server = Annotated[
    str,
    typer.Option(
        "--server", metavar="HOST:PORT", help="Ask this server, in place of one started for this command alone."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Lines of JSON for programs, in place of a table.")]
Images = Annotated[list[str] | None, typer.Option("--image", metavar="FILE", help="A picture.")]
Audios = Annotated[list[str] | None, typer.Option("--audio", metavar="FILE", help="A sound.")]
Depths = Annotated[list[str] | None, typer.Option("--depth", metavar="FILE", help="A depth map: 16-bit PNG or .npy.")]
Texts = Annotated[list[str] | None, typer.Option("--text", metavar="TEXT", help="Words.")]
Items = Annotated[
    list[str] | None, typer.Option("--item", metavar="MODALITY=FILE", help="Any other modality the model has.")
]
DepthUnit = Annotated[
    float | None, typer.Option("--depth-unit-m", help="Metres a count, for depth maps of integers. Default 0.001.")
]
