"""Around every call: who asks, room for what it brings, an id, a span, counters and a log line."""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

import grpc
from grpc_health.v1 import health

from .access import Tokens
from .errors import Internal, ServingError, Unavailable, abort
from .logs import request_id
from .metrics import Metrics
from .permits import Permits

if TYPE_CHECKING:
    from .tracing import Tracing

log = logging.getLogger(__name__)

_REQUEST_ID = "x-request-id"
_MAX_ID_CHARS = 128
_RETRY_S = 0.5
_OPEN_TO_ALL = f"/{health.SERVICE_NAME}/"  # probes have no token, and are no work to count
_OUR_FAULT = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}


class Calls(grpc.aio.ServerInterceptor):
    """Wraps the handlers of every service but health alike."""

    def __init__(self, metrics: Metrics, permits: Permits, tokens: Tokens | None, tracing: "Tracing | None") -> None:
        self._metrics, self._permits, self._tokens, self._tracing = metrics, permits, tokens, tracing
        self._open = 0
        self._none_open = asyncio.Event()
        self._none_open.set()
        self._refusing = False

    async def drain(self, seconds: float) -> None:
        """From now on refuses calls; returns once those open have ended, or the seconds are over."""
        self._refusing = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._none_open.wait(), seconds)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]],
        details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler:
        handler = await continuation(details)
        if handler is None or details.method.startswith(_OPEN_TO_ALL):
            return handler
        metadata = dict(details.invocation_metadata)
        method = details.method

        async def one(request: object, context: grpc.aio.ServicerContext) -> object:
            async with self._around(method, metadata, context):
                with self._permits.hold(request.ByteSize()):
                    return await handler.unary_unary(request, context)

        async def many(request: object, context: grpc.aio.ServicerContext) -> AsyncIterator[object]:
            async with self._around(method, metadata, context):
                async for response in (handler.stream_stream or handler.unary_stream)(request, context):
                    yield response

        kinds = (handler.request_deserializer, handler.response_serializer)
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(one, *kinds)
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(many, *kinds)
        return grpc.stream_stream_rpc_method_handler(many, *kinds)

    @asynccontextmanager
    async def _around(
        self, method: str, metadata: dict[str, str], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[None]:
        id_ = _id_of(metadata)
        request_id.set(id_)  # each call has a task, and with it a context, of its own
        context.set_trailing_metadata(((_REQUEST_ID, id_),))
        started_s, status, caller = time.monotonic(), grpc.StatusCode.OK, ""
        self._open += 1
        self._none_open.clear()
        try:
            async with AsyncExitStack() as inside:
                inside.enter_context(self._tracing.call(method, metadata) if self._tracing else nullcontext())
                try:
                    if self._refusing:
                        raise Unavailable("The server is stopping. Connect again.", retry_delay_s=_RETRY_S)
                    if self._tokens is not None:
                        caller = self._tokens.name_of(metadata.get("authorization", ""))
                        inside.enter_context(self._tokens.call(caller))
                    yield
                except ServingError as error:
                    await abort(context, error)
        except asyncio.CancelledError:
            status = grpc.StatusCode.CANCELLED
            raise
        except grpc.aio.AbortError:
            status = context.code()
            raise
        except Exception:
            log.exception("%s failed", method)
            status = Internal.status
            await abort(context, Internal(f"The server failed. Its log has the details, under request id {id_}."))
        finally:
            self._open -= 1
            if not self._open:
                self._none_open.set()
            self._count(method, status, time.monotonic() - started_s, caller)

    def _count(self, method: str, status: grpc.StatusCode, seconds: float, caller: str) -> None:
        name = method.removeprefix("/")
        self._metrics.calls.labels(name, status.name).inc()
        self._metrics.call_seconds.labels(name).observe(seconds)
        level = logging.ERROR if status in _OUR_FAULT else logging.DEBUG
        if log.isEnabledFor(level):
            fields = {"method": name, "status": status.name, "ms": round(1e3 * seconds, 3), "caller": caller}
            log.log(level, "%s %s in %.1f ms", name, status.name, 1e3 * seconds, extra=fields)


def _id_of(metadata: dict[str, str]) -> str:
    """The caller's id for the request, where it sent a sound one; else a new one."""
    id_ = metadata.get(_REQUEST_ID, "")
    if isinstance(id_, str) and id_.isprintable() and 0 < len(id_) <= _MAX_ID_CHARS:
        return id_
    return uuid.uuid4().hex
