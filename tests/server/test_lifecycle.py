"""Draining, reloading, loading on demand: nothing accepted is lost."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import media
import numpy as np
import pytest
import toys
from grpc_health.v1 import health_pb2, health_pb2_grpc

from anybind.proto.v1 import embedding_pb2 as pb
from anybind.proto.v1.embedding_pb2_grpc import EmbeddingStub
from anybind.server.serve import Server, StartError
from anybind.server.session import Session

TEXT = pb.Item(modality="text", text="a dog")
PICTURE = pb.Item(modality="image", data=media.picture())


class Gate:
    """Between the batchers and the sessions of servers started under it: can hold inference, or fail it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._loop = asyncio.get_running_loop()
        self._entered, self._open = asyncio.Event(), asyncio.Event()
        self._seen: set[Session] = set()
        self._held: set[Session] = set()
        self.failing = False
        run = Session.run

        def guarded(session: Session, rows: np.ndarray) -> np.ndarray:
            self._seen.add(session)
            if session in self._held and not self._open.is_set():
                self._loop.call_soon_threadsafe(self._entered.set)
                asyncio.run_coroutine_threadsafe(self._open.wait(), self._loop).result(30)
            if self.failing:
                raise RuntimeError("the graph is out of order")
            return run(session, rows)

        monkeypatch.setattr(Session, "run", guarded)

    def hold(self) -> None:
        """From now on the sessions that have run before wait in their next run."""
        self._held = set(self._seen)

    async def entered(self) -> None:
        await asyncio.wait_for(self._entered.wait(), 10)

    def open(self) -> None:
        self._open.set()


@pytest.fixture
async def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    return Gate(monkeypatch)


async def until(condition: Callable[[], bool]) -> None:
    """Returns once the condition holds; what it waits for is events of this very loop."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


async def embed(address: str, *items: pb.Item) -> pb.EmbedResponse:
    async with grpc.aio.insecure_channel(address) as channel:
        return await EmbeddingStub(channel).Embed(pb.EmbedRequest(items=items), timeout=30)


def dropped(server: Server, modality: str, reason: str) -> float:
    labels = {"modality": modality, "reason": reason}
    return server.metrics.registry.get_sample_value("anybind_dropped_total", labels) or 0


def loaded(server: Server) -> set[str]:
    return {name for name, served in server.engine.model.encoders.items() if served.loaded}


async def test_a_call_accepted_before_the_stop_is_answered(gate: Gate, server: Server) -> None:
    gate.hold()
    accepted = asyncio.create_task(embed(server.address, TEXT, PICTURE))
    await gate.entered()
    stopping = asyncio.create_task(server.stop(20))
    await until(lambda: server.metrics.registry.get_sample_value("anybind_ready") == 0)
    await asyncio.sleep(0)
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await embed(server.address, TEXT)
    assert refusal.value.code() == grpc.StatusCode.UNAVAILABLE
    gate.open()
    assert all(result.embedding.data for result in (await accepted).results)
    await stopping


async def test_health_says_not_serving_before_calls_are_refused(starting) -> None:
    server = await starting(notice_s=1)
    async with grpc.aio.insecure_channel(server.address) as channel:
        watching = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watching.read()).status == health_pb2.HealthCheckResponse.SERVING
        stopping = asyncio.create_task(server.stop(0))
        assert (await watching.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert (await embed(server.address, TEXT)).results[0].embedding.data
        watching.cancel()
    await stopping


async def test_a_stream_is_answered_for_what_it_sent_and_told_that_the_server_stops(gate: Gate, server: Server) -> None:
    gate.hold()
    async with grpc.aio.insecure_channel(server.address) as channel:
        call = EmbeddingStub(channel).EmbedStream()
        await call.write(pb.EmbedStreamRequest(id="accepted", item=TEXT))
        await gate.entered()
        stopping = asyncio.create_task(server.stop(20))
        await asyncio.sleep(0)
        gate.open()
        answer = await call.read()
        assert answer.id == "accepted"
        assert answer.result.embedding.data
        with pytest.raises(grpc.aio.AioRpcError, match="The server is stopping") as ending:
            await call.read()
        assert ending.value.code() == grpc.StatusCode.UNAVAILABLE
    await stopping


async def test_draining_has_an_end(gate: Gate, server: Server) -> None:
    gate.hold()
    stuck = asyncio.create_task(embed(server.address, TEXT))
    await gate.entered()
    stopping = asyncio.create_task(server.stop(0.05))
    with pytest.raises(grpc.aio.AioRpcError):
        await stuck
    gate.open()  # the device itself cannot be interrupted
    await stopping


async def test_a_deadline_that_passed_drops_the_item_before_inference(gate: Gate, server: Server) -> None:
    gate.hold()
    first = asyncio.create_task(embed(server.address, TEXT))
    await gate.entered()
    async with grpc.aio.insecure_channel(server.address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as late:
            await EmbeddingStub(channel).Embed(pb.EmbedRequest(items=[TEXT]), timeout=0.2)
    assert late.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    await until(lambda: dropped(server, "text", "cancelled") + dropped(server, "text", "deadline") == 1)
    gate.open()
    await first


async def test_a_caller_who_left_is_dropped_before_decoding(starting, monkeypatch: pytest.MonkeyPatch) -> None:
    from anybind.server import decoders

    server = await starting(decoders=1)
    loop, entered, leave = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    decoded, decode = [], decoders.decode

    def held(encoder, item, *rest):
        decoded.append(item.text)
        loop.call_soon_threadsafe(entered.set)
        asyncio.run_coroutine_threadsafe(leave.wait(), loop).result(30)
        return decode(encoder, item, *rest)

    monkeypatch.setattr(decoders, "decode", held)
    first = asyncio.create_task(embed(server.address, TEXT))
    await entered.wait()
    gone = asyncio.create_task(embed(server.address, pb.Item(modality="text", text="gone")))
    queue = server.engine._decoders._threads._work_queue
    await until(lambda: queue.qsize() == 1)
    gone.cancel()
    await until(lambda: dropped(server, "text", "cancelled") == 1)
    leave.set()
    await first
    assert decoded == ["a dog"]


async def test_a_reload_swaps_the_model_without_dropping_a_call(tmp_path: Path, starting) -> None:
    folder = toys.artifact(tmp_path / "model", ["text"])
    server = await starting(model=str(folder))
    before = (await embed(server.address, TEXT)).space_id
    spaces, failures, done = set(), [], False

    async def caller() -> None:
        while not done:
            response = await embed(server.address, TEXT)
            failures.extend(result for result in response.results if not result.embedding.data)
            spaces.add(response.space_id)

    callers = [asyncio.create_task(caller()) for _ in range(4)]
    await until(lambda: spaces)
    toys.artifact(folder, ["text"], seed=1)
    await server.reload()
    after = (await embed(server.address, TEXT)).space_id
    done = True
    await asyncio.gather(*callers)
    assert after != before
    assert spaces <= {before, after}
    assert not failures


async def test_a_call_in_the_old_model_is_answered_by_it(tmp_path: Path, gate: Gate, starting) -> None:
    folder = toys.artifact(tmp_path / "model", ["text"])
    server = await starting(model=str(folder))
    old = server.engine.manifest.space_id
    gate.hold()
    accepted = asyncio.create_task(embed(server.address, TEXT))
    await gate.entered()
    toys.artifact(folder, ["text"], seed=1)
    reloading = asyncio.create_task(server.reload())
    await until(lambda: server.engine.manifest.space_id != old)
    gate.open()
    response = await accepted
    assert response.space_id == old
    assert response.results[0].embedding.data
    await reloading


async def test_a_model_that_fails_its_golden_replay_does_not_replace_the_one_that_serves(
    tmp_path: Path, starting
) -> None:
    folder = toys.artifact(tmp_path / "model", ["text"])
    server = await starting(model=str(folder))
    before = await embed(server.address, TEXT)
    toys.artifact(folder, ["text"], seed=1)
    golden = dict(np.load(folder / "golden.npz"))
    np.savez(folder / "golden.npz", **golden | {"text.output": -golden["text.output"]})
    with pytest.raises(StartError, match=r"Not reloaded: text computes other vectors .* What served before serves on"):
        await server.reload()
    after = await embed(server.address, TEXT)
    assert after.results[0].embedding == before.results[0].embedding
    assert server.metrics.registry.get_sample_value("anybind_reloads_total", {"outcome": "refused"}) == 1


async def test_a_lazy_server_too_proves_a_model_before_it_swaps(tmp_path: Path, starting) -> None:
    folder = toys.artifact(tmp_path / "model", ["text"])
    server = await starting(model=str(folder), load="lazy")
    (folder / "text.onnx").write_bytes(b"broken")
    with pytest.raises(StartError, match="is not the file that was exported"):
        await server.reload()


async def test_a_model_of_another_space_does_not_replace_one_with_an_index(tmp_path: Path, starting) -> None:
    folder = toys.artifact(tmp_path / "model", ["text"])
    server = await starting(model=str(folder), index=str(tmp_path / "points"))
    old = server.engine.manifest.space_id
    toys.artifact(folder, ["text"], seed=1)
    with pytest.raises(StartError, match=f"the index holds vectors of space {old}"):
        await server.reload()


async def test_a_lazy_server_loads_what_is_asked_for_and_no_more(starting) -> None:
    server = await starting(load="lazy")
    assert loaded(server) == set()
    assert (await embed(server.address, TEXT)).results[0].embedding.data
    assert loaded(server) == {"text"}


async def test_callers_who_come_together_load_an_encoder_once(starting) -> None:
    server = await starting(load="lazy")
    response = await embed(server.address, *[TEXT] * 8)
    assert all(result.embedding.data for result in response.results)
    labels = {"modality": "text", "provider": "CPUExecutionProvider"}
    assert server.metrics.registry.get_sample_value("anybind_encoder_loaded", labels) == 1


async def test_an_encoder_that_nobody_uses_is_unloaded_and_comes_back(starting) -> None:
    server = await starting(modalities=("text",), idle_unload_s=0.05)
    before = (await embed(server.address, TEXT)).results[0].embedding
    await until(lambda: loaded(server) == set())
    assert (await embed(server.address, TEXT)).results[0].embedding == before


async def test_a_memory_budget_keeps_the_encoders_used_last(starting) -> None:
    sizes = {name: served.graph_bytes for name, served in (await starting()).engine.model.encoders.items()}
    budget = sizes["text"] + sizes["image"]
    server = await starting(load="lazy", memory_budget_bytes=budget)
    for item in (TEXT, PICTURE, pb.Item(modality="thermal", data=PICTURE.data)):
        assert (await embed(server.address, item)).results[0].embedding.data
    assert "thermal" in loaded(server)
    assert "text" not in loaded(server)
    assert sum(sizes[name] for name in loaded(server)) <= budget


async def test_a_budget_that_cannot_hold_everything_stops_an_eager_start(starting) -> None:
    with pytest.raises(StartError, match=r"the budget is 3,000\. Use --load lazy"):
        await starting(memory_budget_bytes=3_000, modalities=("text", "image"))


async def test_an_encoder_that_will_never_fit_stops_the_start(starting) -> None:
    with pytest.raises(StartError, match="the memory budget is 10"):
        await starting(load="lazy", memory_budget_bytes=10)


async def test_a_session_that_throws_is_the_server_s_fault_and_the_next_item_is_answered(
    gate: Gate, server: Server
) -> None:
    gate.failing = True
    (result,) = (await embed(server.address, TEXT)).results
    assert result.error.code == pb.ERROR_CODE_INTERNAL
    assert "out of order" not in result.error.message
    gate.failing = False
    assert (await embed(server.address, TEXT)).results[0].embedding.data
    assert server.metrics.registry.get_sample_value(
        "anybind_items_total", {"modality": "text", "outcome": "INTERNAL"}
    ) == pytest.approx(1)


async def test_starting_takes_no_longer_than_it_must(starting) -> None:
    began_s = time.monotonic()
    await starting()
    assert time.monotonic() - began_s < 5
