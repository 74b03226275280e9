"""`anybind align --modality`, as people call it."""

import json
from pathlib import Path

import pytest
import toys
from align_own import worlds
from typer.testing import CliRunner, Result

from anybind.clients.cli import app


def run(command: str, *arguments: object) -> Result:
    return CliRunner().invoke(app, [command, *map(str, arguments)])


def test_pairs_become_a_model_that_embeds_the_new_modality(tmp_path: Path) -> None:
    anchor, table, out = toys.artifact(tmp_path / "anchor", ["image"]), worlds.thermal(tmp_path, 20), tmp_path / "out"
    options = ["--anchor", anchor, "--out", out, "--runs", tmp_path / "runs", "--epochs", 1, "--size", 16]
    result = run("align", "--modality", "thermal", "--pairs", table, *options, "--json")
    assert result.exit_code == 0, result.stderr
    first, *ways = map(json.loads, result.stdout.splitlines())
    assert first == {"modality": "thermal", "out": str(out), "pairs": 16, "apart": 4}
    assert [line["way"] for line in ways] == ["thermal → image", "image → thermal"]
    assert ways[0]["chance R@1"] == pytest.approx(1 / 4)
    embedded = run("embed", "--model", out, "--item", f"thermal={tmp_path / 'felt/0.png'}", "--json")
    assert len(json.loads(embedded.stdout)["embedding"]) == toys.EMBEDDING_SIZE


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        ([], "--recipe nano", 2),
        (["--recipe", "nano", "--modality", "imu"], "Say one of", 2),
        (["--modality", "imu"], "--pairs", 2),
        (["--recipe", "huge"], "there is nano", 2),
        (["--recipe", "nano"], "--data DIR", 2),
        (["--recipe", "nano", "--data", "nowhere"], "images.csv", 1),
        (["--modality", "imu", "--pairs", "no.csv", "--out", "o", "--anchor", "nowhere"], "no artifact", 1),
        (["--modality", "lidar", "--pairs", "no.csv", "--out", "o"], "--kind grey", 1),
    ],
)
def test_what_cannot_be_done_is_a_sentence(arguments: list[str], said: str, code: int) -> None:
    result = run("align", *arguments)
    assert result.exit_code == code, result.stderr
    assert said in result.stderr
    assert "Traceback" not in result.stderr
