"""The encoders of one artifact: each with its graph, tokenizer and batcher, loaded at start or when asked for."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import numpy as np

from ..proto.v1 import embedding_pb2 as pb
from ..proto.v1.manifest_pb2 import Encoder
from . import tuning
from .artifact import Artifact
from .batcher import Batcher, BatchPlan
from .decode.text import load_tokenizer, pad
from .errors import UnknownModality
from .metrics import Metrics
from .providers import Provider
from .session import Session

log = logging.getLogger(__name__)

_TUNING_S = 0.2  # spent on each encoder when it is loaded


class ServedEncoder:
    """One modality. Its graph comes into memory with `load` or the first `use`, and leaves it with `unload`."""

    def __init__(
        self, artifact: Artifact, encoder: Encoder, provider: Provider, metrics: Metrics, *, threads: int
    ) -> None:
        self.encoder = encoder
        self.golden_difference = 0.0
        self.provider = ""
        self.used_s = time.monotonic()
        self.graph_bytes = sum((artifact.folder / name).stat().st_size for name in encoder.sha256)
        self.tokenizer = None
        if encoder.WhichOneof("recipe") == "text":
            self.tokenizer = load_tokenizer(artifact.folder / encoder.text.tokenizer_file)
        self._artifact, self._provider, self._metrics, self._threads = artifact, provider, metrics, threads
        self._batcher: Batcher | None = None
        self._users = 0
        self._changing = asyncio.Lock()

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
        """
        async with self._changing:
            if self._batcher is not None:
                return
            session, plan = await asyncio.to_thread(self._open)
            self.golden_difference, self.provider = session.golden_difference, session.provider
            self._batcher = self._make_batcher(session, plan)
            modality = self.encoder.modality
            self._metrics.golden_difference.labels(modality).set(session.golden_difference)
            self._metrics.loaded.labels(modality, session.provider).set(1)
            log.info(
                "%s: batches of up to %d rows, waiting at most %.1f ms, queue of %d rows",
                *(modality, plan.max_rows, 1e3 * plan.max_wait_s, plan.max_queue_rows),
            )

    async def unload(self) -> None:
        """Lets go of the graph once what was accepted is answered. The next use loads it again."""
        async with self._changing:
            batcher, self._batcher = self._batcher, None
            if batcher is not None:
                await batcher.close()
                self._metrics.loaded.labels(self.encoder.modality, self.provider).set(0)

    @asynccontextmanager
    async def use(self) -> AsyncIterator[Batcher]:
        """The batcher, loaded, and not to be unloaded while it is used."""
        self._users += 1
        try:
            if self._batcher is None:
                await self.load()
            yield self._batcher
        finally:
            self._users -= 1
            self.used_s = time.monotonic()

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
    ) -> None:
        """Loads nothing yet but tokenizers.

        Args:
          modalities: serve only these; empty: all.
          threads: of one inference; 0: one a physical core.

        Raises:
          ArtifactError: the model has no such modality.
        """
        self.manifest = artifact.manifest
        self.encoders = {
            encoder.modality: ServedEncoder(artifact, encoder, provider, metrics, threads=threads)
            for encoder in artifact.encoders(modalities)
        }

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
        """Loads every encoder, one after the other."""
        for served in self.encoders.values():
            await served.load()

    async def close(self) -> None:
        for served in self.encoders.values():
            await served.unload()
