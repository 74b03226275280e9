"""Small ImageBind models with random weights, laid out as the published state dict is."""

import torch
from torch import Tensor

from anybind.encoders.imagebind import MODALITIES, ImageBindConfig, build, published_key

SMALL = ImageBindConfig(
    out_embed_dim=16,
    **{f"{name}_embed_dim": 16 for name in ("vision", "text", "audio", "depth", "thermal", "imu")},
    **{f"{name}_num_blocks": 1 for name in ("vision", "text", "audio", "depth", "thermal", "imu")},
    **{f"{name}_num_heads": 2 for name in ("vision", "text", "audio", "depth", "thermal", "imu")},
)


def state_dict(
    config: ImageBindConfig = SMALL, modalities: tuple[str, ...] = MODALITIES, *, seed: int = 0
) -> dict[str, Tensor]:
    """Random weights of the scale trained ones have, with the constant the published file holds besides."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for modality in modalities:
        with torch.device("meta"):
            shapes = {name: value.shape for name, value in build(config, modality).state_dict().items()}
        for name, shape in shapes.items():
            value = torch.randn(shape, generator=generator) * 0.05
            is_scale = "norm" in name and name.endswith("weight")
            weights[published_key(modality, name)] = value + 1 if is_scale else value
        if modality == "text":
            weights["modality_preprocessors.text.mask"] = torch.full((77, 77), float("-inf")).triu(1)
    return weights
