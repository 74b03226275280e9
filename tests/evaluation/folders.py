"""A small folder with every table an evaluation knows: three colours that are also heard, and two places."""

import csv
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (30, 40, 220)}
RATE_HZ = 16_000


def make(folder: Path, each: int = 6) -> Path:
    """Writes images, captions, audio and depth: `each` things a class. Every third row is set apart by `split`."""
    random = np.random.default_rng(0)
    images, captions, sounds, depths = [], [], [], []
    for number, (colour, rgb) in enumerate(COLOURS.items()):
        for i in range(each):
            name, split = f"{colour}{i}", "val" if i % 3 == 0 else "train"
            noise = random.integers(-20, 20, (24, 24, 3))
            _save(folder / f"images/{name}.png", np.clip(np.array(rgb) + noise, 0, 255).astype(np.uint8))
            images.append({"file": f"{name}.png", "label": colour, "concept": colour, "split": split})
            captions.append({"file": f"{name}.png", "caption": f"picture {i} is {colour}"})
            _tone(folder / f"audio/{name}.wav", 300 * (number + 1), random)
            group = f"{colour}{i // 2}"
            sounds.append({"file": f"{name}.wav", "label": colour, "concept": colour, "group": group, "split": split})
    for i in range(2 * each):
        far = i % 2
        metres = np.full((24, 24), 500 + 3000 * far + 40 * i, np.uint16)
        _save(folder / f"depth/{i}_depth.png", metres)
        _save(folder / f"depth/{i}_rgb.png", np.full((24, 24, 3), 60 + 10 * i, np.uint8))
        depths.append({"rgb": f"{i}_rgb.png", "depth": f"{i}_depth.png", "scene": ("attic", "hall")[far]})
    for name, rows in {"images": images, "captions": captions, "audio": sounds, "depth": depths}.items():
        _table(folder / f"{name}.csv", rows)
    return folder


def _save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def _tone(path: Path, hertz: float, random: np.random.Generator) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(RATE_HZ // 2) / RATE_HZ
    tone = 0.4 * np.sin(2 * np.pi * hertz * time) + 0.05 * random.standard_normal(len(time))
    soundfile.write(path, tone.astype(np.float32), RATE_HZ)


def _table(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
