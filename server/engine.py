"""From an item to its embedding: decode -> rows -> batcher -> session.run -> unit vector."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..proto.v1 import embedding_pb2 as pb
from ..proto.v1.manifest_pb2 import Manifest
from .errors import ServingError
from .limits import Limits


@dataclass(frozen=True)
class Embedded:
    """One item's answer: float32 (D,) of norm 1, its clips where asked for, and where its time went."""

    modality: str
    vector: np.ndarray
    clips: tuple[pb.Clip, ...]
    timings: pb.Timings


class Engine:
    """Embeds items with the artifact that is served now."""

    @property
    def manifest(self) -> Manifest:
        """What is served now. Changes when a model is swapped; `space_id` does not while an index is open."""
        raise NotImplementedError

    @property
    def limits(self) -> Limits:
        raise NotImplementedError

    async def embed(self, item: pb.Item, *, deadline: float | None = None) -> Embedded:
        """Embeds one item.

        Args:
          deadline: in seconds of the running loop's `time()`; None waits as long as it takes.

        Raises:
          ServingError: whatever went wrong, as one of the classes of `errors`.
        """
        raise NotImplementedError

    async def embed_all(
        self, items: Sequence[pb.Item], *, deadline: float | None = None
    ) -> list[Embedded | ServingError]:
        """Embeds items side by side; each answers in its place with its embedding or its own error."""
        raise NotImplementedError
