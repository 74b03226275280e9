"""What is set apart stays apart."""

from pathlib import Path

import numpy as np
import pytest

from anybind.encoders.align import heldout, prompts, recipe_nano
from anybind.encoders.align.data import Tables


@pytest.fixture
def tables(shared: Path, tmp_path: Path) -> Tables:
    return Tables(shared / "data", tmp_path)


def test_the_committed_lists_are_those_the_tables_give(shared: Path) -> None:
    chosen = heldout.choose(shared / "data")
    assert {name: set(rows) for name, rows in chosen.items()} == heldout.load()


def test_exactly_a_hundred_depth_frames_are_measured() -> None:
    names = heldout.load()
    assert len(names["depth"]) == 100
    assert not names["depth"] & names["margin"]


def test_no_row_set_apart_is_trained_or_selected_on(tables: Tables) -> None:
    names = heldout.load()
    for split in ("train", "dev"):
        assert not {tables.images[i]["file"] for i in tables.split(split)} & names["images"]
        assert not {tables.audio[i]["file"] for i in tables.audio_split(split)} & names["audio"]
    trained = {tables.depths[i]["depth"] for i in tables.depth_split("train")}
    assert not trained & (names["depth"] | names["margin"])


def test_training_and_development_share_no_picture_and_no_recording(tables: Tables) -> None:
    assert not np.isin(tables.split("train"), tables.split("dev")).any()
    groups = [{tables.audio[i]["group"] for i in tables.audio_split(split)} for split in ("train", "dev", "val")]
    assert not groups[0] & groups[1]
    assert not (groups[0] | groups[1]) & groups[2]


def test_frames_beside_a_measured_one_are_not_trained_on(tables: Tables) -> None:
    trained, measured = set(tables.depth_split("train")), set(tables.depth_split("val"))
    assert not {i + step for i in measured for step in (-2, -1, 1, 2)} & trained


def test_unseen_words_stand_in_no_training_prompt(tables: Tables) -> None:
    names = {row[k] for row in tables.images for k in ("label", "concept") if row[k]} - set(prompts.WORDS)
    said = {word.lower() for name in names | set(prompts.WORDS.values()) for word in name.replace(",", "").split()}
    unseen = heldout.synonyms()
    assert not said & set(unseen)
    assert set(unseen.values()) <= {row["concept"] for row in tables.images}


def test_an_unknown_stage_is_refused_by_name(shared: Path, tmp_path: Path) -> None:
    from rich.console import Console

    from anybind.encoders.align import align_nano

    with pytest.raises(ValueError, match=r"smell.*text, image, audio, audio_text, depth"):
        align_nano(shared / "data", tmp_path, ["smell"], Console(quiet=True))


def test_a_stage_without_its_predecessor_says_which_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="run stage image first"):
        recipe_nano.load_nano(tmp_path)
