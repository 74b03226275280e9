"""One EmbedStream call: parts become items, items become answers, in whatever order they are ready."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from ..proto.v1 import embedding_pb2 as pb
from .engine import Embedded, Engine
from .errors import InvalidArgument, ServingError, TooLarge
from .permits import Permits

MAX_IN_FLIGHT = 64  # items of one call; past that the server reads no further, and the caller's sending waits
_MAX_ID_BYTES = 128

Answer = tuple[str, Embedded | ServingError]


@dataclass
class _Upload:
    """An item whose parts are arriving. After an error its remaining parts are read and thrown away."""

    item: pb.Item
    parts: list[bytes] = field(default_factory=list)
    held_bytes: int = 0
    failed: bool = False


class EmbedStreamCall:
    """Reads requests while there is room, embeds each complete item, and gives answers as they are ready."""

    def __init__(self, engine: Engine, permits: Permits, stopping: asyncio.Event, deadline: float | None) -> None:
        self._engine, self._permits, self._stopping, self._deadline = engine, permits, stopping, deadline
        self._uploads: dict[str, _Upload] = {}
        self._room = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._answers: asyncio.Queue[Answer | None] = asyncio.Queue()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.ended = False  # whether the caller said that it has sent everything

    async def answers(self, requests: AsyncIterator[pb.EmbedStreamRequest]) -> AsyncIterator[Answer]:
        """The answer of every item sent, each once. Ends when the caller has ended, or the server stops."""
        reading = asyncio.create_task(self._read(requests))
        try:
            while (answer := await self._answers.get()) is not None:
                yield answer
            await reading  # whatever went wrong in it
        finally:
            reading.cancel()
            for task in self._tasks.values():
                task.cancel()
            self._permits.give_back(sum(upload.held_bytes for upload in self._uploads.values()))

    async def _read(self, requests: AsyncIterator[pb.EmbedStreamRequest]) -> None:
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            while (request := await self._next(requests, stopping)) is not None:
                await self._receive(request)
            for id_, upload in self._uploads.items():
                if not upload.failed:
                    self._answers.put_nowait((id_, InvalidArgument("The call ended before the item's last part.")))
            if self._tasks:
                await asyncio.wait(self._tasks.values())
        finally:
            stopping.cancel()
            self._answers.put_nowait(None)

    async def _next(
        self, requests: AsyncIterator[pb.EmbedStreamRequest], stopping: asyncio.Task[bool]
    ) -> pb.EmbedStreamRequest | None:
        arriving = asyncio.ensure_future(anext(requests, None))
        await asyncio.wait({arriving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if arriving.done():
            self.ended = arriving.result() is None
            return arriving.result()
        arriving.cancel()
        return None

    async def _receive(self, request: pb.EmbedStreamRequest) -> None:
        """One part: the first, a further one, or both at once for an item sent whole."""
        id_ = request.id
        try:
            upload = self._upload_of(request)
            if not upload.failed:
                self._add(upload, request.item.data or request.more_data)
        except ServingError as error:
            self._answers.put_nowait((id_, error))
            self._fail(request)
            return
        if request.to_be_continued:
            return
        del self._uploads[id_]
        if upload.failed:
            return
        if len(upload.parts) > 1:
            upload.item.data = b"".join(upload.parts)
        await self._room.acquire()
        self._tasks[id_] = task = asyncio.create_task(self._embed(id_, upload.item))
        task.add_done_callback(lambda _: self._let_go(id_, upload))

    def _upload_of(self, request: pb.EmbedStreamRequest) -> _Upload:
        if not 1 <= len(request.id.encode()) <= _MAX_ID_BYTES:
            raise InvalidArgument(f"The id has {len(request.id.encode())} bytes; 1 to {_MAX_ID_BYTES} are needed.")
        if request.HasField("item"):
            if request.id in self._uploads or request.id in self._tasks:
                raise InvalidArgument(f"The id {request.id!r} is in flight already. Give each item its own.")
            self._uploads[request.id] = _Upload(request.item)
        elif request.id not in self._uploads:
            raise InvalidArgument(f"The part of {request.id!r} came before its item. Send the item first.")
        return self._uploads[request.id]

    def _add(self, upload: _Upload, data: bytes) -> None:
        size, limit = upload.held_bytes + len(data), self._engine.limits.item_bytes
        if size > limit:
            raise TooLarge(
                f"The {upload.item.modality} item has at least {size:,} bytes; the limit is {limit:,}. "
                "Send a smaller file."
            )
        self._permits.take(len(data))
        upload.held_bytes = size
        upload.parts.append(data)

    def _fail(self, request: pb.EmbedStreamRequest) -> None:
        """Forgets an item that failed while it arrived; what still comes of it is thrown away."""
        upload = self._uploads.get(request.id)
        if upload is None:
            return
        self._permits.give_back(upload.held_bytes)
        upload.held_bytes, upload.failed = 0, True
        upload.parts.clear()
        upload.item.ClearField("data")
        if not request.to_be_continued:
            del self._uploads[request.id]

    async def _embed(self, id_: str, item: pb.Item) -> None:
        try:
            answer: Embedded | ServingError = await self._engine.embed(item, deadline=self._deadline)
        except ServingError as error:
            answer = error
        self._answers.put_nowait((id_, answer))

    def _let_go(self, id_: str, upload: _Upload) -> None:
        """However its task ended, before it began even."""
        self._permits.give_back(upload.held_bytes)
        self._room.release()
        del self._tasks[id_]
