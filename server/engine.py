"""From an item to its embedding: decode -> rows -> batcher -> session.run -> unit vector."""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..proto.v1 import embedding_pb2 as pb
from ..proto.v1.manifest_pb2 import Manifest
from .cache import Cache
from .decode import Rows
from .decoders import Decoders
from .errors import Internal, ServingError
from .limits import Limits
from .metrics import Metrics
from .model import Model

if TYPE_CHECKING:
    from .tracing import Tracing

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Embedded:
    """One item's answer: float32 (D,) of norm 1, its clips where asked for, and where its time went."""

    modality: str
    space_id: str
    vector: np.ndarray
    clips: tuple[pb.Clip, ...]
    timings: pb.Timings


class Engine:
    """Embeds items with the model that is served now."""

    def __init__(
        self,
        model: Model,
        decoders: Decoders,
        limits: Limits,
        metrics: Metrics,
        *,
        cache: Cache | None = None,
        tracing: "Tracing | None" = None,
    ) -> None:
        self._model, self._decoders, self._limits, self._metrics = model, decoders, limits, metrics
        self._cache, self._tracing = cache, tracing

    @property
    def manifest(self) -> Manifest:
        """What is served now. Changes when a model is swapped; `space_id` does not while an index is open."""
        return self._model.manifest

    @property
    def model(self) -> Model:
        return self._model

    def swap(self, model: Model) -> Model:
        """Serves another model from the next item on; gives the one before, for items that are still in it."""
        before, self._model = self._model, model
        return before

    @property
    def limits(self) -> Limits:
        return self._limits

    async def embed(self, item: pb.Item, *, deadline: float | None = None) -> Embedded:
        """Embeds one item.

        Args:
          deadline: in seconds of `time.monotonic()`; None waits as long as it takes.

        Raises:
          ServingError: whatever went wrong, as one of the classes of `errors`.
        """
        model = self._model
        known = item.modality if item.modality in model.encoders else "unknown"  # a label must not grow with callers
        try:
            embedded = await self._answer(model, item, deadline)
        except ServingError as error:
            self._metrics.items.labels(known, error.name).inc()
            raise
        except asyncio.CancelledError:
            self._metrics.items.labels(known, "CANCELLED").inc()
            raise
        except Exception as error:
            log.exception("embedding a %s item failed", known)
            self._metrics.items.labels(known, "INTERNAL").inc()
            raise Internal("The server failed on this item. Its log has the details.") from error
        self._metrics.items.labels(known, "OK").inc()
        return embedded

    async def embed_all(
        self, items: Sequence[pb.Item], *, deadline: float | None = None
    ) -> list[Embedded | ServingError]:
        """Embeds items side by side; each answers in its place with its embedding or its own error."""

        async def answer(item: pb.Item) -> Embedded | ServingError:
            try:
                return await self.embed(item, deadline=deadline)
            except ServingError as error:
                return error

        if len(items) == 1:  # spares a task
            return [await answer(items[0])]
        return await asyncio.gather(*map(answer, items))

    async def _answer(self, model: Model, item: pb.Item, deadline: float | None) -> Embedded:
        """From the cache, where there is one and it knows the item."""
        served = model.encoder(item.modality)
        if self._cache is None:
            return await self._embed(model, item, deadline)
        key = self._cache.key(model.manifest.space_id, served.encoder.fingerprint, item)
        if (known := self._cache.get(key)) is not None:
            return replace(known, timings=pb.Timings())
        embedded = await self._embed(model, item, deadline)
        self._cache.put(key, embedded)
        return embedded

    async def _embed(self, model: Model, item: pb.Item, deadline: float | None) -> Embedded:
        served = model.encoder(item.modality)
        async with served.use() as batcher:
            started_s = time.monotonic()
            with batcher.expecting() as arrival:
                rows = await self._decoders.decode(served.encoder, item, served.tokenizer, deadline)
                decode_s = time.monotonic() - started_s
                batched = await batcher.submit(rows.array, deadline, arrival)
        stages = {"decode": decode_s, "queue": batched.queue_s, "inference": batched.inference_s}
        for stage, seconds in stages.items():
            self._metrics.stage_seconds.labels(item.modality, stage).observe(seconds)
        if self._tracing is not None:
            self._tracing.stages(item.modality, stages)
        return Embedded(
            modality=item.modality,
            space_id=model.manifest.space_id,
            vector=average(batched.vectors),
            clips=_clips(rows, batched.vectors) if item.with_clips else (),
            timings=pb.Timings(**{f"{stage}_ms": 1e3 * seconds for stage, seconds in stages.items()}),
        )


def average(vectors: np.ndarray) -> np.ndarray:
    """Unit vectors (n, D) -> the unit vector of their mean, (D,).

    Raises:
      Internal: they cancel out, so the mean has no direction.
    """
    if len(vectors) == 1:
        return vectors[0]
    mean = vectors.mean(axis=0)
    norm = float(np.linalg.norm(mean))
    if norm < 1e-6:
        raise Internal(f"The item's {len(vectors)} clips cancel out: their mean has norm {norm:.1e}.")
    return mean / np.float32(norm)


def _clips(rows: Rows, vectors: np.ndarray) -> tuple[pb.Clip, ...]:
    """One clip a span; things that are not cut have none."""
    return tuple(
        pb.Clip(data=vector.astype("<f4").tobytes(), start_s=start_s, end_s=end_s)
        for (start_s, end_s), vector in zip(rows.spans, vectors, strict=False)
    )
