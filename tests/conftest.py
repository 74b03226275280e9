"""What every test may ask for."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference vectors, data and real media that lies beside a full checkout."""
    if not (SHARED / "README.md").is_file():
        pytest.skip("../shared is not beside this checkout: its reference vectors and real media are needed here")
    return SHARED
