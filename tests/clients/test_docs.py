"""The Python in docs/sdk.md runs as it stands, against a real server with a real index."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sdk.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_runs(example, address):
    assert '"localhost:7860"' in example
    exec(compile(example.replace("localhost:7860", address), PAGE.name, "exec"), {})
