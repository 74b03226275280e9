"""What comes back: embeddings, points and hits, as plain values with numpy arrays."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from google.protobuf import json_format

from ..proto.v1 import embedding_pb2 as pb
from ..proto.v1 import retrieval_pb2 as rpb
from .errors import ItemError, from_item


@dataclass(frozen=True)
class Timings:
    """Where an item's time went on the server, in milliseconds."""

    decode_ms: float = 0.0
    queue_ms: float = 0.0
    inference_ms: float = 0.0


@dataclass(frozen=True, eq=False)
class Clip:
    """A part of an item, embedded on its own."""

    vector: np.ndarray  # float32 (embedding_size,), norm 1
    start_s: float
    end_s: float


@dataclass(frozen=True, eq=False)
class Embedding:
    """An item's place in the space. Where numpy wants an array, it is its vector."""

    vector: np.ndarray  # float32 (embedding_size,), norm 1
    modality: str
    space_id: str
    clips: tuple[Clip, ...] = ()  # in order of time; empty unless asked for
    timings: Timings = field(default_factory=Timings)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.vector, dtype=dtype, copy=copy)


@dataclass(frozen=True, eq=False)
class Point:
    """What is stored of an item."""

    id: str  # a UUID
    modality: str
    uri: str
    media_type: str
    title: str
    content_id: str
    space_id: str
    payload: Mapping[str, Any]
    vector: np.ndarray | None = None  # float32 (embedding_size,), norm 1; None unless asked for


@dataclass(frozen=True, eq=False)
class Hit:
    """A stored point and how near it lies to the query."""

    point: Point
    score: float  # cosine, -1 to 1

    @property
    def modality(self) -> str:
        return self.point.modality

    @property
    def uri(self) -> str:
        return self.point.uri


def read_outcome(result: pb.ItemResult, space_id: str, index: int, source: str) -> Embedding | ItemError:
    """What became of one item. `space_id` is its response's, where the vector does not carry its own."""
    if result.HasField("error"):
        return from_item(result.error, index, source)
    return _embedding(result, space_id)


def _embedding(result: pb.ItemResult, space_id: str) -> Embedding:
    return Embedding(
        vector=read_vector(result.embedding.data),
        modality=result.embedding.modality,
        space_id=result.embedding.space_id or space_id,
        clips=tuple(Clip(read_vector(clip.data), clip.start_s, clip.end_s) for clip in result.clips),
        timings=Timings(result.timings.decode_ms, result.timings.queue_ms, result.timings.inference_ms),
    )


def read_point(point: rpb.Point) -> Point:
    """A point as the server sent it."""
    return Point(
        id=point.id,
        modality=point.modality,
        uri=point.uri,
        media_type=point.media_type,
        title=point.title,
        content_id=point.content_id,
        space_id=point.space_id,
        payload=_whole(json_format.MessageToDict(point.payload)),
        vector=read_vector(point.vector.data) if point.HasField("vector") else None,
    )


def _whole(value: Any) -> Any:
    """JSON as it was given: on the wire every number is a double, and 3 would come back as 3.0."""
    if isinstance(value, dict):
        return {name: _whole(deeper) for name, deeper in value.items()}
    if isinstance(value, list):
        return [_whole(deeper) for deeper in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def read_vector(data: bytes) -> np.ndarray:
    """Little-endian float32 bytes as a writable float32 array."""
    return np.frombuffer(data, dtype="<f4").astype(np.float32)
