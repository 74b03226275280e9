"""Every index test runs on both engines: a folder, and a Qdrant server (its client's own memory, or `QDRANT_URL`)."""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from qdrant_client import QdrantClient

from anybind.server.index import Index, StoredPoint, open_index
from anybind.server.index.remote import RemoteIndex

SPACE = "5" * 32
SIZE = 8

Open = Callable[..., Index]


@pytest.fixture(params=["edge", "remote"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the same index again and again; the engine varies."""
    if request.param == "edge":
        yield lambda size=SIZE, space=SPACE: open_index(str(tmp_path / "index"), size, space)
        return
    url, collection = os.environ.get("QDRANT_URL"), f"anybind-test-{uuid.uuid4()}"
    if url:
        yield lambda size=SIZE, space=SPACE: open_index(url, size, space, collection=collection)
        QdrantClient(url=url).delete_collection(collection)
        return
    memory = QdrantClient(":memory:")
    memory_close, memory.close = memory.close, lambda: None  # what it holds must outlive one index
    yield lambda size=SIZE, space=SPACE: RemoteIndex(memory, collection, size, space)
    memory_close()


@pytest.fixture
def index(reopen: Open) -> Iterator[Index]:
    opened = reopen()
    yield opened
    opened.close()


@pytest.fixture
def point() -> Callable[..., StoredPoint]:
    """Makes point `number`: a fixed id and a fixed random direction."""

    def make(number: int, *, modality: str = "image", space_id: str = SPACE, **fields: object) -> StoredPoint:
        vector = np.random.default_rng(number).standard_normal(SIZE).astype(np.float32)
        return StoredPoint(
            id=str(uuid.UUID(int=number)),
            modality=modality,
            space_id=space_id,
            vector=vector / np.linalg.norm(vector),
            **fields,
        )

    return make
