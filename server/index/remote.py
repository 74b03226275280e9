"""The same index on a Qdrant server, through `qdrant-client`.

A collection remembers its space in its metadata; one made by other means is judged by a point it holds.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import grpc
import numpy as np
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from .errors import BadLocation, IndexDown, WrongSpace
from .filters import Dialect, Filter, path_of, translate
from .points import Hit, StoredPoint, fields_of, hit_from, in_order, point_from

TIMEOUT_S = 30
_INDEXED_FIELDS = ("modality", "uri", "content_id")
_DIALECT = Dialect(
    filter=models.Filter,
    field=models.FieldCondition,
    value=models.MatchValue,
    flag=lambda key, value: models.FieldCondition(key=path_of(key), match=models.MatchValue(value=value)),
    any_of=models.MatchAny,
    range=models.Range,
)


def connect(location: str, api_key: str | None = None) -> QdrantClient:
    """A client of the Qdrant server at `http(s)://host[:6333]` or `grpc(s)://host[:6334]`. Opens no connection yet.

    Raises:
      BadLocation: the location names no host, or a port that is none.
    """
    try:
        parts = urlsplit(location)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadLocation(f"The index location {location!r} is no address: {error}.") from error
    if not host:
        raise BadLocation(f"The index location {location!r} names no host. It looks like http://localhost:6333.")
    shared = {"api_key": api_key, "timeout": TIMEOUT_S, "check_compatibility": False}
    if parts.scheme in ("grpc", "grpcs"):
        secure = parts.scheme == "grpcs"
        return QdrantClient(host=host, grpc_port=port or 6334, prefer_grpc=True, https=secure, **shared)
    return QdrantClient(
        host=host, port=port or 6333, https=parts.scheme == "https", prefix=parts.path.strip("/") or None, **shared
    )


class RemoteIndex:
    """An `Index` in one collection of a Qdrant server, made on first use."""

    def __init__(
        self, client: QdrantClient, collection: str, embedding_size: int, space_id: str, *, where: str = "Qdrant"
    ) -> None:
        """Opens or makes the collection, and closes `client` with itself.

        Raises:
          WrongSpace: the collection's points lie in another space.
          IndexDown: the server did not answer, or refused.
        """
        self._client = client
        self._collection = collection
        self._where = f"{where}, collection {collection!r}"
        with self._fault("be opened"):
            if not client.collection_exists(collection):
                self._create(embedding_size, space_id)
            space, size = self._space()
        if size != embedding_size or space not in ("", space_id):
            raise WrongSpace(
                f"The index at {self._where} holds vectors of space {space or 'unknown'} ({size} floats); the model's "
                f"space is {space_id} ({embedding_size} floats). Use the model it was made with, or index again into "
                "another collection."
            )

    def upsert(self, points: Sequence[StoredPoint]) -> None:
        if not points:
            return
        stored = [
            models.PointStruct(id=point.id, vector=point.vector.tolist(), payload=fields_of(point)) for point in points
        ]
        with self._fault("store points"):
            self._client.upsert(self._collection, stored, wait=True)

    def search(
        self, vector: np.ndarray, top_k: int, filter: Filter | None = None, with_vectors: bool = False
    ) -> list[Hit]:
        wanted = _translated(filter)
        with self._fault("search"):
            answer = self._client.query_points(
                self._collection,
                query=vector.tolist(),
                limit=top_k,
                query_filter=wanted,
                with_payload=True,
                with_vectors=with_vectors,
            )
        return [hit_from(point_from(one.id, one.payload, one.vector), one.score) for one in answer.points]

    def get(self, ids: Sequence[str], with_vectors: bool = False) -> list[StoredPoint]:
        wanted = list(dict.fromkeys(ids))
        with self._fault("read points"):
            records = self._client.retrieve(self._collection, wanted, with_payload=True, with_vectors=with_vectors)
        return in_order(wanted, [point_from(record.id, record.payload, record.vector) for record in records])

    def delete(self, ids: Sequence[str] = (), filter: Filter | None = None) -> int:
        """As `Index.delete`; the number is of the moment before, and another client may have come between."""
        either: list[Any] = [models.HasIdCondition(has_id=list(ids))] if ids else []
        if filter is not None:
            either.append(_translated(filter))
        if not either:
            return 0
        doomed = models.Filter(should=either)
        with self._fault("delete points"):
            gone = self._client.count(self._collection, count_filter=doomed, exact=True).count
            self._client.delete(self._collection, models.FilterSelector(filter=doomed), wait=True)
        return gone

    def count(self, filter: Filter | None = None) -> int:
        wanted = _translated(filter)
        with self._fault("count points"):
            return self._client.count(self._collection, count_filter=wanted, exact=True).count

    def modalities(self) -> list[str]:
        with self._fault("list modalities"):
            facets = self._client.facet(self._collection, "modality", limit=1000, exact=True)
        return sorted(str(hit.value) for hit in facets.hits)

    def close(self) -> None:
        self._client.close()

    def _create(self, embedding_size: int, space_id: str) -> None:
        try:
            self._client.create_collection(
                self._collection,
                vectors_config=models.VectorParams(size=embedding_size, distance=models.Distance.COSINE),
                metadata={"space_id": space_id},
            )
        except (UnexpectedResponse, grpc.RpcError):
            if not self._client.collection_exists(self._collection):  # another server may have made it meanwhile
                raise
        for name in _INDEXED_FIELDS:
            self._client.create_payload_index(self._collection, name, models.PayloadSchemaType.KEYWORD, wait=True)

    def _space(self) -> tuple[str, int]:
        """The collection's space id ("" where nothing in it says) and the length of its vectors."""
        config = self._client.get_collection(self._collection).config
        vectors = config.params.vectors
        size = vectors.size if isinstance(vectors, models.VectorParams) else 0
        space = (config.metadata or {}).get("space_id", "")
        if not space:
            records, _ = self._client.scroll(self._collection, limit=1, with_payload=["space_id"])
            space = (records[0].payload or {}).get("space_id", "unknown") if records else ""
        return space, size

    @contextmanager
    def _fault(self, what: str) -> Iterator[None]:
        try:
            yield
        except UnexpectedResponse as error:
            said = error.content.decode("utf-8", "replace")[:300] or error.reason_phrase
            raise IndexDown(f"The index at {self._where} could not {what}: {error.status_code}, {said}") from error
        except grpc.RpcError as error:
            raise IndexDown(f"The index at {self._where} could not {what}: {_words(error)}") from error
        except (ApiException, QdrantException, OSError) as error:
            raise IndexDown(
                f"The index at {self._where} could not {what}: {error}. Is Qdrant running there?"
            ) from error


def _words(error: grpc.RpcError) -> str:
    return f"{error.code().name}, {error.details()}" if isinstance(error, grpc.Call) else str(error)


def _translated(wanted: Filter | None) -> models.Filter | None:
    return None if wanted is None else translate(wanted, _DIALECT)
