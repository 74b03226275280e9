import numpy as np
import pytest
import toys

from anybind.proto.v1 import embedding_pb2 as pb
from anybind.proto.v1 import manifest_pb2
from anybind.server.decode import decode
from anybind.server.decode.text import clean_like_clip
from anybind.server.errors import Empty, InvalidArgument, TooLarge
from anybind.server.limits import Limits

BEGIN, END = 1, 2


def ids(text: str, **recipe: object) -> np.ndarray:
    kind = {"tokenizer_file": "t", "context_length": 12, "cleaning": manifest_pb2.TEXT_CLEANING_NONE} | recipe
    encoder = manifest_pb2.Encoder(modality="text", text=manifest_pb2.TextRecipe(**kind))
    return decode(encoder, pb.Item(modality="text", text=text), Limits(), toys.tokenizer()).array


def test_ids_stand_between_the_marks() -> None:
    row = ids("dog")
    assert row.dtype == np.int64
    assert row.shape == (1, 5)
    assert (row[0, 0], row[0, -1]) == (BEGIN, END)


def test_a_long_text_keeps_its_first_ids_and_the_end_mark() -> None:
    whole, cut = ids("a dog and a cat and a bird", context_length=77), ids("a dog and a cat and a bird")
    np.testing.assert_array_equal(cut[0, :11], whole[0, :11])
    assert cut.shape == (1, 12)
    assert cut[0, -1] == END


def test_a_fixed_length_is_filled_after_the_end_mark() -> None:
    np.testing.assert_array_equal(ids("dog", fixed_length=True, pad_id=0)[0, 4:], [END, *[0] * 7])


@pytest.mark.parametrize("text", ["", " ", "\n\t\u00a0"])
@pytest.mark.parametrize("cleaning", [manifest_pb2.TEXT_CLEANING_NONE, manifest_pb2.TEXT_CLEANING_CLIP])
def test_text_of_nothing_but_white_space_is_empty(text: str, cleaning: int) -> None:
    with pytest.raises(Empty, match="Send at least one word"):
        ids(text, cleaning=cleaning)


def test_a_megabyte_of_text_is_refused_with_both_numbers() -> None:
    with pytest.raises(TooLarge, match="1,048,576 bytes; the limit is 65,536"):
        ids("x" * (1 << 20))


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("  A  Dog\n runs ", "a dog runs"),
        ("fish &amp;amp; chips", "fish & chips"),
        ("schÃ¶n", "schön"),
        ("caf\u0065\u0301", "café"),
    ],
)
def test_cleaning_is_clip_s(raw: str, cleaned: str) -> None:
    assert clean_like_clip(raw) == cleaned


def test_bytes_are_no_text() -> None:
    encoder = manifest_pb2.Encoder(modality="text", text=manifest_pb2.TextRecipe())
    with pytest.raises(InvalidArgument, match="send its text in the `text` field"):
        decode(encoder, pb.Item(modality="text", data=b"dog"), Limits())
