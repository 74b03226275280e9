"""`anybind eval`, as people and programs call it."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import toys
from evaluation import folders
from typer.testing import CliRunner, Result

from anybind.clients.cli import app
from anybind.proto import manifest

MODALITIES = ["image", "text", "audio", "depth"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["eval", *map(str, arguments)])


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """The lines of one evaluation of a toy, its audio trained with the word "red" as well."""
    folder = tmp_path_factory.mktemp("eval")
    toy, data = toys.artifact(folder / "toy", MODALITIES), folders.make(folder / "data")
    written = manifest.read(toy)
    audio = next(encoder for encoder in written.encoders if encoder.modality == "audio")
    audio.trained_with.extend(["image", "text"])
    audio.trained_names.append("red")
    manifest.write(written, toy)
    result = run("--model", toy, "--data", data, "--json")
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def of_kind(told: list[dict], kind: str) -> list[dict]:
    return [line for line in told if line["kind"] == kind]


def test_every_measure_has_interval_chance_and_shuffled_weights_beside_it(told: list[dict]) -> None:
    measured = of_kind(told, "measure")
    assert len(measured) > 30
    for line in measured:
        assert line["low"] - 1e-9 <= line["value"] <= line["high"] + 1e-9
        assert 0 <= line["chance"] <= 1
        assert 0 <= line["shuffled"] <= 1
    assert any(line["shuffled"] != line["value"] for line in measured)


def test_pairs_never_trained_are_called_emergent(told: list[dict]) -> None:
    emergent = {(line["query"], line["target"]) for line in of_kind(told, "measure") if line["emergent"]}
    assert emergent == {("depth", "text"), ("text", "depth"), ("audio", "text")}
    lies = {(line["query"], line["target"]): line["emergent"] for line in of_kind(told, "geometry")}
    assert lies["audio", "depth"]
    assert not lies["audio", "text"]
    assert not lies["image", "depth"]


def test_names_never_trained_are_measured_apart_among_all_names(told: list[dict]) -> None:
    named = {
        line["what"]: line for line in of_kind(told, "measure") if (line["query"], line["target"]) == ("audio", "text")
    }
    all_names, apart = named["sound labels"], named["sound labels, never told in words"]
    assert apart["queries"] == all_names["queries"] * 2 // 3
    assert apart["gallery"] == all_names["gallery"] == 3
    assert apart["emergent"]
    assert not all_names["emergent"]


def test_gap_and_hubs_are_told_for_every_two_modalities(told: list[dict]) -> None:
    lies = of_kind(told, "geometry")
    assert len(lies) == 4 * 3
    assert all(0 <= line["gap"] <= 2 and "hubness" in line and "shuffled_gap" in line for line in lies)


def test_people_get_tables(tmp_path: Path) -> None:
    toy, data = toys.artifact(tmp_path / "toy", MODALITIES), folders.make(tmp_path / "data")
    result = run("--model", toy, "--data", data, "--no-shuffled", "--limit", 4)
    assert result.exit_code == 0, result.stderr
    for words in ("what was embedded", "image → depth", "P@10", "reach", "emergent"):
        assert words in result.stdout
    assert all(len(line) <= 80 for line in result.stdout.splitlines())


def test_a_model_of_two_modalities_is_measured_on_those(tmp_path: Path) -> None:
    toy, data = toys.artifact(tmp_path / "toy", ["image", "text"]), folders.make(tmp_path / "data")
    result = run("--model", toy, "--data", data, "--json", "--no-shuffled")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert {line["target"] for line in lines if line["kind"] == "measure"} == {"image", "text"}


def test_a_bad_file_is_left_out_by_name_and_told_by_the_exit_code(tmp_path: Path) -> None:
    toy, data = toys.artifact(tmp_path / "toy", MODALITIES), folders.make(tmp_path / "data")
    (data / "audio/red0.wav").write_bytes(b"no sound")
    result = run("--model", toy, "--data", data, "--json")
    assert result.exit_code == 1
    (failure,) = [line for line in map(json.loads, result.stdout.splitlines()) if line["kind"] == "failure"]
    assert failure["title"] == "red0.wav"
    assert "red0.wav" in result.stderr


def test_a_file_that_is_not_there_stops_with_its_name(tmp_path: Path) -> None:
    toy, data = toys.artifact(tmp_path / "toy", ["image"]), folders.make(tmp_path / "data")
    (data / "images/green3.png").unlink()
    result = run("--model", toy, "--data", data, "--no-shuffled")
    assert result.exit_code == 1
    assert "green3.png is in its table" in result.stderr


def test_measuring_needs_no_torch(tmp_path: Path) -> None:
    toy, data = toys.artifact(tmp_path / "toy", ["image"]), folders.make(tmp_path / "data")
    program = (
        "import sys; from anybind.clients.cli import app\n"
        f"app(['eval', '--model', {str(toy)!r}, '--data', {str(data)!r}], standalone_mode=False)\n"
        "assert 'onnx' in sys.modules and 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_model_that_can_embed_nothing_of_it_says_so(tmp_path: Path) -> None:
    toy, data = toys.artifact(tmp_path / "toy", ["imu"]), folders.make(tmp_path / "data")
    result = run("--model", toy, "--data", data)
    assert result.exit_code == 1
    assert "embeds nothing" in result.stderr


def test_files_may_lie_in_a_zip(tmp_path: Path) -> None:
    toy, data = toys.artifact(tmp_path / "toy", ["image"]), folders.make(tmp_path / "data")
    with zipfile.ZipFile(data / "images.zip", "w") as zipped:
        for path in (data / "images").iterdir():
            zipped.write(path, path.name)
            path.unlink()
    result = run("--model", toy, "--data", data, "--no-shuffled", "--json")
    assert result.exit_code == 0, result.stderr


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        (["--data", "nowhere"], "none of images.csv", 1),
        (["--data", "nowhere", "--split", "best"], "held-out, val, all", 2),
    ],
)
def test_what_cannot_be_measured_is_a_sentence(tmp_path: Path, arguments: list[str], said: str, code: int) -> None:
    toy = toys.artifact(tmp_path / "toy", ["image"])
    result = run("--model", toy, *arguments)
    assert result.exit_code == code
    assert said in result.stderr
