"""What an index keeps: points in, hits out, and the one form in which both engines store them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_TEXT_FIELDS = ("modality", "uri", "media_type", "title", "content_id", "space_id")


@dataclass(frozen=True)
class StoredPoint:
    """One stored embedding and what is known of where it came from. Empty text means "not given"."""

    id: str  # a UUID in its canonical form
    modality: str
    space_id: str
    vector: np.ndarray | None = None  # float32 (embedding_size,), norm 1; None where it was not asked for
    uri: str = ""
    media_type: str = ""
    title: str = ""
    content_id: str = ""
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Hit:
    """A stored point and how near it lies to the query."""

    point: StoredPoint
    score: float  # cosine, -1 to 1


def fields_of(point: StoredPoint) -> dict[str, Any]:
    """A point's stored fields. Those not given are left out, so that `exists` can tell."""
    fields: dict[str, Any] = {name: value for name in _TEXT_FIELDS if (value := getattr(point, name))}
    if point.payload:
        fields["payload"] = dict(point.payload)
    return fields


def point_from(point_id: object, fields: Mapping[str, Any] | None, vector: Sequence[float] | None) -> StoredPoint:
    """The point that was stored as these fields."""
    fields = fields or {}
    return StoredPoint(
        id=str(point_id),
        vector=None if vector is None else np.asarray(vector, dtype=np.float32),
        payload=fields.get("payload", {}),
        **{name: fields.get(name, "") for name in _TEXT_FIELDS},
    )


def hit_from(point: StoredPoint, score: float) -> Hit:
    """A hit whose score is a cosine: rounding may carry an engine's answer just past 1."""
    return Hit(point, max(-1.0, min(1.0, float(score))))


def in_order(ids: Sequence[str], points: Sequence[StoredPoint]) -> list[StoredPoint]:
    """The points as `ids` lists them; engines return them as they please."""
    found = {point.id: point for point in points}
    return [found[point_id] for point_id in ids if point_id in found]
