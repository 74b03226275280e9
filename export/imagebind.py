"""`anybind export`: a published ImageBind state dict becomes an artifact."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer
from torch import Tensor

from ..encoders.imagebind import (
    CONTEXT_LENGTH,
    IMU_CHANNELS,
    IMU_SAMPLES,
    MODALITIES,
    SIDE,
    CheckpointError,
    ImageBindConfig,
    load,
    modalities_in,
    open_checkpoint,
    published_key,
)
from ..encoders.imagebind_inputs import CLIP_S, CLIPS, SAMPLE_RATE_HZ, from_raw
from ..proto import manifest as disk
from ..proto.v1 import manifest_pb2 as pb
from .artifact import write_artifact
from .entry import ExportEntry, Recipe
from .graph import MAX_INLINE_BYTES, ExportError
from .tokenizer import WHERE_IT_COMES_FROM, clip_tokenizer

LICENCE = "CC-BY-NC-4.0"
ANCHOR = "image"
TOKENIZER_FILE = "tokenizer.json"
GOLDEN_SENTENCES = ("a dog", "waves break on a stony beach at night", "the sound of a church bell, far away")


def recipe_for(modality: str) -> Recipe:
    """How the bytes of one modality become what its graph takes, as the published loaders do it."""
    return {
        "image": pb.PictureRecipe(height=SIDE, width=SIDE, resample=pb.RESAMPLE_BICUBIC),
        "text": pb.TextRecipe(
            tokenizer_file=TOKENIZER_FILE, context_length=CONTEXT_LENGTH, cleaning=pb.TEXT_CLEANING_CLIP, pad_id=0
        ),
        "audio": pb.WaveformRecipe(
            sample_rate_hz=SAMPLE_RATE_HZ,
            clip_s=CLIP_S,
            clips=CLIPS,
            plan=pb.CLIP_PLAN_EVEN,
            channel=pb.CHANNEL_FIRST,
            short_clip=pb.SHORT_CLIP_KEEP,
        ),
        "depth": pb.DepthRecipe(height=SIDE, width=SIDE, resample=pb.RESAMPLE_BILINEAR),
        "thermal": pb.GreyRecipe(height=SIDE, width=SIDE, resample=pb.RESAMPLE_BICUBIC),
        "imu": pb.SeriesRecipe(channels=IMU_CHANNELS, samples=IMU_SAMPLES),
    }[modality]


def export_imagebind(
    weights: Path,
    config: Path | None,
    vocab: Path | None,
    modalities: Sequence[str] | None,
    out: Path,
    *,
    name: str | None = None,
    licence: str = LICENCE,
    tell: Callable[[str], None] = lambda line: None,
    max_inline_bytes: int = MAX_INLINE_BYTES,
) -> pb.Manifest:
    """Exports ImageBind encoders into an artifact folder, one at a time.

    Artifacts made from one state dict share its space, also where the image encoder is left out of one: the space
    id is the image encoder's fingerprint wherever the state dict holds it.

    Args:
      weights: a flat state dict in the published layout, whole or of some modalities.
      config: JSON of the published constructor's arguments. By default the published huge model.
      vocab: CLIP's `bpe_simple_vocab_16e6.txt.gz`; needed for text.
      modalities: which to export. By default all that the weights hold.
      out: the artifact folder; one that is there is replaced.
      name: what people call it. By default "imagebind-huge" without a config, and "imagebind" with one.
      licence: of the weights. By default that of the published ones.
      tell: is given a line for people when an encoder's turn comes.

    Returns: the manifest as written.

    Raises:
      CheckpointError: the weights or the config are not what they should be.
      ExportError: text without a vocabulary, an unknown modality, a folder that is no artifact, or a graph that
        gives other vectors than torch. `out` is then as it was.
    """
    sizes = ImageBindConfig() if config is None else ImageBindConfig.read(config)
    state = open_checkpoint(weights)
    chosen = _chosen(state, modalities, weights)
    tokenizer = _tokenizer(vocab) if "text" in chosen else None

    def entries() -> Iterator[ExportEntry]:
        for modality in chosen:
            tell(f"{modality}: loading, exporting, comparing with torch")
            yield _entry(weights, sizes, modality, tokenizer, licence)

    with tempfile.TemporaryDirectory() as scratch:
        tokenizer_file = Path(scratch) / TOKENIZER_FILE
        if tokenizer:
            tokenizer.save(str(tokenizer_file))
        return write_artifact(
            entries(),
            out,
            name=name or ("imagebind-huge" if config is None else "imagebind"),
            licence=licence,
            card=_card(sizes, chosen, weights.name, licence),
            anchor=ANCHOR,
            tokenizer=tokenizer_file if tokenizer else None,
            space_id=_space_id(weights, sizes) if ANCHOR not in chosen and ANCHOR in modalities_in(state) else None,
            max_inline_bytes=max_inline_bytes,
        )


def golden_rows(modality: str, tokenizer: Tokenizer | None = None) -> np.ndarray:
    """Two or three made-up rows, the same everywhere, as the graph of a modality takes them."""
    random = np.random.default_rng(0)
    down, across = np.mgrid[0 : 1 : SIDE * 1j, 0 : 1 : SIDE * 1j].astype(np.float32)
    waves = np.stack([np.sin(9 * across + 4 * down), np.cos(5 * down * across - 2 * down)])  # (2, SIDE, SIDE)
    match modality:
        case "image":
            colours = np.stack([waves, np.roll(waves, 40, axis=2), waves[:, ::-1]], axis=-1)
            return (127.5 + 127.5 * colours).astype(np.uint8)
        case "text":
            rows = [tokenizer.encode(sentence).ids for sentence in GOLDEN_SENTENCES]
            length = max(map(len, rows))
            return np.array([row + [0] * (length - len(row)) for row in rows], np.int64)
        case "audio":
            seconds = np.arange(round(SAMPLE_RATE_HZ * CLIP_S)) / SAMPLE_RATE_HZ
            sweep = 0.4 * np.sin(2 * np.pi * (200 + 900 * seconds) * seconds)
            return np.stack([sweep, 0.1 * random.standard_normal(len(seconds))]).astype(np.float32)
        case "depth":
            return np.where(np.abs(waves) < 0.02, 0, 2.5 + 2 * waves).astype(np.float32)
        case "thermal":
            return (127.5 + 127.5 * waves).astype(np.uint8)
        case _:
            return random.standard_normal((2, IMU_CHANNELS, IMU_SAMPLES), dtype=np.float32)


def _chosen(state: Mapping[str, Tensor], modalities: Sequence[str] | None, weights: Path) -> list[str]:
    held = modalities_in(state)
    unknown = set(modalities or ()) - set(MODALITIES)
    if unknown:
        raise ExportError(
            f"ImageBind has no modality {', '.join(sorted(unknown))}; choose among {', '.join(MODALITIES)}."
        )
    absent = set(modalities or ()) - set(held)
    if not held or absent:
        raise CheckpointError(
            f"{weights} holds no {', '.join(sorted(absent)) or 'ImageBind'} encoder; "
            f"it holds {', '.join(held) or 'none at all'}."
        )
    return [modality for modality in held if not modalities or modality in modalities]


def _tokenizer(vocab: Path | None) -> Tokenizer:
    if vocab is None:
        raise ExportError(
            f"text needs CLIP's vocabulary, and none was given. {WHERE_IT_COMES_FROM} Give it as --vocab, "
            "or leave text out by naming other modalities."
        )
    return clip_tokenizer(vocab)


def _entry(
    weights: Path, sizes: ImageBindConfig, modality: str, tokenizer: Tokenizer | None, licence: str
) -> ExportEntry:
    encoder = load(open_checkpoint(weights), sizes, modality)  # a mapping of its own, let go with the encoder
    return ExportEntry(
        modality=modality,
        module=from_raw(encoder, sizes, modality),
        recipe=recipe_for(modality),
        golden=golden_rows(modality, tokenizer),
        weights_source=f"{weights.name}, a state dict in the layout of facebookresearch/ImageBind",
        licence=licence,
        logit_scale=encoder.logit_scale,
    )


def _space_id(weights: Path, sizes: ImageBindConfig) -> str:
    """The anchor's fingerprint, though it is not exported."""
    names = from_raw(load(open_checkpoint(weights), sizes, ANCHOR), sizes, ANCHOR).state_dict()
    keys = {name: published_key(ANCHOR, name.removeprefix("encoder.")) for name in names}
    return disk.fingerprint(_PassingWeights(weights, keys), recipe_for(ANCHOR))


class _PassingWeights(Mapping[str, np.ndarray]):
    """Weights that are read once, one after the other, and not kept: a mapped file stays in memory where it was read,
    so the mapping is let go every few weights."""

    KEPT = 16

    def __init__(self, weights: Path, keys: Mapping[str, str]) -> None:
        self._weights, self._keys, self._read = weights, keys, 0

    def __getitem__(self, name: str) -> np.ndarray:
        if self._read % self.KEPT == 0:
            self._state = open_checkpoint(self._weights)
        self._read += 1
        return self._state[self._keys[name]].float().numpy()

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


def _card(sizes: ImageBindConfig, chosen: Sequence[str], source: str, licence: str) -> str:
    lines = [f"| {modality} | {' | '.join(map(str, sizes.sizes(modality).values()))} |" for modality in chosen]
    return f"""# ImageBind, exported by anybind

Encoders of ImageBind (Girdhar et al. 2023, CVPR), from `{source}`. Licence of the weights: {licence}. Where the
weights are Meta's published ones, that means no commercial use.

| modality | width | blocks | heads | embedding |
|---|---|---|---|---|
{chr(10).join(lines)}

Each graph takes decoded media as `manifest.json` says and gives unit vectors. The published model multiplies some
of them by a scale; here it stands in the manifest as `logit_scale`, and dot products are cosines.
Clips of one sound are embedded one by one, averaged and scaled to norm 1 again.

Depth: no loader was published. Metres become disparity as the first Kinect would see it (baseline 0.075 m, focal
length 518.86 px), clamped to [0.01, 75] px, over 75, mean 0.0418, deviation 0.0295; unseen places count as farthest.
Thermal: grey over 255.

Not measured here: accuracy, bias. See the paper and the published model card.
"""
