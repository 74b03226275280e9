"""What a caller sends: one item each, made of a file, bytes, an array or words.

A file is read when its item is made; only its bytes travel.
"""

import io
import mimetypes
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..proto.v1 import embedding_pb2 as pb

Content = str | os.PathLike[str] | bytes | np.ndarray


@dataclass(frozen=True)
class Item:
    """One thing to embed, and where it came from: an absolute path, or "" where there is no file."""

    proto: pb.Item
    uri: str = ""
    media_type: str = ""

    @property
    def modality(self) -> str:
        return self.proto.modality


def image(content: Content) -> Item:
    """A picture: a JPEG, PNG, WebP, GIF or BMP file, by path or as bytes, or a uint8 array (H, W, 3), RGB."""
    return item("image", content)


def audio(content: Content, *, sample_rate_hz: float | None = None) -> Item:
    """A sound: a WAV, FLAC, Ogg or MP3 file, by path or as bytes, or a float array (samples,) or (samples, channels).

    Args:
      sample_rate_hz: samples a second of an array; by default the model's own rate. Files know theirs.
    """
    return item("audio", content, sample_rate_hz=sample_rate_hz)


def depth(content: Content, *, unit_m: float | None = None) -> Item:
    """A depth map: a 16-bit PNG or `.npy` file, by path or as bytes, or an array (H, W); 0 where nothing was seen.

    Args:
      unit_m: metres a count, for integers; by default 0.001. Floating-point values are metres already.
    """
    return item("depth", content, unit_m=unit_m)


def text(words: str, *, modality: str = "text") -> Item:
    """Words."""
    if not isinstance(words, str):
        raise TypeError(f"text takes a str, not {type(words).__name__}")
    return Item(pb.Item(modality=modality, text=words), media_type="text/plain")


def item(modality: str, content: Content, *, sample_rate_hz: float | None = None, unit_m: float | None = None) -> Item:
    """An item of any modality the server has: a file, by path or as bytes, or an array, sent as `.npy`.

    Raises:
      OSError: the file cannot be read.
      ValueError: an array of objects: only numbers can be sent.
    """
    uri = media_type = ""
    if isinstance(content, np.ndarray):
        data, media_type = _npy(content), "application/x-npy"
    elif isinstance(content, bytes | bytearray | memoryview):
        data = bytes(content)
    else:
        path = Path(content)
        data, uri, media_type = path.read_bytes(), str(path.absolute()), media_type_of(path)
    proto = pb.Item(modality=modality, data=data, sample_rate_hz=sample_rate_hz or 0, depth_unit_m=unit_m or 0)
    return Item(proto, uri, media_type)


def media_type_of(path: Path) -> str:
    """A file's media type by its name, such as "image/jpeg"; "" where the name does not tell."""
    if path.suffix.lower() == ".npy":
        return "application/x-npy"
    return mimetypes.guess_type(path.name)[0] or ""


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
