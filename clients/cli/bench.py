"""`anybind bench`: load on a running server."""

import asyncio
from typing import Annotated

import typer

from .inputs import given_in_order
from .options import AsJson, Audios, Depths, DepthUnit, Images, Items, Texts
from .reach import connection_to
from .talk import FAILED, MISUSED, fail, put, screen

Server = Annotated[str, typer.Option("--server", metavar="HOST:PORT", help="The server to put under load.")]
Clients = Annotated[int, typer.Option("--clients", min=1, help="Callers that each wait for an answer (closed loop).")]
Rate = Annotated[
    float, typer.Option("--rate", min=0, help="Calls a second that wait for nothing (open loop); 0: closed loop.")
]
Seconds = Annotated[float, typer.Option("--seconds", min=0.1, help="How long to measure.")]
WarmUp = Annotated[float, typer.Option("--warm-up", min=0, help="Seconds of load before that.")]


def bench(
    context: typer.Context,
    server: Server,
    images: Images = None,
    audios: Audios = None,
    depths: Depths = None,
    texts: Texts = None,
    items: Items = None,
    clients: Clients = 4,
    rate: Rate = 0.0,
    seconds: Seconds = 10.0,
    warm_up: WarmUp = 2.0,
    depth_unit_m: DepthUnit = None,
    as_json: AsJson = False,
) -> None:
    """Put a running server under load, and measure how long answers take.

    Items are sent one a call, in turn; nothing is retried. Exit code 1 if a call failed.
    """
    given = given_in_order(
        context, {"images": images, "audios": audios, "depths": depths, "texts": texts, "items": items}
    )
    sent = [item for one in given for _, item in one.read(depth_unit_m)]
    if not sent:
        fail("Nothing to send: name at least one --image, --audio, --depth, --text or --item.", MISUSED)
    import grpc

    from .. import load

    wanted = load.Load(sent, seconds=seconds, warm_up_s=warm_up, clients=clients, rate_s=rate)
    try:
        measured = asyncio.run(load.put(wanted, connection_to(server)))
    except grpc.aio.AioRpcError as error:
        fail(f"{server} does not answer: {error.details()}")
    lines = measured.lines()
    if as_json:
        for line in lines:
            put(line)
    else:
        _show(lines)
    if lines[-1]["errors"]:
        raise typer.Exit(FAILED)


def _show(lines: list[dict[str, object]]) -> None:
    from rich.table import Table

    table = Table("modality", "answers", "a second", "p50 ms", "p90 ms", "p99 ms", "max ms", "errors")
    for line in lines:
        errors = ", ".join(f"{count} {name}" for name, count in line["errors"].items())
        numbers = (line[name] for name in ("answers", "answers_per_s", "p50_ms", "p90_ms", "p99_ms", "max_ms"))
        table.add_row(line["modality"], *map(_text, numbers), errors)
    screen().print(table)


def _text(number: float | None) -> str:
    return "-" if number is None else f"{number:,.4g}"
