import json
from dataclasses import asdict
from pathlib import Path

import imagebind_weights
import numpy as np
import onnxruntime
import pytest
import torch
from imagebind_weights import SMALL

from anybind.encoders.imagebind import (
    MODALITIES,
    PUBLISHED,
    CheckpointError,
    Encoder,
    ImageBindConfig,
    load,
    open_checkpoint,
)
from anybind.export.graph import ExportError
from anybind.export.imagebind import export_imagebind
from anybind.proto import manifest as disk
from anybind.proto.v1 import manifest_pb2 as pb

SPOKEN_FREELY = ("image", "audio", "depth", "thermal", "imu")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "small.pth"
    torch.save(imagebind_weights.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "small.json"
    path.write_text(json.dumps(asdict(SMALL)))
    return path


TOLD: list[str] = []


@pytest.fixture(scope="module")
def small(weights: Path, config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact of every modality that needs no vocabulary."""
    folder = tmp_path_factory.mktemp("small") / "model"
    export_imagebind(weights, config, None, SPOKEN_FREELY, folder, tell=TOLD.append)
    return folder


def embed(folder: Path, modality: str, rows: np.ndarray) -> np.ndarray:
    encoder = next(one for one in disk.read(folder).encoders if one.modality == modality)
    session = onnxruntime.InferenceSession(folder / encoder.file)
    return session.run([encoder.output_name], {encoder.input_name: rows})[0]


def test_everything_but_text_needs_no_vocabulary(small: Path) -> None:
    manifest = disk.read(small)
    assert tuple(encoder.modality for encoder in manifest.encoders) == SPOKEN_FREELY
    assert [line.split(":")[0] for line in TOLD] == list(SPOKEN_FREELY)
    assert manifest.licence == "CC-BY-NC-4.0"
    golden = np.load(small / manifest.golden_file)
    for encoder in manifest.encoders:
        rows = golden[f"{encoder.modality}.input"]
        alone = embed(small, encoder.modality, rows[:1])
        assert np.abs(alone - golden[f"{encoder.modality}.output"][:1]).max() <= encoder.tolerance
        assert np.linalg.norm(golden[f"{encoder.modality}.output"], axis=1) == pytest.approx(1, abs=1e-5)


def test_parts_of_one_checkpoint_share_a_space(small: Path, weights: Path, config: Path, tmp_path: Path) -> None:
    whole = disk.read(small)
    imu = export_imagebind(weights, config, None, ["imu"], tmp_path / "imu")
    assert imu.space_id == whole.space_id == whole.encoders[0].fingerprint
    assert (whole.anchor, imu.anchor) == ("image", "")


def test_another_checkpoint_is_another_space(small: Path, config: Path, tmp_path: Path) -> None:
    torch.save(imagebind_weights.state_dict(seed=1), tmp_path / "other.pth")
    other = export_imagebind(tmp_path / "other.pth", config, None, ["imu"], tmp_path / "other")
    assert other.space_id != disk.read(small).space_id


def test_text_without_a_vocabulary_says_what_is_missing(weights: Path, config: Path, tmp_path: Path) -> None:
    for modalities in (["text"], None):
        with pytest.raises(ExportError, match=r"bpe_simple_vocab_16e6\.txt\.gz from the CLIP repository.*--vocab"):
            export_imagebind(weights, config, None, modalities, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_modalities_that_are_not_there_are_told(weights: Path, config: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="no modality vision; choose among image, text"):
        export_imagebind(weights, config, None, ["vision"], tmp_path / "model")
    audio = tmp_path / "audio.pth"
    torch.save(imagebind_weights.state_dict(modalities=("audio",)), audio)
    with pytest.raises(CheckpointError, match="holds no depth encoder; it holds audio"):
        export_imagebind(audio, config, None, ["depth"], tmp_path / "model")
    torch.save({"weight": torch.zeros(1)}, audio)
    with pytest.raises(CheckpointError, match="holds no ImageBind encoder"):
        export_imagebind(audio, config, None, None, tmp_path / "model")


def test_the_published_scale_goes_to_the_manifest_and_not_to_the_graph(config: Path, tmp_path: Path) -> None:
    state = imagebind_weights.state_dict(modalities=("imu",))
    state["modality_postprocessors.imu.1.log_logit_scale"] = torch.tensor(5.0).log()
    torch.save(state, tmp_path / "imu.pth")
    manifest = export_imagebind(tmp_path / "imu.pth", config, None, None, tmp_path / "model")
    (encoder,) = manifest.encoders
    assert encoder.logit_scale == pytest.approx(5)
    assert np.linalg.norm(embed(tmp_path / "model", "imu", np.ones((1, 6, 2000), np.float32))) == pytest.approx(1)


@pytest.mark.parametrize("samples", [400, 5_000, 32_000])
def test_a_clip_of_any_length_fits_the_graph(small: Path, samples: int) -> None:
    vectors = embed(small, "audio", np.random.default_rng(0).random((3, samples), np.float32))
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


@pytest.fixture(scope="module")
def reference(shared) -> Path:
    return shared / "reference/imagebind"


@pytest.fixture(scope="module")
def tiny(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny") / "model"
    vocabulary = reference / "bpe_simple_vocab_16e6.txt.gz"
    export_imagebind(reference / "tiny_imagebind.pth", reference / "tiny_imagebind.json", vocabulary, None, folder)
    return folder


@pytest.mark.parametrize("modality", MODALITIES)
def test_graphs_give_what_the_published_code_gave(reference: Path, tiny: Path, tmp_path: Path, modality: str) -> None:
    """Pictures and sentences through the artifact as it is; the rest, whose raw input is not stored, without front."""
    name = PUBLISHED[modality]
    with np.load(reference / "ib_inputs.npz") as inputs, np.load(reference / "tiny_imagebind_io.npz") as io:
        given = inputs[name] if name in inputs else io[f"in_{name}"]
        expected = io[f"out_{name}"] / np.linalg.norm(io[f"out_{name}"], axis=1, keepdims=True)
    if modality == "image":
        mean, std = np.array((0.48145466, 0.4578275, 0.40821073)), np.array((0.26862954, 0.26130258, 0.27577711))
        vectors = embed(tiny, modality, np.rint(255 * (given.transpose(0, 2, 3, 1) * std + mean)).astype(np.uint8))
    elif modality in ("text", "imu"):
        vectors = embed(tiny, modality, given)
    else:
        state = open_checkpoint(reference / "tiny_imagebind.pth")
        encoder = load(state, ImageBindConfig.read(reference / "tiny_imagebind.json"), modality)
        clips = given.reshape(-1, *given.shape[-3:])
        vectors = _core(encoder, clips, tmp_path).reshape(3, -1, expected.shape[1]).mean(axis=1)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert np.abs(vectors - expected).max() <= 1e-4
    assert (vectors * expected).sum(axis=1).min() >= 0.99999


def _core(encoder: Encoder, planes: np.ndarray, folder: Path) -> np.ndarray:
    from anybind.export.graph import export_graph

    names = {"input_name": "planes", "output_name": "unit_vector", "dynamic_axes": {0: "batch"}}
    export_graph(encoder, torch.from_numpy(planes[:2]), folder / "core.onnx", **names)
    return onnxruntime.InferenceSession(folder / "core.onnx").run(None, {"planes": planes})[0]


@pytest.mark.parametrize(("modality", "reach"), [("image", 0.9999), ("text", 0.9999), ("audio", 0.999)])
def test_files_and_sentences_end_where_the_published_code_put_them(
    reference: Path, tiny: Path, modality: str, reach: float
) -> None:
    from anybind.proto.v1 import embedding_pb2
    from anybind.server.decode import decode
    from anybind.server.decode.text import load_tokenizer
    from anybind.server.limits import Limits

    encoder = next(one for one in disk.read(tiny).encoders if one.modality == modality)
    with np.load(reference / "tiny_imagebind_io.npz") as io:
        expected = io[f"out_{PUBLISHED[modality]}"]
    sentences = {"dog": "A dog.", "car": "A car", "bird": "A bird"}
    for name, direction in zip(sentences, expected / np.linalg.norm(expected, axis=1, keepdims=True), strict=True):
        item = embedding_pb2.Item(modality=modality)
        if modality == "text":
            item.text = sentences[name]
        else:
            item.data = next(reference.glob(f"{name}_{modality}.*")).read_bytes()
        rows = decode(encoder, item, Limits(), load_tokenizer(tiny / "tokenizer.json"))
        mean = embed(tiny, modality, rows.array).mean(axis=0)
        assert mean @ direction / np.linalg.norm(mean) >= reach


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("modality", ["image", "depth"])
def test_the_published_size_exports_and_answers(tmp_path: Path, modality: str) -> None:
    """2.5 GB of weights for pictures, past what one ONNX file may hold; about 6 GB of memory."""
    config = ImageBindConfig()
    torch.save(imagebind_weights.state_dict(config, (modality,)), tmp_path / "huge.pth")
    manifest: pb.Manifest = export_imagebind(tmp_path / "huge.pth", None, None, None, tmp_path / "model")
    (encoder,) = manifest.encoders
    assert list(encoder.external_files) == (["image.onnx.data"] if modality == "image" else [])
    disk.check_files(manifest, tmp_path / "model", encoder)
    golden = np.load(tmp_path / "model" / manifest.golden_file)
    vectors = embed(tmp_path / "model", modality, golden[f"{modality}.input"])
    assert vectors.shape[1] == manifest.embedding_size == 1024
    assert np.abs(vectors - golden[f"{modality}.output"]).max() <= encoder.tolerance <= 1e-4
