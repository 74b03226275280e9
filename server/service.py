"""The Embedding service: messages in, messages out. What a call as a whole does wrong is its status; what one item
does wrong is that item's answer."""

import asyncio
import time
from collections.abc import AsyncIterator
from importlib.metadata import version

import grpc

from ..proto.v1 import embedding_pb2 as pb
from ..proto.v1 import embedding_pb2_grpc
from .engine import Embedded, Engine
from .errors import InvalidArgument, Overloaded, ServingError, TooLarge, Unavailable, to_item_error
from .permits import Permits
from .stream import EmbedStreamCall


class EmbeddingService(embedding_pb2_grpc.EmbeddingServicer):
    """Embed, EmbedStream and Info over an engine. What `ServingError` they raise `calls` makes the status.

    Args:
      stopping: set when the server drains: streams then read no further, and end once they have answered.
    """

    def __init__(self, engine: Engine, permits: Permits, stopping: asyncio.Event, *, has_index: bool) -> None:
        self._engine, self._permits, self._stopping, self._has_index = engine, permits, stopping, has_index

    async def Embed(self, request: pb.EmbedRequest, context: grpc.aio.ServicerContext) -> pb.EmbedResponse:
        check_items(len(request.items), self._engine)
        answers = await self._engine.embed_all(request.items, deadline=deadline_of(context))
        if all(isinstance(answer, Overloaded) for answer in answers):
            raise max(answers, key=lambda answer: answer.retry_delay_s)
        space_id = next((answer.space_id for answer in answers if isinstance(answer, Embedded)), "")
        return pb.EmbedResponse(
            results=[item_result(answer) for answer in answers], space_id=space_id or self._engine.manifest.space_id
        )

    async def EmbedStream(
        self, requests: AsyncIterator[pb.EmbedStreamRequest], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[pb.EmbedStreamResponse]:
        call = EmbedStreamCall(self._engine, self._permits, self._stopping, deadline_of(context))
        async for id_, answer in call.answers(requests):
            yield pb.EmbedStreamResponse(id=id_, result=item_result(answer, with_space=True))
        if self._stopping.is_set() and not call.ended:
            raise Unavailable("The server is stopping; it has answered what it had accepted. Connect again.")

    async def Info(self, request: pb.InfoRequest, context: grpc.aio.ServicerContext) -> pb.InfoResponse:
        manifest = self._engine.manifest
        return pb.InfoResponse(
            model=manifest.name,
            licence=manifest.licence,
            space_id=manifest.space_id,
            embedding_size=manifest.embedding_size,
            modalities=[served.info() for served in self._engine.model.encoders.values()],
            limits=self._engine.limits.to_proto(),
            server_version=version("anybind"),
            has_index=self._has_index,
        )


def deadline_of(context: grpc.aio.ServicerContext) -> float | None:
    """When the caller stops waiting, in seconds of `time.monotonic()`; None where it did not say."""
    left_s = context.time_remaining()
    return None if left_s is None else time.monotonic() + left_s


def check_items(count: int, engine: Engine) -> None:
    """Refuses a call with no items, or with more than the limit."""
    if count == 0:
        raise InvalidArgument("The request has no items. Send at least one.")
    if count > engine.limits.items:
        raise TooLarge(f"The request has {count:,} items; the limit is {engine.limits.items:,}. Send several requests.")


def item_result(answer: Embedded | ServingError, *, with_space: bool = False) -> pb.ItemResult:
    """An item's answer as a message; `with_space` where nothing else in the reply names the space."""
    if isinstance(answer, ServingError):
        return pb.ItemResult(error=to_item_error(answer))
    vector = pb.Vector(data=answer.vector.astype("<f4", copy=False).tobytes(), modality=answer.modality)
    if with_space:
        vector.space_id = answer.space_id
    return pb.ItemResult(embedding=vector, clips=answer.clips, timings=answer.timings)
