"""A table of pairs, and what is wrong with some."""

from pathlib import Path

import numpy as np
import pytest
from align_own import worlds

from anybind.encoders.align import own_pairs


def write(folder: Path, text: str) -> Path:
    (folder / "pairs.csv").write_text(text)
    return folder / "pairs.csv"


def test_without_a_split_a_picture_goes_to_one_side_with_all_its_pairs(tmp_path: Path) -> None:
    lines = [f"{number // 2}.png,{number}.npy" for number in range(200)]
    pairs = own_pairs.read_pairs(write(tmp_path, "image,other\n" + "\n".join(lines)))
    sides: dict[Path, set[bool]] = {}
    for pair in pairs:
        sides.setdefault(pair.image, set()).add(pair.is_validation)
    assert all(len(side) == 1 for side in sides.values())
    assert 0.1 < np.mean([pair.is_validation for pair in pairs]) < 0.3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("picture,heat\na,b\n", "it has picture, heat"),
        ("", "no rows"),
        ("image,other,split\na,b,train\nc,d,train\ne,f,val\n", "2 pairs to learn from and 1 set apart"),
    ],
)
def test_a_table_that_cannot_be_learned_from_says_why(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(own_pairs.PairsError, match=said):
        own_pairs.read_pairs(write(tmp_path, text))


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(own_pairs.PairsError, match=r"none\.csv cannot be read"):
        own_pairs.read_pairs(tmp_path / "none.csv")


def test_a_bad_reading_is_left_out_with_its_reason(tmp_path: Path) -> None:
    pairs = own_pairs.read_pairs(worlds.thermal(tmp_path, 20))
    pairs[3].other.write_bytes(b"no picture")
    pairs[4].other.unlink()
    rows, failures = own_pairs.read_others(pairs, own_pairs.recipe_for("grey", size=32))
    assert sorted(rows) == [number for number in range(20) if number not in (3, 4)]
    assert set(failures) == {pairs[3].other, pairs[4].other}
    assert "No such file" in failures[pairs[4].other]
    assert rows[0].shape == (1, 32, 32)


def test_pairs_of_one_label_or_one_picture_belong_together() -> None:
    def pair(image: str, label: str = "") -> own_pairs.Pair:
        return own_pairs.Pair(Path(image), Path("x"), label, False)

    pairs = [pair("a"), pair("a"), pair("b"), pair("c", "cup"), pair("d", "cup")]
    rows = [np.zeros((clips, 2)) for clips in (1, 2, 1, 3, 1)]
    readings = own_pairs.gather(pairs, rows, np.zeros((5, 4)))
    together = readings.keys[:, None] == readings.keys
    assert together.sum() == 2 * 2 + 1 + 2 * 2
    assert readings.pair.tolist() == [0, 1, 1, 2, 3, 3, 3, 4]


def test_every_kind_has_a_recipe_and_another_word_names_them() -> None:
    for kind in own_pairs.KINDS:
        assert own_pairs.recipe_for(kind)
    with pytest.raises(own_pairs.PairsError, match="grey, series, picture"):
        own_pairs.recipe_for("smell")
