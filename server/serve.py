"""Starts, reloads and stops the gRPC server."""

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from ..proto.v1 import embedding_pb2_grpc, retrieval_pb2_grpc
from ..proto.v1.manifest_pb2 import Manifest
from .access import AccessError, Certificates, Tokens
from .artifact import ArtifactError, open_artifact
from .cache import Cache
from .calls import Calls
from .decoders import Decoders
from .engine import Engine
from .errors import ServingError
from .index import Index, IndexFault, open_index
from .isolation import Bounds
from .listening import StartError, listen
from .memory import share_arenas
from .metrics import Metrics
from .model import Model
from .permits import Permits
from .providers import Provider, ProviderError, choose
from .retrieval import Retrieval
from .service import EmbeddingService
from .settings import Settings

if TYPE_CHECKING:
    from .tracing import Tracing

__all__ = ["Server", "Settings", "StartError", "run", "start"]

log = logging.getLogger(__name__)

SERVICES = ("anybind.v1.Embedding", "anybind.v1.Retrieval")
_SERVING, _NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
_FAREWELL_S = 0.1  # for answers already written to leave; what is still open then is cancelled
_REFUSALS = (ArtifactError, ProviderError, IndexFault, AccessError, ServingError)


class Server:
    """A running server. Use it on the event loop that started it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.metrics = Metrics()
        self.permits = Permits(settings.held_bytes, self.metrics)
        self.address = settings.address  # as clients dial it: host:port with the real port, or unix:path
        self.metrics_address = ""  # host:port, where there are metrics
        self.engine: Engine
        self.tokens: Tokens | None = None
        self._certificates: Certificates | None = None
        self._grpc: grpc.aio.Server
        self._calls: Calls
        self._index: Index | None = None
        self._provider: Provider
        self._health = health.aio.HealthServicer()
        self._ending = False
        self._stopping, self._stopped, self._reloading = asyncio.Event(), asyncio.Event(), asyncio.Lock()
        self._closing = AsyncExitStack()

    async def start(self) -> None:
        """Listens, loads, and is SERVING.

        Raises:
          StartError: see `start`.
        """
        try:
            await self._open()
            await self._load(self.engine.model, prove=False)
        except _REFUSALS as error:
            await self._closing.aclose()
            raise StartError(str(error)) from error
        except BaseException:
            await self._closing.aclose()
            raise
        await self._tell(_SERVING)

    async def wait(self) -> None:
        """Returns when the server has stopped."""
        await self._stopped.wait()

    async def stop(self, drain_s: float | None = None) -> None:
        """NOT_SERVING, then, for at most `drain_s` (default: as set), finishes what was accepted, then stops."""
        if not self._ending:
            self._ending = True
            self.metrics.ready.set(0)
            await self._health.enter_graceful_shutdown()
            await asyncio.sleep(self._settings.notice_s)
            self._stopping.set()  # streams read no further
            await self._calls.drain(self._settings.drain_s if drain_s is None else drain_s)
            await self._grpc.stop(_FAREWELL_S)
            await self._closing.aclose()
            self._stopped.set()
            log.info("stopped")
        await self._stopped.wait()

    async def reload(self) -> None:
        """Reads tokens, certificates and model again, and swaps the model without dropping a call.

        Both models are in memory for a moment.

        Raises:
          StartError: one of them cannot be used, or the model is of another space than the index; all stays as it was.
        """
        async with self._reloading:
            try:
                read = [each.read() for each in (self.tokens, self._certificates) if each is not None]
                model = self._model()
                await self._load(model, prove=True)
            except _REFUSALS as error:
                self.metrics.reloads.labels("refused").inc()
                raise StartError(f"Not reloaded: {error} What served before serves on.") from error
            for take in read:
                take()
            before = self.engine.swap(model)
            self._name_model(before.manifest, 0)
            self._name_model(model.manifest, 1)
            await before.close()
            self.metrics.reloads.labels("ok").inc()
            log.info("reloaded %s, space %s", model.manifest.name, model.manifest.space_id)

    async def _open(self) -> None:
        """Everything but loading: it listens and is NOT_SERVING. Undone by `_closing`, last first."""
        settings, metrics = self._settings, self.metrics
        self._provider = choose(settings.provider, engine_cache=settings.engine_cache)
        log.info("%s", self._provider.reason)
        model = self._model()
        if settings.tokens is not None:
            self.tokens = Tokens(settings.tokens, settings.token_calls)
        if settings.tls is not None:
            self._certificates = Certificates(settings.tls)
        tracing = _tracing(settings.otlp)
        if tracing is not None:
            self._closing.push_async_callback(asyncio.to_thread, tracing.close)
        self._calls = Calls(metrics, self.permits, self.tokens, tracing)
        self._grpc = grpc.aio.server(
            interceptors=[self._calls],
            options=[
                ("grpc.max_receive_message_length", settings.limits.message_bytes),
                ("grpc.max_send_message_length", -1),
                ("grpc.so_reuseport", int(settings.share_port)),  # else a port that is taken must be noticed
            ],
        )
        self.address = listen(self._grpc, settings, self._certificates and self._certificates.credentials())
        self._closing.push_async_callback(self._grpc.stop, None)
        self._expose_metrics()
        self._index = await self._open_index(model.manifest)
        bounds = Bounds(settings.decoder_memory_bytes, settings.decoder_seconds) if settings.isolate else None
        decoders = Decoders(settings.decoders, settings.limits, metrics, bounds=bounds)
        self._closing.push_async_callback(decoders.close)
        cache = Cache(settings.cache_entries, metrics) if settings.cache_entries else None
        self.engine = Engine(model, decoders, settings.limits, metrics, cache=cache, tracing=tracing)
        self._closing.push_async_callback(self._close_model)
        self._name_model(model.manifest, 1)
        await self._register()

    async def _register(self) -> None:
        retrieval = Retrieval(self.engine, self._index)
        self._closing.push_async_callback(asyncio.to_thread, retrieval.close)
        service = EmbeddingService(self.engine, self.permits, self._stopping, has_index=self._index is not None)
        embedding_pb2_grpc.add_EmbeddingServicer_to_server(service, self._grpc)
        retrieval_pb2_grpc.add_RetrievalServicer_to_server(retrieval, self._grpc)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)
        reflection.enable_server_reflection((*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME), self._grpc)
        await self._tell(_NOT_SERVING)
        await self._grpc.start()

    def _model(self) -> Model:
        settings = self._settings
        artifact = open_artifact(settings.model)
        if self._index is not None and artifact.manifest.space_id != self.engine.manifest.space_id:
            raise ArtifactError(
                f"{artifact.manifest.name} is of space {artifact.manifest.space_id}, and the index holds vectors of "
                f"space {self.engine.manifest.space_id}. Start a server with another index for it."
            )
        return Model(
            *(artifact, self._provider, self.metrics),
            modalities=settings.modalities,
            threads=settings.threads,
            budget_bytes=settings.memory_budget_bytes,
        )

    async def _load(self, model: Model, *, prove: bool) -> None:
        if self._settings.load == "eager":
            await model.load()
        elif prove:
            await model.prove()
        if self._settings.idle_unload_s:
            model.watch(self._settings.idle_unload_s)

    async def _close_model(self) -> None:
        await self.engine.model.close()

    async def _open_index(self, manifest: Manifest) -> Index | None:
        settings = self._settings
        if not settings.index:
            return None
        if settings.share_port and "://" not in settings.index:
            raise StartError(
                f"The index folder {settings.index} is for one process. Keep points on a Qdrant server, "
                "--index http://host:6333, or use one process."
            )
        sizes = (manifest.embedding_size, manifest.space_id)
        return await asyncio.to_thread(open_index, settings.index, *sizes, collection=settings.collection)

    def _expose_metrics(self) -> None:
        if address := self._settings.metrics:
            try:
                self.metrics_address, stop = self.metrics.expose(address)
            except (OSError, ValueError, OverflowError) as error:
                raise StartError(f"Metrics cannot be served on {address!r}: {error}. Choose another one.") from error
            self._closing.push_async_callback(asyncio.to_thread, stop)

    async def _tell(self, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        self.metrics.ready.set(int(status == _SERVING))
        for service in ("", *SERVICES):
            await self._health.set(service, status)

    def _name_model(self, manifest: Manifest, value: int) -> None:
        self.metrics.model.labels(manifest.name, manifest.space_id).set(value)


async def start(settings: Settings) -> Server:
    """Listens, loads, replays the golden vectors, and returns once the server is SERVING.

    Raises:
      StartError: a port taken, a model that is none, a provider that is not there, an index another process holds,
        an address that others could reach and nothing to keep them out.
    """
    server = Server(settings)
    await server.start()
    return server


async def run(settings: Settings, started: Callable[[Server], None] = lambda server: None) -> None:
    """Serves until SIGTERM or SIGINT, then drains. SIGHUP reloads. `started` is told once the server is SERVING.

    Raises:
      StartError: see `start`.
    """
    share_arenas()
    server = await start(settings)
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()  # the loop itself keeps them only weakly

    def on(signal_: signal.Signals, act: Callable[[], Coroutine[None, None, None]]) -> None:
        loop.add_signal_handler(signal_, lambda: tasks.add(asyncio.create_task(act())))

    async def reload() -> None:
        try:
            await server.reload()
        except StartError as error:
            log.error("%s", error)

    on(signal.SIGTERM, server.stop)
    on(signal.SIGINT, server.stop)
    on(signal.SIGHUP, reload)
    started(server)
    await server.wait()


def _tracing(endpoint: str) -> "Tracing | None":
    if not endpoint:
        return None  # and its library is not imported
    from .tracing import Tracing, otlp_exporter

    return Tracing(otlp_exporter(endpoint))
