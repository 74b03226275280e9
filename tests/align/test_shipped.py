"""nano as it ships: what the package promises of it."""

import json
from importlib.resources import files

import numpy as np
import pytest

from anybind.encoders.align import media
from anybind.proto import manifest as disk

FOLDER = files("anybind") / "server" / "models" / "nano"


def test_all_four_graphs_take_at_most_40_megabytes() -> None:
    graphs = [file for file in FOLDER.iterdir() if file.name.endswith(".onnx")]
    assert sorted(graph.name for graph in graphs) == ["audio.onnx", "depth.onnx", "image.onnx", "text.onnx"]
    assert sum(len(graph.read_bytes()) for graph in graphs) <= 40_000_000


@pytest.mark.parametrize("modality", ["image", "audio", "depth", "text"])
def test_the_manifest_cuts_media_as_training_did(modality: str) -> None:
    (encoder,) = (each for each in disk.read(FOLDER).encoders if each.modality == modality)
    assert getattr(encoder, encoder.WhichOneof("recipe")) == media.RECIPES[modality]


def test_golden_vectors_are_unit_vectors_of_one_size() -> None:
    with np.load(FOLDER / disk.GOLDEN_FILE) as golden:
        vectors = [golden[name] for name in golden.files if name.endswith(".output")]
    assert {each.shape[1] for each in vectors} == {256}
    np.testing.assert_allclose(np.linalg.norm(np.concatenate(vectors), axis=1), 1, atol=1e-5)


def test_the_card_says_licence_numbers_and_failures() -> None:
    card = (FOLDER / "MODEL_CARD.md").read_text()
    for heading in (
        "## Intended use",
        "## Data",
        "## Procedure",
        "## Numbers",
        "## What it cannot do",
        "## Associations",
    ):
        assert heading in card
    assert "was not measured" not in card


def test_a_card_without_numbers_says_so() -> None:
    from anybind.export.nano_card import card

    assert "was not measured" in card()


def test_a_card_tells_every_measured_goal() -> None:
    from anybind.export.nano_card import card

    goal = {"kind": "goal", "title": "a → b", "metric": "R@1", "reach": 0.5, "reached": False, "value": 0.4, "low": 0.3}
    measure = {"kind": "measure", "query": "a", "target": "b", "what": "pairs", "metric": "R@1", "value": 0.4}
    measure |= {"low": 0.3, "high": 0.5, "chance": 0.1, "emergent": True}
    text = card(json.loads(json.dumps([goal, measure])))
    assert "| a → b, R@1 | 0.400 | 0.300 | 0.50 | no |" in text
    assert "| a → b | pairs | R@1 | 0.400 | 0.300 .. 0.500 | 0.100 |  | emergent |" in text
