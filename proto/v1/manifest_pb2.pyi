from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Resample(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RESAMPLE_UNSPECIFIED: _ClassVar[Resample]
    RESAMPLE_NEAREST: _ClassVar[Resample]
    RESAMPLE_BILINEAR: _ClassVar[Resample]
    RESAMPLE_BICUBIC: _ClassVar[Resample]

class ClipPlan(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CLIP_PLAN_UNSPECIFIED: _ClassVar[ClipPlan]
    CLIP_PLAN_EVEN: _ClassVar[ClipPlan]
    CLIP_PLAN_TILE: _ClassVar[ClipPlan]

class Channel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHANNEL_UNSPECIFIED: _ClassVar[Channel]
    CHANNEL_FIRST: _ClassVar[Channel]
    CHANNEL_MEAN: _ClassVar[Channel]

class ShortClip(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SHORT_CLIP_UNSPECIFIED: _ClassVar[ShortClip]
    SHORT_CLIP_KEEP: _ClassVar[ShortClip]
    SHORT_CLIP_LOOP: _ClassVar[ShortClip]

class TextCleaning(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TEXT_CLEANING_UNSPECIFIED: _ClassVar[TextCleaning]
    TEXT_CLEANING_NONE: _ClassVar[TextCleaning]
    TEXT_CLEANING_CLIP: _ClassVar[TextCleaning]
RESAMPLE_UNSPECIFIED: Resample
RESAMPLE_NEAREST: Resample
RESAMPLE_BILINEAR: Resample
RESAMPLE_BICUBIC: Resample
CLIP_PLAN_UNSPECIFIED: ClipPlan
CLIP_PLAN_EVEN: ClipPlan
CLIP_PLAN_TILE: ClipPlan
CHANNEL_UNSPECIFIED: Channel
CHANNEL_FIRST: Channel
CHANNEL_MEAN: Channel
SHORT_CLIP_UNSPECIFIED: ShortClip
SHORT_CLIP_KEEP: ShortClip
SHORT_CLIP_LOOP: ShortClip
TEXT_CLEANING_UNSPECIFIED: TextCleaning
TEXT_CLEANING_NONE: TextCleaning
TEXT_CLEANING_CLIP: TextCleaning

class Manifest(_message.Message):
    __slots__ = ("format_version", "name", "space_id", "embedding_size", "licence", "anchor", "encoders", "golden_file")
    FORMAT_VERSION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SPACE_ID_FIELD_NUMBER: _ClassVar[int]
    EMBEDDING_SIZE_FIELD_NUMBER: _ClassVar[int]
    LICENCE_FIELD_NUMBER: _ClassVar[int]
    ANCHOR_FIELD_NUMBER: _ClassVar[int]
    ENCODERS_FIELD_NUMBER: _ClassVar[int]
    GOLDEN_FILE_FIELD_NUMBER: _ClassVar[int]
    format_version: int
    name: str
    space_id: str
    embedding_size: int
    licence: str
    anchor: str
    encoders: _containers.RepeatedCompositeFieldContainer[Encoder]
    golden_file: str
    def __init__(self, format_version: _Optional[int] = ..., name: _Optional[str] = ..., space_id: _Optional[str] = ..., embedding_size: _Optional[int] = ..., licence: _Optional[str] = ..., anchor: _Optional[str] = ..., encoders: _Optional[_Iterable[_Union[Encoder, _Mapping]]] = ..., golden_file: _Optional[str] = ...) -> None: ...

class Encoder(_message.Message):
    __slots__ = ("modality", "file", "external_files", "sha256", "fingerprint", "input_name", "output_name", "picture", "waveform", "text", "depth", "grey", "series", "precision", "weights_source", "licence", "tolerance", "logit_scale", "trained_with", "trained_names")
    class Sha256Entry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    MODALITY_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_FILES_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    INPUT_NAME_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_NAME_FIELD_NUMBER: _ClassVar[int]
    PICTURE_FIELD_NUMBER: _ClassVar[int]
    WAVEFORM_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    GREY_FIELD_NUMBER: _ClassVar[int]
    SERIES_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_SOURCE_FIELD_NUMBER: _ClassVar[int]
    LICENCE_FIELD_NUMBER: _ClassVar[int]
    TOLERANCE_FIELD_NUMBER: _ClassVar[int]
    LOGIT_SCALE_FIELD_NUMBER: _ClassVar[int]
    TRAINED_WITH_FIELD_NUMBER: _ClassVar[int]
    TRAINED_NAMES_FIELD_NUMBER: _ClassVar[int]
    modality: str
    file: str
    external_files: _containers.RepeatedScalarFieldContainer[str]
    sha256: _containers.ScalarMap[str, str]
    fingerprint: str
    input_name: str
    output_name: str
    picture: PictureRecipe
    waveform: WaveformRecipe
    text: TextRecipe
    depth: DepthRecipe
    grey: GreyRecipe
    series: SeriesRecipe
    precision: str
    weights_source: str
    licence: str
    tolerance: float
    logit_scale: float
    trained_with: _containers.RepeatedScalarFieldContainer[str]
    trained_names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, modality: _Optional[str] = ..., file: _Optional[str] = ..., external_files: _Optional[_Iterable[str]] = ..., sha256: _Optional[_Mapping[str, str]] = ..., fingerprint: _Optional[str] = ..., input_name: _Optional[str] = ..., output_name: _Optional[str] = ..., picture: _Optional[_Union[PictureRecipe, _Mapping]] = ..., waveform: _Optional[_Union[WaveformRecipe, _Mapping]] = ..., text: _Optional[_Union[TextRecipe, _Mapping]] = ..., depth: _Optional[_Union[DepthRecipe, _Mapping]] = ..., grey: _Optional[_Union[GreyRecipe, _Mapping]] = ..., series: _Optional[_Union[SeriesRecipe, _Mapping]] = ..., precision: _Optional[str] = ..., weights_source: _Optional[str] = ..., licence: _Optional[str] = ..., tolerance: _Optional[float] = ..., logit_scale: _Optional[float] = ..., trained_with: _Optional[_Iterable[str]] = ..., trained_names: _Optional[_Iterable[str]] = ...) -> None: ...

class PictureRecipe(_message.Message):
    __slots__ = ("height", "width", "resample")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    RESAMPLE_FIELD_NUMBER: _ClassVar[int]
    height: int
    width: int
    resample: Resample
    def __init__(self, height: _Optional[int] = ..., width: _Optional[int] = ..., resample: _Optional[_Union[Resample, str]] = ...) -> None: ...

class WaveformRecipe(_message.Message):
    __slots__ = ("sample_rate_hz", "clip_s", "clips", "plan", "channel", "short_clip")
    SAMPLE_RATE_HZ_FIELD_NUMBER: _ClassVar[int]
    CLIP_S_FIELD_NUMBER: _ClassVar[int]
    CLIPS_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    SHORT_CLIP_FIELD_NUMBER: _ClassVar[int]
    sample_rate_hz: int
    clip_s: float
    clips: int
    plan: ClipPlan
    channel: Channel
    short_clip: ShortClip
    def __init__(self, sample_rate_hz: _Optional[int] = ..., clip_s: _Optional[float] = ..., clips: _Optional[int] = ..., plan: _Optional[_Union[ClipPlan, str]] = ..., channel: _Optional[_Union[Channel, str]] = ..., short_clip: _Optional[_Union[ShortClip, str]] = ...) -> None: ...

class TextRecipe(_message.Message):
    __slots__ = ("tokenizer_file", "context_length", "cleaning", "pad_id", "fixed_length")
    TOKENIZER_FILE_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_LENGTH_FIELD_NUMBER: _ClassVar[int]
    CLEANING_FIELD_NUMBER: _ClassVar[int]
    PAD_ID_FIELD_NUMBER: _ClassVar[int]
    FIXED_LENGTH_FIELD_NUMBER: _ClassVar[int]
    tokenizer_file: str
    context_length: int
    cleaning: TextCleaning
    pad_id: int
    fixed_length: bool
    def __init__(self, tokenizer_file: _Optional[str] = ..., context_length: _Optional[int] = ..., cleaning: _Optional[_Union[TextCleaning, str]] = ..., pad_id: _Optional[int] = ..., fixed_length: _Optional[bool] = ...) -> None: ...

class DepthRecipe(_message.Message):
    __slots__ = ("height", "width", "resample", "max_metres")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    RESAMPLE_FIELD_NUMBER: _ClassVar[int]
    MAX_METRES_FIELD_NUMBER: _ClassVar[int]
    height: int
    width: int
    resample: Resample
    max_metres: float
    def __init__(self, height: _Optional[int] = ..., width: _Optional[int] = ..., resample: _Optional[_Union[Resample, str]] = ..., max_metres: _Optional[float] = ...) -> None: ...

class GreyRecipe(_message.Message):
    __slots__ = ("height", "width", "resample")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    RESAMPLE_FIELD_NUMBER: _ClassVar[int]
    height: int
    width: int
    resample: Resample
    def __init__(self, height: _Optional[int] = ..., width: _Optional[int] = ..., resample: _Optional[_Union[Resample, str]] = ...) -> None: ...

class SeriesRecipe(_message.Message):
    __slots__ = ("channels", "samples")
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    channels: int
    samples: int
    def __init__(self, channels: _Optional[int] = ..., samples: _Optional[int] = ...) -> None: ...
