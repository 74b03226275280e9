"""Vectors in, neighbours out: one small interface over Qdrant, embedded in this process or on a server.

Imports numpy and the Qdrant libraries only. Every call blocks; callers on an event loop use a thread. All
methods may be called from several threads at once.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import numpy as np

from .errors import BadFilter, BadLocation, IndexDown, IndexFault, IndexHeld, WrongSpace
from .filters import AnyOf, Condition, Equals, Exists, Filter, Range
from .points import Hit, StoredPoint

__all__ = [
    "AnyOf",
    "BadFilter",
    "BadLocation",
    "Condition",
    "Equals",
    "Exists",
    "Filter",
    "Hit",
    "Index",
    "IndexDown",
    "IndexFault",
    "IndexHeld",
    "Range",
    "StoredPoint",
    "WrongSpace",
    "open_index",
]

DEFAULT_COLLECTION = "anybind"
_SCHEMES = ("http", "https", "grpc", "grpcs")


class Index(Protocol):
    """Points of one space. Ids are UUIDs in their canonical form; vectors float32 (embedding_size,), norm 1."""

    def upsert(self, points: Sequence[StoredPoint]) -> None:
        """Stores points, each replacing one of the same id. When this returns they are on disk, all of them."""

    def search(
        self, vector: np.ndarray, top_k: int, filter: Filter | None = None, with_vectors: bool = False
    ) -> list[Hit]:
        """The `top_k` nearest points that pass the filter, by falling score. Nearest by HNSW where the engine has
        built a graph, which may miss a few; exactly so otherwise."""

    def get(self, ids: Sequence[str], with_vectors: bool = False) -> list[StoredPoint]:
        """The points that exist, in the order asked for, each once."""

    def delete(self, ids: Sequence[str] = (), filter: Filter | None = None) -> int:
        """Removes points that have one of the ids or pass the filter, and says how many there were."""

    def count(self, filter: Filter | None = None) -> int:
        """How many points pass the filter, exactly."""

    def modalities(self) -> list[str]:
        """The modalities that have points, in alphabetical order."""

    def close(self) -> None:
        """Lets go of the folder or connection. Nothing may be called after; closing twice is harmless."""


def open_index(
    location: str,
    embedding_size: int,
    space_id: str,
    *,
    collection: str = DEFAULT_COLLECTION,
) -> Index:
    """Opens an index, making it where there is none yet.

    Args:
      location: a folder for the embedded engine, or `http(s)://host:6333` or `grpc(s)://host:6334` of a Qdrant server.
      embedding_size: floats in every vector.
      space_id: the space every vector lies in.
      collection: the collection's name on a Qdrant server.

    A Qdrant server that wants a key is given what the environment has as `QDRANT_API_KEY`.

    Raises:
      BadLocation: the location is neither, or the folder holds something else.
      IndexHeld: another process holds the folder open.
      WrongSpace: the index holds vectors of another space.
      IndexDown: the engine failed, or the server did not answer.

    Opening a folder with more than 64 MiB of vectors that are in no search graph yet builds it, which blocks: about
    half a minute for 65,000 points of 256 floats on two cores.
    """
    scheme = urlsplit(location).scheme if "://" in location else ""
    if scheme in _SCHEMES:
        from .remote import RemoteIndex, connect

        return RemoteIndex(
            connect(location, os.environ.get("QDRANT_API_KEY")), collection, embedding_size, space_id, where=location
        )
    if scheme or not location:
        raise BadLocation(
            f"The index location is {location!r}. It may be a folder, http(s)://host:6333 or grpc(s)://host:6334."
        )
    from .edge import EdgeIndex

    return EdgeIndex(Path(location), embedding_size, space_id)
