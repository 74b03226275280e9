"""A modality of one's own: from a table of pairs to a model that serves it.

```
pairs.csv ─> pictures ─> the anchor's server ─> embeddings ┐
          └> readings ─> decoder ─> rows ──────────────────┴─> training ─> graph ─> a copy of the anchor's artifact
```
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from ..proto import manifest as disk
from ..proto.v1.manifest_pb2 import Manifest
from .client import Client
from .embedded import embedded_server
from .errors import ItemError
from .items import item

if TYPE_CHECKING:
    from torch import nn

    from ..encoders.align.own_pairs import Pair, Readings

KIND_OF = {"thermal": "grey", "infrared": "grey", "imu": "series", "accelerometer": "series"}
# Whose encoder a projector stands behind, by the kind of reading.
BASE_OF = {"grey": "image", "picture": "image", "depth": "depth", "waveform": "audio"}


class BindingError(ValueError):
    """A modality cannot be bound as asked. The message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Binding:
    """What to bind, and how. The defaults fit a few thousand pairs.

    Attributes:
        modality: the new name: lower-case letters, digits and underscores.
        pairs: the table: columns image, other, and if known split and label.
        anchor: the artifact folder of the model to bind to.
        out: where the model with the new modality goes: a new folder, or an artifact of the anchor's space.
        runs: where checkpoints are kept; a run that was stopped goes on from there.
        kind: grey, series, picture, depth or waveform; "" goes by the modality's name.
        encoder: "conv" learns from the readings themselves, "projector" from what one of the model's encoders makes of
            them.
        size: of a grey, picture or depth map, in pixels.
        channels: of a series.
        samples: of a series.
        sample_rate_hz: of a waveform.
        clip_s: of a waveform, in seconds.
        licence: of the new encoder's weights.
    """

    modality: str
    pairs: Path
    anchor: Path
    out: Path
    runs: Path = Path("runs")
    kind: str = ""
    encoder: str = "conv"
    epochs: int = 30
    batch: int = 64
    learning_rate: float = 1e-3
    seed: int = 0
    size: int = 64
    channels: int = 6
    samples: int = 200
    sample_rate_hz: int = 16_000
    clip_s: float = 5.0
    licence: str = "not stated"

    def __post_init__(self) -> None:
        kind = self.resolved_kind
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.modality):
            raise BindingError(f"{self.modality!r} is no name for a modality: take lower-case letters, digits and _.")
        if self.encoder not in ("conv", "projector"):
            raise BindingError(f"There is no encoder {self.encoder!r}; there are conv and projector.")
        if not kind:
            kinds = "grey, series, picture, depth or waveform"
            raise BindingError(f"What kind of reading is {self.modality}? Say --kind {kinds}.")
        if self.encoder == "projector" and kind not in BASE_OF:
            raise BindingError(f"No encoder reads a {kind}, so there is none to project from. Take --encoder conv.")

    @property
    def resolved_kind(self) -> str:
        return self.kind or KIND_OF.get(self.modality, "")


@dataclass(frozen=True)
class Bound:
    """What came of it.

    Attributes:
        recalls: {"thermal → image": {"R@1": ..., "chance R@1": ..., ...}, "image → thermal": ...}, on pairs set apart.
        learned_from: pairs trained on.
        measured_on: pairs set apart.
        left_out: files that could not be read, and why.
    """

    out: Path
    recalls: Mapping[str, Mapping[str, float]]
    learned_from: int
    measured_on: int
    left_out: Mapping[Path, str]


def bind(binding: Binding, console: Console) -> Bound:
    """Trains an encoder for a new modality, measures it, and places it in a copy of the anchor's artifact.

    Needs the `[train]` extra.

    Raises:
        ManifestError, PairsError, BindingError, ExportError: what is wrong with the anchor, the table, what was asked
            for, or the graph.
        AnybindError: the anchor's model cannot be served.
    """
    from ..encoders.align import own_pairs

    manifest = disk.read(binding.anchor)
    _check_model(binding, manifest)
    pairs = own_pairs.read_pairs(binding.pairs)
    with embedded_server(str(binding.anchor)) as address, Client(address) as client:
        anchors, left_out = _embed(client, manifest.anchor or "image", {pair.image for pair in pairs}, console)
        others, failed = _read_others(binding, pairs, client, console)
    left_out |= failed
    use = [index for index, pair in enumerate(pairs) if pair.image in anchors and index in others]
    kept = [pairs[index] for index in use]
    own_pairs.check_enough(kept, binding.pairs)
    vectors = np.stack([anchors[pair.image] for pair in kept])
    readings = own_pairs.gather(kept, [others[index] for index in use], vectors)
    encoder, recalls = _train(binding, readings, console)
    _place(binding, manifest, encoder, readings)
    apart = int(readings.is_validation.sum())
    return Bound(binding.out, recalls, len(kept) - apart, apart, left_out)


def _check_model(binding: Binding, manifest: Manifest) -> None:
    """Before any work: whether the anchor's model can be bound to, and the result placed where it shall go."""
    has = [encoder.modality for encoder in manifest.encoders]
    needed = {manifest.anchor or "image"} | (
        {BASE_OF[binding.resolved_kind]} if binding.encoder == "projector" else set()
    )
    if missing := needed - set(has):
        raise BindingError(f"{binding.anchor} has no {' and no '.join(sorted(missing))}; it has {', '.join(has)}.")
    if binding.modality in has:
        raise BindingError(f"{binding.anchor} has {binding.modality} already, and it stays. Choose another name.")
    if (binding.out / disk.FILE_NAME).is_file():
        there = disk.read(binding.out)
        if there.space_id != manifest.space_id:
            raise BindingError(
                f"{binding.out} is of the space {there.space_id}, {binding.anchor} of {manifest.space_id}: they do not "
                "fit together. Choose another --out."
            )
    elif binding.out.exists() and (not binding.out.is_dir() or any(binding.out.iterdir())):
        raise BindingError(
            f"{binding.out} holds something that is no artifact; it is left alone. Choose another --out."
        )


def _embed(
    client: Client, modality: str, paths: Iterable[Path], console: Console
) -> tuple[dict[Path, NDArray[np.float32]], dict[Path, str]]:
    """The embedding of each file, and why each that has none has none."""
    files = sorted(paths)
    readable = [path for path in files if path.is_file()]
    left_out = {path: "No such file." for path in files if not path.is_file()}
    embedded: dict[Path, NDArray[np.float32]] = {}
    outcomes = client.embed_stream(item(modality, path) for path in readable)
    for index, outcome in track(outcomes, f"embedding {modality}", len(readable), console=console, transient=True):
        if isinstance(outcome, ItemError):
            left_out[readable[index]] = outcome.message
        else:
            embedded[readable[index]] = outcome.vector
    return embedded, left_out


def _read_others(
    binding: Binding, pairs: Sequence[Pair], client: Client, console: Console
) -> tuple[dict[int, NDArray], dict[Path, str]]:
    """By number of the pair, the rows its encoder takes: the reading's or, for a projector, one cached embedding."""
    from ..encoders.align import own_pairs

    if binding.encoder == "conv":
        with console.status(f"reading {binding.modality}"):
            return own_pairs.read_others(pairs, _recipe(binding))
    base = BASE_OF[binding.resolved_kind]
    vectors, left_out = _embed(client, base, {pair.other for pair in pairs}, console)
    return {i: vectors[pair.other][None] for i, pair in enumerate(pairs) if pair.other in vectors}, left_out


def _train(binding: Binding, readings: Readings, console: Console) -> tuple[nn.Module, dict[str, dict[str, float]]]:
    """The aligned encoder, and its recalls on the pairs set apart."""
    import torch

    from ..encoders import sensor
    from ..encoders.align import own
    from ..encoders.align.train import Schedule

    torch.manual_seed(binding.seed)
    size, kind = readings.anchors.shape[1], binding.resolved_kind
    if binding.encoder == "projector":
        encoder: nn.Module = sensor.Projector(size)
        vary = None
    else:
        encoder = sensor.sensor_encoder(kind, size, channels=binding.channels, sample_rate_hz=binding.sample_rate_hz)
        learned = np.flatnonzero(~readings.is_validation[readings.pair])[: own.ROWS_AT_ONCE]
        encoder.standardise(torch.from_numpy(readings.rows[learned]))
        vary = own.vary_signals if kind in ("series", "waveform") else own.vary_maps
    schedule = Schedule(binding.epochs, binding.learning_rate, average=0.99, seed=binding.seed)
    checkpoint = binding.runs / f"{binding.modality}-{_fingerprint(binding, readings)}.ckpt"
    encoder = own.align_own(
        encoder, readings, schedule, checkpoint, console, vary=vary, batch=binding.batch, name=binding.modality
    )
    ways = {f"{binding.modality} → image": "other → image", f"image → {binding.modality}": "image → other"}
    found = own.measure(encoder, readings)
    return encoder, {name: found[way] for name, way in ways.items()}


def _place(binding: Binding, manifest: Manifest, encoder: nn.Module, readings: Readings) -> None:
    """Copies the anchor's artifact to `out`, if it is not there, and adds the encoder."""
    from ..export.artifact import add_encoder
    from ..export.entry import ExportEntry
    from ..export.projector import add_projector

    if not (binding.out / disk.FILE_NAME).is_file():
        shutil.copytree(binding.anchor, binding.out, dirs_exist_ok=True)
    source = f"{binding.encoder} encoder aligned to {manifest.name} with {len(readings.keys)} pairs"
    if binding.encoder == "projector":
        base = BASE_OF[binding.resolved_kind]
        add_projector(binding.out, binding.modality, base, encoder, weights_source=source, licence=binding.licence)
        return
    apart = np.flatnonzero(readings.is_validation[readings.pair])[:4]
    entry = ExportEntry(binding.modality, encoder, _recipe(binding), readings.rows[apart], source, binding.licence)
    add_encoder(binding.out, entry)


def _recipe(binding: Binding):
    from ..encoders.align.own_pairs import recipe_for

    return recipe_for(
        binding.resolved_kind,
        size=binding.size,
        channels=binding.channels,
        samples=binding.samples,
        sample_rate_hz=binding.sample_rate_hz,
        clip_s=binding.clip_s,
    )


def _fingerprint(binding: Binding, readings: Readings) -> str:
    """Of everything training depends on, so that a checkpoint of other pairs or settings is not gone on with."""
    settings = {key: value for key, value in asdict(binding).items() if key not in ("pairs", "anchor", "out", "runs")}
    digest = sha256(repr(sorted(settings.items())).encode())
    for array in (readings.rows, readings.pair, readings.anchors, readings.keys, readings.is_validation):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:12]
