"""A projector behind a frozen encoder becomes one graph: a new modality that reads media as the old one does."""

import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import compose
from torch import nn

from ..proto import manifest as disk
from ..proto.v1 import manifest_pb2 as pb
from .artifact import OUTPUT_NAME, place_encoder
from .entry import FP32, PARITY_LIMITS
from .graph import ExportError, export_graph

_VECTORS = "vectors"  # the projector's input


def add_projector(
    folder: Path, modality: str, base: str, projector: nn.Module, *, weights_source: str, licence: str
) -> pb.Manifest:
    """Adds a modality to an artifact: the graph of the modality `base`, and behind it a projector.

    Args:
      projector: float32 (B, embedding_size), rows of norm 1 -> the same.

    Returns: the manifest as written. The base's golden rows serve the new modality too.

    Raises:
      ManifestError: the folder is no artifact.
      ExportError: it has no modality `base`, or keeps its weights outside its graph, or the joined graph gives other
        vectors than the base and torch do. The folder is then as it was.
    """
    manifest = disk.read(folder)
    fitting = {each.modality: each for each in manifest.encoders if not (each.external_files or each.HasField("text"))}
    if base not in fitting:
        raise ExportError(f"{folder} has no {base!r} to project from. It has {', '.join(fitting) or 'none that fits'}.")
    source = fitting[base]
    projector = projector.eval()

    def make(partial: Path) -> tuple[pb.Encoder, np.ndarray, np.ndarray]:
        path = partial / f"{modality}.onnx"
        with np.load(folder / manifest.golden_file) as stored:
            rows, vectors = stored[f"{base}.input"], stored[f"{base}.output"]
        _join(folder / source.file, source.output_name, projector, vectors, path)
        with torch.inference_mode():
            expected = projector(torch.from_numpy(_run(folder / source.file, source, rows))).numpy()
        encoder = pb.Encoder()
        encoder.CopyFrom(source)
        encoder.modality, encoder.file, encoder.output_name = modality, path.name, f"{_VECTORS}_{OUTPUT_NAME}"
        encoder.sha256.clear()
        encoder.sha256[path.name] = disk.sha256_of(path)
        encoder.fingerprint = _fingerprint(source, projector)
        encoder.weights_source, encoder.licence, encoder.logit_scale = weights_source, licence, 0
        del encoder.trained_with[:]
        del encoder.trained_names[:]
        difference = float(np.abs(_run(path, encoder, rows) - expected).max())
        if not difference <= PARITY_LIMITS[FP32]:  # written so that NaN fails too
            raise ExportError(f"{modality}: the joined graph differs from the base and torch by {difference:.2e}.")
        return encoder, rows, expected

    return place_encoder(folder, modality, make)


def _join(base: Path, output: str, projector: nn.Module, example: np.ndarray, path: Path) -> None:
    """Writes `base` with the projector behind its output."""
    with tempfile.TemporaryDirectory() as beside:
        behind = Path(beside) / "projector.onnx"
        export_graph(
            projector,
            torch.from_numpy(example[:2]),
            behind,
            input_name=_VECTORS,
            output_name=OUTPUT_NAME,
            dynamic_axes={0: "batch"},
        )
        first, second = onnx.load(base), compose.add_prefix(onnx.load(behind), f"{_VECTORS}_")
    opset = max(_opset(first), _opset(second))
    first, second = (_at(model, opset) for model in (first, second))
    first.ir_version = second.ir_version = max(first.ir_version, second.ir_version)
    joined = compose.merge_models(first, second, io_map=[(output, f"{_VECTORS}_{_VECTORS}")])
    del joined.opset_import[:]  # merging notes each of the two
    joined.opset_import.extend(first.opset_import)
    onnx.checker.check_model(joined)
    onnx.save(joined, path)


def _opset(model: onnx.ModelProto) -> int:
    return next(each.version for each in model.opset_import if not each.domain)


def _at(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """The model in a version of the operators, without notes on inner shapes: two graphs' free axes share names."""
    if _opset(model) != opset:
        model = onnx.version_converter.convert_version(model, opset)
    del model.graph.value_info[:]
    return model


def _fingerprint(source: pb.Encoder, projector: nn.Module) -> str:
    weights = {key: value.detach().numpy() for key, value in projector.state_dict().items()}
    weights["base"] = np.frombuffer(bytes.fromhex(source.fingerprint), np.uint8)
    return disk.fingerprint(weights, disk.recipe_of(source))


def _run(path: Path, encoder: pb.Encoder, rows: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (vectors,) = session.run([encoder.output_name], {encoder.input_name: rows})
    return vectors
