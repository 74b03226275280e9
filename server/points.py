"""Between the wire and the index: what a caller says of points, read and checked, and points written back."""

import math
import uuid
from collections.abc import Sequence
from typing import Any

import grpc
import numpy as np
from google.protobuf.struct_pb2 import Struct, Value

from ..proto.points import point_id
from ..proto.v1 import embedding_pb2 as pb
from ..proto.v1 import retrieval_pb2 as rpb
from .errors import BadVector, InvalidArgument, NotFinite, ServingError, TooLarge, WrongSpace
from .index import AnyOf, Condition, Equals, Exists, Filter, Range, StoredPoint

MAX_BYTES = {"uri": 4096, "media_type": 255, "title": 1024, "content_id": 128}
MAX_PAYLOAD_BYTES = 64 << 10


class UnknownPoint(ServingError):
    """A search begins at a stored point that is not there."""

    name = "NOT_FOUND"
    code, status = pb.ERROR_CODE_INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND


def read_point(given: rpb.PointInput, modality: str, vector: np.ndarray, space_id: str) -> StoredPoint:
    """The point to store, once its vector is there: float32 (embedding_size,), norm 1.

    Raises:
      InvalidArgument: the id is no UUID, or the payload cannot be kept.
      TooLarge: a field is longer than it may be.
    """
    for name, limit in MAX_BYTES.items():
        size = len(getattr(given, name).encode())
        if size > limit:
            raise TooLarge(f"The point's {name} is {size} bytes long; at most {limit} are kept.")
    if given.payload.ByteSize() > MAX_PAYLOAD_BYTES:
        raise TooLarge(
            f"The point's payload is {given.payload.ByteSize()} bytes; at most {MAX_PAYLOAD_BYTES} are kept."
        )
    if given.id:
        (identity,) = read_ids([given.id])
    else:
        identity = point_id(modality, given.uri) if given.uri else str(uuid.uuid4())
    return StoredPoint(
        id=identity,
        modality=modality,
        space_id=space_id,
        vector=vector,
        payload=_plain(given.payload),
        **{name: getattr(given, name) for name in MAX_BYTES},
    )


def read_ids(ids: Sequence[str]) -> list[str]:
    """Ids in their canonical form, in the order given.

    Raises:
      InvalidArgument: one is no UUID.
    """
    canonical = []
    for one in ids:
        try:
            canonical.append(str(uuid.UUID(one)))
        except ValueError as error:
            raise InvalidArgument(
                f"The id {one[:64]!r} is no UUID; one looks like {uuid.UUID(int=0)}. Leave it out to have it derived "
                "from modality and uri."
            ) from error
    return canonical


def read_vector(given: pb.Vector, embedding_size: int, space_id: str) -> np.ndarray:
    """A ready vector as float32 (embedding_size,), scaled to norm 1.

    Raises:
      WrongSpace: it lies in another space, or does not say in which.
      BadVector: it has another length, or no direction.
      NotFinite: it holds NaN or infinity.
    """
    if given.space_id != space_id:
        named = f"lies in space {given.space_id}" if given.space_id else "does not say its space"
        raise WrongSpace(f"The vector {named}; this server's space is {space_id}. Embed it here, with this model.")
    if len(given.data) != 4 * embedding_size:
        raise BadVector(
            f"The vector is {len(given.data)} bytes long; {4 * embedding_size} are needed, "
            f"{embedding_size} little-endian float32."
        )
    vector = np.frombuffer(given.data, dtype="<f4").astype(np.float64)  # no square overflows in float64
    if not np.isfinite(vector).all():
        raise NotFinite("The vector holds NaN or infinity; every component must be finite.")
    norm = np.linalg.norm(vector)
    if norm == 0:
        raise BadVector("The vector is all zeros: it has no direction and lies near nothing.")
    return (vector / norm).astype(np.float32)


def write_point(point: StoredPoint) -> rpb.Point:
    """A stored point as it goes over the wire."""
    written = rpb.Point(
        id=point.id, modality=point.modality, space_id=point.space_id, **{n: getattr(point, n) for n in MAX_BYTES}
    )
    if point.payload:
        written.payload.update(point.payload)
    if point.vector is not None:
        written.vector.CopyFrom(
            pb.Vector(data=point.vector.astype("<f4").tobytes(), space_id=point.space_id, modality=point.modality)
        )
    return written


def read_filter(given: rpb.Filter) -> Filter:
    """The filter in the index's own words.

    Raises:
      InvalidArgument: a condition has no test, or one that no field can pass or fail.
    """
    return Filter(
        must=tuple(_condition(one) for one in given.must),
        must_not=tuple(_condition(one) for one in given.must_not),
        should=tuple(_condition(one) for one in given.should),
    )


def _condition(given: rpb.Condition) -> Condition:
    match given.WhichOneof("test"):
        case "equals":
            return Condition(given.key, Equals(_value(given.key, given.equals)))
        case "any_of":
            values = tuple(_value(given.key, one) for one in given.any_of.values)
            if len({type(one) for one in values}) != 1 or isinstance(values[0], bool):
                raise InvalidArgument(
                    f"The filter on {given.key!r} says any_of {list(values)}; it takes one or more strings, or one or "
                    "more whole numbers."
                )
            return Condition(given.key, AnyOf(values))
        case "range":
            bounds = {name.name: bound for name, bound in given.range.ListFields()}
            if not bounds or any(math.isnan(bound) for bound in bounds.values()):
                raise InvalidArgument(
                    f"The range on {given.key!r} needs at least one of gt, gte, lt and lte, a number."
                )
            return Condition(given.key, Range(**bounds))
        case "exists":
            return Condition(given.key, Exists(given.exists))
        case _:
            raise InvalidArgument(f"The filter on {given.key!r} has no test: say equals, any_of, range or exists.")


def _value(key: str, given: Value) -> str | int | bool:
    match given.WhichOneof("kind"):
        case "string_value":
            return given.string_value
        case "bool_value":
            return given.bool_value
        case "number_value" if given.number_value.is_integer() and abs(given.number_value) < 2**53:
            return int(given.number_value)
        case _:
            raise InvalidArgument(
                f"The filter on {key!r} compares with {str(given).strip() or 'nothing'}; only a string, a bool or a "
                "whole number can be equal. For other numbers use range."
            )


def _plain(given: Struct) -> dict[str, Any]:
    return {name: _plain_value(value) for name, value in given.fields.items()}


def _plain_value(given: Value) -> Any:
    """A protobuf value as JSON has it. Whole numbers become integers: an engine finds 3 under 3, but not under 3.0."""
    match given.WhichOneof("kind"):
        case "struct_value":
            return _plain(given.struct_value)
        case "list_value":
            return [_plain_value(value) for value in given.list_value.values]
        case "number_value":
            number = given.number_value
            if not math.isfinite(number):
                raise InvalidArgument(f"The point's payload holds {number}; numbers must be finite.")
            return int(number) if number.is_integer() and abs(number) < 2**53 else number
        case "string_value":
            return given.string_value
        case "bool_value":
            return given.bool_value
        case _:
            return None
