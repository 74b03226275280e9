"""Callers: `python benchmarks/load.py ADDRESS KIND CLIENTS SECONDS` prints a JSON line.

KIND is embed, embed32 or stream.
"""

import asyncio
import json
import sys
import time

import grpc
import numpy as np
import payload

from anybind.proto.v1 import embedding_pb2 as pb
from anybind.proto.v1 import embedding_pb2_grpc

OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
STREAM_AHEAD = 32


class Caller:
    """Counts answers, and how long each took, once the measuring has begun."""

    def __init__(self, stub: embedding_pb2_grpc.EmbeddingStub, items: list[pb.Item]) -> None:
        self.stub, self.items = stub, items
        self.times: list[float] = []
        self.done = 0
        self.running = True

    async def embed(self, first: int, size: int) -> None:
        """One call after the other, `size` pictures each."""
        number = first
        while self.running:
            items = [self.items[(number + i) % len(self.items)] for i in range(size)]
            started_s = time.perf_counter()
            response = await self.stub.Embed(pb.EmbedRequest(items=items), timeout=60)
            self.times.append(time.perf_counter() - started_s)
            assert all(result.HasField("embedding") for result in response.results), response
            self.done += size
            number += size

    async def stream(self) -> None:
        """One call, with up to `STREAM_AHEAD` pictures unanswered."""
        room = asyncio.Semaphore(STREAM_AHEAD)
        sent: dict[str, float] = {}

        async def requests():
            number = 0
            while self.running:
                await room.acquire()
                sent[str(number)] = time.perf_counter()
                yield pb.EmbedStreamRequest(id=str(number), item=self.items[number % len(self.items)])
                number += 1

        async for response in self.stub.EmbedStream(requests()):
            assert response.result.HasField("embedding"), response
            self.times.append(time.perf_counter() - sent.pop(response.id))
            self.done += 1
            room.release()


async def measure(address: str, kind: str, clients: int, seconds: float) -> dict:
    async with grpc.aio.insecure_channel(address, options=OPTIONS) as channel:
        items = [pb.Item(modality="image", data=data) for data in payload.photographs()]
        caller = Caller(embedding_pb2_grpc.EmbeddingStub(channel), items)
        work = {
            "embed": lambda i: caller.embed(i, 1),
            "embed32": lambda i: caller.embed(i, 32),
            "stream": lambda i: caller.stream(),
        }[kind]
        tasks = [asyncio.create_task(work(i)) for i in range(clients)]
        await asyncio.sleep(min(2.0, seconds / 4))  # warm up
        caller.times.clear()
        before, began_s = caller.done, time.perf_counter()
        await asyncio.sleep(seconds)
        rate, times = (caller.done - before) / (time.perf_counter() - began_s), list(caller.times)
        caller.running = False
        await asyncio.gather(*tasks)
    quantiles = np.quantile(times, [0.5, 0.9, 0.99]) * 1e3 if times else [float("nan")] * 3
    return {
        "items_per_s": rate,
        "total": caller.done,
        **dict(zip(("p50_ms", "p90_ms", "p99_ms"), map(float, quantiles), strict=True)),
    }


def main() -> None:
    address, kind, clients, seconds = sys.argv[1:]
    print(json.dumps(asyncio.run(measure(address, kind, int(clients), float(seconds)))))


if __name__ == "__main__":
    main()
