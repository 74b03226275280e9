"""Ten minutes of mixed load, one item in a hundred hostile, callers that vanish: `ANYBIND_SOAK_S` sets the seconds."""

import asyncio
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import grpc
import media
import numpy as np
import pytest

from anybind.proto.v1 import embedding_pb2 as pb
from anybind.proto.v1.embedding_pb2_grpc import EmbeddingStub

SECONDS = float(os.environ.get("ANYBIND_SOAK_S", "600"))
CALLERS, HOSTILE, VANISHING = 8, 0.01, 0.02
MAX_GROWTH_MB = 24

GOOD = [
    pb.Item(modality="image", data=media.picture("JPEG", size=(320, 240))),
    pb.Item(modality="image", data=media.picture("PNG", size=(64, 64), mode="RGBA")),
    pb.Item(modality="text", text="a dog that barks at night"),
    pb.Item(modality="audio", data=media.sound(2.0, rate_hz=44_100, channels=2)),
    pb.Item(modality="audio", data=media.sound(1.0, format="OGG", subtype="VORBIS"), with_clips=True),
    pb.Item(modality="depth", data=media.depth_png(np.full((48, 64), 1500))),
    pb.Item(modality="thermal", data=media.picture("PNG", mode="L")),
    pb.Item(modality="imu", data=media.npy(np.ones((6, 400), np.float32))),
]
BAD = {
    pb.Item(modality="image", data=media.picture()[:99]).SerializeToString(): pb.ERROR_CODE_UNDECODABLE,
    pb.Item(modality="image", data=media.huge_png(60_000, 60_000)).SerializeToString(): pb.ERROR_CODE_TOO_LARGE,
    pb.Item(modality="audio", data=media.long_wav(10_800, 1_000)).SerializeToString(): pb.ERROR_CODE_TOO_LARGE,
    pb.Item(modality="audio", data=media.npy(np.full(9_000, np.nan))).SerializeToString(): pb.ERROR_CODE_NOT_FINITE,
    pb.Item(modality="text", text=" ").SerializeToString(): pb.ERROR_CODE_EMPTY,
    pb.Item(modality="smell", text="rose").SerializeToString(): pb.ERROR_CODE_UNKNOWN_MODALITY,
}
HOSTILE_ITEMS = [(pb.Item.FromString(data), code) for data, code in BAD.items()]


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 120)
async def test_a_long_mixed_load_loses_nothing_and_grows_no_memory(toy: Path) -> None:
    command = [sys.executable, "-c", "from anybind.clients.cli import main; main()", "serve", "--model", str(toy)]
    options = ["--address", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--log", "json"]
    with subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True) as process:
        try:
            address = next(found[0] for line in process.stderr if (found := re.search(r"127\.0\.0\.1:\d+", line)))
            draining = asyncio.create_task(asyncio.to_thread(process.stderr.read))
            seen = await _soak(address, process.pid)
        finally:
            process.terminate()
        log = await draining
    assert process.returncode == 0
    assert seen["answered"] > 100 * SECONDS / 60
    assert seen["hostile"] > 0
    assert seen["vanished"] > 0
    assert seen["lost"] == 0
    assert not {name: count for name, count in seen.items() if name.startswith("unexplained")}
    assert '"level": "ERROR"' not in log
    assert seen["growth_mb"] < MAX_GROWTH_MB


async def _soak(address: str, pid: int) -> Counter[str]:
    seen: Counter[str] = Counter()
    end_s = time.monotonic() + SECONDS
    async with grpc.aio.insecure_channel(address) as channel:
        stub = EmbeddingStub(channel)
        callers = [asyncio.create_task(_caller(stub, random.Random(i), end_s, seen)) for i in range(CALLERS)]
        resident_mb = []
        while time.monotonic() < end_s:
            resident_mb.append(_resident_mb(pid))
            await asyncio.sleep(SECONDS / 200)
        await asyncio.gather(*callers)
    # Medians, because a message of ten megabytes may be under way; from the middle on, when every arena is full.
    half = len(resident_mb) // 2
    early_mb, late_mb = np.median(resident_mb[half : half + half // 3]), np.median(resident_mb[-half // 3 :])
    seen["growth_mb"] = round(late_mb - early_mb)
    return seen


async def _caller(stub: EmbeddingStub, random_: random.Random, end_s: float, seen: Counter[str]) -> None:
    while time.monotonic() < end_s:
        sent = [_item(random_) for _ in range(random_.randint(1, 6))]
        call = (_embed if random_.random() < 0.7 else _stream)(stub, [item for item, _ in sent])
        if random_.random() < VANISHING:
            task = asyncio.create_task(call)
            await asyncio.sleep(random_.random() * 0.02)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            seen["vanished"] += 1
            continue
        try:
            results = await call
        except grpc.aio.AioRpcError as error:
            seen[f"unexplained {error.code().name}: {error.details()}"] += 1
            continue
        seen["lost"] += len(sent) - len(results)
        for (_, code), result in zip(sent, results, strict=False):
            seen["hostile" if code else "answered"] += 1
            if result.error.code != (code or 0):
                seen[f"unexplained {result.error}"] += 1


def _item(random_: random.Random) -> tuple[pb.Item, int]:
    return random_.choice(HOSTILE_ITEMS) if random_.random() < HOSTILE else (random_.choice(GOOD), 0)


async def _embed(stub: EmbeddingStub, items: list[pb.Item]) -> list[pb.ItemResult]:
    return list((await stub.Embed(pb.EmbedRequest(items=items), timeout=60)).results)


async def _stream(stub: EmbeddingStub, items: list[pb.Item]) -> list[pb.ItemResult]:
    requests = [pb.EmbedStreamRequest(id=str(i), item=item) for i, item in enumerate(items)]
    answers = {response.id: response.result async for response in stub.EmbedStream(iter(requests), timeout=60)}
    return [answers[str(i)] for i in range(len(items))]


def _resident_mb(pid: int) -> float:
    return int(re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[1]) / 1024
