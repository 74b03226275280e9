"""Small files of every kind, made on the spot."""

import io
import struct
import zlib

import numpy as np
import soundfile
from PIL import Image


def picture(format: str = "PNG", size: tuple[int, int] = (40, 30), mode: str = "RGB", seed: int = 0) -> bytes:
    """A picture of noise; `size` is width, height."""
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 4), dtype=np.uint8)
    return encoded(Image.fromarray(noise, "RGBA").convert(mode), format)


def encoded(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def sound(seconds: float = 1.0, rate_hz: int = 16_000, channels: int = 1, format: str = "WAV", **options: str) -> bytes:
    """A sweep, another one in each channel."""
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    frames = np.stack([0.5 * np.sin(2 * np.pi * (200 + 100 * i + 50 * time) * time) for i in range(channels)], axis=1)
    file = io.BytesIO()
    soundfile.write(file, frames.astype(np.float32), rate_hz, format=format, **options)
    return file.getvalue()


def depth_png(counts: np.ndarray) -> bytes:
    return encoded(Image.fromarray(counts.astype(np.uint16)), "PNG")


def npy(array: np.ndarray, allow_pickle: bool = False) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=allow_pickle)
    return file.getvalue()


def huge_png(width: int, height: int) -> bytes:
    """A PNG whose header promises a size it has no pixels for."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def long_wav(seconds: int, rate_hz: int = 8_000) -> bytes:
    """A WAV of 8-bit silence; a byte a sample."""
    count = seconds * rate_hz
    header = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + count, b"WAVE", b"fmt ", 16, 1, 1, rate_hz, rate_hz, 1, 8)
    return header + struct.pack("<4sI", b"data", count) + bytes([128]) * count
