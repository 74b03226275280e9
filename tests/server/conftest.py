"""Real servers with toy artifacts."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest
import toys

from anybind.proto.v1 import embedding_pb2_grpc
from anybind.server.serve import Server, Settings, start

Starting = Callable[..., Awaitable[Server]]


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact of all six modalities."""
    return toys.artifact(tmp_path_factory.mktemp("toy") / "toy")


@pytest.fixture
async def starting(toy: Path) -> AsyncIterator[Starting]:
    """Starts servers with some settings; they stop with the test."""
    async with AsyncExitStack() as stopping:

        async def starting(**settings: object) -> Server:
            server = await start(Settings(**{"model": str(toy), "address": "127.0.0.1:0", "isolate": False} | settings))
            stopping.push_async_callback(server.stop, 1.0)
            return server

        yield starting


@pytest.fixture
async def server(starting: Starting) -> Server:
    return await starting()


@pytest.fixture
async def channel(server: Server) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(server.address) as channel:
        yield channel


@pytest.fixture
def stub(channel: grpc.aio.Channel) -> embedding_pb2_grpc.EmbeddingStub:
    return embedding_pb2_grpc.EmbeddingStub(channel)
