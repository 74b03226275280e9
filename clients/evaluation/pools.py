"""The things an evaluation compares, read from a folder of tables.

A folder holds any of these, each table with a `.zip`, or a folder, of the same name beside it for its files:

* `images.csv`: `file`, and where known `label`, `concept`, `source`, `split`.
* `captions.csv`: `file` (a picture of `images.csv`), `caption`; several rows a picture.
* `audio.csv`: `file`, and where known `label`, `concept`, `source`, `group`, `split`.
* `depth.csv`: `rgb`, `depth` (a picture and the map taken with it), and where known `scene`, `split`.
"""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .labels import PEOPLE_WORDS, TEMPLATES, prompts

SPLITS = ("held-out", "val", "all")
_VALIDATION = {"val", "validation", "test"}

Row = dict[str, str]


class TableError(ValueError):
    """A folder cannot be evaluated on. The message says what is missing."""


@dataclass(frozen=True)
class Pool:
    """Things of one modality, in the order of their table.

    Attributes:
        name: such as "sounds".
        modality: what each is sent as.
        titles: (N,), file names or sentences.
        keys: by column, (N,) names; "" where a thing has none. Two things belong together under a column when their
            names are equal and not "".
        every: the same columns over the whole table: the choice of classes does not shrink with the rows chosen.
        content: gives the bytes, or the text, of thing i.
        chosen: which rows these are, for people.
    """

    name: str
    modality: str
    titles: tuple[str, ...]
    keys: Mapping[str, NDArray[np.str_]]
    every: Mapping[str, NDArray[np.str_]]
    content: Callable[[int], bytes | str]
    chosen: str

    def __len__(self) -> int:
        return len(self.titles)

    def classes(self, column: str, **where: str) -> list[str]:
        """The names a column of the whole table has, sorted; `where` keeps rows whose other columns say so."""
        if column not in self.every or any(other not in self.every for other in where):
            return []
        kept = np.all([self.every[column] != "", *(self.every[key] == value for key, value in where.items())], axis=0)
        return sorted(set(self.every[column][kept].tolist()))


def read_pools(
    data: Path,
    *,
    split: str = "held-out",
    held_out: Mapping[str, set[str]] | None = None,
    words: Mapping[str, str] | None = None,
    limit: int | None = None,
) -> dict[str, Pool]:
    """Every pool a folder has, by name: pictures, captions, sounds, frames, maps, and the prompts of their classes.

    Args:
        split: "held-out" keeps the rows that `held_out` names; a table without any such row keeps those whose `split`
            says val, validation or test, and one without that column keeps all. "val" goes by the column alone.
        held_out: names of rows by table: "images", "audio", "depth".
        words: words kept out of training, each with the concept it should find.
        limit: at most so many rows of each table, evenly spread.

    Raises:
        TableError: the folder has none of the tables, or a table lacks a column, its files, or any row of the split.
    """
    held_out = held_out or {}
    pools: list[Pool] = []
    if (data / "images.csv").is_file():
        table = _rows(data / "images.csv", "file")
        rows, chosen = _choose(table, "file", split, held_out.get("images"), limit)
        pools.append(_files("pictures", "image", table, rows, "file", _files_of(data, "images"), chosen))
        if (data / "captions.csv").is_file():
            pools += _captions(_rows(data / "captions.csv", "file", "caption"), rows)
    if (data / "audio.csv").is_file():
        table = _rows(data / "audio.csv", "file")
        rows, chosen = _choose(table, "file", split, held_out.get("audio"), limit)
        pools.append(_files("sounds", "audio", table, rows, "file", _files_of(data, "audio"), chosen))
    if (data / "depth.csv").is_file():
        table = _rows(data / "depth.csv", "rgb", "depth")
        rows, chosen = _choose(table, "depth", split, held_out.get("depth"), limit)
        files = _files_of(data, "depth")
        pools.append(_files("frames", "image", table, rows, "rgb", files, chosen))
        pools.append(_files("maps", "depth", table, rows, "depth", files, chosen))
    if not pools:
        raise TableError(f"{data} has none of images.csv, audio.csv and depth.csv: there is nothing to evaluate on.")
    by_name = {pool.name: pool for pool in pools}
    return by_name | {
        pool.name: pool for pool in [*_prompt_pools(by_name), *_unseen(by_name, words or {}), *_people(by_name)]
    }


def texts(name: str, sentences: Sequence[str], keys: Mapping[str, Sequence[str]], chosen: str) -> Pool:
    """A pool of sentences."""
    columns = {column: np.array(values, dtype=str) for column, values in keys.items()}
    return Pool(name, "text", tuple(sentences), columns, columns, lambda i: sentences[i], chosen)


UNSEEN, PEOPLE = "unseen words", "words for people"
PROMPTS = {
    "prompts of concepts": ("pictures", "concept"),
    "prompts of picture labels": ("pictures", "label"),
    "prompts of sound labels": ("sounds", "label"),
    "prompts of places": ("maps", "scene"),
}


def _prompt_pools(pools: Mapping[str, Pool]) -> list[Pool]:
    """For each pool with classes, every class put into every sentence of its modality."""
    made = []
    for name, (of, column) in PROMPTS.items():
        classes = pools[of].classes(column) if of in pools else []
        if classes:
            templates = TEMPLATES[pools[of].modality]
            sentences = [sentence for each in classes for sentence in prompts(each, templates)]
            keys = [each for each in classes for _ in templates]
            made.append(texts(name, sentences, {column: keys}, f"{len(classes)} classes, {len(templates)} each"))
    return made


def _unseen(pools: Mapping[str, Pool], words: Mapping[str, str]) -> list[Pool]:
    """The words whose concept the pictures have, each in every sentence."""
    concepts = pools["pictures"].classes("concept") if "pictures" in pools else []
    known = {word: concept for word, concept in words.items() if concept in concepts}
    templates = TEMPLATES["image"]
    sentences = [sentence for word in known for sentence in prompts(word, templates)]
    keys = {
        "word": [word for word in known for _ in templates],
        "concept": [concept for concept in known.values() for _ in templates],
    }
    return [texts(UNSEEN, sentences, keys, f"{len(known)} words, {len(templates)} sentences each")] if known else []


def _people(pools: Mapping[str, Pool]) -> list[Pool]:
    """Words for people, each in every sentence, where there are pictures with labels to lie beside."""
    if "pictures" not in pools or not pools["pictures"].classes("label"):
        return []
    templates = TEMPLATES["image"]
    sentences = [sentence for word in PEOPLE_WORDS for sentence in prompts(word, templates)]
    keys = {"word": [word for word in PEOPLE_WORDS for _ in templates]}
    return [texts(PEOPLE, sentences, keys, f"{len(PEOPLE_WORDS)} words, {len(templates)} sentences each")]


def _files(
    name: str, modality: str, table: list[Row], rows: list[Row], column: str, files: Path | zipfile.Path, chosen: str
) -> Pool:
    titles = tuple(row[column] for row in rows)
    keys, every = _columns(rows), _columns(table)
    # A picture is told by captions under its file's name; a frame and its map stand in one row.
    keys["item"] = np.array(titles if column == "file" else [row["depth"] for row in rows], dtype=str)
    if "group" in rows[0]:  # the clips of one recording are one draw
        keys["group"] = np.array([row["group"] or row[column] for row in rows], dtype=str)
    return Pool(name, modality, titles, keys, every, lambda i: _read(files, titles[i]), chosen)


def _columns(rows: list[Row]) -> dict[str, NDArray[np.str_]]:
    known = [column for column in ("label", "concept", "source", "scene") if column in rows[0]]
    return {column: np.array([row[column] for row in rows], dtype=str) for column in known}


def _captions(captions: Sequence[Row], pictures: Sequence[Row]) -> list[Pool]:
    known = {row["file"] for row in pictures}
    rows = [row for row in captions if row["file"] in known]
    if not rows:
        return []
    pictures_told = len({row["file"] for row in rows})
    chosen = f"of the {pictures_told} pictures that have some"
    files = [row["file"] for row in rows]  # the captions of one picture are one draw
    return [texts("captions", [row["caption"] for row in rows], {"item": files, "group": files}, chosen)]


def _choose(
    rows: list[Row], column: str, split: str, named: set[str] | None, limit: int | None
) -> tuple[list[Row], str]:
    """The rows of a split, and a phrase that says which they are."""
    kept, why = rows, "all rows"
    if split == "held-out" and named and any(row[column] in named for row in rows):
        kept, why = [row for row in rows if row[column] in named], "set apart by name"
    elif split != "all" and "split" in rows[0]:
        kept, why = [row for row in rows if row["split"] in _VALIDATION], "by the split column"
    if not kept:
        raise TableError(f"No row is {why} as one of {', '.join(sorted(_VALIDATION))}. Take --split all.")
    total = len(kept)
    if limit is not None and limit < total:
        kept = [kept[index * total // limit] for index in range(limit)]
        why += f", {limit} of {total}"
    return kept, f"{why} ({len(kept)} of {len(rows)})" if len(kept) < len(rows) else why


def _rows(path: Path, *columns: str) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    if not rows:
        raise TableError(f"{path} has no rows.")
    missing = [column for column in columns if column not in rows[0]]
    if missing:
        raise TableError(f"{path} has no column {' or '.join(missing)}; it has {', '.join(rows[0])}.")
    return [{key: value or "" for key, value in row.items() if key is not None} for row in rows]


def _files_of(data: Path, name: str) -> Path | zipfile.Path:
    """Where a table's files are: a zip, or a folder, of its name."""
    if (data / f"{name}.zip").is_file():
        return zipfile.Path(data / f"{name}.zip")
    if (data / name).is_dir():
        return data / name
    raise TableError(f"{data / name}.csv has its files in {name}.zip or {name}/ beside it, and neither is there.")


def _read(files: Path | zipfile.Path, name: str) -> bytes:
    try:
        return (files / name).read_bytes()
    except (OSError, KeyError) as error:
        raise TableError(f"{name} is in its table but not in {files}: {error}") from error
