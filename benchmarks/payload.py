"""What callers send: JPEGs of 640x848 that are about as large, and as hard to decode, as photographs."""

import io

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 640, 848
# Of photographs' amplitude about 1; but their phases are in order, and these are not, which costs a file more bytes.
FALL = 1.4


def photographs(count: int = 6) -> list[bytes]:
    """Pictures whose amplitude falls with frequency, about as large as photographs are at this size, progressive."""
    return [_jpeg(np.random.default_rng(seed)) for seed in range(count)]


def _jpeg(random: np.random.Generator) -> bytes:
    frequency = np.hypot(np.fft.fftfreq(HEIGHT)[:, None], np.fft.rfftfreq(WIDTH)[None])
    frequency[0, 0] = 1
    channels = []
    for _ in range(3):
        phases = np.exp(2j * np.pi * random.random(frequency.shape))
        values = np.fft.irfft2(phases / frequency**FALL, s=(HEIGHT, WIDTH))
        channels.append(128 + 50 * (values - values.mean()) / values.std())
    grey, *colours = channels
    pixels = np.stack([grey + 0.3 * (colour - 128) for colour in (colours[0], 128, colours[1])], axis=-1)
    file = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=85, progressive=True)
    return file.getvalue()
