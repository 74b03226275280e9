"""The same encoders knowing nothing: every weight tensor permuted, all else as it was.

What such a model finds is what its architecture, its preprocessing and the table give away, so a trained model is
compared with it. The values of each tensor, and so its scale, stay; tables held as tensors, such as a filter bank,
are permuted like weights. Needs onnx and onnxruntime, not torch.
"""

import shutil
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

from ..proto import manifest as disk
from ..proto.v1 import manifest_pb2 as pb


def write_shuffled(source: Path, folder: Path, *, modalities: Sequence[str] = (), seed: int = 0) -> pb.Manifest:
    """Writes a copy of an artifact whose weights are permuted. It serves like any other, in a space of its own.

    Args:
      folder: new or empty.
      modalities: only these encoders; by default all.

    Returns: the manifest as written. The same seed gives the same artifact.

    Raises:
      ManifestError: `source` is no artifact.
      ValueError: a permuted graph gives no finite vectors.
    """
    manifest = disk.read(source)
    kept = [encoder for encoder in manifest.encoders if not modalities or encoder.modality in modalities]
    folder.mkdir(parents=True, exist_ok=True)
    golden: dict[str, np.ndarray] = {}
    with np.load(source / manifest.golden_file) as stored:
        for encoder in kept:
            _shuffle_graph(source, folder, encoder, seed)
            rows = stored[f"{encoder.modality}.input"]
            golden[f"{encoder.modality}.input"] = rows
            golden[f"{encoder.modality}.output"] = _run(folder, encoder, rows)
    np.savez_compressed(folder / manifest.golden_file, **golden)
    del manifest.encoders[:]
    manifest.encoders.extend(kept)
    manifest.name = f"{manifest.name}-shuffled"
    manifest.space_id = _other(manifest.space_id, seed)
    if manifest.anchor not in {encoder.modality for encoder in kept}:
        manifest.anchor = ""
    disk.write(manifest, folder)
    return manifest


def _shuffle_graph(source: Path, folder: Path, encoder: pb.Encoder, seed: int) -> None:
    """Writes one encoder's graph with its weights permuted, and brings `encoder` up to date."""
    if encoder.WhichOneof("recipe") == "text":
        shutil.copyfile(source / encoder.text.tokenizer_file, folder / encoder.text.tokenizer_file)
    model = onnx.load(source / encoder.file)
    for index, tensor in enumerate(model.graph.initializer):
        values = numpy_helper.to_array(tensor)
        if _is_weights(values):
            random = np.random.default_rng([seed, index])
            shuffled = random.permutation(values.ravel()).reshape(values.shape)
            tensor.CopyFrom(numpy_helper.from_array(shuffled, tensor.name))
    path = folder / encoder.file
    if encoder.external_files:
        onnx.save(model, path, save_as_external_data=True, location=f"{path.name}.data")
        del encoder.external_files[:]
        encoder.external_files.append(f"{path.name}.data")
    else:
        onnx.save(model, path)
    encoder.sha256.clear()
    for name in (encoder.file, *encoder.external_files):
        encoder.sha256[name] = disk.sha256_of(folder / name)
    encoder.fingerprint = _other(encoder.fingerprint, seed)
    encoder.weights_source = f"{encoder.weights_source}; every tensor permuted with seed {seed}"


def _is_weights(values: np.ndarray) -> bool:
    """Whether training could have chosen a tensor's numbers: not a shape, an index, or a mask of infinities."""
    numbers = values.dtype.kind == "f" or (values.dtype.kind in "iu" and values.dtype.itemsize == 1)
    return numbers and values.size > 1 and bool(np.isfinite(values).all())


def _run(folder: Path, encoder: pb.Encoder, rows: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(folder / encoder.file, providers=["CPUExecutionProvider"])
    (vectors,) = session.run([encoder.output_name], {encoder.input_name: rows})
    if not np.isfinite(vectors).all():
        raise ValueError(
            f"{encoder.modality}: with its weights permuted the graph gives no finite vectors. Take another seed, or "
            "compare with chance alone."
        )
    return vectors


def _other(fingerprint: str, seed: int) -> str:
    return sha256(f"{fingerprint} shuffled {seed}".encode()).hexdigest()[:32]
