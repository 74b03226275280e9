"""Where a model that mixes two colours up is told to go wrong."""

import numpy as np
import pytest
from evaluation import folders
from evaluation.folders import COLOURS

from anybind.clients.evaluation.labels import PEOPLE_WORDS
from anybind.clients.evaluation.mistakes import Part, associations, parts
from anybind.clients.evaluation.pools import PEOPLE, Pool, read_pools


@pytest.fixture(scope="module")
def pools(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pool]:
    return read_pools(folders.make(tmp_path_factory.mktemp("tables")))


def vectors(pools: dict[str, Pool], shown: dict[str, str]) -> dict[str, np.ndarray]:
    """An axis a colour; pictures lie where `shown` says that their colour looks to be."""
    axes = np.eye(3, dtype=np.float32)
    at = dict(zip(COLOURS, axes, strict=True))
    found = {
        "pictures": np.stack([at[shown.get(label, label)] for label in pools["pictures"].keys["label"]]),
        "prompts of concepts": np.stack([at[name] for name in pools["prompts of concepts"].keys["concept"]]),
    }
    near_green = axes[1] + 0.5 * axes[2]
    found[PEOPLE] = np.tile(near_green / np.linalg.norm(near_green), (len(pools[PEOPLE]), 1))
    return found


def test_each_class_tells_how_much_was_right_and_what_it_was_taken_for(pools: dict[str, Pool]) -> None:
    told = {each.part: each for each in parts(pools, vectors(pools, {"red": "blue"}))}
    each = int((pools["pictures"].keys["label"] == "red").sum())
    assert told == {
        "blue": Part("image", "concepts", "class", "blue", 1.0, each, "", 0),
        "green": Part("image", "concepts", "class", "green", 1.0, each, "", 0),
        "red": Part("image", "concepts", "class", "red", 0.0, each, "blue", each),
    }


def test_sources_are_told_apart_where_the_table_does(pools: dict[str, Pool]) -> None:
    red = pools["pictures"].keys["label"] == "red"
    source = np.where(red, "phone", "studio")
    pictures = pools["pictures"]
    known = pools | {"pictures": Pool(**{**vars(pictures), "keys": {**pictures.keys, "source": source}})}
    told = {each.part: each for each in parts(known, vectors(pools, {"red": "blue"})) if each.by == "source"}
    assert {name: (each.value, each.queries) for name, each in told.items()} == {
        "phone": (0.0, int(red.sum())),
        "studio": (1.0, int((~red).sum())),
    }


def test_words_for_people_tell_their_nearest_labels(pools: dict[str, Pool]) -> None:
    told = list(associations(pools, vectors(pools, {})))
    assert [each.word for each in told] == list(PEOPLE_WORDS)
    labels, cosines = zip(*told[0].nearest, strict=True)
    assert labels == ("green", "blue", "red")
    assert cosines == pytest.approx((0.894, 0.447, 0.0), abs=1e-3)
