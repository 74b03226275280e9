"""Everything a client raises on purpose.

```
AnybindError
 |- MissingExtra         packages are not installed; the message has the line
 |- CannotStart          the embedded server could not start
 |- ItemError            one item of a call failed; its neighbours did not      .code .index .source
 |- CallError            a call failed as a whole                               .code
     |- InvalidRequest     the request cannot be answered as it is: change it
     |- NotFound           it names a point that is not there
     |- WrongSpace         it brings vectors of another space
     |- NoIndex            it needs an index, and the server has none
     |- NotAllowed         no token, or not the right one
     |- Overloaded         the server has no room; it was asked again in vain   .retry_delay_s
     |- DeadlineExceeded   no answer within `deadline_s`
     |- Unavailable        no server there, or one that is starting or stopping
     `- ServerFault        the server's own fault; its log says more
```

Files that cannot be read raise Python's own `OSError`; arguments that make no sense `ValueError` or `TypeError`.
"""

from collections.abc import Iterable

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from ..proto.v1 import embedding_pb2 as pb

_DETAILS_KEY = "grpc-status-details-bin"


class AnybindError(Exception):
    """Base of all the others. `code` is a stable name, such as "UNDECODABLE", for programs to switch on."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class MissingExtra(AnybindError):
    """What was asked for needs packages that are not installed."""

    def __init__(self, what: str, extra: str, cause: ImportError) -> None:
        super().__init__(
            f"{what} needs packages that are not installed ({cause.name or cause}). "
            f"Install them with: pip install 'anybind[{extra}]'",
            "MISSING_EXTRA",
        )


class CannotStart(AnybindError):
    """The embedded server could not start."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "CANNOT_START")


class ItemError(AnybindError):
    """One item failed. `code` is a name of `ErrorCode` without its prefix.

    Attributes:
      index: the item's place in the call, from 0.
      source: where the item came from, "" where that is not known.
      retry_delay_s: seconds after which trying again may help, 0 where it would not.
    """

    def __init__(self, message: str, code: str, index: int, source: str = "", retry_delay_s: float = 0.0) -> None:
        super().__init__(message, code)
        self.index = index
        self.source = source
        self.retry_delay_s = retry_delay_s

    def __str__(self) -> str:
        return f"{self.source or f'item {self.index}'}: {self.args[0]}"

    @property
    def message(self) -> str:
        """What the server said, without the source."""
        return self.args[0]


class CallError(AnybindError):
    """A call failed as a whole. `code` is a name of `ErrorCode` or, where the server gave none, of a gRPC status.

    `retry_delay_s` is 0 unless the server said when to try again.
    """

    def __init__(self, message: str, code: str, retry_delay_s: float = 0.0) -> None:
        super().__init__(message, code)
        self.retry_delay_s = retry_delay_s


class InvalidRequest(CallError):
    """The request cannot be answered as it is."""


class NotFound(CallError):
    """The request names a point that is not there."""


class WrongSpace(CallError):
    """The request brings vectors of another space."""


class NoIndex(CallError):
    """The server keeps no points."""


class NotAllowed(CallError):
    """No token, or not the right one."""


class Overloaded(CallError):
    """The server has no room."""


class DeadlineExceeded(CallError):
    """No answer came in time."""


class Unavailable(CallError):
    """No server is there, or one that is starting or stopping."""


class ServerFault(CallError):
    """The server's own fault."""


_BY_STATUS: dict[grpc.StatusCode, type[CallError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequest,
    grpc.StatusCode.OUT_OF_RANGE: InvalidRequest,
    grpc.StatusCode.FAILED_PRECONDITION: NoIndex,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.UNAUTHENTICATED: NotAllowed,
    grpc.StatusCode.PERMISSION_DENIED: NotAllowed,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Overloaded,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
}


def from_rpc(error: grpc.RpcError, address: str) -> CallError:
    """The error a failed call is raised as."""
    status, said = error.code(), error.details() or "no reason given"
    code, retry_delay_s = _details(error.trailing_metadata() or ())
    kind = WrongSpace if code == "WRONG_SPACE" else _BY_STATUS.get(status, ServerFault)
    if kind is Overloaded and "larger than max" in said:  # gRPC's own words for a message over the server's limit
        kind, code = InvalidRequest, "TOO_LARGE"
        said = (
            f"The request is larger than {address} takes ({said}). Send less at once, or large media by embed_stream."
        )
    elif kind is Unavailable and not code:
        said = f"No anybind server answers at {address} ({said}). Start one with `anybind serve`."
    elif kind is DeadlineExceeded and not code:
        said = f"No answer from {address} in time. Give it longer with deadline_s, or send less at once."
    return kind(said, code or status.name, retry_delay_s)


def from_item(error: pb.Error, index: int, source: str) -> ItemError:
    """The error one item answered with."""
    code = pb.ErrorCode.Name(error.code).removeprefix("ERROR_CODE_")
    return ItemError(error.message, code, index, source, error.retry_delay_s)


def _details(trailing_metadata: Iterable[tuple[str, str | bytes]]) -> tuple[str, float]:
    """The error's own name and the delay the server asks for, of what came with the status."""
    reason, info, retry = "", ErrorInfo(), RetryInfo()
    delay_s = 0.0
    for key, value in trailing_metadata:
        if key != _DETAILS_KEY:
            continue
        try:
            details = Status.FromString(value).details
        except DecodeError:  # another program's; the status itself still says what happened
            continue
        for detail in details:
            if detail.Unpack(info):
                reason = info.reason
            elif detail.Unpack(retry):
                delay_s = retry.retry_delay.ToNanoseconds() / 1e9
    return reason, delay_s
