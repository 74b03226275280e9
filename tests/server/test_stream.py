"""EmbedStream through its front door."""

from collections.abc import AsyncIterator, Sequence

import grpc
import media
import numpy as np
import pytest

from anybind.proto.v1 import embedding_pb2 as pb
from anybind.proto.v1.embedding_pb2_grpc import EmbeddingStub
from anybind.server.limits import Limits

PICTURE = media.picture(size=(60, 50))


async def answers(stub: EmbeddingStub, requests: Sequence[pb.EmbedStreamRequest]) -> dict[str, pb.ItemResult]:
    async def sending() -> AsyncIterator[pb.EmbedStreamRequest]:
        for request in requests:
            yield request

    received = [(response.id, response.result) async for response in stub.EmbedStream(sending())]
    assert len(dict(received)) == len(received), "an id was answered twice"
    return dict(received)


def whole(id_: str, modality: str = "text", **content: object) -> pb.EmbedStreamRequest:
    return pb.EmbedStreamRequest(id=id_, item=pb.Item(modality=modality, **(content or {"text": id_})))


def parts(id_: str, data: bytes, size: int) -> list[pb.EmbedStreamRequest]:
    first = pb.EmbedStreamRequest(id=id_, item=pb.Item(modality="image", data=data[:size]))
    rest = [pb.EmbedStreamRequest(id=id_, more_data=data[i : i + size]) for i in range(size, len(data), size)]
    for request in [first, *rest][:-1]:
        request.to_be_continued = True
    return [first, *rest]


async def test_every_item_is_answered_once_by_its_id(stub: EmbeddingStub) -> None:
    ids = [f"item {i}" for i in range(200)]
    received = await answers(stub, [whole(id_) for id_ in ids])
    assert sorted(received) == sorted(ids)
    assert all(result.WhichOneof("outcome") == "embedding" for result in received.values())
    assert all(len(result.embedding.space_id) == 32 for result in received.values())


async def test_an_item_sent_in_parts_equals_the_item_sent_whole(stub: EmbeddingStub) -> None:
    received = await answers(stub, [*parts("parts", PICTURE, 100), whole("whole", "image", data=PICTURE)])
    assert received["parts"].embedding.data == received["whole"].embedding.data


async def test_parts_of_several_items_may_be_mixed(stub: EmbeddingStub) -> None:
    other = media.picture(size=(60, 50), seed=1)
    a, b = parts("a", PICTURE, 500), parts("b", other, 500)
    mixed = [part for pair in zip(a, b, strict=False) for part in pair] + a[len(b) :] + b[len(a) :]
    received = await answers(stub, mixed)
    alone = await answers(stub, [whole("a", "image", data=PICTURE), whole("b", "image", data=other)])
    assert {id_: result.embedding.data for id_, result in received.items()} == {
        id_: result.embedding.data for id_, result in alone.items()
    }


async def test_a_bad_item_fails_alone(stub: EmbeddingStub) -> None:
    received = await answers(stub, [whole("bad", "image", data=b"nothing"), whole("good")])
    assert received["bad"].error.code == pb.ERROR_CODE_UNDECODABLE
    assert received["good"].embedding.data


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (whole(""), "The id has 0 bytes"),
        (whole("x" * 129), "The id has 129 bytes"),
        (pb.EmbedStreamRequest(id="late", more_data=b"x"), "came before its item"),
    ],
)
async def test_a_part_that_makes_no_sense_fails_alone(
    stub: EmbeddingStub, request_: pb.EmbedStreamRequest, words: str
) -> None:
    received = await answers(stub, [request_, whole("good")])
    assert words in received[request_.id].error.message
    assert received["good"].embedding.data


async def test_an_item_without_its_last_part_is_told_so(stub: EmbeddingStub) -> None:
    received = await answers(stub, [*parts("half", PICTURE, 100)[:-1], whole("good")])
    assert "before the item's last part" in received["half"].error.message
    assert received["good"].embedding.data


async def test_an_upload_over_the_limit_fails_once_and_its_other_parts_are_thrown_away(starting) -> None:
    server = await starting(limits=Limits(item_bytes=1_000))
    async with grpc.aio.insecure_channel(server.address) as channel:
        received = await answers(EmbeddingStub(channel), [*parts("large", PICTURE, 100), whole("good")])
    assert received["large"].error.code == pb.ERROR_CODE_TOO_LARGE
    assert "the limit is 1,000" in received["large"].error.message
    assert received["good"].embedding.data
    assert server.permits.held_bytes == 0


async def test_a_caller_who_vanishes_leaves_nothing_behind(starting) -> None:
    server = await starting()
    async with grpc.aio.insecure_channel(server.address) as channel:
        call = EmbeddingStub(channel).EmbedStream()
        await call.write(parts("never ended", PICTURE, 100)[0])
        await call.write(whole("answered"))
        assert (await call.read()).id == "answered"
        assert server.permits.held_bytes == 100
        call.cancel()
    await server.stop()
    assert server.permits.held_bytes == 0


async def test_vectors_are_little_endian_float32_of_norm_one(stub: EmbeddingStub) -> None:
    (result,) = (await answers(stub, [whole("dog")])).values()
    assert np.linalg.norm(np.frombuffer(result.embedding.data, "<f4")) == pytest.approx(1, abs=1e-6)
