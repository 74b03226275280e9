"""The worked examples in `docs/your-own-modality.md`, run as they stand but smaller."""

import re
from pathlib import Path

import pytest
import toys
from typer.testing import CliRunner

from anybind.clients.cli import app
from anybind.encoders.align import own_pairs

PAGE = Path(__file__).resolve().parents[2] / "docs/your-own-modality.md"


@pytest.mark.parametrize("modality", ["thermal", "imu"])
def test_the_example_makes_pairs_that_a_model_is_bound_by(
    modality: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    script = re.search(rf"```python\n(# {modality}_pairs\.py\n.*?)```", PAGE.read_text(), re.DOTALL)[1]
    exec(compile(script.replace("= 600,", "= 24,", 1), f"{modality}_pairs.py", "exec"), {})
    assert len(own_pairs.read_pairs(Path(modality) / "pairs.csv")) == 24
    given = rf"^anybind (align --modality {modality} --pairs {modality}/.*)$"
    (command,) = re.findall(given, PAGE.read_text(), re.MULTILINE)
    toys.artifact(tmp_path / "toy", ["image"])
    words = [str(tmp_path / "toy") if word == "nano" else word for word in command.split()]
    result = CliRunner().invoke(app, [*words, "--epochs", "1"])
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / f"models/bound/{modality}.onnx").is_file()
