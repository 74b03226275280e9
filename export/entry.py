"""What an encoder brings to an export, and what its recipe says the graph takes."""

from dataclasses import dataclass

import numpy as np
from torch import nn

from ..proto.v1 import manifest_pb2 as pb
from .graph import ExportError

FP32 = "fp32"
FP16_WEIGHTS = "fp32, weights stored as fp16"

# Largest component difference from torch that an export may show. Rounding weights to half precision moves
# them by up to 2^-11 of their value, which a deep encoder carries to its output.
PARITY_LIMITS = {FP32: 1e-4, FP16_WEIGHTS: 2e-3}

Recipe = (
    pb.PictureRecipe | pb.WaveformRecipe | pb.TextRecipe | pb.DepthRecipe | pb.GreyRecipe | pb.SeriesRecipe
)  # the messages of `Encoder.recipe`


@dataclass(frozen=True)
class ExportEntry:
    """One encoder, ready to be exported.

    Attributes:
      modality: the name people use: lower-case letters, digits and underscores.
      module: takes rows as the recipe describes them, gives float32 (B, embedding_size), rows of norm 1.
      recipe: how bytes become the module's input.
      golden: at least 2 rows, real ones where there are any, as the module takes them. They travel with the
        artifact: a server replays them when it starts.
      weights_source: where the weights came from, for people.
      licence: of these weights: an SPDX identifier, or a sentence where none fits.
      logit_scale: what the published model multiplies its unit vector by; it stays out of the graph. 0: nothing.
      precision: `FP32` or `FP16_WEIGHTS`.
      trained_with: modalities it was trained with in pairs. Empty: the anchor alone.
      trained_names: the names whose words it was trained with, where it met words for some things only.
    """

    modality: str
    module: nn.Module
    recipe: Recipe
    golden: np.ndarray
    weights_source: str
    licence: str
    logit_scale: float = 0.0
    precision: str = FP32
    trained_with: tuple[str, ...] = ()
    trained_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.precision not in PARITY_LIMITS:
            known = ", ".join(map(repr, PARITY_LIMITS))
            raise ExportError(f"{self.modality}: precision is {self.precision!r}; it must be one of {known}.")
        port = port_of(self.recipe)
        if not port.accepts(self.golden) or len(self.golden) < 2:
            raise ExportError(
                f"{self.modality}: golden rows are {self.golden.dtype} {self.golden.shape}; "
                f"the recipe asks for {port}, with a batch of at least 2."
            )


@dataclass(frozen=True)
class Port:
    """The input of a graph: its name, its element type, and its axes, each a length or the name of a free one."""

    name: str
    dtype: np.dtype
    axes: tuple[int | str, ...]

    @property
    def dynamic_axes(self) -> dict[int, str]:
        return {index: size for index, size in enumerate(self.axes) if isinstance(size, str)}

    def accepts(self, rows: np.ndarray) -> bool:
        fits = (isinstance(axis, str) or axis == size for axis, size in zip(self.axes, rows.shape, strict=False))
        return rows.dtype == self.dtype and rows.ndim == len(self.axes) and all(fits)

    def __str__(self) -> str:
        return f"{self.dtype} ({', '.join(map(str, self.axes))})"


def port_of(recipe: Recipe) -> Port:
    """The input a graph with this recipe has."""
    match recipe:
        case pb.PictureRecipe():
            return Port("pixels", np.dtype(np.uint8), ("batch", recipe.height, recipe.width, 3))
        case pb.WaveformRecipe():
            shorter = recipe.short_clip == pb.SHORT_CLIP_KEEP
            samples = round(recipe.sample_rate_hz * recipe.clip_s)
            return Port("samples", np.dtype(np.float32), ("batch", "samples" if shorter else samples))
        case pb.TextRecipe():
            length = recipe.context_length if recipe.fixed_length else "length"
            return Port("ids", np.dtype(np.int64), ("batch", length))
        case pb.DepthRecipe():
            return Port("metres", np.dtype(np.float32), ("batch", recipe.height, recipe.width))
        case pb.GreyRecipe():
            return Port("levels", np.dtype(np.uint8), ("batch", recipe.height, recipe.width))
        case pb.SeriesRecipe():
            return Port("values", np.dtype(np.float32), ("batch", recipe.channels, recipe.samples))


def recipe_field(recipe: Recipe) -> str:
    """The name of the field of `Encoder` that holds this recipe, such as "picture"."""
    fields = pb.Encoder.DESCRIPTOR.oneofs_by_name["recipe"].fields
    return next(field.name for field in fields if field.message_type is recipe.DESCRIPTOR)
