"""What can go wrong on a request's way, one class per arrow, and the one place that puts it on the wire.

```
  item ──> decode ─────────────> batcher ───────────────> session.run ──> vector ──> index
       │          │                      │                            │          │
       │          Empty, TooLarge,       Overloaded,                  Internal   WrongSpace,
       │          Undecodable,           DeadlineExceeded,                       BadVector
       │          NotFinite, BadShape    Unavailable
       UnknownModality, InvalidArgument
```

Every message says what happened, the value, the limit, and what to do.
"""

from typing import NoReturn

import grpc

from ..proto.v1 import embedding_pb2 as pb

DETAILS_KEY = "grpc-status-details-bin"


class ServingError(Exception):
    """Any failure this server answers with. `code` names it for one item, `status` for a call as a whole.

    `retry_delay_s` is 0 unless waiting helps.
    """

    code: pb.ErrorCode = pb.ERROR_CODE_INTERNAL
    status: grpc.StatusCode = grpc.StatusCode.INTERNAL

    def __init__(self, message: str, *, retry_delay_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_delay_s = retry_delay_s

    @property
    def name(self) -> str:
        """The code's name as metrics, logs and the CLI say it, such as "TOO_LARGE"."""
        return pb.ErrorCode.Name(self.code).removeprefix("ERROR_CODE_")


class UnknownModality(ServingError):
    """The model has no such modality."""

    code, status = pb.ERROR_CODE_UNKNOWN_MODALITY, grpc.StatusCode.INVALID_ARGUMENT


class InvalidArgument(ServingError):
    """A fault of the request that no other class names."""

    code, status = pb.ERROR_CODE_INVALID_ARGUMENT, grpc.StatusCode.INVALID_ARGUMENT


class Empty(ServingError):
    """No bytes, no samples, no pixels or no text."""

    code, status = pb.ERROR_CODE_EMPTY, grpc.StatusCode.INVALID_ARGUMENT


class TooLarge(ServingError):
    """Over one of the `Limits`."""

    code, status = pb.ERROR_CODE_TOO_LARGE, grpc.StatusCode.INVALID_ARGUMENT


class Undecodable(ServingError):
    """Not a file of a kind the modality takes, or a broken one."""

    code, status = pb.ERROR_CODE_UNDECODABLE, grpc.StatusCode.INVALID_ARGUMENT


class NotFinite(ServingError):
    """NaN or infinity among the values."""

    code, status = pb.ERROR_CODE_NOT_FINITE, grpc.StatusCode.INVALID_ARGUMENT


class BadShape(ServingError):
    """An array of the wrong shape or type."""

    code, status = pb.ERROR_CODE_BAD_SHAPE, grpc.StatusCode.INVALID_ARGUMENT


class Overloaded(ServingError):
    """No room; the same call may succeed after `retry_delay_s`."""

    code, status = pb.ERROR_CODE_OVERLOADED, grpc.StatusCode.RESOURCE_EXHAUSTED


class DeadlineExceeded(ServingError):
    """The caller's deadline passed before the work began."""

    code, status = pb.ERROR_CODE_DEADLINE_EXCEEDED, grpc.StatusCode.DEADLINE_EXCEEDED


class Unavailable(ServingError):
    """The server is stopping or not ready."""

    code, status = pb.ERROR_CODE_UNAVAILABLE, grpc.StatusCode.UNAVAILABLE


class Internal(ServingError):
    """The server's fault. The message tells the caller nothing of the inside; the log does."""

    code, status = pb.ERROR_CODE_INTERNAL, grpc.StatusCode.INTERNAL


class WrongSpace(ServingError):
    """A vector of another space."""

    code, status = pb.ERROR_CODE_WRONG_SPACE, grpc.StatusCode.FAILED_PRECONDITION


class BadVector(ServingError):
    """A ready vector of the wrong length, or with no direction."""

    code, status = pb.ERROR_CODE_BAD_VECTOR, grpc.StatusCode.INVALID_ARGUMENT


def to_item_error(error: ServingError) -> pb.Error:
    """The error as one item's answer."""
    return pb.Error(code=error.code, message=str(error), retry_delay_s=error.retry_delay_s)


async def abort(context: grpc.aio.ServicerContext, error: ServingError) -> NoReturn:
    """Ends a call with the error as its status: its name as `google.rpc.ErrorInfo`, and `RetryInfo` where waiting
    helps."""
    details = (DETAILS_KEY, _details(error))
    context.set_trailing_metadata((*context.trailing_metadata(), details))
    await context.abort(error.status, str(error))


def _details(error: ServingError) -> bytes:
    """A serialized `google.rpc.Status`, as gRPC's rich error model has it."""
    # Imported here because training decodes media too, and has no part of Google's API messages.
    from google.protobuf.any_pb2 import Any
    from google.protobuf.duration_pb2 import Duration
    from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
    from google.rpc.status_pb2 import Status

    details = [ErrorInfo(reason=error.name, domain="anybind")]
    if error.retry_delay_s > 0:
        delay = Duration()
        delay.FromNanoseconds(round(error.retry_delay_s * 1e9))
        details.append(RetryInfo(retry_delay=delay))
    status = Status(code=error.status.value[0], message=str(error))
    for detail in details:
        packed = Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status.SerializeToString()
