"""Encoders become an artifact folder: graphs, golden vectors, manifest, card.

A folder is written beside its place and moved there when it is whole, so a failed export leaves what was there.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn

from ..proto import manifest as disk
from ..proto.v1 import manifest_pb2 as pb
from .entry import FP16_WEIGHTS, PARITY_LIMITS, ExportEntry, Recipe, port_of, recipe_field
from .graph import MAX_INLINE_BYTES, ExportError, export_graph

OUTPUT_NAME = "unit_vector"
CARD_FILE = "MODEL_CARD.md"

# A server's processor rounds differently from the one that exported: it may differ by this many times as much,
# and by at least this part of the limit.
HEAD_ROOM = 10
LEAST_PART_OF_LIMIT = 0.25


def write_artifact(
    entries: Iterable[ExportEntry],
    folder: Path,
    *,
    name: str,
    licence: str,
    card: str,
    anchor: str = "image",
    tokenizer: Path | None = None,
    space_id: str | None = None,
    max_inline_bytes: int = MAX_INLINE_BYTES,
) -> pb.Manifest:
    """Exports encoders into a new artifact folder, or in place of the artifact that is there.

    Takes one entry at a time: with a generator only one encoder is in memory.

    Args:
      card: the text of `MODEL_CARD.md`.
      tokenizer: Hugging Face tokenizers JSON, copied to where the text recipe names it.
      space_id: fingerprint of the anchor, for an artifact that leaves the anchor out. By default that of the anchor
        among the entries; without one, a fingerprint over all of them.
      max_inline_bytes: a graph with more weights keeps them in a file beside it.

    Returns: the manifest as written.

    Raises:
      ExportError: the folder is something else than an artifact, an encoder cannot be exported, or its graph gives
        other vectors than torch. The folder is then as it was.
    """
    with _replacing(folder) as partial:
        encoders: list[pb.Encoder] = []
        golden: dict[str, np.ndarray] = {}
        for entry in entries:
            _place_tokenizer(entry, tokenizer, partial)
            encoder, vectors = export_encoder(entry, partial, max_inline_bytes=max_inline_bytes)
            encoders.append(encoder)
            golden |= {f"{entry.modality}.input": entry.golden, f"{entry.modality}.output": vectors}
            del entry  # the next one is made while this name would still hold the last
        sizes = {vectors.shape[1] for key, vectors in golden.items() if key.endswith(".output")}
        if len(sizes) != 1:
            raise ExportError(f"all encoders of a space give embeddings of one size; these give {sorted(sizes)}.")
        fingerprints = {encoder.modality: encoder.fingerprint for encoder in encoders}
        manifest = pb.Manifest(
            format_version=disk.FORMAT_VERSION,
            name=name,
            space_id=space_id or fingerprints.get(anchor) or _joint_fingerprint(fingerprints),
            embedding_size=sizes.pop(),
            licence=licence,
            anchor=anchor if anchor in fingerprints else "",
            encoders=encoders,
            golden_file=disk.GOLDEN_FILE,
        )
        np.savez_compressed(partial / disk.GOLDEN_FILE, **golden)
        (partial / CARD_FILE).write_text(card, encoding="utf-8")
        disk.write(manifest, partial)
    return manifest


def add_encoder(
    folder: Path, entry: ExportEntry, *, tokenizer: Path | None = None, card: str | None = None
) -> pb.Manifest:
    """Adds a modality to an artifact, or replaces it. The space stays what it was, so stored embeddings stay good.

    Args:
      card: the new text of `MODEL_CARD.md`. By default it stays.

    Returns: the manifest as written.

    Raises:
      ManifestError: the folder is no artifact.
      ExportError: the entry is the anchor, has embeddings of another size, or cannot be exported. The folder is
        then as it was.
    """

    def make(partial: Path) -> tuple[pb.Encoder, np.ndarray, np.ndarray]:
        _place_tokenizer(entry, tokenizer, partial)
        encoder, vectors = export_encoder(entry, partial)
        return encoder, entry.golden, vectors

    return place_encoder(folder, entry.modality, make, card=card)


def place_encoder(
    folder: Path,
    modality: str,
    make: Callable[[Path], tuple[pb.Encoder, np.ndarray, np.ndarray]],
    *,
    card: str | None = None,
) -> pb.Manifest:
    """Adds a modality whose graph is made by `make`, in a way of its own.

    Args:
      make: writes the graph into the folder it is given and proves it; returns the encoder's part of the manifest,
        golden rows (B, ...) and their vectors, float32 (B, embedding_size).
      card: the new text of `MODEL_CARD.md`. By default it stays.

    Raises: as `add_encoder`.
    """
    manifest = disk.read(folder)
    if modality == manifest.anchor:
        raise ExportError(
            f"{modality} is the anchor of {folder}: another anchor is another space. Export a new artifact."
        )
    with _replacing(folder) as partial:
        _link_files(manifest, folder, partial, leaving=modality)
        encoder, rows, vectors = make(partial)
        if vectors.shape[1] != manifest.embedding_size:
            raise ExportError(
                f"{modality} gives embeddings of {vectors.shape[1]} floats; those of {folder} have "
                f"{manifest.embedding_size}."
            )
        kept = [known for known in manifest.encoders if known.modality != modality]
        del manifest.encoders[:]
        manifest.encoders.extend([*kept, encoder])
        with np.load(folder / manifest.golden_file) as stored:
            golden = {key: stored[key] for key in stored.files}
        golden |= {f"{modality}.input": rows, f"{modality}.output": vectors}
        np.savez_compressed(partial / manifest.golden_file, **golden)
        if card is not None:
            (partial / CARD_FILE).unlink(missing_ok=True)
            (partial / CARD_FILE).write_text(card, encoding="utf-8")
        disk.write(manifest, partial)
    return manifest


def export_encoder(
    entry: ExportEntry, folder: Path, *, max_inline_bytes: int = MAX_INLINE_BYTES
) -> tuple[pb.Encoder, np.ndarray]:
    """Writes one encoder's graph into a folder and proves that it gives what torch gives.

    Returns: its part of a manifest, and the golden vectors, float32 (B, embedding_size), as torch gives them.

    Raises:
      ExportError: torch cannot express the encoder as a graph, its rows are not unit vectors, or the graph's differ.
    """
    module, port = entry.module.eval(), port_of(entry.recipe)
    path = folder / f"{entry.modality}.onnx"
    external = export_graph(
        module,
        torch.from_numpy(entry.golden[:2]),
        path,
        input_name=port.name,
        output_name=OUTPUT_NAME,
        dynamic_axes=port.dynamic_axes,
        half_weights=entry.precision == FP16_WEIGHTS,
        max_inline_bytes=max_inline_bytes,
    )
    difference, vectors = _parity(entry, path)
    limit = PARITY_LIMITS[entry.precision]
    encoder = pb.Encoder(
        modality=entry.modality,
        file=path.name,
        external_files=[file.name for file in external],
        sha256={file.name: disk.sha256_of(file) for file in (path, *external)},
        fingerprint=fingerprint(module, entry.recipe),
        input_name=port.name,
        output_name=OUTPUT_NAME,
        precision=entry.precision,
        weights_source=entry.weights_source,
        licence=entry.licence,
        tolerance=min(limit, max(HEAD_ROOM * difference, LEAST_PART_OF_LIMIT * limit)),
        logit_scale=entry.logit_scale,
        trained_with=entry.trained_with,
        trained_names=entry.trained_names,
        **{recipe_field(entry.recipe): entry.recipe},
    )
    return encoder, vectors


def fingerprint(module: nn.Module, recipe: Recipe) -> str:
    """Fingerprint of a module's weights, as `state_dict` names them, and its recipe: 32 hex digits."""
    return disk.fingerprint({key: value.detach().numpy() for key, value in module.state_dict().items()}, recipe)


def _parity(entry: ExportEntry, graph: Path) -> tuple[float, np.ndarray]:
    """Largest component difference between graph and torch over golden rows, one row, and another length of row."""
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    limit, differences, golden_vectors = PARITY_LIMITS[entry.precision], [], None
    for rows in _shapes_to_prove(entry):
        with torch.inference_mode():
            expected = entry.module(torch.from_numpy(rows)).numpy()
        if golden_vectors is None:
            golden_vectors = expected
            _check_unit_rows(entry.modality, expected)
        (given,) = session.run([OUTPUT_NAME], {port_of(entry.recipe).name: rows})
        difference = float(np.abs(given - expected).max())
        if not difference <= limit:  # written so that NaN fails too
            raise ExportError(
                f"{entry.modality}: for input {rows.shape} the graph differs from torch by {difference:.2e}; the limit "
                f"for {entry.precision!r} is {limit:.0e}. Nothing was written. Look for an operator that rounds or "
                "branches differently in ONNX."
            )
        differences.append(difference)
    return max(differences), golden_vectors


def _shapes_to_prove(entry: ExportEntry) -> Iterator[np.ndarray]:
    yield entry.golden
    yield entry.golden[:1]
    last = entry.golden.ndim - 1
    if last in port_of(entry.recipe).dynamic_axes:
        yield np.ascontiguousarray(entry.golden[..., : max(2, entry.golden.shape[last] * 3 // 4)])


def _check_unit_rows(modality: str, vectors: np.ndarray) -> None:
    if vectors.ndim != 2 or vectors.dtype != np.float32:
        raise ExportError(
            f"{modality}: its module gives {vectors.dtype} {vectors.shape}; it must be float32 (B, size)."
        )
    norms = np.linalg.norm(vectors, axis=1)
    if not np.allclose(norms, 1, atol=1e-4):
        raise ExportError(f"{modality}: its golden vectors have norms {norms.min()} to {norms.max()}; they must be 1.")


def _joint_fingerprint(fingerprints: dict[str, str]) -> str:
    text = "".join(f"{modality}:{fingerprints[modality]}\n" for modality in sorted(fingerprints))
    return sha256(text.encode()).hexdigest()[:32]


def _place_tokenizer(entry: ExportEntry, tokenizer: Path | None, folder: Path) -> None:
    if not isinstance(entry.recipe, pb.TextRecipe):
        return
    if tokenizer is None:
        raise ExportError(f"{entry.modality}: its recipe needs a tokenizer, and none was given.")
    place = folder / entry.recipe.tokenizer_file
    if place.exists():
        raise ExportError(
            f"{entry.modality}: another modality has {place.name}; give its recipe another tokenizer_file."
        )
    shutil.copyfile(tokenizer, place)


def _link_files(manifest: pb.Manifest, folder: Path, partial: Path, *, leaving: str) -> None:
    """Brings every file of an artifact but one modality's into another folder, without copying gigabytes."""
    left = {disk.FILE_NAME, manifest.golden_file}
    for encoder in manifest.encoders:
        if encoder.modality == leaving:
            left |= {encoder.file, *encoder.external_files}
            if encoder.WhichOneof("recipe") == "text":
                left.add(encoder.text.tokenizer_file)
    for file in folder.rglob("*"):
        name = file.relative_to(folder)
        if file.is_file() and name.as_posix() not in left:
            (partial / name).parent.mkdir(parents=True, exist_ok=True)
            os.link(file, partial / name)


@contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder` that takes its place if the body ends well, and vanishes if not."""
    folder = folder.absolute()
    if folder.exists() and not folder.is_dir():
        raise ExportError(f"{folder} is a file; an artifact is a folder. Choose another place.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / disk.FILE_NAME).is_file():
        raise ExportError(f"{folder} holds something that is no artifact; it is left alone. Choose another place.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as beside:
            partial = Path(beside) / "new"
            partial.mkdir()
            yield partial
            if folder.exists():
                folder.rename(Path(beside) / "old")
            partial.rename(folder)
    except OSError as error:
        raise ExportError(
            f"{folder} could not be written: {error}. Check the place's space and permissions."
        ) from error
