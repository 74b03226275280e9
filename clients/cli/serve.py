"""`anybind serve`: the server, until it is told to stop. One option a field of the server's settings, by its name."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..errors import MissingExtra
from .options import IndexAt, Model
from .reach import DEFAULT_MODEL
from .talk import fail, say

if TYPE_CHECKING:
    from ...server.serve import Server, Settings


def _flag(help: str, *names: str, **how: Any) -> Any:
    return typer.Option(*names, help=help, **how)


def _count(help: str, least: int = 0) -> Any:
    return typer.Option(help=help, metavar="N", min=least)


def _bytes(help: str, least: int = 1) -> Any:
    return typer.Option(help=help, metavar="BYTES", min=least)


def _seconds(help: str, least: float = 0) -> Any:
    return typer.Option(help=help, metavar="S", min=least)


def _file(help: str) -> Any:
    return typer.Option(help=help, metavar="FILE")


def serve(
    model: Model = DEFAULT_MODEL,
    modalities: Annotated[
        list[str] | None, _flag("Serve only this one; may be repeated.", "--modality", metavar="M")
    ] = None,
    address: Annotated[
        str, _flag("Where to listen, or unix:PATH. Port 0: a free one.", metavar="HOST:PORT")
    ] = "127.0.0.1:7860",
    index: IndexAt = "",
    collection: Annotated[str, _flag("The collection of a Qdrant server.", metavar="NAME")] = "anybind",
    # What it computes with.
    provider: Annotated[Literal["auto", "cpu", "cuda", "tensorrt"], _flag("What graphs run on.")] = "auto",
    engine_cache: Annotated[Path | None, _flag("Where TensorRT keeps its engines.", metavar="DIR")] = None,
    threads: Annotated[int, _count("Of one inference; 0: one a physical core.")] = 0,
    decoders: Annotated[int, _count("Items decoded at once; 0: one a core.")] = 0,
    isolate: Annotated[bool, _flag("Decode media in processes of their own, under the two bounds below.")] = True,
    decoder_memory_bytes: Annotated[int, _bytes("Of one such process.", least=64 << 20)] = 2 << 30,
    decoder_seconds: Annotated[float, _seconds("For one item in such a process.", least=0.1)] = 10.0,
    load: Annotated[Literal["eager", "lazy"], _flag("Encoders at start, or when first asked for.")] = "eager",
    idle_unload_s: Annotated[float, _seconds("Unload encoders that were not used for so long; 0: never.")] = 0.0,
    memory_budget_bytes: Annotated[int, _bytes("Of graphs in memory; 0: no limit.", least=0)] = 0,
    cache_entries: Annotated[int, _count("Embeddings to remember by content; 0: none.")] = 0,
    processes: Annotated[int, _count("Server processes on the one port.", least=1)] = 1,
    # What it takes, and from whom.
    held_bytes: Annotated[int, _bytes("Of items accepted and not yet answered.")] = 512 << 20,
    tls_cert: Annotated[Path | None, _file("The server's certificate, PEM.")] = None,
    tls_key: Annotated[Path | None, _file("Its key, PEM.")] = None,
    tls_client_ca: Annotated[Path | None, _file("Callers must show a certificate that this one signed.")] = None,
    tokens: Annotated[Path | None, _file("Lines of NAME TOKEN: who may call. Read again on SIGHUP.")] = None,
    token_calls: Annotated[int, _count("Calls that one token may have open; 0: any number.")] = 0,
    insecure: Annotated[bool, _flag("Listen beyond this machine without TLS or tokens.", "--insecure")] = False,
    message_bytes: Annotated[int, _bytes("Limit of one message.")] = 64 << 20,
    item_bytes: Annotated[int, _bytes("Limit of one item.")] = 64 << 20,
    items: Annotated[int, _count("Limit of items in one request.", least=1)] = 256,
    pixels: Annotated[int, _count("Limit of one picture.", least=1)] = 100_000_000,
    seconds: Annotated[float, _seconds("Limit of one sound.", least=0.1)] = 600.0,
    text_bytes: Annotated[int, _bytes("Limit of one text.")] = 64 << 10,
    # How it ends, and what is seen of it.
    drain_s: Annotated[float, _seconds("To finish what was accepted.")] = 30.0,
    notice_s: Annotated[float, _seconds("Between NOT_SERVING and refusing calls.")] = 0.0,
    metrics: Annotated[str, _flag("Where Prometheus reads.", metavar="HOST:PORT")] = "",
    otlp: Annotated[str, _flag("An OpenTelemetry collector.", metavar="http://HOST:4317")] = "",
    log: Annotated[Literal["text", "json"], _flag("Log lines for people, or for machines.")] = "text",
) -> None:
    """Serve a model over gRPC, and an index where one is named.

    SIGTERM and Ctrl-C drain and stop; SIGHUP reads model and tokens again.
    """
    given = dict(locals())
    processes, log = given.pop("processes"), given.pop("log")
    try:
        from ...server import logs
        from ...server.processes import run_processes
        from ...server.serve import StartError, run
    except ModuleNotFoundError as error:
        raise MissingExtra("Serving", "server", error) from error

    def started(server: "Server") -> None:
        say(f"anybind serves {model} at {server.address}" + (f", its points in {index}." if index else "."))

    logs.configure(log)
    try:
        settings = _settings(given)
        if processes > 1:
            raise typer.Exit(run_processes(settings, processes, started))
        asyncio.run(run(settings, started))
    except StartError as error:
        fail(str(error))


def _settings(given: dict[str, Any]) -> "Settings":
    """The settings that options of the same names say."""
    from ...server.access import Tls
    from ...server.limits import Limits
    from ...server.settings import Settings

    certificate, key, client_ca = (given.pop(name) for name in ("tls_cert", "tls_key", "tls_client_ca"))
    if (certificate is None) != (key is None):
        raise typer.BadParameter("--tls-cert and --tls-key belong together: give both, or neither.")
    if client_ca is not None and certificate is None:
        raise typer.BadParameter("--tls-client-ca needs --tls-cert and --tls-key.")
    limits = Limits(**{name: given.pop(name) for name in Limits.__dataclass_fields__})
    return Settings(
        modalities=tuple(given.pop("modalities") or ()),
        limits=limits,
        tls=Tls(certificate, key, client_ca) if certificate else None,
        **given,
    )
