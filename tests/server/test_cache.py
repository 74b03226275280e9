import grpc
import media
import pytest

from anybind.proto.v1 import embedding_pb2 as pb
from anybind.proto.v1.embedding_pb2_grpc import EmbeddingStub
from anybind.server.cache import Cache
from anybind.server.metrics import Metrics
from anybind.server.serve import Server

PICTURE = pb.Item(modality="image", data=media.picture())


async def embed(server: Server, *items: pb.Item) -> list[pb.ItemResult]:
    async with grpc.aio.insecure_channel(server.address) as channel:
        return list((await EmbeddingStub(channel).Embed(pb.EmbedRequest(items=items))).results)


def looks(server: Server) -> tuple[float, float]:
    """Hits and misses."""
    value = server.metrics.registry.get_sample_value
    return tuple(value("anybind_cache_total", {"outcome": outcome}) or 0 for outcome in ("hit", "miss"))


async def test_the_same_content_is_computed_once(starting) -> None:
    server = await starting(cache_entries=10)
    (first,), (second,) = await embed(server, PICTURE), await embed(server, PICTURE)
    assert second.embedding == first.embedding
    assert second.timings.inference_ms == 0
    assert looks(server) == (1, 1)


async def test_there_is_no_cache_unless_asked_for(server: Server) -> None:
    for _ in range(2):
        (result,) = await embed(server, PICTURE)
        assert result.timings.inference_ms > 0
    assert looks(server) == (0, 0)


async def test_what_changes_the_embedding_is_not_the_same_content(starting) -> None:
    server = await starting(cache_entries=10)
    sound = media.npy(media.np.sin(media.np.arange(16_000)).astype("f4"))
    slow, fast = (pb.Item(modality="audio", data=sound, sample_rate_hz=rate) for rate in (8_000, 16_000))
    grey = pb.Item(modality="thermal", data=PICTURE.data)
    await embed(server, PICTURE, grey, slow, fast)
    assert looks(server) == (0, 4)


async def test_errors_are_not_kept(starting) -> None:
    server = await starting(cache_entries=10)
    for _ in range(2):
        (result,) = await embed(server, pb.Item(modality="image", data=b"nothing"))
        assert result.error.code == pb.ERROR_CODE_UNDECODABLE
    assert looks(server) == (0, 2)


@pytest.mark.parametrize("changed", [("b" * 32, "f" * 32), ("a" * 32, "e" * 32)])
def test_another_space_or_encoder_is_another_key(changed: tuple[str, str]) -> None:
    assert Cache.key("a" * 32, "f" * 32, PICTURE) != Cache.key(*changed, PICTURE)


def test_the_least_recently_used_goes_first() -> None:
    cache = Cache(2, Metrics())
    cache.put(b"1", "one")
    cache.put(b"2", "two")
    cache.get(b"1")
    cache.put(b"3", "three")
    assert [cache.get(key) for key in (b"1", b"2", b"3")] == ["one", None, "three"]
