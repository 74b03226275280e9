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


def test_a_card_tells_worst_classes_sources_and_associations() -> None:
    from anybind.export.nano_card import card

    part = {"kind": "part", "query": "image", "what": "concepts", "taken_for": "dog", "times": 3, "queries": 8}
    names = ("pig", "lion", "cat", "dog", "bird", "frog")
    classes = [part | {"by": "class", "part": name, "value": i / 10} for i, name in enumerate(names)]
    rare = part | {"by": "class", "part": "banjo", "value": 0.0, "queries": 1}
    source = part | {"by": "source", "part": "phone", "value": 0.9}
    told = card([*classes, rare, source, {"kind": "association", "word": "nurse", "nearest": [["iPod", 0.25]]}])
    assert "| image, concepts | pig | 0.000 | 8 | dog (3) |" in told
    assert "| image, concepts | phone | 0.900 | 8 | dog (3) |" in told
    assert "| bird |" in told
    assert "| frog |" not in told
    assert "banjo" not in told
    assert "| nurse | iPod 0.25 |" in told
