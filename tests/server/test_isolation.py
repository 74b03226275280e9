"""Decoding in processes of their own."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import grpc
import media
import numpy as np
import pytest
from PIL import Image

from anybind.proto.v1 import embedding_pb2 as pb
from anybind.proto.v1 import manifest_pb2
from anybind.proto.v1.embedding_pb2_grpc import EmbeddingStub
from anybind.server.decode import decode
from anybind.server.decoders import Decoders
from anybind.server.errors import BadShape, DeadlineExceeded, TooLarge, Undecodable
from anybind.server.isolation import Bounds, DecoderProcess
from anybind.server.limits import Limits
from anybind.server.metrics import Metrics

IMAGE = manifest_pb2.Encoder(
    modality="image",
    picture=manifest_pb2.PictureRecipe(height=16, width=16, resample=manifest_pb2.RESAMPLE_BICUBIC),
)
AUDIO = manifest_pb2.Encoder(
    modality="audio",
    waveform=manifest_pb2.WaveformRecipe(
        sample_rate_hz=16_000,
        clip_s=0.5,
        clips=3,
        plan=manifest_pb2.CLIP_PLAN_EVEN,
        channel=manifest_pb2.CHANNEL_FIRST,
        short_clip=manifest_pb2.SHORT_CLIP_KEEP,
    ),
)
GOOD = pb.Item(modality="image", data=media.picture())


class Watched(DecoderProcess):
    """A decoder process that tells why it was lost."""

    def __init__(self, bounds: Bounds = Bounds()) -> None:  # noqa: B008 - frozen
        self.losses: list[str] = []
        super().__init__(Limits(), bounds, self.losses.append)

    @property
    def pid(self) -> int:
        return self._process.pid


@pytest.fixture(scope="module")
def process() -> Iterator[Watched]:
    process = Watched()
    yield process
    asyncio.run(process.close())


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="counts page faults in /proc")
async def test_memory_is_kept_for_the_next_picture(process: Watched) -> None:
    def faults() -> int:
        return int(Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[7])

    photograph = pb.Item(modality="image", data=media.picture("JPEG", size=(848, 640)))
    for _ in range(3):
        await process.decode(IMAGE, photograph)
    before = faults()
    for _ in range(4):
        await process.decode(IMAGE, photograph)
    assert faults() - before < 4 * 100  # 1,600 kB of pixels are 400 pages


@pytest.mark.parametrize(
    ("encoder", "item"), [(IMAGE, GOOD), (AUDIO, pb.Item(modality="audio", data=media.sound(2.0, rate_hz=8_000)))]
)
async def test_rows_are_the_same_as_in_the_server_s_own_process(
    process: Watched, encoder: manifest_pb2.Encoder, item: pb.Item
) -> None:
    here, there = decode(encoder, item, Limits()), await process.decode(encoder, item)
    np.testing.assert_array_equal(there.array, here.array)
    assert there.array.dtype == here.array.dtype
    assert there.spans == here.spans


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (GOOD.data[:50], Undecodable),
        (media.huge_png(60_000, 60_000), TooLarge),
        (media.npy(np.zeros((2, 2))), BadShape),
    ],
)
async def test_what_is_wrong_with_an_item_comes_back_as_it_is(process: Watched, data: bytes, error: type) -> None:
    item = pb.Item(modality="image", data=data)
    with pytest.raises(error) as here:
        decode(IMAGE, item, Limits())
    with pytest.raises(error) as there:
        await process.decode(IMAGE, item)
    assert str(there.value) == str(here.value)
    assert process.losses == []


async def test_a_decoder_that_takes_too_long_is_ended_and_replaced() -> None:
    process = Watched(Bounds(seconds=0.05))
    slow = media.encoded(Image.new("RGB", (6_000, 6_000)))
    with pytest.raises(TooLarge, match=r"took over 0.05 s to decode"):
        await process.decode(IMAGE, pb.Item(modality="image", data=slow))
    assert process.losses == ["time"]
    await process.close()


async def test_a_decoder_cannot_take_more_memory_than_it_may() -> None:
    process = Watched(Bounds(memory_bytes=64 << 20))
    large = media.encoded(Image.new("RGB", (8_000, 8_000)), "PNG")  # 192 MB of pixels in a small file
    with pytest.raises(TooLarge, match="needs more memory"):
        await process.decode(IMAGE, pb.Item(modality="image", data=large))
    assert (await process.decode(IMAGE, GOOD)).array.shape == (1, 16, 16, 3)
    assert process.losses == []
    await process.close()


async def test_a_decoder_that_crashes_fails_its_item_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Watched()
    await process.decode(IMAGE, GOOD)
    os.kill(process.pid, signal.SIGSTOP)  # so that it cannot answer before it dies

    read = process._read

    async def die_before_the_reply(count: int) -> bytearray:
        os.kill(process.pid, signal.SIGKILL)
        return await read(count)

    with monkeypatch.context() as patch:
        patch.setattr(process, "_read", die_before_the_reply)
        with pytest.raises(Undecodable, match="broke its decoder"):
            await process.decode(IMAGE, GOOD)
    assert (await process.decode(IMAGE, GOOD)).array.shape == (1, 16, 16, 3)
    assert process.losses == ["crash"]
    await process.close()


async def test_an_item_is_not_blamed_for_a_decoder_that_died_before_it_came() -> None:
    process = Watched()
    await process.decode(IMAGE, GOOD)
    os.kill(process.pid, signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert (await process.decode(IMAGE, GOOD)).array.shape == (1, 16, 16, 3)
    assert process.losses == ["crash"]
    await process.close()


async def test_a_decoder_can_neither_write_files_nor_keep_more_than_a_few_open(process: Watched) -> None:
    await process.decode(IMAGE, GOOD)
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    bound = {line[:25].strip(): line[26:].split()[0] for line in limits.splitlines()[1:]}
    assert bound["Max file size"] == "0"
    assert int(bound["Max open files"]) <= 8
    assert int(bound["Max address space"]) < 4 << 30


async def test_a_decoder_ends_with_its_server() -> None:
    process = Watched()
    await process.decode(IMAGE, GOOD)
    await process.close()
    assert process._process.returncode == 0


async def test_a_caller_who_leaves_does_not_leave_its_rows_to_the_next() -> None:
    metrics = Metrics()
    decoders = Decoders(1, Limits(), metrics, bounds=Bounds())
    slow = pb.Item(modality="image", data=media.encoded(Image.new("RGB", (3_000, 3_000), "red")))
    gone = asyncio.create_task(decoders.decode(IMAGE, slow))
    waiting = asyncio.create_task(decoders.decode(IMAGE, GOOD))
    await asyncio.sleep(0)  # both have begun: one is decoded, one waits for the process
    late = asyncio.create_task(decoders.decode(IMAGE, GOOD, deadline=0.0))
    await asyncio.sleep(0)
    gone.cancel()
    waiting.cancel()
    for left in (gone, waiting):
        with pytest.raises(asyncio.CancelledError):
            await left
    with pytest.raises(DeadlineExceeded):
        await late
    rows = await decoders.decode(IMAGE, GOOD)
    np.testing.assert_array_equal(rows.array, decode(IMAGE, GOOD, Limits()).array)
    for why in ("cancelled", "deadline"):
        labels = {"modality": "image", "reason": why}
        assert metrics.registry.get_sample_value("anybind_dropped_total", labels) == 1
    await decoders.close()


async def test_a_server_decodes_in_processes_unless_told_otherwise(starting) -> None:
    server = await starting(isolate=True, decoders=1, decoder_seconds=0.05)
    slow = media.encoded(Image.new("RGB", (6_000, 6_000)))
    items = [pb.Item(modality="image", data=slow), pb.Item(modality="text", text="a dog")]
    async with grpc.aio.insecure_channel(server.address) as channel:
        response = await EmbeddingStub(channel).Embed(pb.EmbedRequest(items=items))
    assert response.results[0].error.code == pb.ERROR_CODE_TOO_LARGE
    assert response.results[1].embedding.data
    assert server.metrics.registry.get_sample_value("anybind_decoder_deaths_total", {"reason": "time"}) == 1
