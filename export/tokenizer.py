"""CLIP's vocabulary becomes a Hugging Face tokenizers file that gives the same ids.

Radford et al. 2021, openai/CLIP `clip/simple_tokenizer.py` and `bpe_simple_vocab_16e6.txt.gz` (MIT). Text is cleaned
before it comes here (ftfy, HTML unescaped twice, white space collapsed, lower case): `TEXT_CLEANING_CLIP`.
"""

import gzip
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors

from .graph import ExportError

BEGIN_MARK, END_MARK = "<|startoftext|>", "<|endoftext|>"
END_OF_WORD = "</w>"
# 49,408 ids: 256 bytes, the same as ends of words, one for each merge, and two marks.
MERGES = 49_408 - 2 * 256 - 2
# CLIP splits words by this before it merges bytes; a mark written out in the text counts as the mark.
WORDS = r"""<\|startoftext\|>|<\|endoftext\|>|(?i:'s|'t|'re|'ve|'m|'ll|'d)|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"""


def clip_tokenizer(vocabulary: Path) -> Tokenizer:
    """A tokenizer with CLIP's ids: begin mark (49406), the text, end mark (49407), neither cut nor padded.

    Args:
      vocabulary: `bpe_simple_vocab_16e6.txt.gz` of the CLIP repository.

    Raises:
      ExportError: the file is not there, or not that vocabulary.
    """
    merges = _read_merges(vocabulary)
    letters = _byte_letters()
    tokens = [*letters, *(letter + END_OF_WORD for letter in letters), *map("".join, merges), BEGIN_MARK, END_MARK]
    ids = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=ids, merges=merges, end_of_word_suffix=END_OF_WORD))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.add_special_tokens([BEGIN_MARK, END_MARK])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN_MARK} $A {END_MARK}",
        special_tokens=[(mark, ids[mark]) for mark in (BEGIN_MARK, END_MARK)],
    )
    return tokenizer


def _read_merges(vocabulary: Path) -> list[tuple[str, str]]:
    try:
        with gzip.open(vocabulary, "rt", encoding="utf-8") as file:
            lines = file.read().split("\n")[1 : MERGES + 1]  # after the line that names the version
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ExportError(f"the vocabulary {vocabulary} cannot be read: {error}. {WHERE_IT_COMES_FROM}") from error
    merges = [tuple(line.split()) for line in lines]
    if len(merges) < MERGES or any(len(merge) != 2 for merge in merges):
        raise ExportError(f"{vocabulary} is not CLIP's vocabulary: it needs {MERGES:,} merges. {WHERE_IT_COMES_FROM}")
    return merges


WHERE_IT_COMES_FROM = (
    "Take bpe_simple_vocab_16e6.txt.gz from the CLIP repository (github.com/openai/CLIP, folder clip, MIT licence)."
)


def _byte_letters() -> list[str]:
    """A printable letter for each byte, in CLIP's order: those that are printable themselves, then the rest."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    return [chr(byte) for byte in printable] + [chr(256 + index) for index in range(256 - len(printable))]
