"""The Python in the README and the first steps runs as it stands, against a real server with a real index."""

import re
from pathlib import Path

import media
import numpy as np
import pytest
import toys

from anybind.clients.embedded import embedded_server

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("examples")
    model = toys.artifact(folder / "toy", ("image", "text", "audio", "depth"))
    with embedded_server(str(model), str(folder / "points")) as address:
        yield address


@pytest.mark.parametrize("page", ["README.md", "docs/getting-started.md"])
def test_the_python_of_the_first_pages_runs(
    page: str, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "dog.jpg").write_bytes(media.picture("JPEG"))
    (tmp_path / "bark.wav").write_bytes(media.sound())
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    assert examples
    for example in examples:
        assert '"localhost:7860"' in example
        exec(compile(example.replace("localhost:7860", address), page, "exec"), {})
    numbers = [float(number) for number in re.findall(r"-?\d\.\d+", capsys.readouterr().out)]
    assert numbers
    assert np.isfinite(numbers).all()
