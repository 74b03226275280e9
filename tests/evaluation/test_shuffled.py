"""An artifact that knows nothing, made of one that does."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import toys
from onnx import numpy_helper

from anybind.export.shuffled import write_shuffled
from anybind.proto import manifest


def weights(folder: Path, modality: str) -> np.ndarray:
    model = onnx.load(folder / f"{modality}.onnx")
    return next(numpy_helper.to_array(each) for each in model.graph.initializer if each.name == "weights")


def test_every_weight_stays_but_none_in_its_place(tmp_path: Path) -> None:
    toy = toys.artifact(tmp_path / "toy")
    write_shuffled(toy, tmp_path / "shuffled")
    for modality in toys.MODALITIES:
        before, after = weights(toy, modality), weights(tmp_path / "shuffled", modality)
        assert sorted(before.ravel()) == sorted(after.ravel())
        assert (before != after).mean() > 0.5


def test_a_shuffled_artifact_is_whole_and_lies_in_a_space_of_its_own(tmp_path: Path) -> None:
    toy = toys.artifact(tmp_path / "toy")
    written = write_shuffled(toy, tmp_path / "shuffled")
    assert manifest.read(tmp_path / "shuffled") == written
    assert written.space_id != manifest.read(toy).space_id
    with np.load(tmp_path / "shuffled" / written.golden_file) as golden:
        for encoder in written.encoders:
            manifest.check_files(written, tmp_path / "shuffled", encoder)
            session = onnxruntime.InferenceSession(tmp_path / "shuffled" / encoder.file)
            (vectors,) = session.run(None, {"raw": golden[f"{encoder.modality}.input"]})
            assert np.abs(vectors - golden[f"{encoder.modality}.output"]).max() <= encoder.tolerance


def test_a_seed_decides_the_shuffle(tmp_path: Path) -> None:
    toy = toys.artifact(tmp_path / "toy", ["image"])
    first = write_shuffled(toy, tmp_path / "a")
    assert write_shuffled(toy, tmp_path / "b") == first
    assert write_shuffled(toy, tmp_path / "c", seed=1).encoders[0].sha256 != first.encoders[0].sha256


def test_only_the_modalities_asked_for_are_shuffled(tmp_path: Path) -> None:
    toy = toys.artifact(tmp_path / "toy")
    written = write_shuffled(toy, tmp_path / "shuffled", modalities=["text", "audio"])
    assert [encoder.modality for encoder in written.encoders] == ["text", "audio"]
    assert written.anchor == ""
