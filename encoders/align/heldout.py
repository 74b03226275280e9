"""What is set apart: rows named once, in `heldout/`, never trained on and never selected on.

* `images.txt`: the `val` rows of `images.csv`.
* `audio.txt`: a fifth of the recordings or pitches of every (source, label), whole groups.
* `depth.txt`: 100 frames in stretches of each scene, every second frame of a stretch.
* `margin.txt`: the other frames of those stretches and the frames around them. Neighbours are near-duplicates, so these
  are neither trained on nor measured.
* `synonyms.csv`: words that stand in no training prompt, with the concept each should find.
"""

from __future__ import annotations

import csv
from pathlib import Path

LISTS = ("images", "audio", "depth", "margin")
FOLDER = Path(__file__).parent / "heldout"

# Per scene: stretches, evaluated frames in each (every second frame), frames of margin on either side.
DEPTH_STRETCHES = {"kitchen": (8, 8, 4), "office dining area": (3, 8, 2), "lab": (2, 6, 3)}


def load(folder: Path = FOLDER) -> dict[str, set[str]]:
    """Names of the rows set apart, as they stand in the tables' `file` (depth: `depth`) column.

    Returns:
        {"images": ..., "audio": ..., "depth": ..., "margin": ...}
    """
    return {name: set((folder / f"{name}.txt").read_text().split("\n")) - {""} for name in LISTS}


def synonyms(folder: Path = FOLDER) -> dict[str, str]:
    """Words kept out of the training prompts, each with its concept in `images.csv`."""
    with (folder / "synonyms.csv").open(newline="") as table:
        return {row["word"]: row["concept"] for row in csv.DictReader(table)}


def choose(data: Path) -> dict[str, list[str]]:
    """The lists, made anew from the tables in `data`. What is committed was made by this, once."""
    depth, margin = _choose_depth(_rows(data / "depth.csv"))
    return {
        "images": sorted(row["file"] for row in _rows(data / "images.csv") if row["split"] == "val"),
        "audio": _choose_audio(_rows(data / "audio.csv")),
        "depth": depth,
        "margin": margin,
    }


def _choose_audio(rows: list[dict[str, str]]) -> list[str]:
    """Every fifth group of each (source, label), at least one where there are two; a group goes whole."""
    members: dict[tuple[str, str], dict[str, None]] = {}
    for row in rows:
        members.setdefault((row["source"], row["label"]), {})[row["group"]] = None
    apart: set[str] = set()
    for groups in members.values():
        names = sorted(groups)
        already = sum(name in apart for name in names)
        wanted = max(round(len(names) / 5), 1) if len(names) >= 2 else 0
        fresh = [name for name in names if name not in apart]
        missing = max(wanted - already, 0)
        # Evenly through the sorted names, so that pitches from low to high are all represented.
        apart.update(fresh[int((i + 0.5) * len(fresh) / missing)] for i in range(missing))
    return sorted(row["file"] for row in rows if row["group"] in apart)


def _choose_depth(rows: list[dict[str, str]]) -> tuple[list[str], list[str]]:
    measured, margin = [], []
    for scene, (stretches, frames, around) in DEPTH_STRETCHES.items():
        names = [row["depth"] for row in rows if row["scene"] == scene]
        length = 2 * frames - 1
        for i in range(stretches):
            start = round((i + 0.5) * len(names) / stretches - length / 2)
            inside = names[start : start + length]
            measured += inside[::2]
            margin += inside[1::2] + names[start - around : start] + names[start + length : start + length + around]
    return sorted(measured), sorted(margin)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as table:
        return list(csv.DictReader(table))
