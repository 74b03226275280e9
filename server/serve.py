"""Starts and stops the gRPC server."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from ..proto.v1 import embedding_pb2_grpc, retrieval_pb2_grpc
from ..proto.v1.manifest_pb2 import Manifest
from .artifact import ArtifactError, open_artifact
from .decoders import Decoders
from .engine import Engine
from .index import DEFAULT_COLLECTION, Index, IndexFault, open_index
from .limits import Limits
from .metrics import Metrics
from .model import Model
from .permits import Permits
from .providers import ProviderError, ProviderName, choose
from .retrieval import Retrieval
from .service import EmbeddingService

log = logging.getLogger(__name__)

SERVICES = ("anybind.v1.Embedding", "anybind.v1.Retrieval")
_SERVING, _NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything `anybind serve` can be told, one field a flag. Times in seconds, sizes in bytes."""

    model: str = "nano"  # an artifact folder, or the name of a packaged model
    address: str = "127.0.0.1:7860"  # host:port (port 0: any free one) or unix:path
    modalities: tuple[str, ...] = ()  # serve only these; empty: all the model has
    index: str = ""  # where points are kept: a folder, http(s)://... or grpc(s)://...; empty: no retrieval
    collection: str = DEFAULT_COLLECTION  # the collection of a Qdrant server
    provider: ProviderName = "auto"
    engine_cache: Path | None = None  # where TensorRT keeps its engines
    threads: int = 0  # of one inference; 0: one a physical core
    decoders: int = 0  # items decoded at once; 0: one a core
    limits: Limits = field(default_factory=Limits)
    held_bytes: int = 512 << 20  # of items accepted and not yet answered


class StartError(Exception):
    """The server could not start. The message says why and what to do; it is for people."""


class Server:
    """A running server. Use it on the event loop that started it."""

    def __init__(
        self,
        address: str,
        engine: Engine,
        permits: Permits,
        grpc_server: grpc.aio.Server,
        stopping: asyncio.Event,
        closing: AsyncExitStack,
    ) -> None:
        self.address = address  # as clients dial it: host:port with the real port, or unix:path
        self.engine = engine
        self.permits = permits
        self._grpc_server, self._stopping, self._closing = grpc_server, stopping, closing
        self._health = health.aio.HealthServicer()
        self._stopped = asyncio.Event()

    @property
    def health(self) -> health.aio.HealthServicer:
        return self._health

    async def serving(self, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        """Tells whoever asks or watches."""
        for service in ("", *SERVICES):
            await self._health.set(service, status)

    async def wait(self) -> None:
        """Returns when the server has stopped."""
        await self._stopped.wait()

    async def stop(self, grace_s: float = 30.0) -> None:
        """NOT_SERVING, finish what was accepted (at most `grace_s`), stop."""
        if not self._stopping.is_set():
            self._stopping.set()
            await self._health.enter_graceful_shutdown()
            await self._grpc_server.stop(grace_s)
            await self._closing.aclose()
            self._stopped.set()
        await self._stopped.wait()


async def start(settings: Settings) -> Server:
    """Listens, loads, replays the golden vectors, and returns once the server is SERVING.

    Raises:
      StartError: a port taken, a model that is none, a provider that is not there, an index another process holds.
    """
    closing = AsyncExitStack()
    try:
        server = await _prepare(settings, closing)
        await server.engine.model.load()
    except (ArtifactError, ProviderError, IndexFault) as error:
        await closing.aclose()
        raise StartError(str(error)) from error
    except BaseException:
        await closing.aclose()
        raise
    await server.serving(_SERVING)
    return server


async def run(settings: Settings, started: Callable[[Server], None] = lambda server: None) -> None:
    """Serves until SIGTERM or SIGINT, then drains. `started` is told once the server is SERVING.

    Raises:
      StartError: see `start`.
    """
    server = await start(settings)
    loop = asyncio.get_running_loop()
    stopping: list[asyncio.Task[None]] = []
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_, lambda: stopping.append(asyncio.create_task(server.stop())))
    started(server)
    await server.wait()


async def _prepare(settings: Settings, closing: AsyncExitStack) -> Server:
    """Everything but loading: it listens and is NOT_SERVING. What it opens, `closing` closes."""
    artifact = open_artifact(settings.model)
    provider = choose(settings.provider, engine_cache=settings.engine_cache)
    log.info("%s", provider.reason)
    metrics = Metrics()
    model = Model(artifact, provider, metrics, modalities=settings.modalities, threads=settings.threads)
    grpc_server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", settings.limits.message_bytes),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),  # a port that is taken must be noticed
        ]
    )
    address = _bind(grpc_server, settings.address)
    closing.push_async_callback(grpc_server.stop, None)
    index = await _open_index(settings, artifact.manifest)

    def dropped(modality: str, why: str) -> None:
        metrics.dropped.labels(modality, why).inc()

    decoders = Decoders(settings.decoders or len(os.sched_getaffinity(0)), settings.limits, dropped=dropped)
    closing.callback(decoders.close)
    engine = Engine(model, decoders, settings.limits, metrics)
    closing.push_async_callback(model.close)
    retrieval = Retrieval(engine, index)
    closing.push_async_callback(asyncio.to_thread, retrieval.close)
    stopping = asyncio.Event()
    permits = Permits(settings.held_bytes, metrics)
    service = EmbeddingService(engine, permits, stopping, has_index=index is not None)
    server = Server(address, engine, permits, grpc_server, stopping, closing)
    embedding_pb2_grpc.add_EmbeddingServicer_to_server(service, grpc_server)
    retrieval_pb2_grpc.add_RetrievalServicer_to_server(retrieval, grpc_server)
    health_pb2_grpc.add_HealthServicer_to_server(server.health, grpc_server)
    reflection.enable_server_reflection((*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME), grpc_server)
    await server.serving(_NOT_SERVING)
    await grpc_server.start()
    return server


async def _open_index(settings: Settings, manifest: Manifest) -> Index | None:
    if not settings.index:
        return None
    return await asyncio.to_thread(
        open_index, settings.index, manifest.embedding_size, manifest.space_id, collection=settings.collection
    )


def _bind(server: grpc.aio.Server, address: str) -> str:
    """Listens on the address, and gives it back as clients dial it."""
    if address.startswith("unix:"):
        _check_socket(Path(address.removeprefix("unix:")))
    elif ":" not in address:
        raise StartError(f"The address is {address!r}; host:port or unix:path is needed, such as 127.0.0.1:7860.")
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise StartError(
            f"{address} cannot be listened on: it is taken by another program, or not an address of this machine. "
            "Choose another one with --address."
        ) from error
    return address if address.startswith("unix:") else f"{address.rpartition(':')[0]}:{port}"


def _check_socket(path: Path) -> None:
    """gRPC would silently take the path from a server that listens on it."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return
    raise StartError(f"unix:{path} is taken: a server listens on it. Choose another one with --address.")
