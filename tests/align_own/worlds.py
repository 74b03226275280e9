"""Small worlds in which a picture and another sensor see the same thing, drawn by numbers alone."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 48
SAMPLES = 120


def thermal(folder: Path, count: int = 120, seed: int = 0) -> Path:
    """Pictures of a coloured square on a plain wall, and the same seen as heat: the redder, the warmer. -> pairs.csv"""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        picture, heat = np.empty((SIDE, SIDE, 3), np.uint8), np.empty((SIDE, SIDE), np.uint8)
        wall, thing = random.integers(0, 256, (2, 3))
        picture[:], heat[:] = wall, wall[0]
        top, left = random.integers(0, SIDE // 2, 2)
        inside = slice(top, top + SIDE // 2), slice(left, left + SIDE // 2)
        picture[inside], heat[inside] = thing, thing[0]
        rows.append(_pair(folder, number, picture, ".png", lambda path, heat=heat: Image.fromarray(heat).save(path)))
    return _table(folder, rows)


def imu(folder: Path, count: int = 120, seed: int = 0) -> Path:
    """Pictures of how fast a thing shook (above) and how far it leaned (below), and six channels of it. -> pairs.csv"""
    random = np.random.default_rng(seed)
    time = np.linspace(0, 1, SAMPLES)
    rows = []
    for number in range(count):
        speed, lean = random.random(2)
        picture = np.full((SIDE, SIDE, 3), 255 * speed, np.uint8)
        picture[SIDE // 2 :] = 255 * lean
        phase = random.random((6, 1)) * 2 * np.pi
        shaking = np.sin(2 * np.pi * (2 + 10 * speed) * time + phase) * speed
        motion = shaking + np.linspace(-1, 1, 6)[:, None] * (lean - 0.5)
        motion = motion.astype(np.float32)
        rows.append(_pair(folder, number, picture, ".npy", lambda path, motion=motion: np.save(path, motion)))
    return _table(folder, rows)


def _pair(folder: Path, number: int, picture: np.ndarray, suffix: str, save_other) -> dict[str, str]:
    names = {"image": f"seen/{number}.png", "other": f"felt/{number}{suffix}"}
    for name in names.values():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(folder / names["image"])
    save_other(folder / names["other"])
    return names | {"split": "val" if number % 5 == 0 else "train"}


def _table(folder: Path, rows: list[dict[str, str]]) -> Path:
    with (folder / "pairs.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, ["image", "other", "split"])
        table.writeheader()
        table.writerows(rows)
    return folder / "pairs.csv"
