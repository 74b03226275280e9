"""The encoders of one artifact: each with its graph, tokenizer and batcher, loaded at start or when asked for."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import NoReturn

import numpy as np

from ..proto.v1 import embedding_pb2 as pb
from ..proto.v1.manifest_pb2 import Encoder
from . import tuning
from .artifact import Artifact, ArtifactError
from .batcher import Batcher, BatchPlan
from .decode.text import load_tokenizer, pad
from .errors import Overloaded, UnknownModality
from .metrics import Metrics
from .providers import Provider
from .session import Session

log = logging.getLogger(__name__)

_TUNING_S = 0.1  # spent on each encoder when it is loaded


class ServedEncoder:
    """One modality. Its graph comes into memory with `load` or the first `use`, and leaves it with `unload`."""

    def __init__(
        self,
        artifact: Artifact,
        encoder: Encoder,
        provider: Provider,
        metrics: Metrics,
        *,
        threads: int,
        make_room: Callable[["ServedEncoder"], Awaitable[None]],
        changing: asyncio.Lock,
    ) -> None:
        """Args:
        make_room: called before loading; may unload others.
        changing: held while anything of the model is loaded or unloaded.
        """
        self.encoder = encoder
        self.golden_difference = 0.0
        self.provider = ""
        self.used_s = time.monotonic()
        self.graph_bytes = sum((artifact.folder / name).stat().st_size for name in encoder.sha256)
        self.tokenizer = None
        if encoder.WhichOneof("recipe") == "text":
            self.tokenizer = load_tokenizer(artifact.folder / encoder.text.tokenizer_file)
        self._artifact, self._provider, self._metrics, self._threads = artifact, provider, metrics, threads
        self._make_room, self._changing = make_room, changing
        self._batcher: Batcher | None = None
        self._users = 0
        self._unused = asyncio.Event()
        self._unused.set()

    @property
    def loaded(self) -> bool:
        return self._batcher is not None

    @property
    def idle(self) -> bool:
        return self.loaded and not self._users

    async def load(self) -> None:
        """Opens the graph, replays its golden vectors, and finds its batch plan, in a thread. Once is enough.

        Raises:
          ArtifactError, ProviderError: it cannot be served.
          Overloaded: the memory budget is taken by encoders in use.
        """
        async with self._changing:
            if self._batcher is not None:
                return
            await self._make_room(self)
            session, plan = await asyncio.to_thread(self._open)
            self.golden_difference, self.provider = session.golden_difference, session.provider
            self._batcher = self._make_batcher(session, plan)
            modality = self.encoder.modality
            self._metrics.golden_difference.labels(modality).set(session.golden_difference)
            self._metrics.loaded.labels(modality, session.provider).inc()
            log.info(
                "%s: batches of up to %d rows, waiting at most %.1f ms, queue of %d rows",
                *(modality, plan.max_rows, 1e3 * plan.max_wait_s, plan.max_queue_rows),
            )

    async def unload(self) -> None:
        """Lets go of the graph, unless it is used. The next use loads it again."""
        async with self._changing:
            if self.idle:
                await self.let_go()

    async def let_go(self) -> None:
        """As `unload`, for one who holds the lock and knows that nobody uses it."""
        batcher, self._batcher = self._batcher, None
        await batcher.close()
        self._metrics.loaded.labels(self.encoder.modality, self.provider).dec()
        log.info("%s: unloaded", self.encoder.modality)

    async def unused(self) -> None:
        """Returns once nobody uses it."""
        await self._unused.wait()

    @asynccontextmanager
    async def use(self) -> AsyncIterator[Batcher]:
        """The batcher, loaded, and not to be unloaded while it is used."""
        self._users += 1
        self._unused.clear()
        try:
            if self._batcher is None:
                await self.load()
            yield self._batcher
        finally:
            self._users -= 1
            self.used_s = time.monotonic()
            if not self._users:
                self._unused.set()

    def info(self) -> pb.ModalityInfo:
        return pb.ModalityInfo(
            encoder=self.encoder,
            provider=self.provider,
            golden_difference=self.golden_difference,
            loaded=self.loaded,
        )

    def _open(self) -> tuple[Session, BatchPlan]:
        session = Session(self._artifact, self.encoder, self._provider, threads=self._threads)
        return session, tuning.plan(tuning.measure(session.run, session.golden_rows, budget_s=_TUNING_S))

    def _make_batcher(self, session: Session, plan: BatchPlan) -> Batcher:
        modality, metrics = self.encoder.modality, self._metrics

        def observe(rows: int, seconds: float) -> None:
            metrics.batch_rows.labels(modality).observe(rows)

        def dropped(why: str) -> None:
            metrics.dropped.labels(modality, why).inc()

        if self.encoder.WhichOneof("recipe") == "text":
            batcher = Batcher(session.run, plan, join=self._join_text, group=None, observe=observe, dropped=dropped)
        else:
            batcher = Batcher(session.run, plan, observe=observe, dropped=dropped)
        metrics.queue_rows.labels(modality).set_function(lambda: batcher.queued_rows)
        return batcher

    def _join_text(self, texts: Sequence[np.ndarray]) -> np.ndarray:
        """Rows of ids, each (n, L) of its own length -> (N, longest)"""
        longest = max(rows.shape[1] for rows in texts)
        return np.concatenate([pad(rows, longest, self.encoder.text.pad_id) for rows in texts])


class Model:
    """An artifact being served."""

    def __init__(
        self,
        artifact: Artifact,
        provider: Provider,
        metrics: Metrics,
        *,
        modalities: tuple[str, ...] = (),
        threads: int = 0,
        budget_bytes: int = 0,
    ) -> None:
        """Loads nothing yet but tokenizers.

        Args:
          modalities: serve only these; empty: all.
          threads: of one inference; 0: one a physical core.
          budget_bytes: of graphs in memory at once, as their files count them; 0: any number.

        Raises:
          ArtifactError: the model has no such modality, or a file is missing.
        """
        self.manifest = artifact.manifest
        self._budget_bytes = budget_bytes
        self._watching: asyncio.Task[NoReturn] | None = None
        changing = asyncio.Lock()
        try:
            self.encoders = {
                encoder.modality: ServedEncoder(
                    *(artifact, encoder, provider, metrics),
                    threads=threads,
                    make_room=self._make_room,
                    changing=changing,
                )
                for encoder in artifact.encoders(modalities)
            }
        except FileNotFoundError as error:
            raise ArtifactError(f"{error.filename} is missing. Export or copy the model again.") from error
        largest = max(self.encoders.values(), key=lambda served: served.graph_bytes)
        if budget_bytes and largest.graph_bytes > budget_bytes:
            raise ArtifactError(
                f"The graph of {largest.encoder.modality} has {largest.graph_bytes:,} bytes; the memory budget is "
                f"{budget_bytes:,}. Raise it, or leave the modality out."
            )

    def encoder(self, modality: str) -> ServedEncoder:
        """Raises:
        UnknownModality: this model does not serve it.
        """
        if modality not in self.encoders:
            raise UnknownModality(
                f"The modality is {modality!r}; {self.manifest.name} serves {', '.join(self.encoders)}. "
                "Name one of these."
            )
        return self.encoders[modality]

    async def load(self) -> None:
        """Loads every encoder, one after the other.

        Raises:
          ArtifactError, ProviderError: one cannot be served, or all together are over the budget.
        """
        needed = sum(served.graph_bytes for served in self.encoders.values())
        if self._budget_bytes and needed > self._budget_bytes:
            raise ArtifactError(
                f"{self.manifest.name} needs {needed:,} bytes for its graphs; the budget is {self._budget_bytes:,}. "
                "Use --load lazy, or serve fewer --modality."
            )
        for served in self.encoders.values():
            await served.load()

    async def prove(self) -> None:
        """Loads every encoder in turn and lets go of it again, so that what cannot be served is found out now.

        Raises:
          ArtifactError, ProviderError: one cannot be served.
        """
        for served in self.encoders.values():
            await served.load()
            await served.unload()

    def watch(self, after_s: float) -> None:
        """From now on unloads each encoder that nobody has used for so long."""
        self._watching = asyncio.create_task(self._unload_idle(after_s))

    async def close(self) -> None:
        """Waits for whoever uses it, then unloads it."""
        if self._watching is not None:
            self._watching.cancel()
        for served in self.encoders.values():
            await served.unused()
            await served.unload()

    async def _make_room(self, wanted: ServedEncoder) -> None:
        """Unloads encoders that nobody uses, the longest idle first, until one more fits the budget."""
        while self._budget_bytes:
            others = [served for served in self.encoders.values() if served.loaded]
            needed = wanted.graph_bytes + sum(served.graph_bytes for served in others)
            if needed <= self._budget_bytes:
                return
            idle = [served for served in others if served.idle]
            if not idle:
                modality = wanted.encoder.modality
                raise Overloaded(
                    f"Loading {modality} needs {needed:,} bytes for graphs; the budget is {self._budget_bytes:,}, "
                    "and the encoders in memory are in use. Try again later.",
                    retry_delay_s=1.0,
                )
            await min(idle, key=lambda served: served.used_s).let_go()

    async def _unload_idle(self, after_s: float) -> NoReturn:
        while True:
            now_s = time.monotonic()
            waits = [after_s]
            for served in self.encoders.values():
                left_s = served.used_s + after_s - now_s
                if served.idle and left_s <= 0:
                    await served.unload()
                elif served.loaded:
                    waits.append(left_s if left_s > 0 else after_s)
            await asyncio.sleep(min(waits))
