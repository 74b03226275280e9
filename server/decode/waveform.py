"""Sounds: WAV, FLAC, Ogg, MP3 or `.npy` -> float32 (clips, samples), mono, at the recipe's rate."""

import io
import math

import numpy as np
import soundfile
import soxr

from ...proto.v1.manifest_pb2 import CHANNEL_FIRST, CLIP_PLAN_EVEN, SHORT_CLIP_LOOP, WaveformRecipe
from ..errors import BadShape, Empty, InvalidArgument, TooLarge, Undecodable
from ..limits import Limits
from .npy import check_finite, is_npy, read_npy
from .rows import Rows

FORMATS = ("WAV", "WAVEX", "FLAC", "OGG", "MP3")
RATES_HZ = (1_000, 768_000)
MAX_CHANNELS = 64
MIN_S = 0.025  # one window of a filter bank; less has no frame at all
_UNKNOWN_SIZE = 0x7FFF_0000
_OGG_END_OF_STREAM = 0x04
_BLOCK_FRAMES = 1 << 16
_QUALITY = "HQ"  # 20-bit; chosen by comparing with ImageBind's reference, see docs/imagebind.md


def decode_waveform(recipe: WaveformRecipe, data: bytes, rate_hz: float, limits: Limits, what: str) -> Rows:
    """The sound's clips, by the recipe's plan, with their spans in seconds.

    `.npy` is (samples,) or (samples, channels), floats in [-1, 1] or int16 or int32, `rate_hz` a second; 0 stands for
    the recipe's rate. Files know their own.

    Raises:
      TooLarge: longer than `limits.seconds`, found in the header.
      Empty: no samples, or fewer than `MIN_S`.
      NotFinite: NaN or infinity.
      Undecodable: not one of the formats, or broken.
      BadShape, InvalidArgument: an array of another shape or type, or an impossible rate.
    """
    if is_npy(data):
        rate_hz = rate_hz or recipe.sample_rate_hz
        signal = _from_array(read_npy(data, what), rate_hz, recipe, limits, what)
    else:
        signal, rate_hz = _from_file(data, recipe, limits, what)
    if len(signal) < MIN_S * rate_hz:
        raise Empty(f"The {what} lasts {len(signal) / rate_hz:g} s; at least {MIN_S:g} s are needed.")
    if rate_hz != recipe.sample_rate_hz:
        signal = soxr.resample(signal, rate_hz, recipe.sample_rate_hz, quality=_QUALITY)
    return _cut(signal, recipe)


def _from_array(array: np.ndarray, rate_hz: float, recipe: WaveformRecipe, limits: Limits, what: str) -> np.ndarray:
    _check_rate(rate_hz, what)
    if array.ndim not in (1, 2) or (array.ndim == 2 and array.shape[1] > MAX_CHANNELS):
        raise BadShape(
            f"The {what} is an array of shape {array.shape}; (samples,) or (samples, channels) is needed, "
            f"at most {MAX_CHANNELS} channels."
        )
    if array.dtype.kind != "f" and array.dtype not in (np.int16, np.int32):
        raise BadShape(f"The {what} is an array of {array.dtype}; floats in [-1, 1], int16 or int32 are needed.")
    _check_seconds(len(array), rate_hz, limits, what)
    mono = _mono(array if array.ndim == 2 else array[:, None], recipe)
    if array.dtype.kind != "f":
        return mono.astype(np.float32) / np.float32(-float(np.iinfo(array.dtype).min))
    with np.errstate(over="ignore"):
        mono = mono.astype(np.float32)
    check_finite(mono, what)
    return mono


def _from_file(data: bytes, recipe: WaveformRecipe, limits: Limits, what: str) -> tuple[np.ndarray, int]:
    if _is_cut_short(data):
        raise Undecodable(f"The {what} was cut short: it ends after {len(data):,} bytes. Send the whole file.")
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            if file.format not in FORMATS:
                raise Undecodable(f"The {what} is {file.format}; one of {', '.join(FORMATS)} is needed.")
            _check_rate(file.samplerate, what)
            if file.channels > MAX_CHANNELS:
                raise TooLarge(f"The {what} has {file.channels} channels; the limit is {MAX_CHANNELS}.")
            if file.frames == 0:
                raise Empty(f"The {what} has no samples. Send a sound that lasts at least {MIN_S:g} s.")
            _check_seconds(file.frames, file.samplerate, limits, what)
            return _read_mono(file, recipe, limits, what), file.samplerate
    except soundfile.LibsndfileError as error:
        raise Undecodable(
            f"The {what} is no readable WAV, FLAC, Ogg or MP3: {error.error_string} ({len(data):,} bytes). "
            "Send the whole file."
        ) from error


def _is_cut_short(data: bytes) -> bool:
    """Whether a WAV or Ogg ends before it says it does; libsndfile reads such files without a word."""
    if data.startswith(b"RIFF"):
        size = int.from_bytes(data[4:8], "little")  # of what follows; writers that cannot seek leave 0 or all ones
        return 0 < size < _UNKNOWN_SIZE and len(data) + 1 < 8 + size
    if data.startswith(b"OggS"):
        page = data[data.rfind(b"OggS") :]
        sizes = page[27 : 27 + page[26]] if len(page) > 26 else b""
        return not sizes or not page[5] & _OGG_END_OF_STREAM or len(page) < 27 + page[26] + sum(sizes)
    return False


def _read_mono(file: soundfile.SoundFile, recipe: WaveformRecipe, limits: Limits, what: str) -> np.ndarray:
    """Block by block, so that many channels cost no more memory than one, and a header that lies is found out."""
    blocks, frames = [], 0
    while len(block := file.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)):
        frames += len(block)
        _check_seconds(frames, file.samplerate, limits, what)
        blocks.append(_mono(block, recipe))
    if frames < file.frames:
        raise Undecodable(
            f"The {what} was cut short: it says {file.frames:,} samples and holds {frames:,}. Send the whole file."
        )
    signal = np.concatenate(blocks)
    check_finite(signal, what)
    return signal


def _mono(frames: np.ndarray, recipe: WaveformRecipe) -> np.ndarray:
    """(samples, channels) -> (samples,)"""
    if frames.shape[1] == 1 or recipe.channel == CHANNEL_FIRST:
        return frames[:, 0]
    return frames.mean(axis=1)


def _check_rate(rate_hz: float, what: str) -> None:
    if not (math.isfinite(rate_hz) and RATES_HZ[0] <= rate_hz <= RATES_HZ[1]):
        raise InvalidArgument(
            f"The {what} has {rate_hz:g} samples a second; {RATES_HZ[0]:,} to {RATES_HZ[1]:,} are taken."
        )


def _check_seconds(frames: int, rate_hz: float, limits: Limits, what: str) -> None:
    if frames > limits.seconds * rate_hz:
        raise TooLarge(
            f"The {what} lasts {frames / rate_hz:,.0f} s; the limit is {limits.seconds:,.0f} s. Send a part of it."
        )


def _cut(signal: np.ndarray, recipe: WaveformRecipe) -> Rows:
    """(samples,) -> Rows (clips, clip samples), by the recipe's plan."""
    rate_hz = recipe.sample_rate_hz
    length = round(recipe.clip_s * rate_hz)
    starts = _even(signal, length, recipe) if recipe.plan == CLIP_PLAN_EVEN else _tile(signal, length, recipe)
    spans = tuple((start / rate_hz, min(start + length, len(signal)) / rate_hz) for start in starts)
    clips = np.stack([signal[start : start + length] for start in starts])  # all of one length, see the plans
    if clips.shape[1] < length and recipe.short_clip == SHORT_CLIP_LOOP:
        clips = np.stack([np.resize(clip, length) for clip in clips])
    return Rows(np.ascontiguousarray(clips, np.float32), spans)


def _even(signal: np.ndarray, length: int, recipe: WaveformRecipe) -> list[int]:
    spare = max(len(signal) - length, 0)
    return [i * spare // max(recipe.clips - 1, 1) for i in range(recipe.clips)]


def _tile(signal: np.ndarray, length: int, recipe: WaveformRecipe) -> list[int]:
    if len(signal) <= length:
        return [0]
    whole, rest = divmod(len(signal), length)
    starts = [i * length for i in range(whole)]
    if rest >= length / 2:
        starts.append(len(signal) - length)
    return starts if len(starts) <= recipe.clips else _even(signal, length, recipe)
