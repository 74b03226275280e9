"""`anybind search`: anything in, the nearest stored points out."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .inputs import Given, given_in_order
from .options import AsJson, Audios, Depths, DepthUnit, Images, IndexAt, Items, Model, Server, Texts
from .reach import reach
from .talk import MISUSED, fail, put, say, screen

if TYPE_CHECKING:
    from ..answers import Hit

Only = Annotated[str, typer.Option("--only", metavar="M,M", help="Modalities to return, such as image,audio.")]
Top = Annotated[int, typer.Option("--top", min=1, max=1000, help="How many hits.")]
Each = Annotated[bool, typer.Option("--each", help="That many hits of each modality.")]
Filters = Annotated[
    list[str] | None,
    typer.Option("--filter", metavar="KEY=VALUE", help="Only points whose field is this; payload.NAME for their own."),
]


def search(
    context: typer.Context,
    images: Images = None,
    audios: Audios = None,
    depths: Depths = None,
    texts: Texts = None,
    items: Items = None,
    index: IndexAt = "",
    only: Only = "",
    top: Top = 10,
    each: Each = False,
    filters: Filters = None,
    model: Model = "",
    server: Server = "",
    depth_unit_m: DepthUnit = None,
    as_json: AsJson = False,
) -> None:
    """Find what is nearest to a picture, a sound, a depth map or words.

    Name one query, and where to look: --index, or a --server that has one. '-' reads standard input.
    """
    query = _the_one(
        given_in_order(context, {"images": images, "audios": audios, "depths": depths, "texts": texts, "items": items})
    )
    if not (index or server):
        fail("Where to look? Name an --index, or a --server that has one.", MISUSED)
    if index and "://" not in index and not Path(index).is_dir():
        fail(f"There is no index at {index}. Make one with: anybind index --index {index} PATH...")
    read = [item for _, item in query.read(depth_unit_m)]
    if len(read) != 1:
        fail(f"A search has one query; standard input holds {len(read)} lines.", MISUSED)
    modalities = [modality for modality in only.split(",") if modality]
    filter = _filter(filters or ())
    with reach(model, server, index, [query.modality]) as client:
        hits = client.search(read[0], top_k=top, modalities=modalities, filter=filter, per_modality=each)
    if as_json:
        for rank, hit in _ranked(hits, each):
            put({"rank": rank, "score": hit.score, "modality": hit.modality, "uri": hit.uri})
    elif hits:
        _show(_ranked(hits, each))
    else:
        say("Nothing found: no stored point is of these modalities and passes the filter.")


def _the_one(given: Sequence[Given]) -> Given:
    if len(given) != 1:
        fail(f"A search has one query, this has {len(given)}: name one of --text, --image, --audio, --depth.", MISUSED)
    return given[0]


def _filter(filters: Sequence[str]) -> Mapping[str, Any]:
    """`KEY=VALUE` as the SDK's filters say it. true, false and whole numbers are what they look like."""
    wanted: dict[str, Any] = {}
    for one in filters:
        key, equals, value = one.partition("=")
        if not (key and equals):
            raise typer.BadParameter(f"--filter takes KEY=VALUE, such as payload.breed=poodle; this is {one!r}.")
        if value in ("true", "false"):
            wanted[key] = value == "true"
        else:
            wanted[key] = int(value) if value.lstrip("-").isdecimal() else value
    return wanted


def _ranked(hits: "Sequence[Hit]", each: bool) -> "list[tuple[int, Hit]]":
    """Hits with their ranks, from 1; with `each`, from 1 in every modality."""
    groups = [list(some) for _, some in groupby(hits, lambda hit: hit.modality)] if each else [hits]
    return [(rank, hit) for group in groups for rank, hit in enumerate(group, 1)]


def _show(ranked: "Sequence[tuple[int, Hit]]") -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table("", "score", "modality", "title", "where", box=box.SIMPLE)
    for rank, hit in ranked:
        if rank == 1 and table.row_count:
            table.add_section()
        title, where = (Text(words, overflow="fold") for words in (hit.point.title, hit.uri))
        table.add_row(str(rank), f"{hit.score:.3f}", hit.modality, title, where)
    screen().print(table)
