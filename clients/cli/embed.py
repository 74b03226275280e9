"""`anybind embed`: items in, vectors out."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import typer

from ..errors import ItemError
from .inputs import Given, given_in_order
from .options import AsJson, Audios, Depths, DepthUnit, Images, Items, Model, Server, Texts
from .reach import reach
from .talk import FAILED, MISUSED, fail, put, say, screen

if TYPE_CHECKING:
    from ..answers import Embedding
    from ..client import Client
    from ..items import Item

_ITEMS_A_BATCH = 32
_COSINES_UP_TO = 12

# What became of one item: its modality, its source, and its embedding or its error.
Outcome = tuple[str, str, "Embedding | ItemError"]


def embed(
    context: typer.Context,
    images: Images = None,
    audios: Audios = None,
    depths: Depths = None,
    texts: Texts = None,
    items: Items = None,
    model: Model = "",
    server: Server = "",
    depth_unit_m: DepthUnit = None,
    as_json: AsJson = False,
) -> None:
    """Embed pictures, sounds, depth maps and text.

    Options may be repeated and mixed; answers come in the same order. '-' reads standard input, for --text one item a
    line. Exit code 1 if an item failed; the others are embedded all the same.
    """
    given = given_in_order(
        context, {"images": images, "audios": audios, "depths": depths, "texts": texts, "items": items}
    )
    if not given:
        fail("Nothing to embed: name at least one --image, --audio, --depth, --text or --item.", MISUSED)
    with reach(model, server, modalities=[one.modality for one in given]) as client:
        outcomes = _outcomes(client, given, depth_unit_m)
        failed = _put(outcomes) if as_json else _show(list(outcomes))
    if failed:
        raise typer.Exit(FAILED)


def _outcomes(client: "Client", given: Sequence[Given], depth_unit_m: float | None) -> Iterator[Outcome]:
    """Every item's outcome, in order; some at a time, so that memory holds no more than those."""
    readings = _readings(given, depth_unit_m)
    while some := list(islice(readings, _ITEMS_A_BATCH)):
        answers = iter(client.embed_each([item for _, _, item in some if not isinstance(item, ItemError)]))
        for modality, source, item in some:
            yield modality, source, item if isinstance(item, ItemError) else next(answers)


def _readings(given: Sequence[Given], depth_unit_m: float | None) -> "Iterator[tuple[str, str, Item | ItemError]]":
    for index, one in enumerate(given):
        try:
            for source, item in one.read(depth_unit_m):
                yield one.modality, source, item
        except OSError as error:
            yield one.modality, one.source, ItemError(f"{error.strerror or error}.", "UNREADABLE", index, one.source)


def _put(outcomes: Iterator[Outcome]) -> int:
    failed = 0
    for modality, source, outcome in outcomes:
        line: dict[str, Any] = {"modality": modality, "source": source}
        if isinstance(outcome, ItemError):
            failed += 1
            line["error"] = {"code": outcome.code, "message": outcome.message}
        else:
            line["embedding"] = outcome.vector.tolist()
        put(line)
    return failed


def _show(outcomes: Sequence[Outcome]) -> int:
    from rich.table import Table

    done = [(modality, source, outcome) for modality, source, outcome in outcomes if not isinstance(outcome, ItemError)]
    if done:
        table = Table("", "modality", "source", f"embedding, {len(done[0][2].vector)} floats")
        for number, (modality, source, embedding) in enumerate(done, 1):
            table.add_row(str(number), modality, source, " ".join(f"{x:+.3f}" for x in embedding.vector[:6]) + " ...")
        screen().print(table)
    if 1 < len(done) <= _COSINES_UP_TO:
        table = Table("cosine", *(str(number) for number in range(1, len(done) + 1)))
        for number, (_, _, one) in enumerate(done, 1):
            table.add_row(str(number), *(f"{float(one.vector @ other.vector):+.3f}" for _, _, other in done))
        screen().print(table)
    for modality, source, outcome in outcomes:
        if isinstance(outcome, ItemError):
            say(f"{modality} {source}: {outcome.code}, {outcome.message}")
    return len(outcomes) - len(done)
