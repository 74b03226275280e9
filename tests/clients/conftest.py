"""A real server with a toy model and a real index, for as long as the tests of the clients last."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import toys

import anybind
from anybind.clients.embedded import embedded_server


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact of all six modalities."""
    return toys.artifact(tmp_path_factory.mktemp("toy") / "toy")


@pytest.fixture(scope="session")
def address(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a server with an index answers."""
    with embedded_server(str(toy), str(tmp_path_factory.mktemp("index"))) as address:
        yield address


@pytest.fixture
def client(address: str) -> Iterator[anybind.Client]:
    """A client of a server whose index is empty."""
    with anybind.Client(address) as client:
        client.delete(filter={})
        yield client
