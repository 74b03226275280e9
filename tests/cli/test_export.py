"""`anybind export`."""

import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="exporting needs the train extra")


@pytest.fixture(scope="module")
def weights(shared):
    return shared / "reference" / "imagebind"


@pytest.mark.slow
def test_what_is_exported_is_a_model(anybind, weights, tmp_path):
    out = tmp_path / "tiny"
    ran = anybind(
        *("export", "--weights", weights / "tiny_imagebind.pth", "--config", weights / "tiny_imagebind.json"),
        *("--vocab", weights / "bpe_simple_vocab_16e6.txt.gz", "--modality", "text", "--out", out),
    )
    assert ran.code == 0, ran.err
    assert [encoder["modality"] for encoder in json.loads((out / "manifest.json").read_text())["encoders"]] == ["text"]
    ran = anybind("embed", "--model", out, "--text", "A dog.", "--json")
    expected = np.load(weights / "tiny_imagebind_io.npz")["out_text"][0]
    assert expected @ ran.lines[0]["embedding"] / np.linalg.norm(expected) > 0.9999


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ({"--weights": "absent.pth"}, 1, "absent.pth"),
        ({"--modality": "text"}, 1, "vocab"),
        ({"--modality": "smell"}, 1, "smell"),
        ({}, 2, "--modality"),
        ({"--modality": "thermal"}, 1, "smell"),  # further modalities may follow the first
    ],
)
def test_what_cannot_be_exported_is_said_in_a_sentence(anybind, weights, tmp_path, options, code, said):
    given = {
        "--weights": weights / "tiny_imagebind.pth",
        "--config": weights / "tiny_imagebind.json",
        "--out": tmp_path / "out",
    }
    arguments = [word for pair in (given | options).items() for word in pair]
    ran = anybind("export", *arguments, *(["smell"] if options in ({}, {"--modality": "thermal"}) else []))
    assert ran.code == code
    assert said in ran.err
    assert not (tmp_path / "out").exists()
