import gzip
import re
from collections.abc import Callable
from itertools import islice, pairwise, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from anybind.export.graph import ExportError
from anybind.export.tokenizer import MERGES, clip_tokenizer

BEGIN, END = 49_406, 49_407


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    """CLIP's tokenizer over made-up merges: "d o", "do g</w>" and "c a" first, then any."""
    letters = [chr(code) for code in (*range(33, 127), *range(161, 173), *range(174, 300))]
    filler = (f"{a} {b}" for a, b in product(letters, letters) if a + b not in ("do", "ca"))
    merges = ["d o", "do g</w>", "c a", *islice(filler, MERGES - 3)]
    path = tmp_path_factory.mktemp("vocabulary") / "vocabulary.txt.gz"
    path.write_bytes(gzip.compress("\n".join(["#version: 0.2", *merges, "ignored tail"]).encode()))
    return clip_tokenizer(path)


def test_ids_are_laid_out_as_in_clip(tokenizer: Tokenizer) -> None:
    assert tokenizer.get_vocab_size() == 49_408
    assert tokenizer.encode("a").ids == [BEGIN, 256 + ord("a") - ord("!"), END]
    assert tokenizer.encode("dog").ids == [BEGIN, 513, END]
    assert tokenizer.encode("").ids == [BEGIN, END]


def test_every_byte_has_an_id(tokenizer: Tokenizer) -> None:
    for text in ("naïve café", "日本語", "🐕", "\x7f", "مرحبا"):
        ids = tokenizer.encode(text).ids
        assert None not in ids
        assert len(ids) > 2


def test_words_end_where_clip_ends_them(tokenizer: Tokenizer) -> None:
    def words(text: str) -> list[str]:
        return "".join(tokenizer.encode(text).tokens[1:-1]).split("</w>")[:-1]

    assert words("it's 42 dogs, they'll bark!!") == ["it", "'s", "4", "2", "dogs", ",", "they", "'ll", "bark", "!!"]
    assert words("a\n b\t c") == ["a", "b", "c"]


def test_a_mark_written_out_counts_as_the_mark(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("<|endoftext|>").ids == [BEGIN, END, END]


def test_nothing_is_cut_or_padded(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode("a " * 500).ids
    assert len(ids) == 502
    assert ids[-1] == END


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "cannot be read"),
        (b"no gzip", "cannot be read"),
        (gzip.compress(b"#version\na b\n"), "is not CLIP's vocabulary: it needs 48,894 merges"),
        (gzip.compress(b"x\n" * 60_000), "is not CLIP's vocabulary"),
        (gzip.compress(b"#version\n" + b"a b\n" * 60_000)[:-20], "cannot be read"),
    ],
)
def test_a_file_that_is_no_vocabulary_is_told_with_where_to_find_it(
    tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    path = tmp_path / "vocabulary.txt.gz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ExportError, match=rf"{complaint}.*github\.com/openai/CLIP"):
        clip_tokenizer(path)


@pytest.fixture(scope="module")
def vocabulary(shared) -> Path:
    return shared / "reference/imagebind/bpe_simple_vocab_16e6.txt.gz"


@pytest.fixture(scope="module")
def clip(vocabulary: Path) -> Tokenizer:
    return clip_tokenizer(vocabulary)


@pytest.fixture(scope="module")
def by_hand(vocabulary: Path) -> Callable[[str], list[int]]:
    """CLIP's merging, one pair at a time, for lower-case ASCII."""
    lines = gzip.decompress(vocabulary.read_bytes()).decode().split("\n")[1 : MERGES + 1]
    rank = {tuple(line.split()): index for index, line in enumerate(lines)}
    letters = [*range(33, 127), *range(161, 173), *range(174, 256)]
    base = {chr(code): index for index, code in enumerate(letters)}

    def identity(part: str) -> int:
        if part in base:
            return base[part]
        if part.removesuffix("</w>") in base:
            return 256 + base[part.removesuffix("</w>")]
        return next(512 + index for (a, b), index in rank.items() if a + b == part)

    def encode(text: str) -> list[int]:
        ids = []
        for word in re.findall(r"'s|'t|'re|'ve|'m|'ll|'d|[a-z]+|[0-9]|[^\sa-z0-9]+", text):
            parts = [*word[:-1], word[-1] + "</w>"]
            while known := [pair for pair in pairwise(parts) if pair in rank]:
                best = min(known, key=rank.__getitem__)
                merged, index = [], 0
                while index < len(parts):
                    step = 2 if tuple(parts[index : index + 2]) == best else 1
                    merged.append("".join(parts[index : index + step]))
                    index += step
                parts = merged
            ids += map(identity, parts)
        return [BEGIN, *ids, END]

    return encode


def test_the_published_sentences_have_the_published_ids(clip: Tokenizer, shared) -> None:
    with np.load(shared / "reference/imagebind/ib_inputs.npz") as inputs:
        expected = inputs["text"]
    for sentence, row in zip(("a dog.", "a car", "a bird"), expected, strict=True):
        ids = clip.encode(sentence).ids
        assert row.tolist() == ids + [0] * (77 - len(ids))


@settings(max_examples=60, deadline=None)
@given(text=st.text("abcdeghilmnoprstuwy0123456789 '.,!?-&<>", max_size=40))
def test_ids_are_clips(clip: Tokenizer, by_hand: Callable[[str], list[int]], text: str) -> None:
    assert clip.encode(text).ids == by_hand(text)
