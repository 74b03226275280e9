"""What is measured of pools whose vectors are known."""

from pathlib import Path

import numpy as np
import pytest
from evaluation import folders
from evaluation.folders import COLOURS

from anybind.clients.evaluation import measures, reach
from anybind.clients.evaluation.pools import UNSEEN, Pool, TableError, read_pools

WORDS = {"crimson": "red", "navy": "blue", "smell": "no such concept"}


@pytest.fixture(scope="module")
def pools(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pool]:
    return read_pools(folders.make(tmp_path_factory.mktemp("tables")), words=WORDS)


def knowing(pools: dict[str, Pool]) -> dict[str, np.ndarray]:
    """Vectors of a model that knows everything: an axis a class, and a little of an axis of its own for each item."""
    names = sorted({str(name) for pool in pools.values() for column in pool.keys.values() for name in column})
    axis = {name: index for index, name in enumerate(names)}
    vectors = {}
    for name, pool in pools.items():
        rows = np.zeros((len(pool), len(names)), np.float32)
        for column in ("concept", "label", "scene", "word"):
            for row, key in zip(rows, pool.keys.get(column, [])):  # noqa: B905
                row[axis[str(key)]] = 1
        for row, key in zip(rows, pool.keys.get("item", [])):  # noqa: B905
            row[axis[str(key)]] = 0.5
        vectors[name] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return vectors


def test_a_model_that_knows_everything_reaches_the_best_possible_everywhere(pools: dict[str, Pool]) -> None:
    found = list(measures.all_measures(pools, knowing(pools)))
    assert {(each.query, each.target) for each in found} >= {
        ("image", "text"),
        ("text", "image"),
        ("image", "audio"),
        ("audio", "image"),
        ("audio", "text"),
        ("text", "audio"),
        ("image", "depth"),
        ("depth", "image"),
        ("depth", "text"),
        ("text", "depth"),
        ("text", "text"),
    }
    for each in found:
        assert each.value == pytest.approx(each.best), each
        assert each.low - 1e-9 <= each.value <= each.high + 1e-9
        assert each.chance < each.value or each.chance == pytest.approx(each.best), each


def test_a_model_that_knows_nothing_is_near_chance(pools: dict[str, Pool]) -> None:
    random = np.random.default_rng(0)
    runs: dict[tuple, list[float]] = {}
    for _ in range(25):
        vectors = {name: random.standard_normal((len(pool), 16)).astype(np.float32) for name, pool in pools.items()}
        vectors = {name: rows / np.linalg.norm(rows, axis=1, keepdims=True) for name, rows in vectors.items()}
        for each in measures.retrieval(pools, vectors):
            runs.setdefault((*each.key, each.chance), []).append(each.value)
    for (*_, chance), values in runs.items():
        error = np.std(values) / np.sqrt(len(values))
        assert abs(np.mean(values) - chance) < 5 * error + 1e-6


def test_chance_of_names_is_always_answering_the_largest_class(pools: dict[str, Pool]) -> None:
    named = next(each for each in measures.naming(pools, knowing(pools)) if each.what == "concepts")
    assert named.gallery == len(COLOURS)
    assert named.chance == pytest.approx(1 / 3)


def test_unseen_words_of_unknown_concepts_are_not_asked(pools: dict[str, Pool]) -> None:
    assert set(pools[UNSEEN].keys["word"]) == {"crimson", "navy"}
    found = {each.key: each for each in measures.unseen_words(pools, knowing(pools))}
    assert found["text", "text", UNSEEN, "accuracy"].queries == 2


def test_goals_are_those_whose_measures_are_there(pools: dict[str, Pool]) -> None:
    found = list(reach.reached(measures.all_measures(pools, knowing(pools))))
    titles = {goal.title for goal, _ in found}
    assert "image → concept, through text" in titles
    assert "audio → ESC-10, through text" not in titles
    assert all(measure.key == goal.measure for goal, measure in found)


def test_rows_set_apart_by_name_come_before_the_split_column(tmp_path: Path) -> None:
    data = folders.make(tmp_path)
    named = read_pools(data, held_out={"images": {"red1.png", "blue2.png"}})
    assert set(named["pictures"].titles) == {"red1.png", "blue2.png"}
    assert len(named["captions"]) == 2
    assert len(named["sounds"]) == 6  # no sound is named, so the column decides
    assert len(named["maps"]) == 12  # no name, no column: all rows
    assert named["pictures"].classes("concept") == sorted(COLOURS)  # the choice of classes does not shrink
    assert len(read_pools(data, split="val", held_out={"images": {"red1.png"}})["pictures"]) == 6
    assert len(read_pools(data, split="all")["pictures"]) == 18


def test_a_limit_spreads_over_the_table(tmp_path: Path) -> None:
    limited = read_pools(folders.make(tmp_path), split="all", limit=3)
    assert limited["pictures"].titles == ("red0.png", "green0.png", "blue0.png")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "none of images.csv"),
        ({"images.csv": "file\n"}, "no rows"),
        ({"images.csv": "name\nx\n"}, "no column file; it has name"),
        ({"images.csv": "file\nx.png\n"}, "images.zip or images/"),
        ({"depth.csv": "rgb,depth,split\na,b,train\n", "depth/a": ""}, "--split all"),
    ],
)
def test_a_folder_that_cannot_be_measured_on_says_what_is_missing(tmp_path: Path, files: dict, said: str) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    with pytest.raises(TableError, match=said):
        read_pools(tmp_path)
