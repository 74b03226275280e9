"""Tiny real artifacts, built in milliseconds: one ONNX graph of every kind of recipe.

Each graph sums its input into a few bins by a fixed random matrix and scales the result to norm 1, so
that equal inputs give equal vectors and different ones differ. Nothing here is trained.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from anybind.proto import manifest
from anybind.proto.v1 import manifest_pb2 as pb

EMBEDDING_SIZE = 8
SIDE = 16
RATE_HZ = 16_000
CLIP_S = 0.5
CONTEXT_LENGTH = 12
MODALITIES = ("image", "text", "audio", "depth", "thermal", "imu")

_RECIPES = {
    "image": {"picture": pb.PictureRecipe(height=SIDE, width=SIDE, resample=pb.RESAMPLE_BICUBIC)},
    "text": {
        "text": pb.TextRecipe(
            tokenizer_file="tokenizer.json", context_length=CONTEXT_LENGTH, cleaning=pb.TEXT_CLEANING_NONE, pad_id=0
        )
    },
    "audio": {
        "waveform": pb.WaveformRecipe(
            sample_rate_hz=RATE_HZ,
            clip_s=CLIP_S,
            clips=3,
            plan=pb.CLIP_PLAN_EVEN,
            channel=pb.CHANNEL_FIRST,
            short_clip=pb.SHORT_CLIP_KEEP,
        )
    },
    "depth": {"depth": pb.DepthRecipe(height=SIDE, width=SIDE, resample=pb.RESAMPLE_BILINEAR)},
    "thermal": {"grey": pb.GreyRecipe(height=SIDE, width=SIDE, resample=pb.RESAMPLE_BILINEAR)},
    "imu": {"series": pb.SeriesRecipe(channels=6, samples=40)},
}

_INPUTS = {
    "image": (TensorProto.UINT8, ["B", SIDE, SIDE, 3]),
    "text": (TensorProto.INT64, ["B", "L"]),
    "audio": (TensorProto.FLOAT, ["B", "S"]),
    "depth": (TensorProto.FLOAT, ["B", SIDE, SIDE]),
    "thermal": (TensorProto.UINT8, ["B", SIDE, SIDE]),
    "imu": (TensorProto.FLOAT, ["B", 6, 40]),
}


def artifact(folder: Path, modalities: Sequence[str] = MODALITIES, *, seed: int = 0, name: str = "toy") -> Path:
    """Writes a servable artifact into `folder` (made if absent) and returns it. Another seed is another space."""
    folder.mkdir(parents=True, exist_ok=True)
    if "text" in modalities:
        tokenizer().save(str(folder / "tokenizer.json"))
    encoders, golden = [], {}
    for modality in modalities:
        model, weights = _graph(modality, seed)
        onnx.save(model, folder / f"{modality}.onnx")
        recipe = _RECIPES[modality]
        encoders.append(
            pb.Encoder(
                modality=modality,
                file=f"{modality}.onnx",
                sha256={f"{modality}.onnx": manifest.sha256_of(folder / f"{modality}.onnx")},
                fingerprint=manifest.fingerprint({"weights": weights}, next(iter(recipe.values()))),
                input_name="raw",
                output_name="unit_vector",
                precision="fp32",
                weights_source=f"random, seed {seed}",
                licence="Apache-2.0",
                tolerance=1e-4,
                **recipe,
            )
        )
        rows = _rows(modality, np.random.default_rng(1))
        golden[f"{modality}.input"] = rows
        golden[f"{modality}.output"] = reference(modality, rows, seed=seed)
    np.savez(folder / manifest.GOLDEN_FILE, **golden)
    manifest.write(
        pb.Manifest(
            format_version=manifest.FORMAT_VERSION,
            name=name,
            space_id=encoders[0].fingerprint,
            embedding_size=EMBEDDING_SIZE,
            licence="Apache-2.0",
            anchor="image" if "image" in modalities else "",
            encoders=encoders,
            golden_file=manifest.GOLDEN_FILE,
        ),
        folder,
    )
    return folder


def reference(modality: str, rows: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """What a toy graph gives for rows, in numpy: (B, ...) -> float32 (B, EMBEDDING_SIZE), norm 1."""
    weights = _weights(modality, seed)
    flat = rows.reshape(len(rows), -1).astype(np.float32)
    if modality == "text":
        summed = weights[rows].sum(axis=1)  # the row of id 0 is zero, so padding adds nothing
    else:
        blocks = flat[:, : flat.shape[1] // len(weights) * len(weights)].reshape(len(flat), len(weights), -1)
        summed = blocks.mean(axis=2) @ weights
    summed = summed + _BIAS
    return summed / np.linalg.norm(summed, axis=1, keepdims=True)


def tokenizer() -> Tokenizer:
    """A tokenizer of characters: 1 begins, 2 ends, 3 is unknown, 0 pads."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789 .,!?'-"
    vocabulary = {"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3} | {letter: 4 + i for i, letter in enumerate(letters)}
    built = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    built.normalizer = normalizers.Lowercase()
    built.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    built.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)])
    return built


_BINS = 8
_BIAS = np.linspace(-0.5, 0.5, EMBEDDING_SIZE, dtype=np.float32)


def _weights(modality: str, seed: int) -> np.ndarray:
    random = np.random.default_rng([seed, MODALITIES.index(modality)])
    if modality == "text":
        weights = random.standard_normal((64, EMBEDDING_SIZE), dtype=np.float32)
        weights[0] = 0
        return weights
    return random.standard_normal((_BINS, EMBEDDING_SIZE), dtype=np.float32)


def _rows(modality: str, random: np.random.Generator) -> np.ndarray:
    kind, shape = _INPUTS[modality]
    sizes = [3, *({"L": 5, "S": int(RATE_HZ * CLIP_S)}.get(size, size) for size in shape[1:])]
    if kind == TensorProto.UINT8:
        return random.integers(0, 256, sizes, dtype=np.uint8)
    if kind == TensorProto.INT64:
        return random.integers(4, 40, sizes)
    return random.standard_normal(sizes, dtype=np.float32)


def _graph(modality: str, seed: int) -> tuple[onnx.ModelProto, np.ndarray]:
    kind, shape = _INPUTS[modality]
    weights = _weights(modality, seed)
    constants = {"weights": weights, "bias": _BIAS}
    if modality == "text":
        nodes = [
            helper.make_node("Gather", ["weights", "raw"], ["rows"]),
            helper.make_node("ReduceSum", ["rows", "axis_1"], ["summed"], keepdims=0),
        ]
        constants["axis_1"] = np.array([1])
    else:
        nodes = _binned(constants)
    nodes += [
        helper.make_node("Add", ["summed", "bias"], ["shifted"]),
        helper.make_node("LpNormalization", ["shifted"], ["unit_vector"], axis=-1, p=2),
    ]
    graph = helper.make_graph(
        nodes,
        modality,
        [helper.make_tensor_value_info("raw", kind, shape)],
        [helper.make_tensor_value_info("unit_vector", TensorProto.FLOAT, ["B", EMBEDDING_SIZE])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model)
    return model, weights


def _binned(constants: dict[str, np.ndarray]) -> list[onnx.NodeProto]:
    """Flatten, cut to a multiple of the bins, average each bin, mix: works for any number of values a row."""
    constants |= {
        "bins": np.array([_BINS]),
        "zero": np.array([0]),
        "one": np.array([1]),
        "binned_shape": np.array([0, _BINS, -1]),
        "axis_2": np.array([2]),
    }
    return [
        helper.make_node("Cast", ["raw"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["floats"], ["flat"], axis=1),
        helper.make_node("Shape", ["flat"], ["length"], start=1),
        helper.make_node("Div", ["length", "bins"], ["per_bin"]),
        helper.make_node("Mul", ["per_bin", "bins"], ["kept"]),
        helper.make_node("Slice", ["flat", "zero", "kept", "one"], ["cut"]),
        helper.make_node("Reshape", ["cut", "binned_shape"], ["blocks"]),
        helper.make_node("ReduceMean", ["blocks", "axis_2"], ["means"], keepdims=0),
        helper.make_node("MatMul", ["means", "weights"], ["summed"]),
    ]
