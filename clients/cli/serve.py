"""`anybind serve`: the server, until it is told to stop."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from ..errors import MissingExtra
from .options import IndexAt, Model
from .reach import DEFAULT_MODEL
from .talk import fail, say

Address = Annotated[
    str, typer.Option("--address", metavar="HOST:PORT", help="Where to listen, or unix:PATH. Port 0 takes a free one.")
]
Modalities = Annotated[
    list[str] | None, typer.Option("--modality", metavar="M", help="Serve only this one; may be repeated.")
]
Collection = Annotated[str, typer.Option("--collection", help="The collection of a Qdrant server.")]
Provider = Annotated[str, typer.Option("--provider", metavar="auto|cpu|cuda|tensorrt", help="What graphs run on.")]
EngineCache = Annotated[Path | None, typer.Option("--engine-cache", help="Where TensorRT keeps its engines.")]
Threads = Annotated[int, typer.Option("--threads", min=0, help="Of one inference; 0: one a physical core.")]
Decoders = Annotated[int, typer.Option("--decoders", min=0, help="Items decoded at once; 0: one a core.")]


def serve(
    model: Model = DEFAULT_MODEL,
    address: Address = "127.0.0.1:7860",
    index: IndexAt = "",
    modalities: Modalities = None,
    collection: Collection = "anybind",
    provider: Provider = "auto",
    engine_cache: EngineCache = None,
    threads: Threads = 0,
    decoders: Decoders = 0,
) -> None:
    """Serve a model over gRPC, and an index where one is named."""
    try:
        from ...server.serve import Server, Settings, StartError, run
    except ImportError as error:
        raise MissingExtra("Serving", "server", error) from error

    settings = Settings(
        model=model,
        address=address,
        index=index,
        modalities=tuple(modalities or ()),
        collection=collection,
        provider=provider,
        engine_cache=engine_cache,
        threads=threads,
        decoders=decoders,
    )

    def started(server: Server) -> None:
        say(f"anybind serves {model} at {server.address}" + (f", its points in {index}." if index else "."))

    try:
        asyncio.run(run(settings, started))
    except StartError as error:
        fail(str(error))
