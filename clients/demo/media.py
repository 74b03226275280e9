"""The demo's sample media: pictures, depth maps, sounds and sentences, all made here.

Everything is drawn from fixed seeds, so two runs give the same files. Nothing is downloaded or recorded.
"""

import os
import signal
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

from . import outdoors, render, rooms, things, vehicles
from .sounds import SOUNDS
from .synthesis import RATE_HZ

SIZE = 224  # pixels, of pictures and depth maps
PICTURES_EACH = 2  # of every concept
VIEWS_EACH = 3  # of every room, each a picture and its depth

CONCEPTS: Mapping[str, Callable[[np.random.Generator], render.Scene]] = {
    scene.__name__: scene
    for scene in (
        vehicles.airplane,
        vehicles.car,
        outdoors.fire,
        vehicles.helicopter,
        outdoors.rain,
        outdoors.sea,
        vehicles.siren,
        vehicles.train,
        things.bottle,
        things.clock,
        things.guitar,
        things.insect,
        things.keyboard,
        things.saxophone,
    )
}
ROOMS: Mapping[str, Callable[[np.random.Generator], render.Scene]] = {
    scene.__name__: scene for scene in (rooms.kitchen, rooms.office, rooms.workshop)
}

SENTENCES = (
    "an airplane in the blue sky",
    "beer bottles on the bar",
    "a car on the road",
    "a wrist watch, ticking",
    "candles burning in the dark",
    "a guitar",
    "a helicopter in flight",
    "a ladybug, an insect on a leaf",
    "someone typing on a keyboard",
    "walking in the rain under an umbrella",
    "a saxophone",
    "waves breaking on the sea shore",
    "a police van with its siren on",
    "a bullet train on the rails",
    "a kitchen with a table and chairs",
    "a desk in an office",
    "the floor of a lab",
)


def make(folder: Path) -> Iterator[tuple[int, int]]:
    """Makes what is missing of the sample media in a folder, on every core, and yields (files made, files to make).

    `pictures/*.jpg` and `depth/*.png` (16-bit, millimetres, 0 where nothing is seen) are SIZE pixels square,
    `sounds/*.wav` at most five seconds at 16 kHz, `sentences.txt` one sentence a line. A file that is there is left
    alone. Takes about a minute on two cores.
    """
    missing = [file for file in files() if not (folder / file).exists()]
    yield 0, len(missing)
    if not missing:
        return
    # An interrupt ends the workers at once and without a word; what they were at is a file of another name.
    quiet = {"initializer": signal.signal, "initargs": (signal.SIGINT, signal.SIG_DFL)}
    pool = ProcessPoolExecutor(min(os.cpu_count() or 1, len(missing)), get_context("spawn"), **quiet)
    try:
        tasks = [pool.submit(write, folder, file) for file in missing]
        for done, task in enumerate(as_completed(tasks), 1):
            task.result()
            yield done, len(missing)
    finally:
        pool.shutdown(cancel_futures=True)


def files() -> list[str]:
    """Every file of the sample media, relative to their folder; slow ones first."""
    views = [f"{room}_{n}" for room in ROOMS for n in range(1, VIEWS_EACH + 1)]
    shots = [f"{concept}_{n}" for concept in CONCEPTS for n in range(1, PICTURES_EACH + 1)]
    return [
        *(f"pictures/{name}.jpg" for name in (*views, *shots)),
        *(f"depth/{name}.png" for name in views),
        *(f"sounds/{concept}.wav" for concept in SOUNDS),
        "sentences.txt",
    ]


def write(folder: Path, file: str) -> None:
    """Makes one of `files()`, in one step: what is cut short leaves no file of that name."""
    target = folder / file
    target.parent.mkdir(parents=True, exist_ok=True)
    subject, _, number = target.stem.partition("_")
    random = np.random.default_rng([zlib.crc32(subject.encode()), int(number or 1)])
    partial = target.with_stem(f".{target.stem}")
    match target.parent.name:
        case "pictures":
            scene = (CONCEPTS | ROOMS)[subject](random)
            Image.fromarray(render.picture(scene, SIZE, random)).save(partial, quality=92)
        case "depth":
            millimetres = np.round(render.depth(ROOMS[subject](random), SIZE) * 1000).astype(np.uint16)
            Image.fromarray(millimetres).save(partial)
        case "sounds":
            soundfile.write(partial, SOUNDS[subject](random), RATE_HZ, subtype="PCM_16")
        case _:
            partial.write_text("\n".join(SENTENCES) + "\n", encoding="utf-8")
    partial.replace(target)
