"""ImageBind: six encoders, one space. Sizes, assembly, and reading the published weights.

The published state dict is flat: `modality_{preprocessors,trunks,heads,postprocessors}.<modality>.…`. A modality
needs only its own keys, and the file is mapped rather than read, so only the modality asked for comes to memory.
Published weights: CC-BY-NC 4.0, facebookresearch/ImageBind.
"""

import json
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from torch import Tensor

from .imagebind_stems import PatchStem, TokenStem, TubeStem, WindowStem
from .imagebind_trunk import Encoder

# Published name of each modality, by the name people use for it.
PUBLISHED = {
    "image": "vision",
    "text": "text",
    "audio": "audio",
    "depth": "depth",
    "thermal": "thermal",
    "imu": "imu",
}
MODALITIES = tuple(PUBLISHED)

SIDE = 224  # pixels of a picture, depth map or thermal picture
CONTEXT_LENGTH = 77  # ids
VOCABULARY = 49_408
IMU_CHANNELS, IMU_SAMPLES = 6, 2000


class CheckpointError(ValueError):
    """Weights or their config are not what they should be. The message says what is wrong and what to do."""


@dataclass(frozen=True)
class ImageBindConfig:
    """Sizes, by the names of the published constructor's arguments. By default those of the published huge model."""

    video_frames: int = 2
    kernel_size: tuple[int, int, int] = (2, 14, 14)
    out_embed_dim: int = 1024
    vision_embed_dim: int = 1280
    vision_num_blocks: int = 32
    vision_num_heads: int = 16
    text_embed_dim: int = 1024
    text_num_blocks: int = 24
    text_num_heads: int = 16
    audio_embed_dim: int = 768
    audio_num_blocks: int = 12
    audio_num_heads: int = 12
    audio_kernel_size: int = 16
    audio_stride: int = 10
    audio_num_mel_bins: int = 128
    audio_target_len: int = 204
    depth_embed_dim: int = 384
    depth_num_blocks: int = 12
    depth_num_heads: int = 8
    depth_kernel_size: int = 16
    thermal_embed_dim: int = 768
    thermal_num_blocks: int = 12
    thermal_num_heads: int = 12
    thermal_kernel_size: int = 16
    imu_embed_dim: int = 512
    imu_num_blocks: int = 6
    imu_num_heads: int = 8
    imu_kernel_size: int = 8

    def __post_init__(self) -> None:
        for name in PUBLISHED.values():
            width, heads = getattr(self, f"{name}_embed_dim"), getattr(self, f"{name}_num_heads")
            if width % heads:
                raise CheckpointError(f"the config gives {name} a width of {width}: its {heads} heads cannot share it.")

    @classmethod
    def read(cls, path: Path) -> "ImageBindConfig":
        """Reads a config as JSON. What it leaves out is as in the huge model.

        Raises:
          CheckpointError: the file cannot be read, or names something that is no size of the model.
        """
        try:
            given = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CheckpointError(f"the config {path} cannot be read: {error}") from error
        if not isinstance(given, dict):
            raise CheckpointError(f"the config {path} holds a {type(given).__name__}; it must be a JSON object.")
        sizes = {name: size for name, size in given.items() if not name.endswith("_drop_path")}  # acts in training only
        unknown = set(sizes) - {field.name for field in fields(cls)}
        if unknown:
            raise CheckpointError(f"the config {path} names {_listed(unknown)}: ImageBind has no such argument.")
        for name, size in sizes.items():
            if not _is_size(size, 3 if name == "kernel_size" else 1):
                raise CheckpointError(f"the config {path} gives {name} as {size!r}; sizes are whole numbers above 0.")
        if "kernel_size" in sizes:
            sizes["kernel_size"] = tuple(sizes["kernel_size"])
        return cls(**sizes)

    def sizes(self, modality: str) -> dict[str, int]:
        """Width, blocks and heads of one modality's trunk, and the size of every embedding."""
        name = PUBLISHED[modality]
        return {
            "width": getattr(self, f"{name}_embed_dim"),
            "blocks": getattr(self, f"{name}_num_blocks"),
            "heads": getattr(self, f"{name}_num_heads"),
            "out": self.out_embed_dim,
        }


def build(config: ImageBindConfig, modality: str) -> Encoder:
    """One modality's encoder with weights that mean nothing yet. Build it on "meta" to spend no memory."""
    sizes = config.sizes(modality)
    width = sizes["width"]
    match modality:
        case "image":
            frames, height, across = config.kernel_size
            patches = config.video_frames // frames * (SIDE // height) * (SIDE // across)
            stem = TubeStem(width, config.kernel_size, config.video_frames)
            return Encoder(stem, positions=1 + patches, norm_first=True, bias_kv=False, scaled=False, **sizes)
        case "text":
            stem = TokenStem(width, VOCABULARY)
            return Encoder(stem, positions=CONTEXT_LENGTH, causal=True, bias_kv=False, **sizes)
        case "audio":
            kernel, stride = config.audio_kernel_size, config.audio_stride
            down, across = ((n - kernel) // stride + 1 for n in (config.audio_num_mel_bins, config.audio_target_len))
            return Encoder(PatchStem(width, kernel, stride), positions=1 + down * across, **sizes)
        case "depth" | "thermal":
            kernel = getattr(config, f"{modality}_kernel_size")
            return Encoder(PatchStem(width, kernel, kernel), positions=1 + (SIDE // kernel) ** 2, **sizes)
        case "imu":
            window = config.imu_kernel_size
            return Encoder(WindowStem(width, IMU_CHANNELS, window), positions=1 + IMU_SAMPLES // window, **sizes)
    raise CheckpointError(f"ImageBind has no modality {modality!r}; it has {', '.join(MODALITIES)}.")


def open_checkpoint(path: Path) -> Mapping[str, Tensor]:
    """Maps a published state dict: its tensors come to memory when they are used.

    Raises:
      CheckpointError: the file is not there, or not a state dict.
    """
    if not path.is_file():
        raise CheckpointError(f"there are no weights at {path}.")
    if not zipfile.is_zipfile(path):
        raise CheckpointError(
            f"{path} is no PyTorch checkpoint, is cut short, or was written before PyTorch 1.6: "
            "load and save it with torch.save then."
        )
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CheckpointError(f"{path} is not a PyTorch state dict: {reason}") from error
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError(f"{path} holds a {type(state).__name__}; a flat state dict of tensors is expected.")
    return state


def modalities_in(state: Mapping[str, Tensor]) -> list[str]:
    """The modalities a state dict has weights of, by the names people use, in ImageBind's order."""
    held = {key.split(".")[1] for key in state if key.startswith("modality_") and key.count(".") > 1}
    return [modality for modality, published in PUBLISHED.items() if published in held]


def load(state: Mapping[str, Tensor], config: ImageBindConfig, modality: str) -> Encoder:
    """One modality's encoder with the weights of a published state dict, ready to embed.

    Its parameters are the state dict's own tensors where those are float32; nothing is copied.

    Raises:
      CheckpointError: a weight is missing, left over, or of another shape than the config says.
    """
    with torch.device("meta"):
        encoder = build(config, modality)
    ours = encoder.state_dict()
    theirs = {published_key(modality, name): name for name in ours}
    prefixes = _prefixes(modality)
    given = {key: value for key, value in state.items() if key.startswith(prefixes) and key not in _CONSTANTS}
    missing, extra = theirs.keys() - given.keys(), given.keys() - theirs.keys()
    if missing and not given:
        raise CheckpointError(
            f"the weights hold no {modality} encoder: no key begins with {prefixes[0]!r}. "
            f"They hold: {', '.join(modalities_in(state)) or 'nothing of ImageBind'}."
        )
    if missing:
        raise CheckpointError(f"{modality}: the weights lack {_listed(missing)}. Were they made with this config?")
    if extra:
        raise CheckpointError(f"{modality}: this config has no place for {_listed(extra)}, which the weights hold.")
    for key, name in theirs.items():
        if given[key].shape != ours[name].shape:
            raise CheckpointError(
                f"{modality}: {key} has shape {tuple(given[key].shape)}; the config asks for {tuple(ours[name].shape)}."
            )
    encoder.load_state_dict({name: given[key].float() for key, name in theirs.items()}, assign=True)
    return encoder.eval()


def published_key(modality: str, name: str) -> str:
    """The published name of one of `Encoder`'s weights."""
    published = PUBLISHED[modality]
    stem = {"image": "rgbt_stem.proj.1", "imu": "imu_stem.proj", "depth": "depth_stem.proj"}.get(
        modality, "rgbt_stem.proj"
    )
    head, last = {"text": ("proj.0", "proj.1"), "imu": ("0", "3")}.get(modality, ("0", "2"))
    positions = "pos_embed" if modality in ("text", "imu") else "pos_embedding_helper.pos_embed"
    rooms = {
        "stem.project.": f"modality_preprocessors.{published}.{stem}.",
        "stem.norm.": f"modality_preprocessors.{published}.{stem.split('.')[0]}.norm_layer.",
        "stem.weight": f"modality_preprocessors.{published}.token_embedding.weight",
        "first_token": f"modality_preprocessors.{published}.cls_token",
        "positions": f"modality_preprocessors.{published}.{positions}",
        "norm_first.": f"modality_trunks.{published}.pre_transformer_layer.0.",
        "blocks.": f"modality_trunks.{published}.blocks.",
        "head_norm.": f"modality_heads.{published}.{head}.",
        "head.": f"modality_heads.{published}.{last}.",
        "log_logit_scale": f"modality_postprocessors.{published}.1.log_logit_scale",
    }
    ours = next(ours for ours in rooms if name.startswith(ours))
    return rooms[ours] + name.removeprefix(ours)


# Saved with the weights, and the same in every model: text looks back only.
_CONSTANTS = {"modality_preprocessors.text.mask"}


def _prefixes(modality: str) -> tuple[str, ...]:
    rooms = ("preprocessors", "trunks", "heads", "postprocessors")
    return tuple(f"modality_{room}.{PUBLISHED[modality]}." for room in rooms)


def _is_size(value: object, numbers: int) -> bool:
    parts = [value] if numbers == 1 else value
    return isinstance(parts, list) and len(parts) == numbers and all(type(part) is int and part > 0 for part in parts)


def _listed(names: set[str]) -> str:
    shown = sorted(names)[:3]
    return ", ".join(shown) + (f" and {len(names) - len(shown)} more" if len(names) > len(shown) else "")
