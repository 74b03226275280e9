"""What a file becomes before an encoder sees it, read through the decoder that serves."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from ...proto.v1 import embedding_pb2
from ...proto.v1 import manifest_pb2 as pb
from ...server.decode import decode
from ...server.limits import Limits
from .. import nano

# How each modality of nano is cut to size. The artifact's manifest carries the same.
RECIPES = {
    "image": pb.PictureRecipe(height=nano.IMAGE_SIZE, width=nano.IMAGE_SIZE, resample=pb.RESAMPLE_BICUBIC),
    "audio": pb.WaveformRecipe(
        sample_rate_hz=nano.AudioEncoder.SAMPLE_RATE_HZ,
        clip_s=nano.AudioEncoder.CLIP_S,
        clips=3,
        plan=pb.CLIP_PLAN_TILE,
        channel=pb.CHANNEL_MEAN,
        short_clip=pb.SHORT_CLIP_LOOP,
    ),
    "depth": pb.DepthRecipe(
        height=nano.DEPTH_SIZE,
        width=nano.DEPTH_SIZE,
        resample=pb.RESAMPLE_BILINEAR,
        max_metres=nano.DepthEncoder.FAR_M,
    ),
    "text": pb.TextRecipe(
        tokenizer_file="tokenizer.json",
        context_length=nano.TextEncoder.CONTEXT_LENGTH,
        cleaning=pb.TEXT_CLEANING_NONE,
        pad_id=nano.TextEncoder.PAD_ID,
    ),
}
# Training keeps a margin around a picture or map, to cut its own out of.
WIDE_PICTURE = pb.PictureRecipe(height=72, width=72, resample=pb.RESAMPLE_BICUBIC)
WIDE_FRAME = pb.PictureRecipe(height=72, width=96, resample=pb.RESAMPLE_BICUBIC)
WIDE_DEPTH = pb.DepthRecipe(height=72, width=96, resample=pb.RESAMPLE_BILINEAR, max_metres=nano.DepthEncoder.FAR_M)


def read(recipe: pb.PictureRecipe | pb.WaveformRecipe | pb.DepthRecipe, data: bytes) -> np.ndarray:
    """A file's rows, as a graph with this recipe takes them: (n, ...).

    Raises:
        server.errors.AnybindError: the file cannot be read; the message says why.
    """
    field = next(
        field.name
        for field in pb.Encoder.DESCRIPTOR.oneofs_by_name["recipe"].fields
        if field.message_type is recipe.DESCRIPTOR
    )
    encoder = pb.Encoder(modality=field, **{field: recipe})
    return decode(encoder, embedding_pb2.Item(modality=field, data=data), Limits()).array


def wear(picture: np.ndarray, seed: int) -> np.ndarray:
    """A picture as it would be, had it been kept as a JPEG file of 32 pixels with coarse colour.

    Sources that are such files and sources that are not show different things; told apart by their wear, they would
    teach that "clean" means one thing and "worn" another.

    Args:
        picture: uint8 (H, W, 3).
        seed: decides the filter and the quality, 60 to 95.

    Returns:
        uint8 (H, W, 3).
    """
    rng = np.random.default_rng(seed)
    height, width = picture.shape[:2]
    small = (round(32 * width / height), 32)
    resample = rng.choice([Image.Resampling.BOX, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC])
    kept = io.BytesIO()
    shrunk = Image.fromarray(picture).resize(small, Image.Resampling(resample))
    shrunk.save(kept, "JPEG", quality=int(rng.integers(60, 96)), subsampling="4:2:0")
    with Image.open(kept) as read:
        return np.asarray(read.resize((width, height), Image.Resampling.BICUBIC))
