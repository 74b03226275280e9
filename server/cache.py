"""Embeddings of content seen before: bounded, least recently used first out."""

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING

from ..proto.v1 import embedding_pb2 as pb
from .metrics import Metrics

if TYPE_CHECKING:
    from .engine import Embedded


class Cache:
    """Holds at most `entries` embeddings, about 4 bytes times their size each, and more where clips were asked for."""

    def __init__(self, entries: int, metrics: Metrics) -> None:
        self._entries, self._metrics = entries, metrics
        self._known: OrderedDict[bytes, Embedded] = OrderedDict()

    @staticmethod
    def key(space_id: str, fingerprint: str, item: pb.Item) -> bytes:
        """A SHA-256 over everything that decides the embedding: the space, the encoder, and the whole item."""
        return hashlib.sha256(
            f"{space_id} {fingerprint} ".encode() + item.SerializeToString(deterministic=True)
        ).digest()

    def get(self, key: bytes) -> "Embedded | None":
        embedded = self._known.get(key)
        self._metrics.cache.labels("miss" if embedded is None else "hit").inc()
        if embedded is not None:
            self._known.move_to_end(key)
        return embedded

    def put(self, key: bytes, embedded: "Embedded") -> None:
        self._known[key] = embedded
        self._known.move_to_end(key)
        if len(self._known) > self._entries:
            self._known.popitem(last=False)
        self._metrics.cache_entries.set(len(self._known))
