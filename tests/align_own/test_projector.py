"""A projector behind a frozen encoder, in one graph."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
import toys

from anybind.encoders.sensor import Projector
from anybind.export.graph import ExportError
from anybind.export.projector import add_projector
from anybind.proto import manifest


def projector() -> Projector:
    made = Projector(toys.EMBEDDING_SIZE)
    torch.nn.init.normal_(made.out.weight, std=0.5)
    return made.eval()


def test_the_joined_graph_gives_what_the_two_give_in_turn(tmp_path: Path) -> None:
    toy, made = toys.artifact(tmp_path / "toy", ["image", "text"]), projector()
    written = add_projector(toy, "thermal", "image", made, weights_source="a test", licence="Apache-2.0")
    encoder = written.encoders[-1]
    assert manifest.read(toy) == written
    assert (encoder.modality, encoder.picture.height) == ("thermal", toys.SIDE)
    manifest.check_files(written, toy, encoder)
    rows = np.random.default_rng(2).integers(0, 256, (7, toys.SIDE, toys.SIDE, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(toy / encoder.file)
    (vectors,) = session.run([encoder.output_name], {encoder.input_name: rows})
    expected = made(torch.from_numpy(toys.reference("image", rows))).detach().numpy()
    assert np.abs(vectors - expected).max() < 1e-5


def test_the_space_and_the_other_encoders_stay_as_they_were(tmp_path: Path) -> None:
    toy = toys.artifact(tmp_path / "toy", ["image", "text"])
    before = manifest.read(toy)
    after = add_projector(toy, "thermal", "image", projector(), weights_source="a test", licence="Apache-2.0")
    assert after.space_id == before.space_id
    assert list(after.encoders)[:2] == list(before.encoders)
    assert after.encoders[2].fingerprint != before.encoders[0].fingerprint


def test_what_the_base_was_trained_with_is_not_said_of_the_projector(tmp_path: Path) -> None:
    toy = toys.artifact(tmp_path / "toy", ["image", "text"])
    told = manifest.read(toy)
    told.encoders[0].trained_with.append("text")
    told.encoders[0].trained_names.append("dog")
    manifest.write(told, toy)
    after = add_projector(toy, "thermal", "image", projector(), weights_source="a test", licence="Apache-2.0")
    assert list(after.encoders[2].trained_with) == list(after.encoders[2].trained_names) == []
    assert list(after.encoders[0].trained_names) == ["dog"]


@pytest.mark.parametrize("base", ["smell", "text"])
def test_a_base_that_cannot_be_projected_from_is_refused_with_those_that_can(tmp_path: Path, base: str) -> None:
    toy = toys.artifact(tmp_path / "toy", ["image", "text"])
    with pytest.raises(ExportError, match="image"):
        add_projector(toy, "thermal", base, projector(), weights_source="a test", licence="Apache-2.0")
