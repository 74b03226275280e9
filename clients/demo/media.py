"""The demo's sample media: pictures, depth maps, sounds and sentences, all made here.

Everything is drawn from fixed seeds, so two runs give the same files. Nothing is downloaded or recorded.
"""

import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

from . import outdoors, render, rooms, things
from .sounds import RATE_HZ, SOUNDS

SIZE = 224  # pixels, of pictures and depth maps
PICTURES_EACH = 2  # of every concept
VIEWS_EACH = 3  # of every room, each a picture and its depth

CONCEPTS: Mapping[str, Callable[[np.random.Generator], render.Scene]] = {
    scene.__name__: scene
    for scene in (
        outdoors.airplane,
        outdoors.car,
        outdoors.fire,
        outdoors.helicopter,
        outdoors.rain,
        outdoors.sea,
        outdoors.siren,
        outdoors.train,
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
    `sounds/*.wav` five seconds at 16 kHz, `sentences.txt` one sentence a line. A file that is there is left alone.
    Takes about half a minute on two cores.
    """
    jobs = [job for job in _jobs() if not all((folder / path).exists() for path in job[0])]
    yield 0, len(jobs)
    if not jobs:
        return
    with ProcessPoolExecutor(min(os.cpu_count() or 1, len(jobs)), get_context("spawn")) as pool:
        tasks = [pool.submit(_make, folder, *job) for job in jobs]
        for done, task in enumerate(as_completed(tasks), 1):
            task.result()
            yield done, len(jobs)


def _jobs() -> list[tuple[tuple[str, ...], str, int]]:
    """Each job's files, its subject and the number of the variant."""
    views = [
        ((f"pictures/{room}_{n}.jpg", f"depth/{room}_{n}.png"), room, n) for room in ROOMS for n in _numbers(VIEWS_EACH)
    ]
    pictures = [((f"pictures/{concept}_{n}.jpg",), concept, n) for concept in CONCEPTS for n in _numbers(PICTURES_EACH)]
    sounds = [((f"sounds/{concept}.wav",), concept, 1) for concept in SOUNDS]
    return [*views, *pictures, *sounds, (("sentences.txt",), "sentences", 1)]


def _numbers(count: int) -> range:
    return range(1, count + 1)


def _make(folder: Path, files: tuple[str, ...], subject: str, number: int) -> None:
    seed = [zlib.crc32(subject.encode()), number]
    for file in files:
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_stem(f".{target.stem}")
        _write(partial, file, subject, np.random.default_rng(seed))
        partial.replace(target)


def _write(path: Path, file: str, subject: str, random: np.random.Generator) -> None:
    match file.partition("/")[0]:
        case "pictures":
            scene = (CONCEPTS | ROOMS)[subject](random)
            Image.fromarray(render.picture(scene, SIZE, random)).save(path, quality=92)
        case "depth":
            millimetres = np.round(render.depth(ROOMS[subject](random), SIZE) * 1000).astype(np.uint16)
            Image.fromarray(millimetres).save(path)
        case "sounds":
            soundfile.write(path, SOUNDS[subject](random), RATE_HZ, subtype="PCM_16")
        case _:
            path.write_text("\n".join(SENTENCES) + "\n", encoding="utf-8")
