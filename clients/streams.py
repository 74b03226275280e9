"""One streaming call: what to send, and how to read what comes back."""

from collections.abc import Iterator

import grpc

from ..proto.v1 import embedding_pb2 as pb
from .answers import Embedding, read_outcome
from .errors import ItemError, from_rpc
from .items import Item

_PART_BYTES = 1 << 20


class EmbedStream:
    """One streaming call: what to send, and how to read what comes back."""

    def __init__(self, with_clips: bool, address: str) -> None:
        self._with_clips = with_clips
        self._address = address
        self._uris: dict[int, str] = {}
        self.failure: BaseException | None = None  # what the caller's own iterable raised

    def parts(self, index: int, item: Item) -> Iterator[pb.EmbedStreamRequest]:
        """One item's messages: large data goes in parts."""
        self._uris[index] = item.uri
        first = pb.Item()
        first.CopyFrom(item.proto)
        first.with_clips = self._with_clips
        data = item.proto.data
        more = range(_PART_BYTES, len(data), _PART_BYTES)
        if more:
            first.data = data[:_PART_BYTES]
        yield pb.EmbedStreamRequest(id=str(index), item=first, to_be_continued=bool(more))
        for start in more:
            yield pb.EmbedStreamRequest(
                id=str(index), more_data=data[start : start + _PART_BYTES], to_be_continued=start != more[-1]
            )

    def read(self, response: pb.EmbedStreamResponse) -> tuple[int, Embedding | ItemError]:
        """Which item it was, and what became of it."""
        index = int(response.id)
        return index, read_outcome(response.result, "", index, self._uris.pop(index))

    def raise_from(self, error: grpc.RpcError) -> None:
        """Raises what ended the stream: the caller's own error, where its iterable raised one."""
        if self.failure is not None:
            raise self.failure
        raise from_rpc(error, self._address) from error
