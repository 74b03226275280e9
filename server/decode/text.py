"""Text -> int64 (1, L) token ids."""

import html
import re
from pathlib import Path

import ftfy
import numpy as np
from tokenizers import Tokenizer

from ...proto.v1.manifest_pb2 import TEXT_CLEANING_CLIP, TextRecipe
from ..errors import Empty, TooLarge
from ..limits import Limits
from .rows import Rows


def load_tokenizer(path: Path) -> Tokenizer:
    """A Hugging Face tokenizers JSON, with its own cutting and padding off: the recipe says how long text may be."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def decode_text(recipe: TextRecipe, text: str, limits: Limits, tokenizer: Tokenizer) -> Rows:
    """One row of ids, begin and end marks included, unpadded unless the recipe's length is fixed.

    A text longer than `context_length` keeps its first ids and the end mark.

    Raises:
      TooLarge: more bytes of UTF-8 than the limit.
      Empty: nothing but white space.
    """
    size = len(text.encode())
    if size > limits.text_bytes:
        raise TooLarge(f"The text has {size:,} bytes; the limit is {limits.text_bytes:,}. Send a part of it.")
    cleaned = clean_like_clip(text) if recipe.cleaning == TEXT_CLEANING_CLIP else text
    if not cleaned.strip():
        raise Empty("The text is empty, or nothing but white space. Send at least one word.")
    ids = tokenizer.encode(cleaned).ids
    if len(ids) > recipe.context_length:
        ids = [*ids[: recipe.context_length - 1], ids[-1]]
    row = np.array([ids], np.int64)  # (1, L)
    return Rows(pad(row, recipe.context_length, recipe.pad_id) if recipe.fixed_length else row)


def clean_like_clip(text: str) -> str:
    """Mojibake mended, HTML entities read twice, white space collapsed, lower case (CLIP, simple_tokenizer.py)."""
    mended = html.unescape(html.unescape(ftfy.fix_text(text)))
    return re.sub(r"\s+", " ", mended).strip().lower()


def pad(rows: np.ndarray, length: int, pad_id: int) -> np.ndarray:
    """(n, L) ids -> (n, length), `pad_id` after the end mark."""
    return np.pad(rows, ((0, 0), (0, length - rows.shape[1])), constant_values=pad_id)
