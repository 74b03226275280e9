"""The graphs that are measured: nano's image encoder, and a ViT-B/32 with random weights that this module builds."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from anybind.encoders.nano import ImageEncoder
from anybind.export.artifact import write_artifact
from anybind.export.entry import ExportEntry
from anybind.proto.v1 import manifest_pb2 as pb
from anybind.server.artifact import packaged

SIDE, PATCH, WIDTH, HEADS, BLOCKS, EMBEDDING_SIZE = 224, 32, 768, 12, 12, 512
_MEAN, _STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


class VitB32(nn.Module):
    """88M parameters: patches of 32, 12 pre-norm blocks of 768, as CLIP's ViT-B/32 (Radford et al. 2021, table 20)."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", 255 * torch.tensor(_MEAN).view(3, 1, 1))
        self.register_buffer("std", 255 * torch.tensor(_STD).view(3, 1, 1))
        self.stem = nn.Conv2d(3, WIDTH, PATCH, stride=PATCH, bias=False)
        self.first = nn.Parameter(0.02 * torch.randn(1, 1, WIDTH))
        self.place = nn.Parameter(0.02 * torch.randn(1, (SIDE // PATCH) ** 2 + 1, WIDTH))
        self.blocks = nn.Sequential(*(Block() for _ in range(BLOCKS)))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, EMBEDDING_SIZE, bias=False)

    def forward(self, pixels: Tensor) -> Tensor:
        x = (pixels.permute(0, 3, 1, 2).float() - self.mean) / self.std  # (B, 3, 224, 224)
        x = self.stem(x).flatten(2).transpose(1, 2)  # (B, 49, 768)
        x = torch.cat([self.first.expand(len(x), -1, -1), x], dim=1) + self.place  # (B, 50, 768)
        return nn.functional.normalize(self.head(self.norm(self.blocks(x))[:, 0]), dim=-1)


class Block(nn.Module):
    """One transformer block, with attention written out so that every exporter takes it."""

    def __init__(self) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, _ = x.shape
        qkv = self.qkv(self.norm_1(x)).view(batch, tokens, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(*qkv)  # (B, heads, T, 64)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, tokens, WIDTH))
        return x + self.mlp(self.norm_2(x))


def vit_b32(folder: Path) -> Path:
    """The artifact, built where it is not there yet; takes about a minute."""
    return _built(folder / "vit-b32", VitB32, SIDE)


def nano(folder: Path) -> Path:
    """The packaged nano, or, in a checkout that has none, its image encoder with random weights."""
    from anybind.server.artifact import MODELS

    return MODELS / "nano" if "nano" in packaged() else _built(folder / "nano-random", ImageEncoder, 64)


def _built(folder: Path, encoder: type[nn.Module], side: int) -> Path:
    if folder.exists():
        return folder
    torch.manual_seed(0)
    entry = ExportEntry(
        modality="image",
        module=encoder().eval(),
        recipe=pb.PictureRecipe(height=side, width=side, resample=pb.RESAMPLE_BICUBIC),
        golden=np.random.default_rng(0).integers(0, 256, (2, side, side, 3), dtype=np.uint8),
        weights_source="random",
        licence="Apache-2.0",
    )
    write_artifact([entry], folder, name=folder.name, licence="Apache-2.0", card="Random weights, to measure with.")
    return folder
