from anybind.proto.v1 import manifest_pb2 as _manifest_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ErrorCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERROR_CODE_UNSPECIFIED: _ClassVar[ErrorCode]
    ERROR_CODE_UNKNOWN_MODALITY: _ClassVar[ErrorCode]
    ERROR_CODE_EMPTY: _ClassVar[ErrorCode]
    ERROR_CODE_TOO_LARGE: _ClassVar[ErrorCode]
    ERROR_CODE_UNDECODABLE: _ClassVar[ErrorCode]
    ERROR_CODE_NOT_FINITE: _ClassVar[ErrorCode]
    ERROR_CODE_BAD_SHAPE: _ClassVar[ErrorCode]
    ERROR_CODE_WRONG_SPACE: _ClassVar[ErrorCode]
    ERROR_CODE_BAD_VECTOR: _ClassVar[ErrorCode]
    ERROR_CODE_DEADLINE_EXCEEDED: _ClassVar[ErrorCode]
    ERROR_CODE_OVERLOADED: _ClassVar[ErrorCode]
    ERROR_CODE_INTERNAL: _ClassVar[ErrorCode]
    ERROR_CODE_INVALID_ARGUMENT: _ClassVar[ErrorCode]
    ERROR_CODE_UNAVAILABLE: _ClassVar[ErrorCode]
ERROR_CODE_UNSPECIFIED: ErrorCode
ERROR_CODE_UNKNOWN_MODALITY: ErrorCode
ERROR_CODE_EMPTY: ErrorCode
ERROR_CODE_TOO_LARGE: ErrorCode
ERROR_CODE_UNDECODABLE: ErrorCode
ERROR_CODE_NOT_FINITE: ErrorCode
ERROR_CODE_BAD_SHAPE: ErrorCode
ERROR_CODE_WRONG_SPACE: ErrorCode
ERROR_CODE_BAD_VECTOR: ErrorCode
ERROR_CODE_DEADLINE_EXCEEDED: ErrorCode
ERROR_CODE_OVERLOADED: ErrorCode
ERROR_CODE_INTERNAL: ErrorCode
ERROR_CODE_INVALID_ARGUMENT: ErrorCode
ERROR_CODE_UNAVAILABLE: ErrorCode

class Item(_message.Message):
    __slots__ = ("modality", "data", "text", "sample_rate_hz", "depth_unit_m", "with_clips")
    MODALITY_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATE_HZ_FIELD_NUMBER: _ClassVar[int]
    DEPTH_UNIT_M_FIELD_NUMBER: _ClassVar[int]
    WITH_CLIPS_FIELD_NUMBER: _ClassVar[int]
    modality: str
    data: bytes
    text: str
    sample_rate_hz: float
    depth_unit_m: float
    with_clips: bool
    def __init__(self, modality: _Optional[str] = ..., data: _Optional[bytes] = ..., text: _Optional[str] = ..., sample_rate_hz: _Optional[float] = ..., depth_unit_m: _Optional[float] = ..., with_clips: _Optional[bool] = ...) -> None: ...

class EmbedRequest(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[Item]
    def __init__(self, items: _Optional[_Iterable[_Union[Item, _Mapping]]] = ...) -> None: ...

class EmbedResponse(_message.Message):
    __slots__ = ("results", "space_id")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    SPACE_ID_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[ItemResult]
    space_id: str
    def __init__(self, results: _Optional[_Iterable[_Union[ItemResult, _Mapping]]] = ..., space_id: _Optional[str] = ...) -> None: ...

class ItemResult(_message.Message):
    __slots__ = ("embedding", "error", "clips", "timings")
    EMBEDDING_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    CLIPS_FIELD_NUMBER: _ClassVar[int]
    TIMINGS_FIELD_NUMBER: _ClassVar[int]
    embedding: Vector
    error: Error
    clips: _containers.RepeatedCompositeFieldContainer[Clip]
    timings: Timings
    def __init__(self, embedding: _Optional[_Union[Vector, _Mapping]] = ..., error: _Optional[_Union[Error, _Mapping]] = ..., clips: _Optional[_Iterable[_Union[Clip, _Mapping]]] = ..., timings: _Optional[_Union[Timings, _Mapping]] = ...) -> None: ...

class Vector(_message.Message):
    __slots__ = ("data", "space_id", "modality")
    DATA_FIELD_NUMBER: _ClassVar[int]
    SPACE_ID_FIELD_NUMBER: _ClassVar[int]
    MODALITY_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    space_id: str
    modality: str
    def __init__(self, data: _Optional[bytes] = ..., space_id: _Optional[str] = ..., modality: _Optional[str] = ...) -> None: ...

class Clip(_message.Message):
    __slots__ = ("data", "start_s", "end_s")
    DATA_FIELD_NUMBER: _ClassVar[int]
    START_S_FIELD_NUMBER: _ClassVar[int]
    END_S_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    start_s: float
    end_s: float
    def __init__(self, data: _Optional[bytes] = ..., start_s: _Optional[float] = ..., end_s: _Optional[float] = ...) -> None: ...

class Timings(_message.Message):
    __slots__ = ("decode_ms", "queue_ms", "inference_ms")
    DECODE_MS_FIELD_NUMBER: _ClassVar[int]
    QUEUE_MS_FIELD_NUMBER: _ClassVar[int]
    INFERENCE_MS_FIELD_NUMBER: _ClassVar[int]
    decode_ms: float
    queue_ms: float
    inference_ms: float
    def __init__(self, decode_ms: _Optional[float] = ..., queue_ms: _Optional[float] = ..., inference_ms: _Optional[float] = ...) -> None: ...

class Error(_message.Message):
    __slots__ = ("code", "message", "retry_delay_s")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RETRY_DELAY_S_FIELD_NUMBER: _ClassVar[int]
    code: ErrorCode
    message: str
    retry_delay_s: float
    def __init__(self, code: _Optional[_Union[ErrorCode, str]] = ..., message: _Optional[str] = ..., retry_delay_s: _Optional[float] = ...) -> None: ...

class EmbedStreamRequest(_message.Message):
    __slots__ = ("id", "item", "more_data", "to_be_continued")
    ID_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    MORE_DATA_FIELD_NUMBER: _ClassVar[int]
    TO_BE_CONTINUED_FIELD_NUMBER: _ClassVar[int]
    id: str
    item: Item
    more_data: bytes
    to_be_continued: bool
    def __init__(self, id: _Optional[str] = ..., item: _Optional[_Union[Item, _Mapping]] = ..., more_data: _Optional[bytes] = ..., to_be_continued: _Optional[bool] = ...) -> None: ...

class EmbedStreamResponse(_message.Message):
    __slots__ = ("id", "result")
    ID_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    id: str
    result: ItemResult
    def __init__(self, id: _Optional[str] = ..., result: _Optional[_Union[ItemResult, _Mapping]] = ...) -> None: ...

class InfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class InfoResponse(_message.Message):
    __slots__ = ("model", "licence", "space_id", "embedding_size", "modalities", "limits", "server_version", "has_index")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    LICENCE_FIELD_NUMBER: _ClassVar[int]
    SPACE_ID_FIELD_NUMBER: _ClassVar[int]
    EMBEDDING_SIZE_FIELD_NUMBER: _ClassVar[int]
    MODALITIES_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    SERVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    HAS_INDEX_FIELD_NUMBER: _ClassVar[int]
    model: str
    licence: str
    space_id: str
    embedding_size: int
    modalities: _containers.RepeatedCompositeFieldContainer[ModalityInfo]
    limits: Limits
    server_version: str
    has_index: bool
    def __init__(self, model: _Optional[str] = ..., licence: _Optional[str] = ..., space_id: _Optional[str] = ..., embedding_size: _Optional[int] = ..., modalities: _Optional[_Iterable[_Union[ModalityInfo, _Mapping]]] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., server_version: _Optional[str] = ..., has_index: _Optional[bool] = ...) -> None: ...

class ModalityInfo(_message.Message):
    __slots__ = ("encoder", "provider", "golden_difference", "loaded")
    ENCODER_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    GOLDEN_DIFFERENCE_FIELD_NUMBER: _ClassVar[int]
    LOADED_FIELD_NUMBER: _ClassVar[int]
    encoder: _manifest_pb2.Encoder
    provider: str
    golden_difference: float
    loaded: bool
    def __init__(self, encoder: _Optional[_Union[_manifest_pb2.Encoder, _Mapping]] = ..., provider: _Optional[str] = ..., golden_difference: _Optional[float] = ..., loaded: _Optional[bool] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ("message_bytes", "item_bytes", "items", "pixels", "seconds", "text_bytes")
    MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    ITEM_BYTES_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    PIXELS_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    TEXT_BYTES_FIELD_NUMBER: _ClassVar[int]
    message_bytes: int
    item_bytes: int
    items: int
    pixels: int
    seconds: float
    text_bytes: int
    def __init__(self, message_bytes: _Optional[int] = ..., item_bytes: _Optional[int] = ..., items: _Optional[int] = ..., pixels: _Optional[int] = ..., seconds: _Optional[float] = ..., text_bytes: _Optional[int] = ...) -> None: ...
