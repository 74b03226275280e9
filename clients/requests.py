"""What goes over the wire, made of what people write."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from google.protobuf.struct_pb2 import ListValue

from ..proto.points import point_id
from ..proto.v1 import embedding_pb2 as pb
from ..proto.v1 import retrieval_pb2 as rpb
from .answers import Embedding
from .items import Item

Filter = Mapping[str, Any] | rpb.Filter


def point(
    source: Item | Embedding,
    *,
    id: str = "",
    uri: str = "",
    media_type: str = "",
    title: str = "",
    content_id: str = "",
    payload: Mapping[str, Any] | None = None,
) -> rpb.PointInput:
    """A point to store: an item, which the server embeds, or an embedding that is there already.

    Args:
      id: a UUID; by default one derived from modality and uri, random without a uri. A known id is replaced.
      uri: where it came from, at most 4096 bytes; by default the item's file. The server never opens it.
      media_type: such as "image/jpeg"; by default the item's.
      title: for people.
      content_id: the caller's fingerprint of the content, to tell whether it has changed.
      payload: the caller's own, as JSON has it: searches may filter on it.
    """
    is_item = isinstance(source, Item)
    uri = uri or (source.uri if is_item else "")
    made = rpb.PointInput(
        # Always sent, so that a repeated call replaces what the first one stored.
        id=id or (point_id(source.modality, uri) if uri else str(uuid.uuid4())),
        uri=uri,
        media_type=media_type or (source.media_type if is_item else ""),
        title=title,
        content_id=content_id,
    )
    if is_item:
        made.item.CopyFrom(source.proto)
    else:
        made.vector.CopyFrom(_vector(source))
    if payload:
        made.payload.update(payload)
    return made


def make_search(
    query: Item | Embedding | None,
    point_id: str,
    top_k: int,
    modalities: Sequence[str],
    filter: Filter | None,
    per_modality: bool,
    with_vectors: bool,
) -> rpb.SearchRequest:
    """The request of a search; see `Client.search`."""
    if (query is None) == (not point_id):
        raise ValueError("A search needs a query or a point_id, and not both.")
    if isinstance(modalities, str):
        raise TypeError(f"modalities takes a list: [{modalities!r}]")
    request = rpb.SearchRequest(
        modalities=modalities,
        filter=make_filter(filter or {}),
        top_k=top_k,
        per_modality=per_modality,
        with_vectors=with_vectors,
    )
    if isinstance(query, Item):
        request.item.CopyFrom(query.proto)
    elif query is not None:
        request.vector.CopyFrom(_vector(query))
    else:
        request.point_id = point_id
    return request


def make_filter(filter: Filter) -> rpb.Filter:
    """A filter as retrieval.proto has it; see `Client.search` for what a mapping says."""
    if isinstance(filter, rpb.Filter):
        return filter
    return rpb.Filter(must=[_condition(key, wanted) for key, wanted in filter.items()])


def _condition(key: str, wanted: Any) -> rpb.Condition:
    condition = rpb.Condition(key=key)
    if isinstance(wanted, Mapping):
        if set(wanted) == {"exists"}:
            condition.exists = wanted["exists"]
        else:
            condition.range.CopyFrom(rpb.Range(**wanted))
    elif isinstance(wanted, list | tuple | set):
        values = ListValue()
        values.extend(wanted)
        condition.any_of.CopyFrom(values)
    elif isinstance(wanted, bool):
        condition.equals.bool_value = wanted
    elif isinstance(wanted, str):
        condition.equals.string_value = wanted
    else:
        condition.equals.number_value = wanted
    return condition


def _vector(embedding: Embedding) -> pb.Vector:
    data = np.asarray(embedding.vector, dtype="<f4").tobytes()
    return pb.Vector(data=data, space_id=embedding.space_id, modality=embedding.modality)
